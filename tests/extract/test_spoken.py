"""Utterances of tables and folders, and of recordings that do not fit them."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from unicodedata import normalize

import numpy as np
import pytest

from ariigcn_dgl.errors import InputError
from ariigcn_dgl.extract.assemble import outline, with_features
from ariigcn_dgl.extract.features import Encoders, extract
from ariigcn_dgl.extract.log_mel import log_mel
from ariigcn_dgl.extract.recordings import perceive
from ariigcn_dgl.extract.spoken import Spoken, from_table
from ariigcn_dgl.extract.spoken_folder import from_folder
from ariigcn_dgl.extract.spoken_transcript import from_subtitles
from ariigcn_dgl.extract.text import TextEncoder
from ariigcn_dgl.extract.visual import VisualEncoder

SCENES = [(1.0, 200.0, (200, 30, 30)), (1.0, 400.0, (30, 200, 30))]
SUBTITLE = "00:00.000 --> 00:01.000\nANN: Hi\n"


@pytest.fixture(scope="module")
def film(record: Callable, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return two seconds of sound and pictures."""
    return record(tmp_path_factory.mktemp("film") / "film.mp4", SCENES)


@pytest.fixture(scope="module")
def see(densenet: Path) -> VisualEncoder:
    """Return a visual encoder that looks twice."""
    return VisualEncoder(densenet, pictures=2)


def _spoken(film: Path, *times: tuple[float, float]) -> list[Spoken]:
    return [Spoken(film, "d", f"d_{n}", "A", *time, "words") for n, time in enumerate(times)]


def _table(folder: Path, text: str, name: str = "u.csv") -> Path:
    (folder / name).write_text(text)
    return folder / name


def test_table_is_read_with_its_defaults(tmp_path: Path) -> None:
    for name in ("a.mp4", "b.wav"):
        (tmp_path / name).touch()
    path = _table(
        tmp_path,
        "Dialogue,speaker,file,start,end,text,label,split,mood\n"
        'x,Ann,a.mp4,1.5,"00:01:02,250",  Hello   you ,joy,train,9\n'
        "x,Bob,b.wav,,,,,train,9\n",
    )
    first, second = from_table(path, tmp_path)
    assert first == Spoken(
        tmp_path / "a.mp4", "x", "x_0", "Ann", 1.5, 62.25, "Hello you", "joy", "train"
    )
    assert second == Spoken(tmp_path / "b.wav", "x", "x_1", "Bob", 0, math.inf, "", "", "train")


