"""Relational edge attention: the layer's forward and backward pass."""
