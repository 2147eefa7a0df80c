"""From sound to words: where there is speech, what is said, and by whom."""
