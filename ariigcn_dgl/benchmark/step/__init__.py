"""One training step of AR-IIGCN: losses, gradients and optimisers."""
