"""Trained runs as programs that need nothing of this package: torch.export and ONNX."""
