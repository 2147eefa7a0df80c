"""TGAN, ICCL and IMCL as one block beside any model of several modalities."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import inf

import torch
from torch import Tensor, nn

from ariigcn_dgl.nn.contrast import ICCLLoss, IMCLLoss, ImclPairs
from ariigcn_dgl.nn.tri_modal_gan import TriModalGAN
from ariigcn_dgl.ops import ContrastForm
from ariigcn_dgl.ops._checks import require_dim, require_shape


class AdversarialContrastive(nn.Module):
    """The losses of AR-IIGCN that another model's modality states can be trained with.

    The model computes a state of the same width for each modality; this makes losses of them:
    generators that make each modality's raw features of the other modalities' states, against
    discriminators that know the real ones (`TriModalGAN`), and contrast within and across
    modalities (`ICCLLoss`, `IMCLLoss`). It has no part in the model's forward pass, and none after
    training. With one modality only ICCL is left. A loss of weight 0 is not computed.

    Parameters
    ----------
    widths : mapping of str to int
        Width D_m of the raw features of each modality.
    hidden_dim : int
        Width D of the states.
    adversarial_weight, iccl_weight, imcl_weight : float
        Weights of the three losses, 0 or more.
    form : {"ratio", "infonce", "supcon"}
        Form of the contrast; see `PairwiseContrast`.
    temperature : float
        Temperature of "infonce" and "supcon".
    margin : float
        Similarity that IMCL wants across modalities.
    imcl_pairs : str
        Reading of IMCL's pairs; see `IMCLLoss`.
    discriminator_dim : int
        Hidden width of the discriminators.

    Examples
    --------
    >>> import torch
    >>> blocks = AdversarialContrastive({"text": 6, "audio": 4}, hidden_dim=5)
    >>> raw = {"text": torch.randn(8, 6), "audio": torch.randn(8, 4)}
    >>> states, labels = torch.randn(2, 8, 5), torch.arange(8) % 2
    >>> sorted(blocks(states, labels))
    ['generator', 'iccl', 'imcl']
    >>> blocks.discriminator_loss(raw, states).shape
    torch.Size([])
    """

    def __init__(
        self,
        widths: Mapping[str, int],
        hidden_dim: int,
        *,
        adversarial_weight: float = 0.1,
        iccl_weight: float = 0.1,
        imcl_weight: float = 0.1,
        form: ContrastForm = "supcon",
        temperature: float = 0.1,
        margin: float = 0.5,
        imcl_pairs: ImclPairs = "abstract",
        discriminator_dim: int = 512,
    ) -> None:
        super().__init__()
        if not widths:
            raise ValueError("widths must name a modality at least, got none")
        weights = {"adversarial": adversarial_weight, "iccl": iccl_weight, "imcl": imcl_weight}
        for name, weight in weights.items():
            if not 0 <= weight < inf:
                raise ValueError(f"{name}_weight must be 0 or more, got {weight}")
        self.modalities = tuple(widths)
        self.hidden_dim = hidden_dim
        several = len(widths) > 1
        self.gan = (
            TriModalGAN(widths, hidden_dim, discriminator_dim)
            if several and adversarial_weight
            else None
        )
        self.iccl = ICCLLoss(form, temperature)
        self.imcl = IMCLLoss(imcl_pairs, form, temperature, margin)
        self.adversarial_weight = adversarial_weight
        self.iccl_weight = iccl_weight
        self.imcl_weight = imcl_weight if several else 0.0

    def forward(
        self, states: Tensor, labels: Tensor, masks: Mapping[str, Tensor] | None = None
    ) -> dict[str, Tensor]:
        """Return the weighted losses to be added to the model's own.

        Parameters
        ----------
        states : (M, N, D) tensor
            In the order of `widths`, with gradient.
        labels : (N,) or (Q, N) int64 tensor
            Class, negative where unlabelled: such rows are in the GAN's losses only. In Q ways:
            the contrasts are the means of theirs.
        masks : mapping of str to (N,) bool tensor, optional
            Where each modality exists; default everywhere.

        Returns
        -------
        dict of str to scalar tensor
            ``generator``, ``iccl`` and ``imcl``, as far as they have a weight.

        Raises
        ------
        ValueError
            If shapes do not fit.
        """
        return self.generator_terms(states, masks) | self.contrast_terms(states, labels, masks)

    def generator_terms(
        self, states: Tensor, masks: Mapping[str, Tensor] | None = None
    ) -> dict[str, Tensor]:
        """Return the generators' weighted loss, if there is a GAN; it trains the states, too."""
        if self.gan is None:
            return {}
        loss = self.gan.generator_loss(states, self._masks(states, masks))
        return {"generator": self.adversarial_weight * loss}

    def contrast_terms(
        self, states: Tensor, labels: Tensor, masks: Mapping[str, Tensor] | None = None
    ) -> dict[str, Tensor]:
        """Return the weighted contrastive losses of states with labels; see `forward`."""
        present = torch.stack([self._masks(states, masks)[m] for m in self.modalities])
        ways = labels.unsqueeze(0) if labels.dim() == 1 else labels
        require_shape("labels", ways[0], (states.size(1),))
        of_modality = [torch.where(present, own, -1) for own in ways]
        losses = {"iccl": (self.iccl_weight, self.iccl), "imcl": (self.imcl_weight, self.imcl)}
        return {
            name: weight * torch.stack([loss(states, own) for own in of_modality]).mean()
            for name, (weight, loss) in losses.items()
            if weight
        }

    def discriminator_loss(
        self,
        raw: Mapping[str, Tensor],
        states: Tensor,
        masks: Mapping[str, Tensor] | None = None,
    ) -> Tensor:
        """Return the discriminators' loss, for an optimiser of `discriminator_parameters` alone.

        Parameters
        ----------
        raw : mapping of str to (N, D_m) tensor
            Features that the states were made of.
        states, masks
            As in `forward`; the states get no gradient of it.

        Raises
        ------
        ValueError
            If there is no GAN, or shapes do not fit.
        """
        if self.gan is None:
            raise ValueError("there is no GAN: it needs two modalities and adversarial_weight > 0")
        return self.gan.discriminator_loss(raw, states.detach(), self._masks(states, masks))

    def discriminator_parameters(self) -> Iterator[nn.Parameter]:
        """Return what `discriminator_loss` trains; nothing where there is no GAN."""
        return iter(()) if self.gan is None else self.gan.discriminators.parameters()

    def generator_parameters(self) -> Iterator[nn.Parameter]:
        """Return what is trained with the model; nothing where there is no GAN."""
        return iter(()) if self.gan is None else self.gan.generators.parameters()

    def _masks(self, states: Tensor, masks: Mapping[str, Tensor] | None) -> Mapping[str, Tensor]:
        require_dim(3, states=states)
        shape = (len(self.modalities), states.size(1), self.hidden_dim)
        require_shape("states", states, shape)
        if masks is not None:
            return masks
        everywhere = torch.ones(states.size(1), dtype=torch.bool, device=states.device)
        return dict.fromkeys(self.modalities, everywhere)
