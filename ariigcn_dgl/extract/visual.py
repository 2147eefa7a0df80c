"""Visual features: pictures of the utterance through a DenseNet."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import Tensor

from ariigcn_dgl.errors import InputError
from ariigcn_dgl.extract.densenet import DenseNet
from ariigcn_dgl.extract.hub import WEIGHTS
from ariigcn_dgl.extract.identity import weights_sha256
from ariigcn_dgl.extract.source import Source
from ariigcn_dgl.extract.transformer import DTYPES, Dtype

SHORT_SIDE, CROP = 256, 224  # pixels
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet's channels
# Files from before torchvision 0.3 write norm.1 for norm1.
_OLD_NAME = re.compile(r"(denselayer\d+\.(?:norm|relu|conv))\.(\d\.)")


class VisualEncoder:
    """Encode pictures with a frozen DenseNet: the mean of its pooled last maps over pictures.

    Parameters
    ----------
    path : Path
        State dict of a torchvision DenseNet of any size, .safetensors or .pth, or a folder with
        model.safetensors; its size is read from the shapes. A .pth file is read without running
        code of it.
    pictures : int
        Pictures per utterance, evenly spaced.
    device : str
        Where the DenseNet computes.
    dtype : {"float32", "float16", "bfloat16"}
        In which precision; the features are float32.
    source : Source, optional
        Where the file came from; default: it is what was named.

    Raises
    ------
    InputError
        If the file holds no DenseNet.
    """

    modality = "visual"

    def __init__(
        self,
        path: Path,
        pictures: int = 8,
        device: str = "cpu",
        dtype: Dtype = "float32",
        *,
        source: Source | None = None,
    ) -> None:
        self.path, self.pictures, self.device, self.dtype = Path(path), pictures, device, dtype
        self.source = source or Source.of_path(self.path)
        file = self.path / WEIGHTS if self.path.is_dir() else self.path
        self.model = _build(_read(file), file).eval()
        self.width = self.model.width
        self._sha256 = None if dtype == "float32" else weights_sha256(self.model)
        self.model.to(device, DTYPES[dtype])

    def describe(self) -> dict[str, Any]:
        """Return what decides the features, and where the encoder came from."""
        return {
            "encoder": "DenseNet",
            **self.source.describe(),
            "weights_sha256": self._sha256 or weights_sha256(self.model),
            "pictures": self.pictures,
            "short_side": SHORT_SIDE,
            "crop": CROP,
            "width": self.width,
            "dtype": self.dtype,
        }

    def times(self, start: float, end: float) -> list[float]:
        """Return when to look, in seconds: the middles of equal parts of the utterance."""
        if end == start:
            return [start]
        step = (end - start) / self.pictures
        return [start + (n + 0.5) * step for n in range(self.pictures)]

    @staticmethod
    def prepare(picture: np.ndarray) -> Tensor:
        """Return a picture, (H, W, 3) uint8, as ImageNet's models see it, (3, CROP, CROP)."""
        x = torch.from_numpy(np.ascontiguousarray(picture)).permute(2, 0, 1).float() / 255
        height, width = x.shape[1:]
        scale = SHORT_SIDE / min(height, width)
        size = (max(round(height * scale), SHORT_SIDE), max(round(width * scale), SHORT_SIDE))
        x = F.interpolate(x[None], size=size, mode="bilinear", antialias=True)[0]
        top, left = (size[0] - CROP) // 2, (size[1] - CROP) // 2
        x = x[:, top : top + CROP, left : left + CROP]
        return (x - torch.tensor(MEAN).view(3, 1, 1)) / torch.tensor(STD).view(3, 1, 1)

    @torch.inference_mode()
    def encode(self, pictures: Sequence[Tensor]) -> np.ndarray:
        """Return the features, (width,) float32, of an utterance's prepared pictures."""
        maps = self.model(torch.stack(list(pictures)).to(self.device, DTYPES[self.dtype]))
        return maps.float().mean((0, 2, 3)).cpu().numpy()


def _read(path: Path) -> dict[str, Tensor]:
    try:
        if path.suffix == ".safetensors":
            weights = load_file(path)
        else:
            weights = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file") from error
    except Exception as error:  # torch.load raises many kinds for a damaged file
        raise InputError(
            f"{path}: not a state dict: damaged, or holds more than tensors"
        ) from error
    if not isinstance(weights, Mapping) or not all(
        isinstance(name, str) and isinstance(x, Tensor) for name, x in weights.items()
    ):
        raise InputError(f"{path}: not a state dict of tensors, expected that of a DenseNet")
    return {_OLD_NAME.sub(r"\1\2", name): x for name, x in weights.items()}


def _build(weights: dict[str, Tensor], path: Path) -> DenseNet:
    try:
        model = DenseNet(**_size(weights))
        model.load_state_dict(weights)
    except (KeyError, RuntimeError, TypeError, ValueError, ZeroDivisionError) as error:
        raise InputError(f"{path}: not the state dict of a torchvision DenseNet") from error
    return model


def _size(weights: dict[str, Tensor]) -> dict[str, Any]:
    """Return the arguments of the DenseNet that has these weights."""
    named = (re.match(r"features\.denseblock(\d+)\.denselayer(\d+)\.", name) for name in weights)
    layers = Counter(block for block, _ in {(int(x[1]), int(x[2])) for x in named if x})
    first = "features.denseblock1.denselayer1"
    growth = len(weights[f"{first}.conv2.weight"])
    return {
        "growth_rate": growth,
        "block_config": tuple(layers[block] for block in sorted(layers)),
        "num_init_features": len(weights["features.conv0.weight"]),
        "bn_size": len(weights[f"{first}.conv1.weight"]) // growth,
        "num_classes": len(weights["classifier.bias"]),
    }
