"""DenseNet in plain torch: what makes the visual features."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class DenseNet(nn.Module):
    r"""Densely connected convolutional network (Huang 2017, arXiv 1608.06993), without dropout.

    Each layer of a block reads the maps of all layers before it, :math:`x_l = H_l([x_0, \dots,
    x_{l-1}])` with :math:`H` = BN-ReLU-Conv(1×1)-BN-ReLU-Conv(3×3); between blocks a transition
    halves the number of maps and their sides. The names and shapes of its parameters are those of
    torchvision's DenseNet, whose files it therefore reads.

    Parameters
    ----------
    growth_rate : int
        Maps that each layer adds.
    block_config : sequence of int
        Layers of each block.
    num_init_features : int
        Maps of the first convolution.
    bn_size : int
        Maps between a layer's two convolutions, in units of `growth_rate`.
    num_classes : int
        Rows of `classifier`. It is part of every file, and of what tells two encoders apart, but
        no feature comes from it.

    Attributes
    ----------
    width : int
        Number of the last maps.

    Examples
    --------
    >>> densenet121 = DenseNet(32, (6, 12, 24, 16), 64)
    >>> densenet121.width
    1024
    >>> DenseNet(4, (2, 1), 8, num_classes=3).eval()(torch.zeros(5, 3, 32, 64)).shape
    torch.Size([5, 12, 4, 8])
    """

    def __init__(
        self,
        growth_rate: int,
        block_config: Sequence[int],
        num_init_features: int,
        bn_size: int = 4,
        num_classes: int = 1000,
    ) -> None:
        super().__init__()
        width = num_init_features
        self.features = nn.Sequential()
        self.features.conv0 = nn.Conv2d(3, width, 7, stride=2, padding=3, bias=False)
        self.features.norm0 = nn.BatchNorm2d(width)
        self.features.relu0 = nn.ReLU()
        self.features.pool0 = nn.MaxPool2d(3, stride=2, padding=1)
        for number, layers in enumerate(block_config, 1):
            if number > 1:
                self.features.add_module(f"transition{number - 1}", _transition(width))
                width //= 2
            block = _Block(layers, width, growth_rate, bn_size)
            self.features.add_module(f"denseblock{number}", block)
            width += layers * growth_rate
        self.features.norm5 = nn.BatchNorm2d(width)  # 5 whatever the number of blocks
        self.classifier = nn.Linear(width, num_classes)
        self.width = width

    def forward(self, pictures: Tensor) -> Tensor:
        """Return the last maps of (B, 3, H, W) pictures, (B, width, ~H/32, ~W/32) for four blocks.

        Pooled over both sides they are the features that `classifier` was trained on.
        """
        return F.relu(self.features(pictures))


def _transition(width: int) -> nn.Sequential:
    module = nn.Sequential()
    module.norm = nn.BatchNorm2d(width)
    module.relu = nn.ReLU()
    module.conv = nn.Conv2d(width, width // 2, 1, bias=False)
    module.pool = nn.AvgPool2d(2, stride=2)
    return module


class _Block(nn.Module):
    def __init__(self, layers: int, width: int, growth_rate: int, bn_size: int) -> None:
        super().__init__()
        for number in range(layers):
            layer = _Layer(width + number * growth_rate, growth_rate, bn_size)
            self.add_module(f"denselayer{number + 1}", layer)

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.children():
            x = torch.cat([x, layer(x)], 1)
        return x


class _Layer(nn.Sequential):
    def __init__(self, width: int, growth_rate: int, bn_size: int) -> None:
        super().__init__()
        between = bn_size * growth_rate
        self.norm1 = nn.BatchNorm2d(width)
        self.relu1 = nn.ReLU()
        self.conv1 = nn.Conv2d(width, between, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(between)
        self.relu2 = nn.ReLU()
        self.conv2 = nn.Conv2d(between, growth_rate, 3, padding=1, bias=False)
