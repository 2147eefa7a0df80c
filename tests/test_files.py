"""Files are whole or not there; what cannot be read or written is named."""

from __future__ import annotations

import errno
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from safetensors import SafetensorError

from ariigcn_dgl.errors import InputError
from ariigcn_dgl.files import (
    json_lines,
    make_folder,
    open_regular,
    parse_json,
    read_json,
    read_text,
    refuse_existing,
    refuse_no_place,
    refuse_taken,
    replacing,
    scratches_of,
    sweep,
    write_json,
)
from ariigcn_dgl.read_limits import allowed


def test_file_appears_when_the_block_ends(tmp_path: Path) -> None:
    with replacing(tmp_path / "a") as scratch:
        scratch.write_text("whole")
        assert not (tmp_path / "a").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_folder_appears_when_the_block_ends(tmp_path: Path) -> None:
    with replacing(tmp_path / "a") as scratch:
        scratch.mkdir()
        (scratch / "b").touch()
    assert (tmp_path / "a" / "b").exists()


@pytest.mark.parametrize("make", [Path.touch, Path.mkdir])
def test_failed_block_leaves_the_old_file_alone(tmp_path: Path, make: object) -> None:
    (tmp_path / "a").write_text("old")

    def fail() -> None:
        with replacing(tmp_path / "a") as scratch:
            make(scratch)
            raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        fail()
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
    assert (tmp_path / "a").read_text() == "old"


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)), "No space left on device"),
        (OSError("odd"), "odd"),
        (SafetensorError("I/O error: No space left on device"), "I/O error: No space left"),
    ],
)
def test_full_disk_names_the_file_and_leaves_nothing(
    tmp_path: Path, error: Exception, reason: str
) -> None:
    def fail() -> None:
        with replacing(tmp_path / "a") as scratch:
            scratch.write_text("half")
            raise error

    with pytest.raises(InputError, match=f"/a: cannot be written: {reason}"):
        fail()
    assert list(tmp_path.iterdir()) == []


def test_folder_that_nothing_can_be_removed_from_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr(Path, "unlink", refuse)
    monkeypatch.setattr(Path, "write_text", refuse)
    with pytest.raises(InputError, match=r"/a\.json: cannot be written: Read-only file system"):
        write_json(tmp_path / "a.json", {})


def test_file_in_a_folder_is_named_as_it_was_to_be(tmp_path: Path) -> None:
    def fail() -> None:
        with replacing(tmp_path / "a") as scratch:
            scratch.mkdir()
            write_json(scratch / "b" / "c.json", {})

    with pytest.raises(InputError, match=f"^{tmp_path}/a/b/c.json: cannot be written: No such"):
        fail()


