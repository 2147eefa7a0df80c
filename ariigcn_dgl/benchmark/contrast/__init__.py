"""Pairwise contrast: the loss and its gradient."""
