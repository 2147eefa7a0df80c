"""The plan: from lengths and speakers to the index structure of a batch."""
