"""``ariigcn predict --stream``: every line is answered, at once, and bad ones harm no others."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ariigcn_dgl.cli import main
from ariigcn_dgl.cli.predict_stream import CHUNK_BYTES, bounded_lines
from ariigcn_dgl.data import Dialogues, load_dialogues


@pytest.fixture(scope="module")
def causal(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a run folder of a model that does not look ahead."""
    folder = tmp_path_factory.mktemp("runs") / "causal"
    small = ("--model.hidden_dim=8", "--model.head_dim=8", "--training.epochs=1")
    main(["train", "--data", str(data), "--out", str(folder), "--model.causal=true", *small])
    return folder


@pytest.fixture
def stream(
    ariigcn: Callable, causal: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., tuple]:
    """Send lines through the command; return its answers and how it ended."""

    def run(
        *lines: str | bytes, folder: Path = causal, options: tuple[object, ...] = ()
    ) -> tuple[list[dict], object]:
        content = b"".join(x if isinstance(x, bytes) else x.encode() + b"\n" for x in lines)
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(content)))
        outcome = ariigcn("predict", folder, "--stream", *options)
        return [json.loads(line) for line in outcome.out.splitlines()], outcome

    return run


def _lines(dialogues: Dialogues, leave_out: str = "") -> list[str]:
    of_row = dialogues.row_dialogues
    return [
        json.dumps(
            {
                "dialogue": dialogues.dialogue_ids[of_row[row]],
                "speaker": dialogues.speaker_names[dialogues.speakers[row]],
                "features": {
                    m: x[row].tolist() for m, x in dialogues.features.items() if m != leave_out
                },
            }
        )
        for row in range(dialogues.num_utterances)
    ]


@pytest.mark.slow
@pytest.mark.parametrize("leave_out", ["", "text", "audio"])
def test_answers_are_those_of_the_data_set(
    ariigcn: Callable,
    stream: Callable,
    causal: Path,
    data: Path,
    tmp_path: Path,
    leave_out: str,
) -> None:
    used = [m for m in ("text", "audio", "visual") if m != leave_out]
    out = tmp_path / "p.jsonl"
    ariigcn("predict", causal, "--data", data, "--out", out, "--modalities", *used)
    expected = [json.loads(line) for line in out.read_text().splitlines()]
    lines = _lines(load_dialogues(data), leave_out)
    order = np.random.default_rng(0).permutation(len(lines))  # dialogues in turns
    dialogue = [line["dialogue"] for line in expected]
    order = sorted(order, key=lambda row: (row - dialogue.index(dialogue[row]), dialogue[row]))
    answers, outcome = stream(*(lines[row] for row in order))
    assert (outcome.code, outcome.err) == (0, "")
    for row, answer in zip(order, answers, strict=True):
        assert answer["modalities"] == used
        assert (answer["dialogue"], answer["speaker"]) == (dialogue[row], expected[row]["speaker"])
        assert answer["probabilities"] == pytest.approx(expected[row]["probabilities"], abs=1e-5)


BAD = [
    ("{", "the line: not valid JSON"),
    ("[1]", "the line: expected a JSON object, found list"),
    ("{}", "lacks 'dialogue', expected dialogue, speaker, features"),
    ('{"dialogue": 1, "speaker": "a"}', "lacks 'features'"),
    ('{"dialogue": [], "speaker": "a", "features": {}}', "'dialogue' is [], expected a name"),
    ('{"dialogue": 1, "speaker": true, "features": {}}', "'speaker' is true, expected a name"),
    ('{"dialogue": 1, "speaker": "a", "features": [1]}', "'features' is [1], expected an object"),
    ('{"dialogue": 1, "speaker": "", "features": {}}', "'speaker' is empty, expected a name"),
    ('{"dialogue": "", "speaker": "a", "features": {}}', "'dialogue' is empty, expected a name"),
    ('{"dialogue": 1, "speaker": "a", "features": {"text": [1]}}', "text: expected 6 numbers"),
    ('{"dialogue": 1, "speaker": "a", "features": {"text": null}}', "text: expected 6 numbers"),
    (
        '{"dialogue": 1, "speaker": "a", "features": {"text": [NaN, 0, 0, 0, 0, 0]}}',
        "text: nan in column 0, expected finite numbers",
    ),
    (
        '{"dialogue": 1, "speaker": "a", "features": {"text": ["0.5", 0, 0, 0, 0, 0]}}',
        "text: expected a list of numbers",
    ),
    (
        '{"dialogue": 1, "speaker": "a", "features": {"text": [true, 0, 0, 0, 0, 0]}}',
        "text: expected a list of numbers",
    ),
    ('{"dialogue": 1, "speaker": "a", "features": {"text": "123456"}}', "text: expected a list of"),
    ('{"dialogue": "\\ud800", "speaker": "a", "features": {}}', "'dialogue' is not valid Unicode"),
    ('{"dialogue": 1, "speaker": "\\ud800", "features": {}}', "'speaker' is not valid Unicode"),
    (
        '{"dialogue": 1, "speaker": "a", "features": {"\\ud800": [1]}}',
        "unknown modality '\\ud800'",
    ),
    (b"\xff\n", "byte 0 is not UTF-8 text"),
    (
        '{"dialogue": 1, "speaker": "a", "features": {"text": [1'
        + "0" * 400
        + ", 0, 0, 0, 0, 0]}}",
        "text: expected 6 numbers",
    ),
    ('{"dialogue": 1, "end": 1}', "'end' is 1, expected true"),
    ('{"end": true}', "lacks 'dialogue', expected dialogue"),
    (
        '{"dialogue": 1, "text": "no", "end": true}',
        "'text' beside 'end', expected a line of its own",
    ),
    ("{" + " " * 70_000 + "}", "longer than 66,496 bytes, the limit for this run's widths"),
]


