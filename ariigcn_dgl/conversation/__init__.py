"""One conversation, its utterances and the emotions that a run finds in them."""
