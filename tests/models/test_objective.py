"""What outputs mean: losses, answers, and what "the same class" is to a contrast."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from ariigcn_dgl.batch import Batch, Window, collate
from ariigcn_dgl.data import SynthConfig, synthesise
from ariigcn_dgl.data.synth_config import SENTIMENT
from ariigcn_dgl.data.targets import TargetSpec
from ariigcn_dgl.models.objective import Objective, PairChoice, head_of
from ariigcn_dgl.nn import ICCLLoss
from ariigcn_dgl.nn.contrast import ICCL_RULE
from ariigcn_dgl.ops import contrast_loss
from ariigcn_dgl.training.target_metrics import concordance

NAN = float("nan")
SCORE = TargetSpec("label", "regression", ("score",), -3.0, 3.0)
CUES = TargetSpec("cues", "multilabel", ("laugh", "cry"))
TONE = TargetSpec("tone", "classes", ("low", "high"))


def _batch(**targets: list[list[float]]) -> Batch:
    """Return a batch of as many utterances as the targets have rows."""
    count = len(next(iter(targets.values())))
    empty = torch.zeros(count, dtype=torch.int64)
    lengths = torch.tensor([count])
    graph = Window(past=0, future=0, relations="speaker").graph(lengths, empty, {})
    found = {name: torch.tensor(values) for name, values in targets.items()}
    return Batch({}, {}, empty - 1, empty, lengths, graph, targets=found)


def test_numbers_are_learnt_in_deviations_and_answered_on_their_scale() -> None:
    head = head_of(SCORE, statistics={"mean": [1.0], "std": [2.0]})
    batch = _batch(label=[[3.0], [NAN], [-1.0]])
    outputs = torch.tensor([[1.0], [9.0], [0.0]])
    assert head.loss(outputs, batch, None).item() == 0.5  # errors of 0 and 1 deviations
    assert head.answers(outputs).tolist() == [[3.0], [3.0], [1.0]]  # the second is beyond the end


@pytest.mark.parametrize(("form", "expected"), [("mae", 1.0), ("mse", 2.0), ("huber", 0.75)])
def test_errors_of_numbers_are_those_that_are_named(form, expected) -> None:
    head = head_of(SCORE, form=form)
    outputs, batch = torch.tensor([[0.0], [2.0]]), _batch(label=[[0.0], [0.0]])
    assert head.loss(outputs, batch, None).item() == expected


def test_the_concordance_loss_is_one_less_the_score() -> None:
    head = head_of(SCORE, form="ccc")
    truth, said = np.array([-1.0, 0.5, 2.0]), np.array([0.0, 0.1, 1.0])
    batch = _batch(label=[[x] for x in [*truth, NAN]])
    outputs = torch.tensor([[x] for x in [*said, 7.0]])
    assert head.loss(outputs, batch, None).item() == pytest.approx(1 - concordance(truth, said))


def test_labels_are_learnt_by_the_cross_entropy_of_what_is_known() -> None:
    head = head_of(CUES)
    batch = _batch(cues=[[1.0, NAN], [NAN, NAN], [0.0, 1.0]])
    outputs = torch.tensor([[0.0, 5.0], [9.0, 9.0], [0.0, 0.0]])
    assert head.loss(outputs, batch, None).item() == pytest.approx(math.log(2))
    assert head.answers(outputs)[2].tolist() == [0.5, 0.5]


@pytest.mark.parametrize("spec", [SCORE, CUES, TONE], ids=lambda spec: spec.kind)
def test_a_batch_without_any_value_has_loss_zero_and_a_gradient(spec: TargetSpec) -> None:
    outputs = torch.randn(3, spec.width, requires_grad=True)
    batch = _batch(**{spec.name: [[NAN] * spec.columns] * 3})
    loss = head_of(spec).loss(outputs, batch, None)
    loss.backward()
    assert loss.item() == 0
    assert not outputs.grad.any()


def test_targets_stand_side_by_side_and_have_their_weights() -> None:
    objective = Objective((head_of(TONE, 0.5), head_of(SCORE, 2.0)))
    batch = _batch(tone=[[1.0]], label=[[1.0]])
    losses = objective.losses(torch.zeros(1, 3), batch)
    assert objective.width == 3
    assert losses["tone"].item() == pytest.approx(0.5 * math.log(2))
    assert losses["label"].item() == 2.0
    assert objective.answers(torch.zeros(1, 3)).tolist() == [[0.5, 0.5, 0.0]]


def test_logits_of_several_classifiers_add_up_and_numbers_are_averaged() -> None:
    objective = Objective((head_of(TONE), head_of(SCORE)))
    votes = torch.tensor([[[1.0, 0.0, 2.0]], [[1.0, 3.0, 4.0]]])
    assert objective.together(votes).tolist() == [[2.0, 3.0, 3.0]]


THERE = torch.tensor([[True, True, False], [True, False, False]])  # rows of two students


def test_students_learn_the_teachers_numbers_by_the_distance_of_the_loss() -> None:
    teacher = torch.tensor([[1.0], [2.0], [50.0]])
    students = torch.tensor([[[1.5], [0.0], [9.0]], [[-2.0], [9.0], [9.0]]])
    for form, expected in (("mae", 1.25 + 3), ("mse", 2.125 + 9), ("huber", 0.8125 + 2.5)):
        found = head_of(SCORE, form=form).distance(students, teacher, THERE, temperature=4.0)
        assert found.item() == pytest.approx(expected)


def test_students_agree_with_the_teachers_numbers_where_concordance_is_the_loss() -> None:
    torch.manual_seed(0)
    teacher, students = torch.randn(9, 1), torch.randn(2, 9, 1)
    there = torch.rand(2, 9) < 0.7
    expected = sum(
        1 - concordance(teacher[own, 0].double().numpy(), student[own, 0].double().numpy())
        for student, own in zip(students, there, strict=True)
    )
    found = head_of(SCORE, form="ccc").distance(students, teacher, there, temperature=1.0)
    assert found.item() == pytest.approx(expected, abs=1e-5)


def test_students_learn_the_teachers_labels_one_by_one() -> None:
    """At temperature 2 the teacher says 3/4 and 1/2, the first student 1/2 and 1/2."""
    teacher = torch.tensor([[2 * math.log(3), 0.0], [7.0, -7.0], [9.0, 9.0]])
    students = torch.stack([torch.zeros(3, 2), teacher])
    students[0, 1] = teacher[1]
    divergence = 0.75 * math.log(1.5) + 0.25 * math.log(0.5)
    found = head_of(CUES).distance(students, teacher, THERE, temperature=2.0)
    assert found.item() == pytest.approx((divergence + 0) / 2 / 2)


def test_students_learn_the_teachers_classes_with_those_of_other_targets() -> None:
    objective = Objective((head_of(TONE, 0.5), head_of(SCORE, 2.0)))
    teacher = torch.tensor([[0.0, 0.0, 1.0]])
    students = torch.tensor([[[math.log(3), 0.0, 4.0]]])
    divergence = 0.5 * math.log(0.5 / 0.75) + 0.5 * math.log(0.5 / 0.25)
    found = objective.distance(students, teacher, torch.ones(1, 1).bool(), 1.0)
    assert found.item() == pytest.approx(0.5 * divergence + 2.0 * 3)


@pytest.mark.parametrize("spec", [SCORE, CUES, TONE], ids=lambda spec: spec.kind)
def test_students_and_teacher_learn_from_each_other(spec: TargetSpec) -> None:
    torch.manual_seed(0)
    teacher = torch.randn(3, spec.width, requires_grad=True)
    students = torch.randn(2, 3, spec.width, requires_grad=True)
    head_of(spec).distance(students, teacher, THERE, 1.0).backward()
    assert students.grad is not None
    assert teacher.grad is not None
    assert students.grad.abs().sum(2).bool().tolist() == THERE.tolist()
    assert teacher.grad.abs().sum(1).bool().tolist() == [True, True, False]


def test_numbers_of_one_bin_are_alike() -> None:
    keys = head_of(SCORE).keys(_batch(label=[[-3.0], [-2.2], [0.0], [3.0], [NAN]]), PairChoice())
    assert keys.tolist() == [[0, 0, 3, 6, -1]]


def test_overlapping_bins_are_a_distance_with_a_margin() -> None:
    values = torch.rand(200, 1) * 6 - 3
    pairs = PairChoice(regression="overlapping-bins", bins=6)  # one wide
    keys = head_of(SCORE).keys(_batch(label=values.tolist()), pairs)
    alike = (keys.unsqueeze(1) == keys.unsqueeze(2)).any(0)
    apart = (values - values.T).abs()
    assert alike[apart < 0.5].all()
    assert not alike[apart > 1].any()


def test_numbers_without_a_range_have_bins_around_the_mean() -> None:
    spec = TargetSpec("pulse", "regression", ("pulse",))
    head = head_of(spec, statistics={"mean": [80.0], "std": [10.0]})
    keys = head.keys(_batch(pulse=[[20.0], [61.0], [99.0], [200.0]]), PairChoice(bins=4))
    assert keys.tolist() == [[0, 0, 3, 3]]


def test_labels_are_alike_one_by_one_or_as_a_whole_set() -> None:
    head = head_of(CUES)
    batch = _batch(cues=[[1.0, 1.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0], [1.0, NAN]])
    assert head.keys(batch, PairChoice("each")).tolist() == [[0, 0, 3, 0, 0], [0, 2, 0, 0, -1]]
    assert head.keys(batch, PairChoice("set")).tolist() == [[3, 2, 1, 3, -1]]


def test_sets_of_many_labels_have_different_numbers() -> None:
    spec = TargetSpec("many", "multilabel", tuple(f"l{c}" for c in range(100)))
    rows = torch.eye(100)
    keys = head_of(spec).keys(_batch(many=rows.tolist()), PairChoice("set"))
    assert len(set(keys[0].tolist())) == 100
    assert (keys >= 0).all()


def _mulsupcon(z: Tensor, labels: Tensor, temperature: float) -> Tensor:
    """Contrast rows label by label, pair by pair; every label counts the same."""
    similarity = torch.nn.functional.normalize(z, dim=1)
    similarity = similarity @ similarity.T / temperature
    means = []
    for column in labels.T:
        losses = []
        for i in torch.nonzero(column == 1).flatten().tolist():
            positives = [j for j in range(len(z)) if j != i and column[j] == 1]
            others = [j for j in range(len(z)) if j != i]
            if positives and len(positives) < len(others):
                total = similarity[i, others].logsumexp(0)
                losses.append(torch.stack([total - similarity[i, p] for p in positives]).mean())
        means.append(torch.stack(losses).mean())
    return torch.stack(means).mean()


def test_the_contrast_of_each_label_is_that_of_multilabel_supcon() -> None:
    torch.manual_seed(0)
    z = torch.randn(12, 5, dtype=torch.float64)
    labels = (torch.rand(12, 3) < 0.5).float()
    spec = TargetSpec("cues", "multilabel", ("a", "b", "c"))
    keys = head_of(spec).keys(_batch(cues=labels.tolist()), PairChoice("each"))
    loss = ICCLLoss("supcon", temperature=0.5, regularise=False)
    found = torch.stack([loss(z.unsqueeze(0), own.unsqueeze(0)) for own in keys]).mean()
    torch.testing.assert_close(found, _mulsupcon(z, labels, 0.5))


def test_the_contrast_of_bins_is_the_contrast_of_classes() -> None:
    torch.manual_seed(0)
    z, values = torch.randn(1, 9, 4), torch.tensor([-3.0, -2.8, -2.9, 0, 0.1, -0.1, 3, 2.9, 2.8])
    keys = head_of(SCORE).keys(_batch(label=values.unsqueeze(1).tolist()), PairChoice())
    classes = torch.tensor([[0, 0, 0, 1, 1, 1, 2, 2, 2]])
    torch.testing.assert_close(
        contrast_loss(z, keys, ICCL_RULE), contrast_loss(z, classes, ICCL_RULE)
    )


def test_batches_of_dialogues_carry_their_targets() -> None:
    data = synthesise(SENTIMENT)
    batch = collate(data, [1, 0], Window(past=0, future=0, relations="speaker"))
    expected = data.select([1, 0]).targets["label"].values
    np.testing.assert_array_equal(batch.targets["label"].numpy(), expected)
    assert collate(synthesise(SynthConfig()), [0], Window(past=0, future=0)).targets == {}
