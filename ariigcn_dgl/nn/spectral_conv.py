"""Spectral convolution over graphs as dense matrices: similarities, their norm, GCNII."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ariigcn_dgl.nn._dropout import Dropout

# arccos has no finite gradient at 1, the cosine of a row with itself: MMGCN's authors' factor.
_NEARLY_ONE = 0.99999


class DeepGraphConv(nn.Module):
    r"""Convolve L times, with an initial residual and an identity mapping (GCNII*, Chen 2020).

    .. math::
        z^{(l)} &= (1 - \alpha) P h^{(l - 1)} + \alpha h^{(0)}, \qquad
            \theta_l = \log(\lambda / l + 1) \\
        h^{(l)} &= \mathrm{ReLU}\big(\theta_l [P h^{(l - 1)} \oplus h^{(0)}] W_l
            + (1 - \theta_l) z^{(l)}\big)

    The form of MMGCN's authors, in which one matrix reads both parts as they are. Dropout is on
    what each layer reads, and on the result. `Source <https://arxiv.org/abs/2007.02133>`_.

    Parameters
    ----------
    dim : int
        Width D.
    num_layers : int
        Number of layers L.
    alpha : float
        Share of the initial states in every layer.
    lam : float
        How slowly the layers' matrices fade into the identity.
    dropout : float
        Dropout between layers.

    Examples
    --------
    >>> import torch
    >>> conv = DeepGraphConv(4, num_layers=2)
    >>> conv(torch.eye(3).unsqueeze(0), torch.ones(1, 3, 4)).shape
    torch.Size([1, 3, 4])
    """

    def __init__(
        self,
        dim: int,
        num_layers: int,
        alpha: float = 0.1,
        lam: float = 0.5,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.alpha = alpha
        self.lam = lam
        self.dropout = Dropout(dropout)
        bound = dim**-0.5  # GCNII's authors' initialisation
        self.weights = nn.ParameterList(
            nn.Parameter(torch.empty(2 * dim, dim).uniform_(-bound, bound))
            for _ in range(num_layers)
        )

    def forward(self, matrix: Tensor, feat: Tensor) -> Tensor:
        """Return the convolved states, (B, V, D).

        Parameters
        ----------
        matrix : (B, V, V) tensor
            For each graph, the weight of the edge to the first node from the second: P.
        feat : (B, V, D) tensor
            The nodes' initial states.
        """
        states = feat
        for layer, weight in enumerate(self.weights, start=1):
            theta = math.log(self.lam / layer + 1)
            heard = matrix @ self.dropout(states)
            mixed = (1 - self.alpha) * heard + self.alpha * feat
            mapped = torch.cat([heard, feat], dim=-1) @ weight
            states = (theta * mapped + (1 - theta) * mixed).relu()
        return self.dropout(states)


def angular_similarity(feat: Tensor) -> Tensor:
    r"""Return how small the angle between rows is, from 0 to 1 (MMGCN, Hu 2021).

    .. math:: s_{ij} = 1 - \arccos(\cos(x_i, x_j)) / \pi

    Parameters
    ----------
    feat : (..., V, D) tensor
        Rows.

    Returns
    -------
    (..., V, V) tensor
        Of half types in float32: their numbers next to 1 are too far from it.

    Examples
    --------
    >>> import torch
    >>> angular_similarity(torch.tensor([[1.0, 0.0], [0.0, 2.0]]))[0]
    tensor([0.9986, 0.5000])
    """
    unit = F.normalize(feat, dim=-1)
    cosine = (unit @ unit.mT).to(torch.promote_types(feat.dtype, torch.float32))
    return 1 - torch.acos(_NEARLY_ONE * cosine.clamp(-1, 1)) / math.pi


def symmetrically_normalised(matrix: Tensor) -> Tensor:
    r"""Return :math:`D^{-1/2} A D^{-1/2}` of matrices (..., V, V); rows of zeros stay zeros.

    Examples
    --------
    >>> import torch
    >>> symmetrically_normalised(torch.tensor([[0.0, 4.0], [4.0, 0.0]]))
    tensor([[0., 1.],
            [1., 0.]])
    """
    degree = matrix.sum(-1)
    # Where nothing is linked, any number but 0, whose root has no finite inverse nor gradient.
    root = torch.where(degree > 0, degree, 1).rsqrt()
    return root.unsqueeze(-1) * matrix * root.unsqueeze(-2)
