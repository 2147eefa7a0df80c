"""One MLP per modality into a common width (Eq. 1)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from torch import Tensor, nn

from ariigcn_dgl.nn._dropout import Dropout
from ariigcn_dgl.nn._side_by_side import run_side_by_side
from ariigcn_dgl.ops._checks import require_shape


class ModalityEncoder(nn.Module):
    r"""Project every modality into one common width (Eq. 1).

    .. math:: \tilde\xi_m = W_m^{(2)} \mathrm{ReLU}(W_m^{(1)} \xi_m + b_m^{(1)}) + b_m^{(2)}

    Parameters
    ----------
    widths : mapping of str to int
        Feature width D_m of each modality; its order is the order of the output's first axis.
    hidden_dim : int
        Common width D.
    dropout : float
        Dropout after the hidden layer.
    input_dropout : float
        Dropout on the features.

    Examples
    --------
    >>> import torch
    >>> encoder = ModalityEncoder({"text": 4, "audio": 3}, hidden_dim=5)
    >>> encoder({"text": torch.ones(2, 4), "audio": torch.ones(2, 3)}).shape
    torch.Size([2, 2, 5])
    """

    def __init__(
        self,
        widths: Mapping[str, int],
        hidden_dim: int,
        dropout: float = 0.0,
        input_dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.widths = dict(widths)
        self.mlps = nn.ModuleDict(
            {
                name: nn.Sequential(
                    Dropout(input_dropout),
                    nn.Linear(width, hidden_dim),
                    nn.ReLU(),
                    Dropout(dropout),
                    nn.Linear(hidden_dim, hidden_dim),
                )
                for name, width in widths.items()
            }
        )

    def forward(self, features: Mapping[str, Tensor]) -> Tensor:
        """Return the projected features.

        Parameters
        ----------
        features : mapping of str to (N, D_m) tensor
            The modalities of `widths`, in any order.

        Returns
        -------
        (M, N, D) tensor

        Raises
        ------
        ValueError
            If a modality is missing, is not in `widths`, or is not as wide as `widths` says.
        """
        self._check(features)
        rows = [features[name] for name in self.mlps]
        projected = run_side_by_side(self.mlps.values(), rows)
        return cast("Tensor", projected)  # all are hidden_dim wide

    def _check(self, features: Mapping[str, Tensor]) -> None:
        if features.keys() != self.widths.keys():
            raise ValueError(
                f"features must have {', '.join(self.mlps)}, got {', '.join(features) or 'none'}"
            )
        count = None
        for name, width in self.widths.items():
            rows = features[name]
            count = rows.size(0) if count is None else count  # not len(), which export would fix
            require_shape(f"features[{name!r}]", rows, (count, width))
