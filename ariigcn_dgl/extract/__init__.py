"""Features from recordings: what was said, heard and seen, one row per utterance."""
