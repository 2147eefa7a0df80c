"""DenseNet against the paper's definition, torchvision's names, and torchvision itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ariigcn_dgl.extract.densenet import DenseNet

PUBLISHED = {  # growth rate, layers of each block, maps of the first convolution
    "densenet121": (32, (6, 12, 24, 16), 64),
    "densenet161": (48, (6, 12, 36, 24), 96),
    "densenet169": (32, (6, 12, 32, 32), 64),
    "densenet201": (32, (6, 12, 48, 32), 64),
}


def drawn(model: nn.Module) -> nn.Module:
    """Return the model, in evaluation, with weights and statistics as if it had been trained."""
    torch.manual_seed(0)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            for tensor in (module.running_var, module.weight.data):
                tensor.uniform_(0.5, 1.5)
            for tensor in (module.running_mean, module.bias.data):
                tensor.normal_(0, 0.1)
        elif isinstance(module, nn.Conv2d):  # with torch's own weights the last maps would vanish
            nn.init.kaiming_normal_(module.weight)
    return model.eval()


def reference(weights: Mapping[str, Tensor], blocks: Sequence[int], x: Tensor) -> Tensor:
    """Return the last maps by section 3 of the paper, from a state dict of torchvision's."""

    def norm_relu(name: str, x: Tensor) -> Tensor:
        parts = ("running_mean", "running_var", "weight", "bias")
        return F.batch_norm(x, *(weights[f"features.{name}.{part}"] for part in parts)).relu()

    def conv(name: str, x: Tensor, stride: int = 1, padding: int = 0) -> Tensor:
        return F.conv2d(x, weights[f"features.{name}.weight"], None, stride, padding)

    x = F.max_pool2d(norm_relu("norm0", conv("conv0", x, 2, 3)), 3, 2, 1)
    for block, layers in enumerate(blocks, 1):
        maps = [x]
        for layer in range(1, layers + 1):
            name = f"denseblock{block}.denselayer{layer}"
            narrow = conv(f"{name}.conv1", norm_relu(f"{name}.norm1", torch.cat(maps, 1)))
            maps.append(conv(f"{name}.conv2", norm_relu(f"{name}.norm2", narrow), padding=1))
        x = torch.cat(maps, 1)
        if block < len(blocks):
            name = f"transition{block}"
            x = F.avg_pool2d(conv(f"{name}.conv", norm_relu(f"{name}.norm", x)), 2)
    return norm_relu("norm5", x)


@pytest.mark.slow
@pytest.mark.parametrize("blocks", [(3, 2, 4, 1), (2,), (1, 3)])
@torch.inference_mode()
def test_equals_the_definition(blocks: tuple[int, ...]) -> None:
    model = drawn(DenseNet(5, blocks, 6, bn_size=3, num_classes=2)).double()
    pictures = torch.randn(2, 3, 70, 64, dtype=torch.float64)
    expected = reference(model.state_dict(), blocks, pictures)
    torch.testing.assert_close(model(pictures), expected)


@pytest.mark.parametrize(
    ("name", "parameters", "tensors"),
    [
        ("densenet121", 7_978_856, 727),
        ("densenet161", 28_681_000, 967),
        ("densenet169", 14_149_480, 1_015),
        ("densenet201", 20_013_928, 1_207),
    ],
)
def test_published_sizes_have_as_many_parameters(name: str, parameters: int, tensors: int) -> None:
    with torch.device("meta"):
        model = DenseNet(*PUBLISHED[name])
    assert sum(x.numel() for x in model.parameters()) == parameters
    assert len(model.state_dict()) == tensors


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("features.conv0.weight", (64, 3, 7, 7)),
        ("features.norm0.num_batches_tracked", ()),
        ("features.denseblock1.denselayer1.conv1.weight", (128, 64, 1, 1)),
        ("features.denseblock2.denselayer12.norm1.running_var", (480,)),
        ("features.denseblock4.denselayer16.conv2.weight", (32, 128, 3, 3)),
        ("features.transition1.norm.bias", (256,)),
        ("features.transition3.conv.weight", (512, 1024, 1, 1)),
        ("features.norm5.running_mean", (1024,)),
        ("classifier.weight", (1000, 1024)),
    ],
)
def test_names_and_shapes_are_those_of_densenet121(name: str, shape: tuple[int, ...]) -> None:
    with torch.device("meta"):
        weights = DenseNet(*PUBLISHED["densenet121"]).state_dict()
    assert weights[name].shape == shape


@pytest.mark.parametrize("name", PUBLISHED)
@torch.inference_mode()
def test_equals_torchvision(name: str) -> None:
    try:
        from torchvision import models
    except Exception as error:  # whatever one for another torch raises
        pytest.skip(f"torchvision does not run here: {error}")
    theirs = drawn(getattr(models, name)())
    ours = DenseNet(*PUBLISHED[name]).eval()
    ours.load_state_dict(theirs.state_dict())
    pictures = torch.randn(1, 3, 64, 96)
    torch.testing.assert_close(ours(pictures), F.relu(theirs.features(pictures)))
