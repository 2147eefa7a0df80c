"""A trained run from raw features to calibrated probabilities, as one module."""

from __future__ import annotations

from copy import deepcopy

import torch
from torch import Tensor, nn

from ariigcn_dgl.data.missing import zero_missing
from ariigcn_dgl.data.standardise import LARGEST_Z
from ariigcn_dgl.export.dense import DenseBatch, speaker_numbers
from ariigcn_dgl.export.twins import exchange
from ariigcn_dgl.training.trained import TrainedRun


class Program(nn.Module):
    """Standardise features, apply the model, calibrate its probabilities, scale its numbers.

    Parameters
    ----------
    run : TrainedRun
        Its model is copied.
    """

    def __init__(self, run: TrainedRun) -> None:
        super().__init__()
        self.modalities = tuple(run.widths)
        self.window = run.model.window
        self.temperature = run.temperature
        self.objective = run.model.objective
        for name in self.modalities:
            self.register_buffer(f"mean_{name}", torch.from_numpy(run.standardiser.mean[name]))
            self.register_buffer(f"std_{name}", torch.from_numpy(run.standardiser.std[name]))
        # Without gradients, for which torch would compile every scan anew.
        self.model = exchange(deepcopy(run.model).cpu().eval()).requires_grad_(False)

    def forward(
        self, features: dict[str, Tensor], present: Tensor, speakers: Tensor, lengths: Tensor
    ) -> Tensor | tuple[Tensor, ...]:
        """Return the class probabilities, (N, C); of other targets the answers to each.

        Parameters
        ----------
        features : dict of str to (N, D_m) float32 tensor
            Of each modality, as in the data set of the training.
        present : (N, M) bool tensor
            False where an utterance has no such modality.
        speakers : (N,) int64 tensor
            Any number for each speaker.
        lengths : (B,) int64 tensor
            Utterances of each dialogue; their sum is N.
        """
        masks = {name: present[:, m] for m, name in enumerate(self.modalities)}
        scaled = {name: self._scaled(name, features[name], masks[name]) for name in self.modalities}
        batch = DenseBatch.of(self.window, scaled, masks, speakers, lengths)
        answers = self._answers(self.model(batch))
        if self.window.relations == "pairs":
            # No relation is there for more: nothing rather than something wrong.
            numbers = speaker_numbers(speakers, batch.dialogues)
            beyond = (numbers >= self.window.num_speakers).any()
            answers = tuple(torch.where(beyond, torch.nan, one) for one in answers)
        return answers[0] if self.objective is None else answers

    def _answers(self, outputs: Tensor) -> tuple[Tensor, ...]:
        if self.objective is None:
            return ((outputs / self.temperature).softmax(-1),)
        return tuple(self.objective.by_target(outputs, self.temperature).values())

    def _scaled(self, name: str, rows: Tensor, mask: Tensor) -> Tensor:
        mean, std = getattr(self, f"mean_{name}"), getattr(self, f"std_{name}")
        return zero_missing(((rows - mean) / std).clamp(-LARGEST_Z, LARGEST_Z), mask)
