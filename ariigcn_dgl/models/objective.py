"""What a model's outputs mean: a head for each target, its loss, its answers, its classes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from ariigcn_dgl.batch import Batch, Truth
from ariigcn_dgl.data.dialogues import UNLABELLED
from ariigcn_dgl.data.targets import TargetSpec
from ariigcn_dgl.distributed import gathered, rank, share, summed

Known = Batch | Truth  # what answers are compared with
RegressionLoss = Literal["mae", "mse", "huber", "ccc"]
MultilabelPairs = Literal["each", "set"]
RegressionPairs = Literal["bins", "overlapping-bins"]
SMALLEST_WEIGHT = 1e-6  # of all labelled rows together: a batch without any has loss 0, not NaN
_HASH = 1_000_003  # two sets of many labels have one number by chance once in 2^64 / this
_MOST_ROWS = 2**32  # of a batch in one process
_LARGEST_SET = 62  # labels of which a set is a number of 64 bits


@dataclass(frozen=True)
class PairChoice:
    """What "of the same class" is to mean to a contrast of targets that are no classes.

    Parameters
    ----------
    multilabel : {"each", "set"}
        As of `MultilabelHead.keys`.
    regression : {"bins", "overlapping-bins"}
        As of `RegressionHead.keys`.
    bins : int
        Number of bins over the range of a number.
    """

    multilabel: MultilabelPairs = "each"
    regression: RegressionPairs = "bins"
    bins: int = 7


@dataclass(frozen=True)
class Head(ABC):
    """What the outputs for one target mean.

    Parameters
    ----------
    spec : TargetSpec
        The target.
    weight : float
        Of its loss.
    """

    spec: TargetSpec
    weight: float = 1.0

    @abstractmethod
    def loss(self, outputs: Tensor, batch: Known, class_weight: Tensor | None) -> Tensor:
        """Return the mean loss of outputs, (N, width), over what is known; 0 of nothing."""

    def together(self, votes: Tensor) -> Tensor:
        """Return the outputs of several classifiers, (V, N, width), as one: logits add up."""
        return votes.sum(0)

    @abstractmethod
    def answers(self, outputs: Tensor) -> Tensor:
        """Return what is answered, (N, width): probabilities, or numbers on the target's scale."""

    @abstractmethod
    def distance(
        self, students: Tensor, teacher: Tensor, there: Tensor, temperature: float
    ) -> Tensor:
        """Return how far students are from their teacher, in the kind of its loss.

        Parameters
        ----------
        students : (M, N, width) tensor
            Their outputs.
        teacher : (N, width) tensor
        there : (M, N) bool tensor
            Which rows of each student count.
        temperature : float
            What logits are divided by.

        Returns
        -------
        () tensor
            The sum over students of their means over rows.
        """

    @abstractmethod
    def keys(self, batch: Known, pairs: PairChoice) -> Tensor:
        """Return classes for contrast, (Q, N) int64: Q ways to be alike, -1 for no pair."""

    @property
    def unit(self) -> tuple[float, ...]:
        """What differences of its answers are measured by, of each; 1 of probabilities."""
        return (1.0,) * self.spec.width

    @property
    def term(self) -> str:
        """Name of its term of the loss."""
        return "classification" if self.spec.is_labels else self.spec.name


@dataclass(frozen=True)
class ClassesHead(Head):
    """One of C classes: softmax and cross entropy."""

    def loss(self, outputs: Tensor, batch: Known, class_weight: Tensor | None) -> Tensor:
        """Return the mean cross entropy (Eq. 15); only the set's own classes are weighted."""
        weight = class_weight if self.spec.is_labels else None
        return cross_entropy(outputs, self._labels(batch), weight)

    def distance(
        self, students: Tensor, teacher: Tensor, there: Tensor, temperature: float
    ) -> Tensor:
        """Return the Kullback-Leibler divergences of the classes' distributions."""
        return class_divergence(students, teacher, there, temperature)

    def answers(self, outputs: Tensor) -> Tensor:
        """Return the probability of each class."""
        return outputs.softmax(-1)

    def keys(self, batch: Known, pairs: PairChoice) -> Tensor:
        """Return the classes, (1, N)."""
        return self._labels(batch).unsqueeze(0)

    def _labels(self, batch: Known) -> Tensor:
        if self.spec.is_labels:
            return batch.labels
        return batch.targets[self.spec.name][:, 0].nan_to_num(UNLABELLED).long()


