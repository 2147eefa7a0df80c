"""What all tests need."""

import signal

# Shells start background jobs with SIGINT ignored, and children inherit that: tests of interruption
# would wait for nothing.
signal.signal(signal.SIGINT, signal.default_int_handler)
