"""Ways to make one vector of an utterance's modalities."""

from __future__ import annotations

from functools import reduce
from typing import Annotated

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ariigcn_dgl.nn._dropout import Dropout
from ariigcn_dgl.nn._parameters import glorot
from ariigcn_dgl.ops._checks import require_dim, require_shape
from ariigcn_dgl.plugins import Registered, Registry


class Fusion(nn.Module):
    """Fuse modalities, (M, N, D), to (N, out_feats); other shapes are a ValueError.

    Parameters
    ----------
    in_feats : int
        Width D of each modality.
    num_modalities : int
        Number of modalities M, at least 1.

    Attributes
    ----------
    out_feats : int
        Width of the result, which a subclass sets.
    """

    out_feats: int

    def __init__(self, in_feats: int, num_modalities: int) -> None:
        super().__init__()
        self.in_feats = in_feats
        self.num_modalities = num_modalities

    def _check(self, feat: Tensor) -> None:
        """Raise ValueError unless `feat` is (M, N, D)."""
        require_dim(3, feat=feat)
        require_shape("feat", feat, (self.num_modalities, feat.size(1), self.in_feats))


class Concatenate(Fusion):
    r"""Put the modalities side by side; see `Fusion`.

    .. math:: z = \xi_1 \oplus \dots \oplus \xi_M

    Examples
    --------
    >>> import torch
    >>> Concatenate(2, 3)(torch.arange(6.0).view(3, 1, 2))
    tensor([[0., 1., 2., 3., 4., 5.]])
    """

    def __init__(self, in_feats: int, num_modalities: int) -> None:
        super().__init__(in_feats, num_modalities)
        self.out_feats = num_modalities * in_feats

    def forward(self, feat: Tensor) -> Tensor:
        """Return the fused utterances, (N, M D)."""
        self._check(feat)
        return feat.transpose(0, 1).flatten(1)


class Add(Fusion):
    r"""Add the modalities up; see `Fusion`.

    .. math:: z = \sum_m \xi_m

    Examples
    --------
    >>> import torch
    >>> Add(2, 3)(torch.arange(6.0).view(3, 1, 2))
    tensor([[6., 9.]])
    """

    def __init__(self, in_feats: int, num_modalities: int) -> None:
        super().__init__(in_feats, num_modalities)
        self.out_feats = in_feats

    def forward(self, feat: Tensor) -> Tensor:
        """Return the fused utterances, (N, D)."""
        self._check(feat)
        return feat.sum(0)


class TensorFusion(Fusion):
    r"""Multiply every entry of each modality with every entry of the others (TFN, Zadeh 2017).

    .. math:: z = \begin{bmatrix}z_1\\1\end{bmatrix} \otimes \dots \otimes
       \begin{bmatrix}z_M\\1\end{bmatrix},\quad z_m = W_m \xi_m + b_m

    then dropout and two layers with ReLU. One modality gets the layers without a product.
    `Source <https://arxiv.org/abs/1707.07250>`_.

    Parameters
    ----------
    in_feats, num_modalities : int
        See `Fusion`.
    compressed : int
        Width p of each :math:`z_m`; the product has :math:`(p + 1)^M` entries.
    hidden_dim : int
        Width of the two layers.
    dropout : float
        Dropout on the product.

    Examples
    --------
    >>> import torch
    >>> TensorFusion(8, 3)(torch.ones(3, 5, 8)).shape
    torch.Size([5, 128])
    """

    def __init__(
        self,
        in_feats: int,
        num_modalities: int,
        compressed: int = 32,  # 33 ** 3 = 35,937 entries of three modalities
        hidden_dim: int = 128,
        dropout: float = 0.3,
    ) -> None:
        super().__init__(in_feats, num_modalities)
        self.compress = nn.ModuleList(
            [nn.Linear(in_feats, compressed) for _ in range(num_modalities)]
        )
        self.layers = nn.Sequential(
            Dropout(dropout),
            nn.Linear((compressed + 1) ** num_modalities, hidden_dim),
            nn.ReLU(),
            nn.Linear(hidden_dim, hidden_dim),
            nn.ReLU(),
        )
        self.out_feats = hidden_dim

    def forward(self, feat: Tensor) -> Tensor:
        """Return the fused utterances, (N, hidden_dim)."""
        return self.layers(self.product(feat))

    def product(self, feat: Tensor) -> Tensor:
        """Return the product of the compressed modalities, (N, (p + 1) ** M)."""
        self._check(feat)
        pairs = zip(self.compress, feat, strict=True)
        return reduce(_outer, [_with_one(linear(x)) for linear, x in pairs])


class LowRankFusion(Fusion):
    r"""Tensor fusion whose weights have a low rank (LMF, Liu 2018, often called LFM).

    .. math:: z = \sum_{i=1}^r w_i \prod_m \big(W_m^{(i)} [z_m; 1]\big) + b

    with the product over modalities entry by entry: the product of `TensorFusion` followed by a
    linear layer, without ever making it. The weights :math:`w_i` begin at 1, the sum of the paper;
    its authors' program learns them. `Source <https://arxiv.org/abs/1806.00064>`_.

    Parameters
    ----------
    in_feats, num_modalities : int
        See `Fusion`.
    rank : int
        Rank r.
    hidden_dim : int
        Width of the result.

    Examples
    --------
    >>> import torch
    >>> LowRankFusion(8, 3)(torch.ones(3, 5, 8)).shape
    torch.Size([5, 128])
    """

    def __init__(
        self, in_feats: int, num_modalities: int, rank: int = 4, hidden_dim: int = 128
    ) -> None:
        super().__init__(in_feats, num_modalities)
        self.factors = glorot(num_modalities, rank, in_feats + 1, hidden_dim)
        self.weights = nn.Parameter(torch.ones(rank))  # the paper's plain sum, to begin with
        self.bias = nn.Parameter(torch.zeros(hidden_dim))
        self.out_feats = hidden_dim

    def forward(self, feat: Tensor) -> Tensor:
        """Return the fused utterances, (N, hidden_dim)."""
        self._check(feat)
        parts = _with_one(feat).unsqueeze(1) @ self.factors  # (M, r, N, hidden_dim)
        return torch.einsum("r,rnd->nd", self.weights, parts.prod(0)) + self.bias


def _with_one(feat: Tensor) -> Tensor:
    # The 1 keeps each modality alone, and each pair of them, among the entries of the product.
    return F.pad(feat, (0, 1), value=1.0)


def _outer(one: Tensor, other: Tensor) -> Tensor:
    return (one.unsqueeze(2) * other.unsqueeze(1)).flatten(1)


_OWN: dict[str, type[Fusion]] = {
    "concatenate": Concatenate,
    "add": Add,
    "tfn": TensorFusion,
    "lfm": LowRankFusion,
}
FUSIONS = Registry("fusion", Fusion, _OWN)
FusionName = Annotated[str, Registered(FUSIONS)]