@dataclass(frozen=True)
class MultilabelHead(Head):
    """C labels that are independent of each other: sigmoids and binary cross entropies."""

    def loss(self, outputs: Tensor, batch: Known, class_weight: Tensor | None) -> Tensor:
        """Return the mean binary cross entropy of the labels that are known."""
        values = batch.targets[self.spec.name]
        logits = _precise(outputs)
        truth = values.nan_to_num(0.0).to(logits)
        each = F.binary_cross_entropy_with_logits(logits, truth, reduction="none")
        return _mean(each, ~values.isnan())

    def distance(
        self, students: Tensor, teacher: Tensor, there: Tensor, temperature: float
    ) -> Tensor:
        """Return the divergences of having each label or not, means over labels."""
        logits = torch.stack([teacher.expand_as(students), students]) / temperature
        (has, said), (lacks, denied) = F.logsigmoid(logits), F.logsigmoid(-logits)
        each = has.exp() * (has - said) + lacks.exp() * (lacks - denied)
        return _means(each.mean(-1), there)

    def answers(self, outputs: Tensor) -> Tensor:
        """Return the probability that each label holds."""
        return outputs.sigmoid()

    def keys(self, batch: Known, pairs: PairChoice) -> Tensor:
        """Return classes for contrast.

        "each": for each label those that have it are alike, and differ from those that have it not,
        which are alike among themselves in nothing, (C, N). So a pair weighs by the labels that it
        shares, which is the idea of MulSupCon (Zhang and Wu 2024, arXiv 2402.01613); there every
        label of every anchor counts the same, here every label. "set": alike are those of the same
        set of labels, the strict reading that they begin with, (1, N); a set of which a label is
        unknown is in no pair.
        """
        values = batch.targets[self.spec.name]
        if pairs.multilabel == "set":
            return torch.where(values.isnan().any(1), UNLABELLED, _set_numbers(values)).unsqueeze(0)
        # Alike to none, in no process.
        first = rank() * _MOST_ROWS + 1
        alone = torch.arange(first, first + len(values), device=values.device)
        keys = torch.where(values.T == 1, 0, alone)
        return torch.where(values.T.isnan(), UNLABELLED, keys)


@dataclass(frozen=True)
class RegressionHead(Head):
    """K numbers on a scale, which the model sees as deviations from the mean of training.

    Parameters
    ----------
    mean, std : tuple of float, length K
        Of the training split.
    form : {"mae", "mse", "huber", "ccc"}
        Of the loss, in standard deviations.
    """

    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()
    form: RegressionLoss = "mae"

    def loss(self, outputs: Tensor, batch: Known, class_weight: Tensor | None) -> Tensor:
        """Return the loss over the numbers that are known.

        "mae", "mse", "huber": the mean absolute, squared or Huber error; "ccc": 1 less the
        concordance correlation (Lin 1989) of the batch, mean over the K numbers.
        """
        outputs = _precise(outputs)
        values = batch.targets[self.spec.name].to(outputs) - self._mean(outputs)
        values = values / self._std(outputs)
        known = ~values.isnan()
        truth = values.nan_to_num(0.0)
        if self.form == "ccc":
            return _discordance(outputs, truth, known)
        return _mean(self._errors(outputs, truth), known)

    def distance(
        self, students: Tensor, teacher: Tensor, there: Tensor, temperature: float
    ) -> Tensor:
        """Return the loss with the teacher's numbers in place of the true ones.

        Numbers have no temperature.
        """
        if self.form != "ccc":
            return _means(self._errors(students, teacher.expand_as(students)).mean(-1), there)
        pairs = zip(students, there.unsqueeze(2).expand_as(students), strict=True)
        each = [_discordance(own, teacher.where(rows, 0.0), rows) for own, rows in pairs]
        return torch.stack(each).sum()

    def _errors(self, outputs: Tensor, truth: Tensor) -> Tensor:
        each = {"mae": F.l1_loss, "mse": F.mse_loss, "huber": F.smooth_l1_loss}[self.form]
        return each(outputs, truth, reduction="none")

    @property
    def unit(self) -> tuple[float, ...]:
        """The deviations of the training split."""
        return self.std

    def together(self, votes: Tensor) -> Tensor:
        """Return the mean: each says the whole number, and their sum would be a multiple of it."""
        return votes.mean(0)

    def answers(self, outputs: Tensor) -> Tensor:
        """Return the numbers on the target's own scale, within its range."""
        outputs = _precise(outputs)
        found = outputs * self._std(outputs) + self._mean(outputs)
        return found if self.spec.low is None else found.clamp(self.spec.low, self.spec.high)

    def keys(self, batch: Known, pairs: PairChoice) -> Tensor:
        """Return classes for contrast: numbers are alike that lie in one bin of equal width.

        "bins": one grid over the range, (K, N): classes of a number, for SupCon and its like.
        "overlapping-bins": a second grid, half a bin further, (2 K, N): two numbers less than half
        a bin apart are always alike in one of the two, those more than a bin apart never, which is
        a distance with a margin, in keys. Rank-N-Contrast (Zha 2023, arXiv 2210.01189) has more,
        and cannot be had by keys: who is a negative depends on the pair there. Without a declared
        range the bins are over two standard
        deviations on both sides of the mean; what is beyond is in the outermost.
        """
        values = batch.targets[self.spec.name].double()
        mean, std = self._mean(values), self._std(values)
        low, high = mean - 2 * std, mean + 2 * std
        if self.spec.low is not None and self.spec.high is not None:
            low, high = torch.full_like(low, self.spec.low), torch.full_like(high, self.spec.high)
        place = ((values - low) / (high - low) * pairs.bins).T
        shifts = (0.0, 0.5) if pairs.regression == "overlapping-bins" else (0.0,)
        grids = [(place + s).floor().clamp(0, pairs.bins - (s == 0)) for s in shifts]
        return torch.cat(grids).nan_to_num(UNLABELLED).long()

    def _mean(self, like: Tensor) -> Tensor:
        return _filled(like, self.mean)

    def _std(self, like: Tensor) -> Tensor:
        return _filled(like, self.std)


