"""A system that takes the views of the text apart learns their widths from the data set."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from ariigcn_dgl.batch import Batch
from ariigcn_dgl.config import TrainingConfig
from ariigcn_dgl.data import Dialogues, SynthConfig, split_views, synthesise
from ariigcn_dgl.errors import InputError
from ariigcn_dgl.models import MLP, SYSTEMS, MLPConfig, System
from ariigcn_dgl.models.system import TextViews, zero_where_missing
from ariigcn_dgl.training.fit import fit
from ariigcn_dgl.training.prepare import prepare
from ariigcn_dgl.training.run_config import CONFIG_FILE, RunConfig, read_config, write_config
from ariigcn_dgl.training.trained import TrainedRun


@dataclass(frozen=True)
class MeanViewConfig:
    """Settings of `MeanView`."""

    text_views: TextViews = ()


class MeanView(System):
    """Normalises each view of the text, then takes their mean, as M3NET and GraphSmile do."""

    Config = MeanViewConfig

    def __init__(self, widths: Mapping[str, int], num_classes: int, config: MeanViewConfig) -> None:
        super().__init__(widths, num_classes, config)
        self.norms = nn.ModuleList([nn.LayerNorm(width) for width in self.text_views])
        self.classify = nn.Linear(self.text_views[0], num_classes)

    def forward(self, batch: Batch) -> Tensor:
        """Return the logits of every utterance, (N, C)."""
        views = split_views(zero_where_missing(batch)["text"], self.text_views)
        normalised = [norm(view) for norm, view in zip(self.norms, views, strict=True)]
        return self.classify(torch.stack(normalised).mean(0))


@pytest.fixture(autouse=True)
def mean_view(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(SYSTEMS, "mean-view", MeanView)


@pytest.fixture(scope="module")
def dialogues() -> Dialogues:
    """Text of two views, as wide as each other."""
    made = synthesise(SynthConfig(train=4, val=2, test=2))
    return replace(made, views={"text": (made.widths["text"] // 2,) * 2})


def test_views_of_the_data_set_become_a_setting_and_stay_so(dialogues: Dialogues) -> None:
    config = RunConfig("mean-view").resolved(dialogues)
    assert config.model.text_views == dialogues.views["text"]
    assert config.resolved(replace(dialogues, views={})) == config


def test_text_without_views_is_one(dialogues: Dialogues) -> None:
    width = dialogues.widths["text"]
    config = RunConfig("mean-view").resolved(replace(dialogues, views={}))
    assert config.model.text_views == (width,)
    assert MeanView(dialogues.widths, 3, MeanViewConfig()).text_views == (width,)


def test_without_text_there_is_no_view(dialogues: Dialogues) -> None:
    config = RunConfig("mean-view").resolved(dialogues.with_modalities(["audio"]))
    assert config.model.text_views == ()
    assert MLP({"audio": 4}, 3, MLPConfig()).text_views == ()


def test_other_systems_take_the_views_as_one(dialogues: Dialogues) -> None:
    config = RunConfig("mlp").resolved(dialogues)
    assert config == RunConfig("mlp")
    assert config.build(dialogues.widths, 3).text_views == (dialogues.widths["text"],)


def test_views_that_do_not_add_up_are_one_sentence(dialogues: Dialogues) -> None:
    config = RunConfig("mean-view", MeanViewConfig((2, 3)))
    with pytest.raises(InputError, match=r"--model\.text_views: are 5 \(2 \+ 3\) wide, but the te"):
        prepare(dialogues, config)


def test_view_without_width_is_refused() -> None:
    with pytest.raises(
        InputError, match=r"--model\.text_views: is \(4, 0\), expected widths of at"
    ):
        RunConfig("mean-view", MeanViewConfig((4, 0)))


@pytest.mark.parametrize("views", [(), (3, 5)])
def test_views_are_written_and_read(views: tuple[int, ...], tmp_path: Path) -> None:
    config = RunConfig("mean-view", MeanViewConfig(views))
    write_config(tmp_path / "config.yaml", config)
    assert read_config(tmp_path / "config.yaml") == config


@pytest.mark.slow  # trains
def test_trained_run_takes_the_same_views_of_a_set_that_does_not_tell_them(
    dialogues: Dialogues, tmp_path: Path
) -> None:
    config = RunConfig("mean-view", training=TrainingConfig(epochs=1))
    prepared = prepare(dialogues, config)
    write_config(tmp_path / CONFIG_FILE, prepared.config)
    fit(prepared, 0, tmp_path / "seed0")
    run = TrainedRun(tmp_path / "seed0")
    assert run.model.text_views == dialogues.views["text"]
    whole = replace(dialogues, views={})
    np.testing.assert_array_equal(
        run.probabilities(run.adapt(whole)), run.probabilities(run.adapt(dialogues))
    )
