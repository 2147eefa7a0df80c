"""Operators and graphs: tensors that do not fit."""
