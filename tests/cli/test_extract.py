"""``ariigcn extract``, and from a recording to a timeline of emotions by ``ariigcn predict``."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from ariigcn_dgl.cli import main
from ariigcn_dgl.data import load_dialogues
from ariigcn_dgl.errors import InputError
from ariigcn_dgl.extract.audio import AudioEncoder, save_encoder
from ariigcn_dgl.extract.features import Encoders
from ariigcn_dgl.seal import seal

pytestmark = pytest.mark.slow  # recordings are made and encoded

SCENES = {  # seconds, pitch and colour of an emotion
    "happy": (0.6, 400.0, (230, 220, 60)),
    "sad": (0.6, 110.0, (20, 30, 120)),
}
WORDS = {"happy": "What a lovely day!", "sad": "I miss her so."}


def _time(seconds: float) -> str:
    return f"00:00:{seconds:06.3f}".replace(".", ",")


def _subtitles(path: Path, emotions: list[str]) -> Path:
    path.write_text(
        "\n".join(
            f"{n}\n{_time(0.6 * n)} --> {_time(0.6 * n + 0.6)}\n{'AB'[n % 2]}: {WORDS[emotion]}\n"
            for n, emotion in enumerate(emotions)
        )
    )
    return path


@pytest.fixture(scope="module")
def recordings(record: Callable, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of six labelled films of five utterances, and their table."""
    folder = tmp_path_factory.mktemp("films")
    generator = np.random.default_rng(0)
    with (folder / "utterances.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["file", "dialogue", "speaker", "start", "end", "text", "label", "split"])
        for number, split in enumerate(["train"] * 4 + ["val", "test"]):
            emotions = ["happy", "sad", *generator.choice(["happy", "sad"], 3)]
            name = f"film{number}.mp4"
            record(folder / name, [SCENES[emotion] for emotion in emotions])
            for n, emotion in enumerate(emotions):
                times = (f"{0.6 * n:.1f}", _time(0.6 * n + 0.6))
                row = [name, f"d{number}", "AB"[n % 2], *times, WORDS[emotion], emotion, split]
                table.writerow(row)
    return folder


@pytest.fixture(scope="module")
def extracted(
    recordings: Path, roberta: Path, densenet: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """Return the data folder that was extracted from them."""
    out = tmp_path_factory.mktemp("extracted") / "films"
    table = ("--utterances", str(recordings / "utterances.csv"), "--out", str(out))
    encoders = ("--text", str(roberta), "--visual", str(densenet), "--pictures", "2")
    audio = ("--audio", "train", "--audio_training.width", "6", "--audio_training.epochs", "8")
    main(["extract", str(recordings), *table, *encoders, *audio])
    return out


@pytest.fixture(scope="module")
def run(extracted: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a run that was trained on the features."""
    folder = tmp_path_factory.mktemp("runs") / "films"
    small = ("--model.hidden_dim=16", "--model.head_dim=16", "--training.epochs=20")
    dropout = ("--training.modality_dropout=0.3", "--training.batch_size=2")
    main(["train", "--data", str(extracted), "--out", str(folder), *small, *dropout])
    return folder


@pytest.fixture
def film(record: Callable, tmp_path: Path) -> Path:
    """Return a new film with subtitles beside it: happy, sad, sad, happy."""
    emotions = ["happy", "sad", "sad", "happy"]
    _subtitles(tmp_path / "new.srt", emotions)
    return record(tmp_path / "new.mp4", [SCENES[emotion] for emotion in emotions])


def test_extracted_data_is_a_data_set(extracted: Path, ariigcn: Callable) -> None:
    dialogues = load_dialogues(extracted)
    assert dialogues.widths == {"text": 12, "audio": 6, "visual": 9}
    assert (dialogues.num_dialogues, dialogues.num_utterances) == (6, 30)
    assert dialogues.label_names == ("happy", "sad")
    assert dialogues.splits == ("train",) * 4 + ("val", "test")
    assert all(mask.all() for mask in dialogues.masks.values())


def test_check_sees_that_all_films_are_copies_of_two(extracted: Path, ariigcn: Callable) -> None:
    checked = ariigcn("data", "check", "--data", extracted)
    assert checked.code == 2
    assert "have the same features as one of another split" in " ".join(checked.out.split())


def test_manifest_says_what_made_the_features(extracted: Path, recordings: Path) -> None:
    manifest = json.loads((extracted / "extraction.json").read_text())
    encoders = manifest["encoders"]
    assert encoders["text"]["encoder"] == "RobertaModel"
    assert (encoders["text"]["pooling"], encoders["text"]["width"]) == ("mean", 12)
    assert (encoders["visual"]["encoder"], encoders["visual"]["pictures"]) == ("DenseNet", 2)
    assert encoders["audio"]["sample_rate"] == 16000
    assert all(len(encoder["weights_sha256"]) == 64 for encoder in encoders.values())
    libraries = ["ariigcn_dgl", "torch", "transformers", "av", "numpy"]
    assert list(manifest["libraries"]) == libraries
    assert [one["file"] for one in manifest["recordings"]] == [f"film{n}.mp4" for n in range(6)]
    spoken = [json.loads(line) for line in (extracted / "spoken.jsonl").read_text().splitlines()]
    assert spoken[1] == {
        "utterance": "d0_1",
        "file": "film0.mp4",
        "start": 0.6,
        "end": 1.2,
        "text": WORDS["sad"],
    }


def test_same_encoders_make_the_same_features_again(
    ariigcn: Callable,
    extracted: Path,
    recordings: Path,
    roberta: Path,
    densenet: Path,
    tmp_path: Path,
) -> None:
    outcome = ariigcn(
        *("extract", recordings, "--utterances", recordings / "utterances.csv"),
        *("--text", roberta, "--visual", densenet, "--pictures", 2),
        *("--audio", extracted / "audio_encoder.safetensors", "--out", tmp_path / "again"),
    )
    assert (outcome.code, outcome.err) == (0, "")
    assert "30 utterances of 6 dialogues, text (12), audio (6), visual (9): " in outcome.out
    for name in ("features.safetensors", "extraction.json", "audio_encoder.safetensors"):
        assert (tmp_path / "again" / name).read_bytes() == (extracted / name).read_bytes()


def test_film_becomes_a_timeline(ariigcn: Callable, run: Path, film: Path, tmp_path: Path) -> None:
    outcome = ariigcn("predict", run, "--media", film, "--out", tmp_path / "timeline")
    assert outcome.code == 0, outcome.err
    assert "4 utterances labelled, from text, audio, visual: " in outcome.out
    timeline = json.loads((tmp_path / "timeline" / "timeline.json").read_text())
    assert timeline["recording"] == "new.mp4"
    assert timeline["modalities"] == ["text", "audio", "visual"]
    found = timeline["utterances"]
    assert [one["prediction"] for one in found] == ["happy", "sad", "sad", "happy"]
    assert [one["speaker"] for one in found] == ["A", "B", "A", "B"]
    assert [(one["start"], one["end"]) for one in found][1] == (0.6, 1.2)
    assert all(sum(one["probabilities"].values()) == pytest.approx(1, abs=1e-5) for one in found)
    blocks = (tmp_path / "timeline" / "timeline.srt").read_text().split("\n\n")
    assert blocks[1].startswith("2\n00:00:00,600 --> 00:00:01,200\n[sad ")
    assert blocks[1].endswith(" %] B: I miss her so.")
    page = (tmp_path / "timeline" / "timeline.html").read_text()
    assert page.startswith("<!doctype html>")
    assert "I miss her so." in page
    assert "trained on films, from text, audio, visual." in page


def test_film_is_labelled_where_the_run_is_sure(
    ariigcn: Callable, run: Path, film: Path, tmp_path: Path
) -> None:
    out = tmp_path / "timeline"
    outcome = ariigcn("predict", run, "--media", film, "--out", out, "--coverage", 0.3)
    assert outcome.code == 0, outcome.err
    found = json.loads((out / "timeline.json").read_text())["utterances"]
    count = sum(one["abstained"] for one in found)
    assert all((one["prediction"] is None) == one["abstained"] for one in found)
    assert f"{4 - count} utterances labelled, from text, audio, visual: " in outcome.out
    assert f"\n{count} of 4 left open, of a confidence below " in outcome.out
    assert (out / "timeline.srt").read_text().count("\n[?] ") == count
    page = (out / "timeline.html").read_text()
    assert f">{count} of 4 left open, of a confidence below " in page
    assert page.split('"predictions":[')[1].split("]")[0].count("null") == count


@pytest.mark.parametrize(
    ("leave_out", "used", "note"),
    [
        ("sound", ["text", "visual"], "has no sound; audio counts as missing"),
        ("pictures", ["text", "audio"], "has no pictures; visual counts as missing"),
    ],
)
def test_film_without_sound_or_pictures_is_labelled_from_the_rest(
    ariigcn: Callable,
    run: Path,
    record: Callable,
    tmp_path: Path,
    leave_out: str,
    used: list[str],
    note: str,
) -> None:
    emotions = ["sad", "happy"]
    _subtitles(tmp_path / "less.srt", emotions)
    record(tmp_path / "less.mp4", [SCENES[one] for one in emotions], **{leave_out: False})
    out = tmp_path / "timeline"
    outcome = ariigcn("predict", run, "--media", tmp_path / "less.mp4", "--out", out)
    assert outcome.code == 0
    assert f"less.mp4: {note}\n" in outcome.err
    assert f"2 utterances labelled, from {', '.join(used)}: " in outcome.out
    timeline = json.loads((out / "timeline.json").read_text())
    assert timeline["modalities"] == used
    assert [one["prediction"] for one in timeline["utterances"]] == emotions


def test_modalities_of_a_film_can_be_chosen(
    ariigcn: Callable, run: Path, film: Path, tmp_path: Path
) -> None:
    out = tmp_path / "timeline"
    outcome = ariigcn("predict", run, "--media", film, "--out", out, "--modalities", "text")
    assert "4 utterances labelled, from text: " in outcome.out


@pytest.fixture
def refused_film(refused: Callable, run: Path, film: Path, tmp_path: Path) -> Callable[..., str]:
    """Label the film, which must be refused without anything being written."""

    def label(folder: Path = run, *options: object) -> str:
        sentence = refused("predict", folder, "--media", film, "--out", tmp_path / "t", *options)
        assert not list(tmp_path.glob("*t.*")) or not (tmp_path / "t").exists()
        return sentence

    return label


def test_run_on_other_features_cannot_label_a_film(
    refused_film: Callable[..., str], trained: Path
) -> None:
    assert "was trained on features that ariigcn extract did not make" in refused_film(trained)


@pytest.mark.parametrize("name", ["extraction.json", "audio_encoder.safetensors"])
def test_run_that_lost_what_it_kept_of_the_extraction_is_refused(
    refused_film: Callable[..., str], run: Path, tmp_path: Path, name: str
) -> None:
    copy = Path(shutil.copytree(run, tmp_path / "copy"))
    (copy / name).unlink()
    said = f"{copy / name}: no such file, but seal.json beside it names it; put the right file"
    assert refused_film(copy).startswith(said)


def test_other_encoder_is_refused(
    refused_film: Callable[..., str], run: Path, densenet: Path, tmp_path: Path
) -> None:
    import torch

    weights = torch.load(densenet, weights_only=True)
    weights["features.conv0.weight"] += 1
    torch.save(weights, tmp_path / "other.pth")
    sentence = refused_film(run, "--visual", tmp_path / "other.pth")
    assert "the visual encoder is not the one of the run's training data: weights_sha25" in sentence


def _with_manifest(folder: Path, copy: Path, *keys: str, value: object) -> Path:
    """Copy a folder as if its record of the extraction had said something else from the start."""
    shutil.copytree(folder, copy)
    manifest = json.loads((copy / "extraction.json").read_text())
    part = manifest
    for key in keys[:-1]:
        part = part[key]
    part[keys[-1]] = value
    (copy / "extraction.json").write_text(json.dumps(manifest))
    seal(copy, ["extraction.json"])
    return copy


def test_encoder_that_has_moved_is_asked_for_and_found(
    ariigcn: Callable,
    refused_film: Callable[..., str],
    run: Path,
    film: Path,
    roberta: Path,
    tmp_path: Path,
) -> None:
    moved = _with_manifest(
        run, tmp_path / "moved", "encoders", "text", "path", value="/nowhere/roberta"
    )
    sentence = refused_film(moved)
    assert sentence.startswith("/nowhere/roberta: the text encoder of ")
    assert sentence.endswith("is not there; say where it is with --text")
    options = ("--media", film, "--out", tmp_path / "t", "--text", roberta)
    assert ariigcn("predict", moved, *options).code == 0


def test_other_library_versions_are_noted(
    ariigcn: Callable, run: Path, film: Path, tmp_path: Path
) -> None:
    older = _with_manifest(run, tmp_path / "older", "libraries", "av", value="1.0")
    outcome = ariigcn("predict", older, "--media", film, "--out", tmp_path / "t")
    assert outcome.code == 0
    assert "features of the training were made with other versions of av\n" in outcome.err
    text = ("--transcript", film.with_suffix(".srt"), "--out", tmp_path / "u")
    assert "other versions" not in ariigcn("predict", older, *text).err  # none is decoded


def test_library_that_is_no_longer_used_is_not_noted(
    ariigcn: Callable, run: Path, film: Path, tmp_path: Path
) -> None:
    older = _with_manifest(run, tmp_path / "older", "libraries", "torchvision", value="0.26.0")
    outcome = ariigcn("predict", older, "--media", film, "--out", tmp_path / "t")
    assert outcome.code == 0
    assert "other versions" not in outcome.err


def test_data_of_other_encoders_is_refused(
    refused: Callable, run: Path, extracted: Path, tmp_path: Path
) -> None:
    other = _with_manifest(
        extracted, tmp_path / "other", "encoders", "text", "pooling", value="cls"
    )
    sentence = refused("predict", run, "--data", other, "--out", tmp_path / "p")
    assert (
        "the text encoder is not the one of the run's training data: pooling is cls, expected"
        in (sentence)
    )


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"format": "x"}'])
def test_damaged_manifest_is_named(
    refused_film: Callable[..., str], run: Path, tmp_path: Path, text: str
) -> None:
    broken = Path(shutil.copytree(run, tmp_path / "broken"))
    (broken / "extraction.json").write_text(text)
    assert "extraction.json: " in refused_film(broken)


def test_folder_of_pairs_is_extracted(
    ariigcn: Callable, record: Callable, densenet: Path, film: Path, tmp_path: Path
) -> None:
    record(tmp_path / "alone.mp4", [SCENES["sad"]])
    out = tmp_path / "data"
    outcome = ariigcn("extract", tmp_path, "--visual", densenet, "--pictures", 1, "--out", out)
    assert outcome.code == 0
    assert "alone.mp4: has no subtitles beside it; left out\n" in outcome.err
    dialogues = load_dialogues(out)
    assert dialogues.dialogue_ids == ("new",)
    assert dialogues.speaker_names == ("A", "B")
    assert (dialogues.widths, dialogues.splits) == ({"visual": 9}, ("test",))


def test_tables_of_words_alone_are_extracted(
    ariigcn: Callable, roberta: Path, tmp_path: Path
) -> None:
    folder, out = tmp_path / "tables", tmp_path / "data"
    folder.mkdir()
    for name, emotion in (("train", "joy"), ("dev", "anger"), ("test", "joy")):
        (folder / f"{name}_sent_emo.csv").write_text(
            f"Utterance,Speaker,Emotion,Dialogue_ID,Utterance_ID\nHi,Joey,{emotion},0,0\n"
        )
    assert ariigcn("extract", folder, "--text", roberta, "--out", out).code == 0
    dialogues = load_dialogues(out)
    assert dialogues.splits == ("train", "val", "test")
    assert (dialogues.label_names, dialogues.words) == (("anger", "joy"), ("Hi", "Hi", "Hi"))


def test_chat_alone_is_extracted(ariigcn: Callable, roberta: Path, tmp_path: Path) -> None:
    (tmp_path / "chat.txt").write_text("ann: Hi\nbob: Ho\n")
    out = tmp_path / "data"
    outcome = ariigcn("extract", tmp_path / "chat.txt", "--text", roberta, "--out", out)
    assert outcome.code == 0
    assert "chat.txt: speakers ann, bob" in outcome.err
    assert load_dialogues(out).speaker_names == ("ann", "bob")


def test_every_encoder_computes_on_the_device_that_was_chosen(
    ariigcn: Callable,
    film: Path,
    roberta: Path,
    densenet: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def stop(name: str, spoken: list, encoders: Encoders, *options: object) -> None:
        modules = (encoders.text.model, encoders.audio, encoders.visual.model)
        devices = {x.device.type for module in modules for x in module.parameters()}
        raise InputError(f"{devices} {options[2]}")

    # The meta device is the one that every torch has; it takes modules, but computes nothing.
    monkeypatch.setattr("ariigcn_dgl.cli.extract.check_device", lambda device: None)
    monkeypatch.setattr("ariigcn_dgl.cli.extract.extract_features", stop)
    save_encoder(AudioEncoder(8, 6), tmp_path / "audio.safetensors")
    encoders = ("--text", roberta, "--audio", tmp_path / "audio.safetensors", "--visual", densenet)
    outcome = ariigcn("extract", film, "--out", tmp_path / "data", *encoders, "--device", "meta")
    assert outcome.err.endswith("ariigcn: {'meta'} meta\n")


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (
            ["--text", "nowhere", "--offline"],
            "--text nowhere: no such file or folder, and not in t",
        ),
        (["--visual", "nowhere.pth"], "nowhere.pth: no such file"),
        (["--audio", "nowhere.pt"], "--audio nowhere.pt: no such file or folder"),
        (
            ["--audio", "opensmile:IS1"],
            "--audio opensmile:IS1: expected one of ComParE_2016, GeMAPS",
        ),
        (["--audio", "train"], "--audio train: 0 labelled utterances with sound in train and 0"),
        (["--audio", "train", "--audio_training.epochs", "0"], "epochs: is 0, expected at least"),
        (["--pictures", "0"], "--pictures: is 0, expected at least 1"),
        (["--audio", "train", "--device", "gpu"], "--device gpu: not usable here (Expected one of"),
        (["--audio", "train", "--subtitles", "a", "--utterances", "b"], "give either --subtitles"),
        (["--audio", "train", "--subtitles", "a.srt"], "a.srt: cannot be read: No such file"),
    ],
)
def test_bad_options_are_one_sentence(
    ariigcn: Callable, film: Path, tmp_path: Path, options: list[str], sentence: str
) -> None:
    outcome = ariigcn("extract", film, "--out", tmp_path / "data", *options)
    assert outcome.code == 2
    assert sentence in outcome.err.splitlines()[-1]
    assert not (tmp_path / "data").exists()


def test_text_is_encoded_where_nothing_is_said(
    ariigcn: Callable,
    film: Path,
    roberta: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("ariigcn_dgl.cli.extract.default_text", lambda: str(roberta))
    outcome = ariigcn("extract", film, "--out", tmp_path / "data")
    assert "none of --text, --audio and --visual is given: --text " in outcome.err
    assert "4 utterances of 1 dialogues, text (12): " in outcome.out


def test_nothing_to_encode_by_is_one_sentence(
    refused: Callable, film: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ariigcn_dgl.cli.extract.default_text", lambda: None)
    sentence = refused("extract", film, "--out", tmp_path / "data")
    assert sentence.startswith("give at least one of --text, --audio and --visual, what makes fea")
    assert sentence.endswith('pip install "ariigcn_dgl[text]"')
