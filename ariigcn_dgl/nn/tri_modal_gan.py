"""Tri-modal GAN: makes projected modalities indistinguishable (Eq. 2-7)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, cast, get_args

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ariigcn_dgl.distributed import summed
from ariigcn_dgl.nn._dropout import Dropout
from ariigcn_dgl.nn._side_by_side import run_side_by_side
from ariigcn_dgl.ops._checks import require_choice, require_dim, require_shape

GanLoss = Literal["nonsaturating", "minimax", "lsgan"]
Sources = Literal["joint", "each"]
Real = Literal["raw", "projected"]
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

    As printed, a discriminator sees one row at a time, real or made: nothing asks the fake of an
    utterance to be that utterance's, and the losses are the same if utterances of one modality are
    shuffled. With `paired` it also sees what the fake was made of, as conditional GANs do (Mirza
    2014), and `prediction_loss` asks for the utterance itself.

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
    sources : {"joint", "each"}
        One fake of all others together, or a fake of each other modality by itself, which is the
        sum of two expectations that the formulas print.
    real : {"raw", "projected"}
        What fakes are told from, and so what they imitate: features, or projections.
    paired : bool
        Show the discriminator the (detached) projections that a fake was made of, and a real
        feature beside those of its own utterance.

    Raises
    ------
    ValueError
        With fewer than two modalities, or an option that is none of these. Methods raise it if a
        shape does not fit or a modality is missing.

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
        sources: Sources = "joint",
        real: Real = "raw",
        paired: bool = False,
    ) -> None:
        super().__init__()
        if len(widths) < 2:
            raise ValueError(f"a GAN between modalities needs at least 2, got {list(widths)}")
        require_choice("gan_loss", gan_loss, get_args(GanLoss))
        require_choice("sources", sources, get_args(Sources))
        require_choice("real", real, get_args(Real))
        self.gan_loss = gan_loss
        self.sources = sources
        self.real = real
        self.paired = paired
        self.widths = dict(widths)
        self.hidden_dim = hidden_dim
        made_of = hidden_dim if sources == "each" else (len(widths) - 1) * hidden_dim
        self.fake_widths = {m: hidden_dim if real == "projected" else w for m, w in widths.items()}
        self.generators = nn.ModuleDict(
            {m: _generator(made_of, hidden_dim, width) for m, width in self.fake_widths.items()}
        )
        shown = made_of if paired else 0
        self.discriminators = nn.ModuleDict(
            {
                m: _discriminator(width + shown, discriminator_dim, dropout)
                for m, width in self.fake_widths.items()
            }
        )

    @property
    def num_fakes(self) -> int:
        """Fakes S of each utterance in each modality."""
        return len(self.widths) - 1 if self.sources == "each" else 1

    def generate(self, projected: Tensor) -> dict[str, Tensor]:
        """Make every modality's feature from the others' projections.

        Parameters
        ----------
        projected : (M, N, D) tensor
            All modalities, in the order of `widths`.

        Returns
        -------
        dict of str to (S N, D_m) tensor
            Of each source after the other, where there are several.
        """
        require_dim(3, projected=projected)
        shape = (len(self.generators), projected.size(1), self.hidden_dim)
        require_shape("projected", projected, shape)
        fakes = run_side_by_side(self.generators.values(), self._made_of(projected))
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
        fakes : mapping of str to (S N, D_m) tensor, optional
            What `generate` has made of the projections already.
        """
        fakes = self.generate(projected) if fakes is None else fakes
        self._check("masks", masks, projected.size(1))
        logits = self._judge(self._shown([fakes[name] for name in self.widths], projected))
        terms = self._generator_terms(logits)
        there = self._has_sources(self._present(masks))
        loss = _sum_of_means(terms, there)
        return loss if self.num_fakes == 1 else self.num_fakes * loss

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
            Real features; finite also where they are missing, as zeros are.
        projected, masks, fakes
            As in `generator_loss`.
        """
        real, fake = self._judged(raw, projected, masks, fakes)
        of_real, there = self._counting(masks)
        real_terms, fake_terms = self._real_terms(real), self._fake_terms(fake)
        if self.num_fakes == 1:  # as many of both, which are reduced together
            terms = torch.cat([real_terms, fake_terms])
            return _sum_of_means(terms, torch.cat([of_real, there]))
        fake_loss = self.num_fakes * _sum_of_means(fake_terms, there)
        return _sum_of_means(real_terms, of_real) + fake_loss

    @torch.no_grad()
    def believed(
        self, raw: Mapping[str, Tensor], projected: Tensor, masks: Mapping[str, Tensor]
    ) -> dict[str, tuple[float, float]]:
        """Return the mean probability that each discriminator gives to what is real, and to fakes.

        Where the second is near 0 the generators learn little of it: the discriminator has won.
        """
        real, fake = self._judged(raw, projected, masks, None)
        of_real, there = self._counting(masks)
        pairs = zip(real.sigmoid(), of_real, fake.sigmoid(), there, strict=True)
        found = [(float(r[a].mean()), float(f[b].mean())) for r, a, f, b in pairs]
        return dict(zip(self.widths, found, strict=True))

    def prediction_loss(
        self,
        raw: Mapping[str, Tensor],
        projected: Tensor,
        masks: Mapping[str, Tensor],
        fakes: Mapping[str, Tensor] | None = None,
    ) -> Tensor:
        """Return the mean squared error of fakes beside what they imitate, summed over modalities.

        Parameters
        ----------
        raw, projected, masks, fakes
            As in `discriminator_loss`; projections get a gradient as sources alone.
        """
        fakes = self.generate(projected) if fakes is None else fakes
        real = self._real_rows(raw, projected)
        terms = [
            (fakes[name] - rows.to(fakes[name]).repeat(self.num_fakes, 1)).square().mean(1)
            for name, rows in zip(self.widths, real, strict=True)
        ]
        present = self._present(masks)
        counts = present.repeat(1, self.num_fakes) & self._has_sources(present)
        return _sum_of_means(torch.stack(terms), counts)

    def _judged(
        self,
        raw: Mapping[str, Tensor],
        projected: Tensor,
        masks: Mapping[str, Tensor],
        fakes: Mapping[str, Tensor] | None,
    ) -> tuple[Tensor, Tensor]:
        """Return logits of what is real and of fakes: (M, N), with pairs (M, S N), and (M, S N)."""
        if fakes is None:
            with torch.no_grad():  # generators learn from their own loss
                fakes = self.generate(projected)
        size = projected.size(1)
        self._check("masks", masks, size)
        self._check("raw", raw, size)
        real = self._real_rows(raw, projected)
        made = [fakes[m].detach().to(x) for m, x in zip(self.widths, real, strict=True)]
        if self.paired:
            real = [x.repeat(self.num_fakes, 1) for x in real]
        real, made = self._shown(real, projected), self._shown(made, projected)
        rows = [torch.cat([a, b]) for a, b in zip(real, made, strict=True)]
        of_real, of_fake = self._judge(rows).split([len(real[0]), len(made[0])], dim=1)
        return of_real, of_fake

    def _made_of(self, projected: Tensor) -> Tensor:
        """Return what generators read, (M, S N, their width): each other, or all side by side."""
        parts = projected.unbind()
        others = [x for m in range(len(parts)) for x in (*parts[:m], *parts[m + 1 :])]
        if self.sources == "each":
            made = (len(parts) - 1) * projected.size(1)
            return torch.cat(others).view(len(parts), made, self.hidden_dim)
        width = (len(parts) - 1) * self.hidden_dim
        sources = torch.stack(others, dim=1).view(projected.size(1), len(parts), width)
        return sources.transpose(0, 1)

    def _real_rows(self, raw: Mapping[str, Tensor], projected: Tensor) -> list[Tensor]:
        """Return what each modality's fakes imitate."""
        if self.real == "projected":
            return list(projected.detach())
        return [raw[name] for name in self.widths]

    def _shown(self, rows: list[Tensor], projected: Tensor) -> list[Tensor]:
        """Return rows as discriminators see them: with pairs, beside what fakes are made of."""
        if not self.paired:
            return rows
        beside = self._made_of(projected).detach()
        return [torch.cat([x, other.to(x)], 1) for x, other in zip(rows, beside, strict=True)]

    def _has_sources(self, present: Tensor) -> Tensor:
        """Return where all sources of each fake exist, (M, S N)."""
        if self.sources == "joint":  # all other modalities
            return present.sum(0) + ~present == len(present)
        others = [torch.cat([*present[:m], *present[m + 1 :]]) for m in range(len(present))]
        return torch.stack(others)

    def _counting(self, masks: Mapping[str, Tensor]) -> tuple[Tensor, Tensor]:
        """Return which of the logits of `_judged` count: of what is real, and of fakes."""
        present = self._present(masks)
        there = self._has_sources(present)
        # A pair needs both: the modality and what it is shown beside.
        return present.repeat(1, self.num_fakes) & there if self.paired else present, there

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


def _sum_of_means(terms: Tensor, counts: Tensor) -> Tensor:
    """Return the sum of each row's mean over the terms that count, 0 of a row where none does.

    All terms are computed, and none waits. Of several processes, this one's part of the means over
    the terms of all.
    """
    return (torch.where(counts, terms, 0).sum(1) / summed(counts.sum(1)).clamp(min=1)).sum()


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
