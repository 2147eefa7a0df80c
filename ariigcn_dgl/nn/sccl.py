"""Supervised cluster-level contrast with prototypes of emotions (SCCL, Yang 2023)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ariigcn_dgl.errors import InputError

Triple = tuple[float, float, float]

# Valence, arousal and dominance of ten nouns, from 0 to 1, in the NRC-VAD lexicon (Mohammad 2018).
VAD: dict[str, Triple] = {
    "happiness": (0.960, 0.732, 0.850),
    "sadness": (0.052, 0.288, 0.164),
    "neutral": (0.469, 0.184, 0.357),
    "anger": (0.167, 0.865, 0.657),
    "excitement": (0.896, 0.684, 0.731),
    "frustration": (0.060, 0.730, 0.280),
    "surprise": (0.875, 0.875, 0.562),
    "fear": (0.073, 0.840, 0.293),
    "joy": (0.980, 0.824, 0.794),
    "disgust": (0.052, 0.775, 0.317),
}
ABSENT = -1  # instead of a class that does not occur
NOUNS = {
    "happy": "happiness",
    "sad": "sadness",
    "angry": "anger",
    "excited": "excitement",
    "frustrated": "frustration",
}


def vad_prototypes(label_names: Sequence[str], given: Mapping[str, Triple]) -> dict[str, Triple]:
    """Return valence, arousal and dominance of every label, in the order of the labels.

    Parameters
    ----------
    label_names : sequence of str
        Of the data set; capital letters do not count.
    given : mapping of str to (float, float, float)
        Triples that replace those of `VAD`.

    Raises
    ------
    InputError
        If a label has no triple, or a triple is given for what is no label.

    Examples
    --------
    >>> vad_prototypes(["sad", "bored"], {"bored": (0.2, 0.1, 0.3)})
    {'sad': (0.052, 0.288, 0.164), 'bored': (0.2, 0.1, 0.3)}
    """
    for name in given:
        if name not in label_names:
            known = ", ".join(label_names)
            raise InputError(f"--model.prototypes: '{name}' is none of the labels ({known})")
    return {name: given[name] if name in given else _vad(name) for name in label_names}


def _vad(label: str) -> Triple:
    word = label.lower()
    try:
        return VAD[NOUNS.get(word, word)]
    except KeyError:
        raise InputError(
            f"--model.prototypes: the label '{label}' has no valence, arousal and dominance: give "
            f"them, for example --model.prototypes.{label}=[0.5,0.5,0.5]"
        ) from None


class SCCLLoss(nn.Module):
    r"""Draw the mean of each class towards its prototype of valence, arousal and dominance.

    .. math:: v_i = \sigma(W f_i + b) \in [0, 1]^3, \qquad
       \ell = -\frac{1}{|B|} \sum_{c \in B} \log \frac{\exp(\bar v_c \cdot \pi_c / \tau)}
       {\sum_{c'} \exp(\bar v_c \cdot \pi_{c'} / \tau)}

    with B the classes in the batch, :math:`\bar v_c` the mean of class c in it, and the lower sum
    over all classes (`Yang 2023 <https://arxiv.org/abs/2302.03508>`_).

    Parameters
    ----------
    in_feats : int
        Width D of the utterances.
    prototypes : sequence of (float, float, float), length C
        Valence, arousal and dominance :math:`\pi_c` of each class.
    temperature : float
        Temperature :math:`\tau`; 1 is its authors'.

    Examples
    --------
    >>> import torch
    >>> loss = SCCLLoss(8, [VAD["joy"], VAD["fear"]])
    >>> loss(torch.randn(4, 8), torch.tensor([0, 0, 1, -1])).shape
    torch.Size([])
    """

    prototypes: Tensor

    def __init__(
        self, in_feats: int, prototypes: Sequence[Triple], temperature: float = 1.0
    ) -> None:
        super().__init__()
        self.to_vad = nn.Linear(in_feats, 3)
        self.register_buffer("prototypes", torch.tensor(prototypes))
        self.temperature = temperature

    def forward(self, feat: Tensor, label: Tensor) -> Tensor:
        """Return the mean loss over the classes in the batch; 0 without any.

        Parameters
        ----------
        feat : (N, D) tensor
            Utterances.
        label : (N,) int64 tensor
            Class, negative where unlabelled: such rows may hold anything.

        Raises
        ------
        ValueError
            If a label, on the CPU, is of no class.
        """
        if label.device.type == "cpu" and not torch.compiler.is_compiling():  # no device waits
            most = max(label.tolist(), default=-1)
            if most >= len(self.prototypes):
                raise ValueError(
                    f"label must be below {len(self.prototypes)}, the number of prototypes, got "
                    f"{most}"
                )
        # Before the arithmetic: NaN times 0 is NaN.
        vad = self.to_vad(feat.masked_fill((label < 0).unsqueeze(1), 0)).sigmoid()
        classes = torch.arange(len(self.prototypes), device=label.device)
        member = (label.unsqueeze(1) == classes).to(vad)  # (N, C)
        counts = member.sum(0)
        # Over the class's own utterances; the authors' code divides by those of the whole batch.
        means = (member.T @ vad) / counts.clamp(min=1).unsqueeze(1)
        scores = means @ self.prototypes.T / self.temperature
        present = classes.masked_fill(counts == 0, ABSENT)
        total = F.cross_entropy(scores, present, ignore_index=ABSENT, reduction="sum")
        return total / (counts > 0).sum().clamp(min=1)
