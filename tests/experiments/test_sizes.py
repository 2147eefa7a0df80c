"""The search for widths finds the nearest number of parameters."""

from __future__ import annotations

import pytest

from ariigcn_dgl.data import Dialogues
from ariigcn_dgl.data.source import load_source
from ariigcn_dgl.errors import InputError
from ariigcn_dgl.experiments.sizes import count_parameters, matched
from ariigcn_dgl.training.run_config import RunConfig, changed, preset_config


@pytest.fixture(scope="module")
def dialogues() -> Dialogues:
    return load_source("synthetic")


def test_counts_what_the_model_has(dialogues: Dialogues) -> None:
    model = RunConfig("bigru").build(dialogues.widths, dialogues.num_classes)
    expected = sum(p.numel() for p in model.parameters())
    assert count_parameters(RunConfig("bigru"), dialogues) == expected


def test_counts_nothing_that_only_training_runs(dialogues: Dialogues) -> None:
    lean = preset_config("ariigcn", "tuned")
    parts = {"model.adversarial": "alternate", "model.iccl_weight": 0.1}
    assert count_parameters(changed(lean, parts), dialogues) == count_parameters(lean, dialogues)


def test_counts_generators_that_feed_the_graph(dialogues: Dialogues) -> None:
    real = {"model.adversarial": "alternate", "model.gan_real": "projected"}
    config = changed(preset_config("ariigcn", "tuned"), real)
    fed = changed(config, {"model.feed_graph": "sum"})
    model = fed.build(dialogues.widths, dialogues.num_classes)
    more = count_parameters(fed, dialogues) - count_parameters(config, dialogues)
    assert more == sum(p.numel() for p in model.gan.generators.parameters())


@pytest.mark.parametrize("target", [1, 5_000, 60_000, 60_500, 61_000])
def test_no_other_width_is_nearer(dialogues: Dialogues, target: int) -> None:
    def distance(width: int) -> int:
        features, classes = sum(dialogues.widths.values()), dialogues.num_classes
        size = width * (features + width + classes + 2) + classes  # three layers with biases
        return abs(size - target)

    found = matched(RunConfig("mlp"), dialogues, target, ("model.hidden_dim",), 1)
    assert distance(found["model.hidden_dim"]) == min(map(distance, range(1, 300)))


def test_widths_stay_multiples(dialogues: Dialogues) -> None:
    found = matched(RunConfig("bigru"), dialogues, 100_000, ("model.hidden_dim",), 10)
    assert found["model.hidden_dim"] % 10 == 0


@pytest.mark.slow
def test_several_widths_keep_their_proportions(dialogues: Dialogues) -> None:
    config = RunConfig("ariigcn").resolved(dialogues)  # 512 and 128
    widths = ("model.hidden_dim", "model.head_dim")
    found = matched(config, dialogues, 1_000_000, widths, 1)
    assert found["model.hidden_dim"] < 512
    assert found["model.head_dim"] == round(found["model.hidden_dim"] / 4)
    size = count_parameters(changed(config, found), dialogues)
    assert abs(size - 1_000_000) < 10_000


def test_a_number_out_of_reach_is_refused(dialogues: Dialogues) -> None:
    config = changed(RunConfig("textcnn"), {"model.num_filters": 1})
    with pytest.raises(InputError, match="textcnn: has fewer than 1,000,000,000,000 parameters"):
        matched(config, dialogues, 10**12, ("model.num_filters",), 1)
