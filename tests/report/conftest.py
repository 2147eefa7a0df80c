"""A data set with hostile names, small runs of every system on it, and a browser."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from ariigcn_dgl.batch import Window
from ariigcn_dgl.config import TrainingConfig
from ariigcn_dgl.data import Dialogues, fingerprint, synthesise
from ariigcn_dgl.data.folds import Fold, with_fold
from ariigcn_dgl.models import SYSTEMS
from ariigcn_dgl.training.fit import fit
from ariigcn_dgl.training.prepare import prepare
from ariigcn_dgl.training.run_config import RunConfig
from ariigcn_dgl.training.run_spec import write_run_spec
from tests.small_sets import small_config

HOSTILE = "</script><script>document.title = 'pwned'</script><img src=x onerror=alert(1)>"
SMALL: dict[str, dict[str, Any]] = {
    "ariigcn": {
        "hidden_dim": 8,
        "head_dim": 7,
        "window": Window(3, 2),
        "adversarial": "alternate",
        "auxiliary_weight": 0.3,
    },
    "bc-lstm": {"hidden_dim": 8, "head_dim": 8},
    "bc-lstm-att": {"hidden_dim": 8, "head_dim": 8},
    "bigru": {"hidden_dim": 8},
    "c-mfn": {"transformer_dim": 16, "num_heads": 2, "num_layers": 1, "text_dim": 8},
    "ct-net": {"hidden_dim": 8, "num_heads": 2, "context_dim": 4},
    "dialogue-gcn": {"hidden_dim": 8, "graph_dim": 8, "window": Window(3, 2)},
    "dialogue-rnn": {"global_dim": 8, "party_dim": 8, "emotion_dim": 8, "head_dim": 8},
    "graphsmile": {
        "hidden_dim": 8,
        "num_layers": 2,
        "window": Window(3, 2),
        "sentiments": {f"joy {HOSTILE}": "positive"},
    },
    "lr-gcn": {"hidden_dim": 8, "head_dim": 8, "window": Window(3, 2)},
    "m3net": {"hidden_dim": 8, "graph_dim": 8},
    "mlp": {"hidden_dim": 8},
    "mmgcn": {"hidden_dim": 8, "graph_dim": 8},
    "sdt": {"hidden_dim": 8, "num_heads": 2},
    "textcnn": {"num_filters": 8},
}
TrainRun = Callable[..., Path]
CHROMIUM = shutil.which("chromium")
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--mute-audio",
)


@pytest.fixture(scope="session")
def dialogues() -> Dialogues:
    """Return dialogues of two speakers; a speaker, a class and an utterance have hostile names."""
    made = synthesise(
        small_config(
            "small",
            missing=0.1,
            train=6,
            val=3,
            test=3,
            unlabelled=0.1,
            length_mean=9,
            length_min=7,
            length_max=12,
        )
    )
    utterances = list(made.utterance_ids)
    utterances[made.dialogue_ptr[made.indices("test")[0]]] = f"first {HOSTILE}"
    speakers = [f"{name} {HOSTILE}" for name in made.speaker_names]
    return replace(
        made,
        utterance_ids=tuple(utterances),
        speaker_names=tuple(speakers),
        label_names=(f"joy {HOSTILE}", *made.label_names[1:]),
    )


@pytest.fixture(scope="session")
def train(dialogues: Dialogues, tmp_path_factory: pytest.TempPathFactory) -> TrainRun:
    """Train a system on the data set and return its run folder; copy it before changing it."""

    def run(
        system: str = "ariigcn",
        seeds: Sequence[int] = (0,),
        modalities: Sequence[str] | None = None,
        fold: Fold | None = None,
        **changes: Any,
    ) -> Path:
        folder = tmp_path_factory.mktemp("runs") / system
        folder.mkdir()
        data = dialogues if modalities is None else dialogues.with_modalities(modalities)
        data = data if fold is None else with_fold(data, fold)
        model = replace(SYSTEMS[system].Config(), **SMALL[system], **changes)
        training = TrainingConfig(epochs=2, batch_size=4, learning_rate=0.01, adversarial_epochs=1)
        config = RunConfig(system, model, training).resolved(data)
        plan = {"data": "somewhere", "preset": "paper", "seeds": list(seeds), "device": "cpu"}
        plan |= {"modalities": modalities, "dataset_sha256": fingerprint(data)}
        write_run_spec(folder, plan | ({} if fold is None else {"fold": asdict(fold)}), config)
        for seed in seeds:
            fit(prepare(data, config), seed, folder / f"seed{seed}")
        return folder

    return run


@pytest.fixture(scope="session")
def two_seeds(train: TrainRun) -> Path:
    """Return the run folder of AR-IIGCN with seeds 0 and 1."""
    return train(seeds=(0, 1))


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """Start Chromium without a window."""
    sync_api = pytest.importorskip(
        "playwright.sync_api", reason='needs Playwright (pip install "ariigcn_dgl[dev]")'
    )
    if CHROMIUM is None:
        pytest.skip("needs Chromium (apt-get install chromium)")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=[*FLAGS])
        yield browser
        browser.close()


@pytest.fixture
def visit(chromium: Any) -> Iterator[Callable[..., Any]]:
    """Open a file; at the end no request and no error, and no message but the one expected."""
    contexts, noise = [], []

    def run(
        path: Path,
        width: int = 1440,
        scheme: str = "light",
        message: str = "",
        ready: str = ".cell.selected",
    ) -> Any:
        context = chromium.new_context(
            viewport={"width": width, "height": 900}, color_scheme=scheme
        )
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda one: noise.extend({one.text} - {message}))
        page.on("pageerror", lambda error: noise.append(str(error)))
        page.on("dialog", lambda dialog: (noise.append(dialog.message), dialog.dismiss()))
        page.on("request", lambda request: noise.append(request.url))
        page.goto(path.as_uri())
        page.wait_for_selector(ready)
        return page

    yield run
    for context in contexts:
        context.close()
    assert [one for one in noise if not one.startswith(("file:", "data:", "blob:"))] == []
