"""The one exception for bad input: its text is shown to the user as it is."""


class InputError(ValueError):
    """Bad input from outside: a file, a field, an option.

    The message is one sentence that names the place (file, dialogue, field), what was found, what
    was expected, and where it helps what to do. The command line prints it and exits with code 2.
    """
