"""The protocol: select on validation, score test once; checkpoints, resuming, metrics."""