@dataclass(frozen=True)
class Objective:
    """The heads of a model whose outputs stand side by side.

    Parameters
    ----------
    heads : tuple of Head, at least one
    """

    heads: tuple[Head, ...]

    @property
    def width(self) -> int:
        """Number of all outputs."""
        return sum(head.spec.width for head in self.heads)

    @property
    def specs(self) -> tuple[TargetSpec, ...]:
        """The targets, in the order of the outputs."""
        return tuple(head.spec for head in self.heads)

    def losses(
        self, outputs: Tensor, batch: Known, class_weight: Tensor | None = None
    ) -> dict[str, Tensor]:
        """Return the weighted loss of each target."""
        pairs = zip(self.heads, self._split(outputs), strict=True)
        return {h.term: h.weight * h.loss(own, batch, class_weight) for h, own in pairs}

    def together(self, votes: Tensor) -> Tensor:
        """Return the outputs of several classifiers, (V, N, width), as those of one."""
        pairs = zip(self.heads, self._split(votes), strict=True)
        return torch.cat([head.together(own) for head, own in pairs], dim=-1)

    def answers(self, outputs: Tensor) -> Tensor:
        """Return what is answered to all targets, (N, width)."""
        return torch.cat(list(self.by_target(outputs).values()), dim=-1)

    def by_target(self, outputs: Tensor, temperature: float = 1.0) -> dict[str, Tensor]:
        """Return what is answered to each target, (N, width), by their names.

        Parameters
        ----------
        outputs : (N, width) tensor
        temperature : float
            What the logits of the set's classes are divided by.
        """
        pairs = zip(self.heads, self._split(outputs), strict=True)
        return {
            head.spec.name: head.answers(own / temperature if head.spec.is_labels else own)
            for head, own in pairs
        }

    def distance(
        self, students: Tensor, teacher: Tensor, there: Tensor, temperature: float
    ) -> Tensor:
        """Return the weighted sum of `Head.distance` over targets; widths are of all outputs."""
        parts = zip(self.heads, self._split(students), self._split(teacher), strict=True)
        return torch.stack(
            [h.weight * h.distance(own, taught, there, temperature) for h, own, taught in parts]
        ).sum()

    def keys(self, batch: Known, pairs: PairChoice) -> Tensor:
        """Return the classes for contrast of the first target, (Q, N)."""
        return self.heads[0].keys(batch, pairs)

    def _split(self, outputs: Tensor) -> Sequence[Tensor]:
        return outputs.split([head.spec.width for head in self.heads], dim=-1)


