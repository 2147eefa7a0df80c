"""Dropout as a layer."""

from __future__ import annotations

from torch import Tensor, nn

from ariigcn_dgl.ops import Impl, dropout


class Dropout(nn.Dropout):
    """`torch.nn.Dropout`, computed by `ariigcn_dgl.ops.dropout`."""

    impl: Impl = "native"

    def forward(self, x: Tensor) -> Tensor:
        """Drop entries of `x` in training; return it as it is in evaluation."""
        # With p = 0 nothing is drawn, so that a layer without dropout moves no generator.
        return dropout(x, self.p, impl=self.impl) if self.training and self.p > 0 else x