@pytest.mark.parametrize(("line", "sentence"), BAD)
def test_bad_line_is_answered_with_its_number_and_harms_no_other(
    stream: Callable, data: Path, line: str | bytes, sentence: str
) -> None:
    good = _lines(load_dialogues(data))[:3]
    expected, _ = stream(*good)
    answers, outcome = stream(good[0], "", line, *good[1:])
    assert answers[1]["line"] == 3
    assert sentence in answers[1]["error"]
    assert [answers[0], *answers[2:]] == expected
    assert outcome.code == 2
    assert outcome.err == "ariigcn: 1 of 4 lines were not used; see the errors in the answers\n"


def test_run_that_looks_ahead_is_refused(stream: Callable, trained: Path) -> None:
    answers, outcome = stream(folder=trained)
    assert (answers, outcome.code) == ([], 2)
    assert "this run looks ahead (its window reaches 10 ahead; " in outcome.err
    assert outcome.err.endswith("): train it with --model.causal true\n")


@pytest.mark.slow
def test_a_line_is_answered_before_the_next_is_sent(causal: Path, data: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "ariigcn_dgl", "predict", str(causal), "--stream"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    for line in _lines(load_dialogues(data))[:3]:
        process.stdin.write(line + "\n")
        process.stdin.flush()
        assert "prediction" in json.loads(process.stdout.readline())
    process.stdin.close()
    assert process.wait() == 0
    process.stdout.close()


def test_a_dialogue_that_is_ended_begins_anew(stream: Callable, data: Path) -> None:
    first, second = _lines(load_dialogues(data))[:2]
    dialogue = json.loads(first)["dialogue"]
    end = json.dumps({"dialogue": dialogue, "end": True})
    answers, outcome = stream(first, second, end, end, first)
    assert outcome.code == 0
    assert answers[2:4] == [{"dialogue": dialogue, "ended": known} for known in (True, False)]
    assert answers[4] == answers[0]
    assert [answers[place]["utterance"] for place in (0, 1, 4)] == [1, 2, 1]


def test_of_too_many_dialogues_the_one_silent_for_longest_is_forgotten(
    stream: Callable, data: Path
) -> None:
    record = json.loads(_lines(load_dialogues(data))[0])
    names = ("a", "b", "a", "c", "a", "b")
    lines = [json.dumps(record | {"dialogue": name}) for name in names]
    answers, _ = stream(*lines, options=("--keep", 2))
    assert [answer["utterance"] for answer in answers] == [1, 1, 2, 1, 3, 1]


def test_a_memory_of_no_dialogue_is_refused(stream: Callable) -> None:
    _, outcome = stream(options=("--keep", 0))
    assert outcome.err == "ariigcn: --keep: is 0, expected at least 1\n"


def test_a_long_line_is_passed_over_without_being_held() -> None:
    class Endless(io.RawIOBase):
        largest = sent = 0

        def readline(self, size: int) -> bytes:
            self.largest, self.sent = max(self.largest, size), self.sent + size
            return b"x" * size if self.sent < 10_000_000 else b""

    file = Endless()
    assert list(bounded_lines(file, 9)) == [b"x" * 10]
    assert file.largest == CHUNK_BYTES


def test_the_least_sure_are_left_open_and_counted_at_the_end(stream: Callable, data: Path) -> None:
    lines = _lines(load_dialogues(data))
    whole, _ = stream(*lines)
    answers, outcome = stream(*lines, options=("--coverage", 0.5))
    count = sum(answer["abstained"] for answer in answers)
    for one, answer in zip(whole, answers, strict=True):
        left_open = answer.pop("abstained")
        assert answer == one | ({"prediction": None} if left_open else {})
    assert 0 < count < len(lines)
    assert outcome.code == 0
    assert outcome.err.startswith(f"{count} of {len(lines)} left open, of a confidence below ")


def test_features_of_another_scale_are_named_once(stream: Callable, data: Path) -> None:
    dialogues = load_dialogues(data)
    louder = {name: 9 * array for name, array in dialogues.features.items()}
    lines = _lines(replace(dialogues, features=louder))[:70]
    answers, outcome = stream(*lines)
    assert len(answers) == 70
    odd = [line for line in outcome.err.splitlines() if "another scale" in line]
    assert sorted(line.split(": ")[1] for line in odd) == ["audio", "text", "visual"]