@pytest.fixture
def synced(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the names of what is put on the disk, and of what is renamed, in order."""
    done: list[str] = []
    sync, replace = os.fsync, os.replace

    def spy_sync(descriptor: int) -> None:
        done.append(Path(os.readlink(f"/proc/self/fd/{descriptor}")).name[:3])
        sync(descriptor)

    def spy_replace(source: Path, target: Path) -> None:
        done.append("rename")
        replace(source, target)

    monkeypatch.setattr(os, "fsync", spy_sync)
    monkeypatch.setattr(os, "replace", spy_replace)
    return done


def test_file_is_on_the_disk_before_its_name_is(tmp_path: Path, synced: list[str]) -> None:
    write_json(tmp_path / "a", {})
    assert synced == ["a", "rename", tmp_path.name[:3]]


def test_folder_is_on_the_disk_before_its_name_is(tmp_path: Path, synced: list[str]) -> None:
    with replacing(tmp_path / "a") as scratch:
        scratch.mkdir()
        (scratch / "b").touch()
    assert synced == ["b", "a", "rename", tmp_path.name[:3]]


@pytest.mark.parametrize("mask", [0o022, 0o077, 0o002])
def test_permissions_are_those_of_the_umask(tmp_path: Path, mask: int) -> None:
    before = os.umask(mask)
    try:
        with replacing(tmp_path / "a") as scratch:
            os.close(os.open(scratch, os.O_CREAT, mode=0o600))
    finally:
        os.umask(before)
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o666 & ~mask


def test_sweeping_removes_what_killed_processes_left_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / f".a.json.{'0' * 32}.tmp").touch()
    (tmp_path / f".b.{'f' * 32}.tmp").mkdir()
    kept = [".lock", "a.tmp", ".mine.tmp", f"a.{'0' * 32}.tmp", f".a.{'g' * 32}.tmp"]
    for name in kept:
        (tmp_path / name).touch()
    sweep(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(kept)


def test_scratches_of_a_path_are_not_those_of_another(tmp_path: Path) -> None:
    ours, theirs = (tmp_path / f".{name}.{'0' * 32}.tmp" for name in ("a", "a.b"))
    ours.touch()
    theirs.touch()
    assert scratches_of(tmp_path / "a") == [ours]


KILLED = """
import os, signal, sys
from pathlib import Path
from ariigcn_dgl.files import replacing
with replacing(sys.argv[1]) as scratch:
    scratch.write_text("half")
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def left_beside(tmp_path: Path) -> Path:
    """Return a path beside which a process that was killed has left what it wrote."""
    subprocess.run([sys.executable, "-c", KILLED, tmp_path / "a"], check=False)
    (left,) = tmp_path.iterdir()
    assert left.name.startswith(".a.")
    return tmp_path / "a"


def test_next_writer_removes_what_a_killed_one_left(left_beside: Path) -> None:
    write_json(left_beside, {})
    assert list(left_beside.parent.iterdir()) == [left_beside]


def test_refusing_a_file_that_exists_removes_what_a_killed_writer_left(left_beside: Path) -> None:
    left_beside.write_text("whole")
    with pytest.raises(InputError, match="exists already"):
        refuse_existing(left_beside)
    assert list(left_beside.parent.iterdir()) == [left_beside]


def test_scratch_of_a_living_writer_stays(tmp_path: Path) -> None:
    with replacing(tmp_path / "a") as scratch:
        scratch.write_text("first")
        write_json(tmp_path / "a", {})
    assert (tmp_path / "a").read_text() == "first"


def test_interrupted_removal_is_done_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    remove, removed = shutil.rmtree, []

    def interrupted_once(path: Path, **options: object) -> None:
        removed.append(path)
        if len(removed) == 1:
            raise KeyboardInterrupt
        remove(path, **options)

    monkeypatch.setattr("ariigcn_dgl.files.shutil.rmtree", interrupted_once)
    with pytest.raises(KeyboardInterrupt):
        write_json(tmp_path / "a", {})
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


@pytest.mark.parametrize(
    ("make", "kind"),
    [
        (os.mkfifo, "a pipe"),
        (lambda path: path.symlink_to("/dev/null"), "a device"),
    ],
)
def test_what_is_no_file_is_not_replaced(make: object, kind: str, tmp_path: Path) -> None:
    make(tmp_path / "a")
    with pytest.raises(InputError, match=f"/a: is {kind}, expected the name of a file"):
        write_json(tmp_path / "a", {})
    assert not (tmp_path / "a").is_file()
    assert os.listdir(tmp_path) == ["a"]


@pytest.mark.parametrize("name", ["/dev/null", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"])
def test_devices_are_refused_before_long_work(name: str) -> None:
    with pytest.raises(InputError, match=f"^{name}: is a device, expected the name of a file"):
        refuse_no_place(name)


def test_a_link_to_a_file_is_replaced_and_the_file_kept(tmp_path: Path) -> None:
    (tmp_path / "old").write_text("old")
    (tmp_path / "a").symlink_to(tmp_path / "old")
    write_json(tmp_path / "a", {})
    assert not (tmp_path / "a").is_symlink()
    assert (tmp_path / "old").read_text() == "old"


def test_other_errors_pass_through(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match=r"^mine, about writing$"), replacing(tmp_path / "a"):
        raise RuntimeError("mine, about writing")


def test_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"/b/a\.json: cannot be written: No such file"):
        write_json(tmp_path / "b" / "a.json", {})


def test_json_comes_back(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", {"größe": [1, 2.5, None]})
    assert read_json(tmp_path / "a.json", keys=["größe"]) == {"größe": [1, 2.5, None]}
    assert "größe" in (tmp_path / "a.json").read_text(encoding="utf-8")


def test_json_that_lacks_a_key_is_named(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", {"b": 1})
    with pytest.raises(InputError, match=r"/a\.json: damaged: lacks 'c'$"):
        read_json(tmp_path / "a.json", keys=["b", "c"])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "not valid JSON"),
        ("", "not valid JSON"),
        ("[" * 100_000, "not valid JSON"),
        ("[1]", "expected a JSON object, found list"),
        ('{"a": {"b": 1, "b": 2}}', "'b' is there twice in one object; leave one out"),
    ],
)
def test_text_that_is_no_json_object_is_named(text: str, words: str) -> None:
    with pytest.raises(InputError, match=f"^here: {words}"):
        parse_json(text, "here")


def test_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="/a: cannot be read: No such file"):
        read_text(tmp_path / "a")


