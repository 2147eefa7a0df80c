"""Blocks of a Transformer, from one sequence to another or to itself."""

from __future__ import annotations

from torch import Tensor, nn

from ariigcn_dgl.nn._dropout import Dropout


class ResidualAttention(nn.Module):
    """Multi-head attention, added to its queries, then LayerNorm (Vaswani 2017).

    Parameters
    ----------
    dim : int
        Width D.
    num_heads : int
        Divides `dim`.
    dropout : float
        Dropout on the attention's weights and on its result.

    Raises
    ------
    ValueError
        If the heads do not divide the width.

    Examples
    --------
    >>> import torch
    >>> attend, hidden = ResidualAttention(8, num_heads=2), torch.zeros(3, 5, dtype=torch.bool)
    >>> attend(torch.ones(3, 4, 8), torch.ones(3, 5, 8), hidden).shape
    torch.Size([3, 4, 8])
    """

    def __init__(self, dim: int, num_heads: int, dropout: float = 0.0) -> None:
        super().__init__()
        if dim % num_heads:
            raise ValueError(f"a width of {dim} cannot be split into {num_heads} heads")
        self.attention = nn.MultiheadAttention(dim, num_heads, dropout, batch_first=True)
        self.dropout = Dropout(dropout)
        self.norm = nn.LayerNorm(dim)

    def forward(self, queries: Tensor, keys: Tensor, hidden: Tensor) -> Tensor:
        """Return the queries with what they attended to.

        Parameters
        ----------
        queries : (B, T, D) tensor
            What attends.
        keys : (B, T', D) tensor
            What is attended to.
        hidden : (B, T') bool tensor
            Keys that nothing attends to; at least one of each sequence is not hidden.

        Returns
        -------
        (B, T, D) tensor
        """
        heard, _ = self.attention(queries, keys, keys, key_padding_mask=hidden, need_weights=False)
        return self.norm(queries + self.dropout(heard))


class TransformerBlock(nn.Module):
    """`ResidualAttention`, then two linear layers of four times the width, added and normalised.

    Parameters
    ----------
    dim, num_heads, dropout
        See `ResidualAttention`.

    Examples
    --------
    >>> import torch
    >>> block, hidden = TransformerBlock(8, num_heads=2), torch.zeros(3, 5, dtype=torch.bool)
    >>> block(torch.ones(3, 4, 8), torch.ones(3, 5, 8), hidden).shape
    torch.Size([3, 4, 8])
    """

    def __init__(self, dim: int, num_heads: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.attend = ResidualAttention(dim, num_heads, dropout)
        self.layers = nn.Sequential(
            nn.Linear(dim, 4 * dim),  # Vaswani's proportion
            nn.ReLU(),
            Dropout(dropout),
            nn.Linear(4 * dim, dim),
            Dropout(dropout),
        )
        self.norm = nn.LayerNorm(dim)

    def forward(self, queries: Tensor, keys: Tensor, hidden: Tensor) -> Tensor:
        """Return the next states of the queries, (B, T, D); see `ResidualAttention`."""
        states = self.attend(queries, keys, hidden)
        return self.norm(states + self.layers(states))