def cross_entropy(logits: Tensor, labels: Tensor, weight: Tensor | None) -> Tensor:
    """Return the mean cross entropy of the labelled rows (Eq. 15); 0 where there are none.

    Of several processes, this one's part of the mean over the rows of all.
    """
    # Not reduction="mean", which is NaN where no row is labelled.
    total = F.cross_entropy(logits, labels, weight, ignore_index=UNLABELLED, reduction="sum")
    known = labels != UNLABELLED
    share = known if weight is None else weight[labels.clamp(min=0)] * known
    return total / summed(share.sum()).clamp(min=SMALLEST_WEIGHT)


def class_divergence(
    students: Tensor, teacher: Tensor, there: Tensor, temperature: float
) -> Tensor:
    """Return the sum over students of their mean divergence from the teacher.

    The parameters are those of `Head.distance`.
    """
    target, soft = ((logits / temperature).log_softmax(-1) for logits in (teacher, students))
    each = F.kl_div(soft, target.expand_as(soft), reduction="none", log_target=True).sum(-1)
    return _means(each, there)


def _precise(outputs: Tensor) -> Tensor:
    """Return outputs as float32 at least, whatever they were computed in."""
    return outputs.to(torch.promote_types(outputs.dtype, torch.float32))


def _filled(like: Tensor, values: Sequence[float]) -> Tensor:
    """Return a few numbers where a tensor is; not copied there, which no CUDA graph captures."""
    return torch.cat([like.new_full((1,), value) for value in values])


def _mean(each: Tensor, known: Tensor) -> Tensor:
    """Return the mean where it is known; of several processes, this one's part of all's mean."""
    return (each * known).sum() / summed(known.sum()).clamp(min=1)


def _means(each: Tensor, there: Tensor) -> Tensor:
    """Return the sum over M of the means over rows, (M, N), that count; of processes a part."""
    return (each.where(there, 0.0).sum(1) / summed(there.sum(1)).clamp(min=1)).sum()


def _discordance(outputs: Tensor, truth: Tensor, known: Tensor) -> Tensor:
    """Return 1 - CCC of each column's known rows, their mean; 0 of columns without two of them.

    Of several processes, this one's share of that of the rows of all.
    """
    outputs, truth, known = gathered(outputs), gathered(truth), gathered(known)
    count = known.sum(0).clamp(min=1)
    found = torch.where(known, outputs, 0.0)
    means = found.sum(0) / count, truth.sum(0) / count
    off, true_off = ((x - m) * known for x, m in zip((found, truth), means, strict=True))
    spread = (off.square() + true_off.square()).sum(0) / count + (means[0] - means[1]).square()
    concordance = 2 * (off * true_off).sum(0) / count / spread.clamp(min=SMALLEST_WEIGHT)
    defined = known.sum(0) > 1
    return share(((1 - concordance) * defined).sum() / defined.sum().clamp(min=1))


def _set_numbers(values: Tensor) -> Tensor:
    """Return a number, not negative, for each row of 0 and 1, the same for the same rows."""
    bits = values.nan_to_num(0.0).long()
    numbers = torch.zeros(len(bits), dtype=torch.int64, device=bits.device)
    for label in range(bits.size(1)):  # in place of a power of two, which 64 labels have not
        numbers = numbers * (2 if bits.size(1) <= _LARGEST_SET else _HASH) + bits[:, label]
    return numbers & torch.iinfo(torch.int64).max


def head_of(
    spec: TargetSpec,
    weight: float = 1.0,
    statistics: Mapping[str, Sequence[float]] | None = None,
    form: RegressionLoss = "mae",
) -> Head:
    """Return the head for a target.

    Parameters
    ----------
    spec : TargetSpec
    weight : float
        Of its loss.
    statistics : mapping of str to sequence of float
        Of a regression its ``mean`` and ``std``.
    form : str
        Of the loss of a regression.
    """
    if spec.kind == "classes":
        return ClassesHead(spec, weight)
    if spec.kind == "multilabel":
        return MultilabelHead(spec, weight)
    found = statistics or {"mean": [0.0] * spec.width, "std": [1.0] * spec.width}
    return RegressionHead(spec, weight, tuple(found["mean"]), tuple(found["std"]), form)
