"""Tri-modal GAN: makes projected modalities indistinguishable (Eq. 2-7)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, cast, get_args

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ariigcn_dgl.nn._dropout import Dropout
from ariigcn_dgl.nn._side_by_side import run_side_by_side
from ariigcn_dgl.ops._checks import require_choice, require_dim, require_shape

GanLoss = Literal["nonsaturating", "minimax", "lsgan"]
REAL_TARGET = 0.9  # one-sided label smoothing: discriminators are not to become certain
NEGATIVE_SLOPE = 0.2  # of LeakyReLU, usual for GANs: discriminators pass gradients everywhere


class TriModalGAN(nn.Module):
    r"""One generator and one discriminator per modality (Eq. 2-7).

    Generator :math:`G_m` makes modality m's raw feature out of the *other* modalities' projections;
    discriminator :math:`D_m` tells it from the real raw feature. Training the projections with
    `generator_loss` makes each carry what the others need: the modality gap closes. The
    projections themselves, not the generators' outputs, go on to the graph. Works for two or more
    modalities.

    .. math::
        L_{G_m} = -E[\log D_m(G_m(\tilde\xi_{others}))], \qquad
        L_{D_m} = -E[\log D_m(\xi_m)] - E[\log(1 - D_m(G_m(\tilde\xi_{others})))]

    Parameters
    ----------
    widths : mapping of str to int
        Raw feature width D_m of each modality.
    hidden_dim : int
        Width D of the projections.
    discriminator_dim : int
        Width of the discriminators' two hidden layers.
    dropout : float
        Dropout in the discriminators.
    gan_loss : {"nonsaturating", "minimax", "lsgan"}
        Form of the generator's loss; "lsgan" also replaces the discriminator's by squared errors.

    Raises
    ------
    ValueError
        With fewer than two modalities, or another `gan_loss`. Methods raise it if a shape does not
        fit or a modality is missing.

    Examples
    --------
    >>> import torch
    >>> gan = TriModalGAN({"text": 4, "audio": 3}, hidden_dim=5)
    >>> raw = {"text": torch.ones(2, 4), "audio": torch.ones(2, 3)}
    >>> gan.generator_loss(torch.ones(2, 2, 5), {m: torch.ones(2).bool() for m in raw}).shape
    torch.Size([])
    """

    def __init__(
        self,
        widths: Mapping[str, int],
        hidden_dim: int,
        discriminator_dim: int = 512,
        dropout: float = 0.3,
        gan_loss: GanLoss = "nonsaturating",
    ) -> None:
        super().__init__()
        if len(widths) < 2:
            raise ValueError(f"a GAN between modalities needs at least 2, got {list(widths)}")
        require_choice("gan_loss", gan_loss, get_args(GanLoss))
        self.gan_loss = gan_loss
        self.widths = dict(widths)
        self.hidden_dim = hidden_dim
        sources = (len(widths) - 1) * hidden_dim
        self.generators = nn.ModuleDict(
            {name: _generator(sources, hidden_dim, width) for name, width in widths.items()}
        )
        self.discriminators = nn.ModuleDict(
            {
                name: _discriminator(width, discriminator_dim, dropout)
                for name, width in widths.items()
            }
        )

    def generate(self, projected: Tensor) -> dict[str, Tensor]:
        """Make every modality's raw feature from the others' projections.

        Parameters
        ----------
        projected : (M, N, D) tensor
            All modalities, in the order of `widths`.

        Returns
        -------
        dict of str to (N, D_m) tensor
        """
        require_dim(3, projected=projected)
        shape = (len(self.generators), projected.size(1), self.hidden_dim)
        require_shape("projected", projected, shape)
        parts = projected.unbind()
        others = [x for m in range(len(parts)) for x in (*parts[:m], *parts[m + 1 :])]
        sources = torch.stack(others, dim=1).view(projected.size(1), len(parts), -1)
        fakes = run_side_by_side(self.generators.values(), sources.transpose(0, 1))
        return dict(zip(self.generators, fakes, strict=True))

    def generator_loss(
        self,
        projected: Tensor,
        masks: Mapping[str, Tensor],
        fakes: Mapping[str, Tensor] | None = None,
    ) -> Tensor:
        """Return the sum of the generators' losses (Eq. 2, 4, 6).

        Parameters
        ----------
        projected : (M, N, D) tensor
            Projections, with gradient.
        masks : mapping of str to (N,) bool tensor
            Where each modality exists; a fake counts where all of its sources exist.
        fakes : mapping of str to (N, D_m) tensor, optional
            What `generate` has made of the projections already.
        """
        fakes = self.generate(projected) if fakes is None else fakes
        self._check("masks", masks, projected.size(1))
        logits = self._judge([fakes[name] for name in self.widths])
        return _sum_of_means(self._generator_terms(logits), _has_sources(self._present(masks)))

    def discriminator_loss(
        self,
        raw: Mapping[str, Tensor],
        projected: Tensor,
        masks: Mapping[str, Tensor],
        fakes: Mapping[str, Tensor] | None = None,
    ) -> Tensor:
        """Return the sum of the discriminators' losses (Eq. 3, 5, 7); fakes are detached.

        Parameters
        ----------
        raw : mapping of str to (N, D_m) tensor
            Real features.
        projected, masks, fakes
            As in `generator_loss`.
        """
        if fakes is None:
            with torch.no_grad():  # generators learn from their own loss
                fakes = self.generate(projected)
        size = projected.size(1)
        self._check("masks", masks, size)
        self._check("raw", raw, size)
        rows = [torch.cat([raw[name], fakes[name].detach().to(raw[name])]) for name in self.widths]
        real, fake = self._judge(rows).split(size, dim=1)
        terms = torch.cat([self._real_terms(real), self._fake_terms(fake)])
        present = self._present(masks)
        return _sum_of_means(terms, torch.cat([present, _has_sources(present)]))

    def _judge(self, rows: list[Tensor]) -> Tensor:
        """Return the discriminators' logits, (M, N); not in half precision, as autocast's are."""
        logits = cast("Tensor", run_side_by_side(self.discriminators.values(), rows)).squeeze(-1)
        return logits if logits.dtype == torch.float64 else logits.float()

    def _present(self, masks: Mapping[str, Tensor]) -> Tensor:
        """Return where each modality exists, (M, N)."""
        return torch.stack([masks[name] for name in self.widths])

    def _check(self, argument: str, rows: Mapping[str, Tensor], count: int) -> None:
        for name, width in self.widths.items():
            if name not in rows:
                raise ValueError(
                    f"{argument} must have {', '.join(self.generators)}, got {', '.join(rows)}"
                )
            shape = (count,) if argument == "masks" else (count, width)
            require_shape(f"{argument}[{name!r}]", rows[name], shape)

    def _generator_terms(self, logits: Tensor) -> Tensor:
        if self.gan_loss == "minimax":  # log(1 - D), as printed: hardly a gradient where D is sure
            return F.logsigmoid(-logits)
        if self.gan_loss == "lsgan":
            return (logits - REAL_TARGET).square()
        return F.softplus(-logits)  # -log D

    def _real_terms(self, logits: Tensor) -> Tensor:
        if self.gan_loss == "lsgan":
            return (logits - REAL_TARGET).square()
        target = torch.full_like(logits, REAL_TARGET)
        return F.binary_cross_entropy_with_logits(logits, target, reduction="none")

    def _fake_terms(self, logits: Tensor) -> Tensor:
        return logits.square() if self.gan_loss == "lsgan" else F.softplus(logits)


def _has_sources(present: Tensor) -> Tensor:
    """Return where all other modalities exist, (M, N)."""
    return present.sum(0) + ~present == len(present)


def _sum_of_means(terms: Tensor, counts: Tensor) -> Tensor:
    """Return the sum of each row's mean over the terms that count, 0 of a row where none does.

    All terms are computed, and none waits. A term that does not count may be NaN.
    """
    return (torch.where(counts, terms, 0).sum(1) / counts.sum(1).clamp(min=1)).sum()


def _generator(sources: int, hidden_dim: int, width: int) -> nn.Module:
    return nn.Sequential(
        nn.Linear(sources, hidden_dim),
        nn.LeakyReLU(NEGATIVE_SLOPE),
        nn.Linear(hidden_dim, width),
    )


def _discriminator(width: int, hidden_dim: int, dropout: float) -> nn.Module:
    return nn.Sequential(
        nn.Linear(width, hidden_dim),
        nn.LeakyReLU(NEGATIVE_SLOPE),
        Dropout(dropout),
        nn.Linear(hidden_dim, hidden_dim),
        nn.LeakyReLU(NEGATIVE_SLOPE),
        Dropout(dropout),
        nn.Linear(hidden_dim, 1),
    )