@pytest.mark.parametrize("name", ["u.csv", "u.CSV", "u.tsv", "u.txt"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_table_of_any_separator(tmp_path: Path, name: str, separator: str) -> None:
    (tmp_path / "a.wav").touch()
    rows = (("file", "dialogue", "speaker", "start"), ("a.wav", "x", "Ann", "0.5"))
    path = _table(tmp_path, "".join(separator.join(row) + "\n" for row in rows), name)
    assert from_table(path, tmp_path)[0].start == 0.5


def test_times_may_have_a_decimal_comma(tmp_path: Path) -> None:
    (tmp_path / "a.wav").touch()
    path = _table(tmp_path, "file;dialogue;speaker;start;end\na.wav;x;Ann;0,5;1,25\n")
    (one,) = from_table(path, tmp_path)
    assert (one.start, one.end) == (0.5, 1.25)


def test_half_of_the_times_is_told(tmp_path: Path, notes: list[str]) -> None:
    (tmp_path / "a.wav").touch()
    rows = "x,Ann,a.wav,0,1\nx,Ann,a.wav,1,\nx,Ann,a.wav,,3\nx,Ann,a.wav,2,\nx,Ann,a.wav,,\n"
    path = _table(tmp_path, f"dialogue,speaker,file,start,end\n{rows}")
    found = from_table(path, tmp_path, notes.append)
    assert [(one.start, one.end) for one in found[1:3]] == [(1, math.inf), (0, 3)]
    assert notes == [
        f"{path}: line 3: dialogue 'x': has no end, as 2 rows in all: they last to the end of "
        "the recording",
        f"{path}: line 4: dialogue 'x': has no start, as 1 rows in all: they begin with "
        "the recording",
    ]


def test_table_of_an_unknown_kind_is_named(tmp_path: Path) -> None:
    path = _table(tmp_path, "", "u.xlsx")
    with pytest.raises(InputError, match=r"u\.xlsx: a table of an unknown kind '\.xlsx'"):
        from_table(path, tmp_path)


def test_table_of_one_recording_needs_no_file(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").touch()
    path = _table(tmp_path, '{"dialogue": 1, "speaker": 2, "utterance": "u"}\n', "u.jsonl")
    (spoken,) = from_table(path, tmp_path / "a.mp4")
    assert (spoken.recording, spoken.dialogue, spoken.name) == (tmp_path / "a.mp4", "1", "u")


@pytest.mark.parametrize(
    ("row", "sentence"),
    [
        ("x,Ann,no.mp4,0,1", r"line 2: dialogue 'x': file: .*no\.mp4 does not exist"),
        ("x,Ann,,0,1", "line 2: file is empty"),
        ("x,,a.mp4,0,1", "line 2: speaker is empty"),
        ("x,Ann,a.mp4,2,1", "line 2: dialogue 'x': ends at 1 s, before it starts at 2 s"),
        ("x,Ann,a.mp4,-1,1", "line 2: dialogue 'x': start is '-1', expected seconds or 00:01"),
        ("x,Ann,a.mp4,0,nan", "line 2: dialogue 'x': end is 'nan', expected seconds"),
        ("x,Ann,a.mp4,soon,1", "line 2: dialogue 'x': start is 'soon', expected seconds"),
        ("x,Ann,a.mp4,1:99:00,1", "line 2: dialogue 'x': start is '1:99:00', expected seconds"),
        ("x,Ann,a.mp4,0,1\ny,Ann,a.mp4,0,1\nx,Ann,a.mp4,0,1", "line 4: .* comes back after"),
        ("", "holds no utterance"),
    ],
)
def test_bad_row_is_named_with_its_line(tmp_path: Path, row: str, sentence: str) -> None:
    (tmp_path / "a.mp4").touch()
    path = _table(tmp_path, f"dialogue,speaker,file,start,end\n{row}\n")
    with pytest.raises(InputError, match=rf"u\.csv: {sentence}"):
        from_table(path, tmp_path)


def test_names_that_differ_in_how_accents_are_written_are_one(tmp_path: Path) -> None:
    apart = normalize("NFD", "Zoë")
    (tmp_path / f"{apart}.mp4").touch()
    rows = f"x,Zoë,Zoë.mp4,0,1,É\nx,{apart},{apart}.mp4,1,2,{normalize('NFD', 'É')}"
    found = from_table(
        _table(tmp_path, f"dialogue,speaker,file,start,end,label\n{rows}\n"), tmp_path
    )
    assert {(one.speaker, one.label) for one in found} == {("Zoë", "É")}
    assert all(one.recording.is_file() for one in found)


def test_utterance_without_times_is_not_heard() -> None:
    one = Spoken(Path("a.mp4"), "a", "a_0", "Ann", None, None, "Hi")
    with pytest.raises(InputError, match=r"a\.mp4: when the utterance 'a_0' is said is not known"):
        _ = one.times


def test_folder_of_pairs(tmp_path: Path, notes: list[str]) -> None:
    for name in ("b.mp4", "a.wav", "c.mkv", "other.txt"):
        (tmp_path / name).touch()
    (tmp_path / "b.srt").write_text(SUBTITLE)
    (tmp_path / "a.vtt").write_text("WEBVTT\n\n" + SUBTITLE)
    spoken = from_folder(tmp_path, notes.append)
    assert [one.name for one in spoken] == ["a_0", "b_0"]
    assert notes[:2] == [
        f"{tmp_path / 'c.mkv'}: has no subtitles beside it; left out",
        f"{tmp_path}: 1 of 3 transcripts are left out, which have the name of no recording: the "
        "first is other.txt",
    ]


def test_folders_in_a_folder_of_pairs_are_named(tmp_path: Path, notes: list[str]) -> None:
    (tmp_path / "more").mkdir()
    (tmp_path / "empty").mkdir()
    for name in ("a.mp4", "more/b.mp4"):
        (tmp_path / name).touch()
    for name in ("a.srt", "a.en.srt"):  # the second one goes with the recording, too
        (tmp_path / name).write_text(SUBTITLE)
    from_folder(tmp_path, notes.append)
    assert notes[:-1] == [
        f"{tmp_path}: what lies in folders of it is left out, though transcripts or recordings are "
        "there: 1 folders, the first is more"
    ]


def test_two_recordings_of_one_name_are_named(tmp_path: Path, notes: list[str]) -> None:
    for name in ("a.mp4", "a.wav"):
        (tmp_path / name).touch()
    (tmp_path / "a.srt").write_text(SUBTITLE)
    with pytest.raises(InputError, match=r"a\.mp4: has the same name as a\.wav, expected one"):
        from_folder(tmp_path, notes.append)


def test_folder_without_pairs_is_named(tmp_path: Path, notes: list[str]) -> None:
    (tmp_path / "a.mp4").touch()
    with pytest.raises(InputError, match="holds no recording with subtitles beside it"):
        from_folder(tmp_path, notes.append)


def test_recording_without_subtitles_is_named(tmp_path: Path, notes: list[str]) -> None:
    (tmp_path / "a.mp4").touch()
    with pytest.raises(InputError, match=r"no subtitles beside it \(a\.srt or \.vtt\): name them"):
        from_subtitles(tmp_path / "a.mp4", None, notes.append)


def test_everything_is_perceived(film: Path, see: VisualEncoder, notes: list[str]) -> None:
    spoken = _spoken(film, (0.0, 1.0), (0.5, 1.5), (1.0, 2.0), (0.0, math.inf))
    red, both, green, whole = perceive(film, spoken, log_mel, see, notes.append)
    assert notes == []
    assert len(red.heard) == len(both.heard) == len(green.heard)
    assert len(whole.heard) > 1.9 * len(red.heard)
    np.testing.assert_allclose(both.visual, (red.visual + green.visual) / 2, rtol=0.05, atol=0.02)
    assert np.abs(red.visual - green.visual).max() > 0.05


def test_utterance_past_the_end_goes_to_the_end(
    film: Path, see: VisualEncoder, notes: list[str]
) -> None:
    (one,) = perceive(film, _spoken(film, (1.5, 60.0)), log_mel, see, notes.append)
    assert 10 < len(one.heard) < 60
    (same,) = perceive(film, _spoken(film, (1.5, 2.0)), log_mel, see, notes.append)
    np.testing.assert_allclose(one.visual, same.visual, atol=1e-2)


@pytest.mark.parametrize("hear", [True, False])
def test_utterance_behind_the_end_is_refused(
    film: Path, see: VisualEncoder, notes: list[str], hear: bool
) -> None:
    spoken = _spoken(film, (0.0, 1.0), (5.0, 6.0))
    with pytest.raises(InputError, match=r"film\.mp4: ends before the utterance 'd_1' begins at 5"):
        perceive(film, spoken, log_mel if hear else None, see, notes.append)


def test_utterance_of_no_length_is_seen_but_not_heard(
    film: Path, see: VisualEncoder, notes: list[str]
) -> None:
    (one,) = perceive(film, _spoken(film, (0.5, 0.5)), log_mel, see, notes.append)
    assert (one.heard, one.visual.shape) == (None, (9,))
    assert notes == [f"{film}: 1 utterances have no sound: too short, or after it ends"]


def test_recording_cut_short_is_refused_where_utterances_are_lost(
    record: Callable, tmp_path: Path, see: VisualEncoder, notes: list[str]
) -> None:
    path = record(tmp_path / "cut.mkv", SCENES * 3)
    spoken = _spoken(path, *((float(n), n + 1.0) for n in range(6)))
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(InputError, match=r"cut\.mkv: the sound .*\(the file ends early\)"):
        perceive(path, spoken, log_mel, see, notes.append)


def test_modalities_that_are_missing_are_zero_and_masked(
    film: Path, roberta: Path, see: VisualEncoder, notes: list[str]
) -> None:
    spoken = _spoken(film, (0.0, 1.0), (1.0, 2.0))
    spoken[1] = Spoken(film, "d", "d_1", "B", 1.0, 2.0, "")
    found = extract("set", spoken, Encoders(TextEncoder(roberta), None, see), notes.append)
    dialogues = found.dialogues
    assert dialogues.masks["text"].tolist() == [True, False]
    assert dialogues.masks["visual"].tolist() == [True, True]
    assert not dialogues.features["text"][1].any()
    assert dialogues.speaker_names == ("A", "B")


def test_text_alone_needs_no_recording(roberta: Path, notes: list[str], tmp_path: Path) -> None:
    spoken = _spoken(tmp_path / "nowhere.mp4", (0.0, 1.0))
    found = extract("set", spoken, Encoders(text=TextEncoder(roberta)), notes.append)
    assert found.dialogues.widths == {"text": 12}


def test_damaged_recording_is_refused_before_the_others_are_encoded_or_skipped(
    film: Path, roberta: Path, see: VisualEncoder, notes: list[str], tmp_path: Path
) -> None:
    (tmp_path / "bad.mp4").write_bytes(film.read_bytes()[:2000])
    bad = Spoken(tmp_path / "bad.mp4", "e", "e_0", "A", 0.0, 1.0, "words")
    spoken, encoders = [*_spoken(film, (0.0, 1.0)), bad], Encoders(TextEncoder(roberta), None, see)
    with pytest.raises(InputError, match=r"bad\.mp4: cannot be decoded"):
        extract("set", spoken, encoders, notes.append)
    found = extract("set", spoken, encoders, notes.append, skip_damaged=True).dialogues
    assert found.masks["visual"].tolist() == [True, False]
    assert found.masks["text"].tolist() == [True, True]
    assert notes[-2].startswith(f"{tmp_path / 'bad.mp4'}: cannot be decoded: ")
    assert notes[-1].endswith(f"are missing: {tmp_path / 'bad.mp4'}")
    assert notes[-2].endswith("; its sound and pictures count as missing")


def test_nothing_to_work_from_is_named(
    record: Callable, tmp_path: Path, see: VisualEncoder, notes: list[str]
) -> None:
    path = record(tmp_path / "a.wav", SCENES, pictures=False)
    with pytest.raises(InputError, match="set: no utterance has any of visual"):
        extract("set", _spoken(path, (0.0, 1.0)), Encoders(visual=see), notes.append)
    assert notes == [f"{path}: has no pictures; visual counts as missing"]


def _labelled(*rows: tuple[str, str, str]) -> list[Spoken]:
    return [
        Spoken(Path("f"), dialogue, f"u{n}", "A", 0.0, 1.0, "", label, split)
        for n, (dialogue, label, split) in enumerate(rows)
    ]


def test_splits_are_those_named_and_val_is_taken_from_train() -> None:
    rows = [(f"d{n}", "ab"[n % 2], "test" if n == 3 else "train") for n in range(6)]
    dialogues = outline("set", _labelled(*rows))
    assert dialogues.splits[3] == "test"
    assert dialogues.splits.count("val") == 1
    assert dialogues.label_names == ("a", "b")


def test_without_splits_labelled_dialogues_are_divided() -> None:
    dialogues = outline("set", _labelled(*((f"d{n}", "a", "") for n in range(10))))
    assert sorted(dialogues.splits) == ["test"] + ["train"] * 8 + ["val"]


@pytest.mark.parametrize("split", ["", "val"])
def test_two_splits_in_a_dialogue_are_named(split: str) -> None:
    rows = [("d", "a", "train"), ("d", "b", split)]
    with pytest.raises(
        InputError, match=rf"dialogue 'd': the utterance 'u1' has the split '{split}"
    ):
        outline("set", _labelled(*rows))


def test_features_that_are_not_finite_are_named() -> None:
    dialogues = outline("set", _labelled(("d", "", ""), ("d", "", "")))
    features = {"text": np.array([[0.0], [np.nan]], np.float32)}
    with pytest.raises(InputError, match="set: text: dialogue 'd', utterance 'u1' has nan in col"):
        with_features(dialogues, features, {"text": np.ones(2, bool)})