def test_file_that_is_no_text_is_named(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"ab\xff")
    with pytest.raises(InputError, match="/a: byte 2 is not UTF-8 text"):
        read_text(tmp_path / "a")


@pytest.mark.parametrize(
    ("make", "kind"),
    [
        (Path.mkdir, "a folder"),
        (os.mkfifo, "a pipe"),
        (lambda path: path.symlink_to("/dev/zero"), "a device"),
        (lambda path: path.symlink_to("/"), "a folder"),
    ],
)
def test_what_is_no_file_is_refused_unread(make: object, kind: str, tmp_path: Path) -> None:
    make(tmp_path / "a")
    with pytest.raises(InputError, match=f"/a: is {kind}, expected a file"):
        open_regular(tmp_path / "a")


def test_name_with_a_nul_is_refused() -> None:
    with pytest.raises(InputError, match="cannot be read: embedded null byte"):
        open_regular("a\0b")


def test_text_beyond_the_limit_is_refused_with_the_way_out(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("x" * 11)
    with pytest.raises(InputError, match=r"larger than 10 bytes, .* ARIIGCN_READ_LIMIT=10"):
        read_text(tmp_path / "a", largest=10)


def test_limit_is_raised_by_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ARIIGCN_READ_LIMIT", "1.5")
    (tmp_path / "a").write_text("x" * 15)
    assert read_text(tmp_path / "a", largest=10) == "x" * 15


@pytest.mark.parametrize("text", ["x", "0", "-1", "nan", "inf", ""])
def test_factor_of_the_limits_is_a_positive_number(
    text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ARIIGCN_READ_LIMIT", text)
    with pytest.raises(InputError, match=f"ARIIGCN_READ_LIMIT: is '{text}', expected a positive"):
        allowed(1)


@pytest.mark.parametrize("letter", ["\u2028", "\u2029", "\x85", "\x0b", "\x0c", "\x1c", "\x1e"])
def test_line_of_json_may_hold_what_other_texts_end_lines_with(letter: str, tmp_path: Path) -> None:
    lines = [json.dumps({"a": f"b{letter}c"}, ensure_ascii=False), "", '{"a": 1}']
    (tmp_path / "a").write_text("\n".join(lines), encoding="utf-8")
    assert list(json_lines(tmp_path / "a")) == [(1, {"a": f"b{letter}c"}), (3, {"a": 1})]


def test_line_that_is_no_json_is_named(tmp_path: Path) -> None:
    (tmp_path / "a").write_text('{"a": 1}\n{')
    with pytest.raises(InputError, match="/a: line 2: not valid JSON"):
        list(json_lines(tmp_path / "a"))


def test_byte_order_mark_is_no_text(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"\xef\xbb\xbfab")
    assert read_text(tmp_path / "a") == "ab"


def test_folder_is_made_with_its_parents(tmp_path: Path) -> None:
    make_folder(tmp_path / "a" / "b")
    assert (tmp_path / "a" / "b").is_dir()


def test_path_that_is_taken_is_refused_with_the_way_out(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"exists already; choose another name or remove it"):
        refuse_taken(tmp_path)


def test_dangling_link_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to(tmp_path / "nowhere")
    with pytest.raises(InputError, match="exists already"):
        refuse_taken(tmp_path / "a")


def test_folder_below_a_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "a").touch()
    with pytest.raises(InputError, match="/a/b: cannot be created: Not a directory"):
        make_folder(tmp_path / "a" / "b")
