"""Reading files within limits, and writing them so that they are whole or not there."""

from __future__ import annotations

import codecs
import contextlib
import csv
import errno
import fcntl
import hashlib
import json
import os
import re
import shutil
import stat
import uuid
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO
from unicodedata import normalize

from safetensors import SafetensorError

from ariigcn_dgl.errors import InputError
from ariigcn_dgl.escape import spreadsheet
from ariigcn_dgl.read_limits import ADVICE, allowed

_CHUNK_BYTES = 1 << 20
_LARGEST_TEXT = 1 << 30  # bytes; a table of ten million utterances
_OTHER_KINDS = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)
SCRATCH = re.compile(r"\.(.+)\.[0-9a-f]{32}\.tmp", re.DOTALL)  # names that `replacing` makes


@contextlib.contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path, to be made a file or a folder, renamed to `path` if all goes well.

    What was written is on the disk before it is renamed, and the name after it: when the block has
    ended, not even a loss of power takes it back. Files are readable by whom the umask says. A link
    at `path` is replaced, not followed. A process that is killed meanwhile leaves a hidden folder
    beside `path`, which the next one that is to write the same path removes.

    Raises
    ------
    InputError
        If it cannot be written: no space, no permission, no such folder, no place for a file.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with replacing(Path(folder) / "a.txt") as scratch:
    ...         _ = scratch.write_text("whole")
    ...     (Path(folder) / "a.txt").read_text()
    'whole'
    """
    path = Path(path)
    _refuse_other_kinds(path)
    home = path.with_name(f".{path.name}.{uuid.uuid4().hex}.tmp")
    scratch = home / path.name
    try:
        sweep_beside(path)
        with _alive_in(home):
            yield scratch
            _settle(scratch)
            os.replace(scratch, path)
            _sync(path.parent)
    except InputError as error:  # about a file in a folder: by the name that it was to have
        raise InputError(str(error).replace(str(scratch), str(path))) from error
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror or error}") from error
    except SafetensorError as error:  # safetensors' OSError
        raise InputError(f"{path}: cannot be written: {error}") from error
    finally:
        try:
            _remove(home)
        except KeyboardInterrupt:  # in the middle of it
            _remove(home)
            raise


@contextlib.contextmanager
def passing_folder(path: Path) -> Iterator[Path]:
    """Yield a hidden folder beside a path, for this user alone, that goes when the block ends.

    What a process leaves that is killed meanwhile, the next one removes that names the same path.

    Raises
    ------
    InputError
        If it cannot be made.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as name:
    ...     with passing_folder(Path(name) / "work") as folder:
    ...         _ = (folder / "a.txt").write_text("passing")
    ...     list(Path(name).iterdir())
    []
    """
    home = path.with_name(f".{path.name}.{uuid.uuid4().hex}.tmp")
    try:
        sweep_beside(path)
        with _alive_in(home):
            home.chmod(0o700)
            yield home
    except OSError as error:
        raise InputError(f"{home}: cannot be written: {error.strerror or error}") from error
    finally:
        _remove(home)


@contextlib.contextmanager
def _alive_in(home: Path) -> Iterator[None]:
    """Make a folder; its lock tells others that a living process works in it."""
    with contextlib.ExitStack() as stack:
        while not home.is_dir():  # or another process took it for a dead one's, and removed it
            home.mkdir()
            with contextlib.suppress(OSError):  # as where folders cannot be locked: nobody sweeps
                fcntl.flock(stack.enter_context(_opened(home)), fcntl.LOCK_SH)
        yield


def sweep_beside(path: Path) -> None:
    """Remove what processes left that were killed while they wrote this path, and no others."""
    with contextlib.suppress(OSError):  # a folder that cannot be listed can be written to
        for home in scratches_of(path):
            with contextlib.suppress(OSError), _opened(home) as folder:
                fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
                _remove(home)


@contextlib.contextmanager
def _opened(folder: Path) -> Iterator[int]:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _settle(path: Path) -> None:
    """Give a new file, or all of a new folder, the usual permissions, and put it on the disk."""
    if path.is_dir():
        for one in path.iterdir():
            _settle(one)
    else:
        path.chmod(0o666 & ~_umask())  # some libraries keep what they write from everybody else
    _sync(path)


def _umask() -> int:
    mask = os.umask(0o077)  # there is no other way to ask
    os.umask(mask)
    return mask


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno != errno.EINVAL:  # a file system that knows no fsync of folders
            raise
    finally:
        os.close(descriptor)


def _remove(path: Path) -> None:
    """Remove a file or folder if that is possible: where nothing can be written, nothing is."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with contextlib.suppress(OSError):
            path.unlink(missing_ok=True)


def sweep(folder: Path) -> None:
    """Remove what processes that were killed in `replacing` left in a folder.

    Only while no other process can be writing there: under a lock.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     Path(folder, f".a.txt.{'0' * 32}.tmp").touch()
    ...     sweep(Path(folder))
    ...     list(Path(folder).iterdir())
    []
    """
    for path, _ in _scratches(folder):
        _remove(path)


def scratches_of(path: Path) -> list[Path]:
    """Return what `replacing` has made of a path, by this process or another, dead or alive."""
    return [scratch for scratch, name in _scratches(path.parent) if name == path.name]


def _scratches(folder: Path) -> list[tuple[Path, str]]:
    """Return what `replacing` has made in a folder, and the names it was to have in the end."""
    found = ((path, SCRATCH.fullmatch(path.name)) for path in folder.glob(".*.tmp"))
    return [(path, match[1]) for path, match in found if match]


def write_json(path: str | Path, content: Any) -> None:
    """Write JSON, whole or not at all."""
    write_text(path, json.dumps(content, indent=1, ensure_ascii=False) + "\n")


def write_text(path: str | Path, text: str) -> None:
    """Write text as UTF-8, whole or not at all."""
    with replacing(path) as scratch:
        scratch.write_text(text, encoding="utf-8")


def write_csv(path: str | Path, columns: Iterable[str], rows: Iterable[Iterable[Any]]) -> None:
    """Write a table that spreadsheets open without running anything, whole or not at all."""
    with replacing(path) as scratch, scratch.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(map(spreadsheet, row) for row in (columns, *rows))


def open_regular(path: str | Path) -> BinaryIO:
    """Open a file to read its bytes; what could block or never end is refused before any reading.

    Parameters
    ----------
    path : str or Path

    Raises
    ------
    InputError
        If the file cannot be opened, or is a folder, a pipe, a socket or a device.

    Examples
    --------
    >>> open_regular("/dev/null")
    Traceback (most recent call last):
    ariigcn_dgl.errors.InputError: /dev/null: is a device, expected a file
    """
    try:
        # A pipe that nobody writes to would block already when it is opened.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        raise InputError(f"{path}: cannot be read: {_reason(error)}") from error
    mode = os.fstat(descriptor).st_mode
    if stat.S_ISREG(mode):
        return os.fdopen(descriptor, "rb")
    os.close(descriptor)
    raise InputError(f"{path}: is {_kind(mode)}, expected a file")


def _kind(mode: int) -> str:
    return next((words for holds, words in _OTHER_KINDS if holds(mode)), "a socket")


def read_bytes(path: str | Path, largest: int) -> bytes:
    """Return the content of a file of at most `largest` bytes (before `allowed`).

    Raises
    ------
    InputError
        If the file cannot be read or is larger.
    """
    limit = allowed(largest)
    try:
        with open_regular(path) as file:
            content = file.read(limit + 1)
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {_reason(error)}") from error
    if len(content) > limit:
        raise _too_large(path, limit)
    return content


def _too_large(path: str | Path, limit: int) -> InputError:
    return InputError(f"{path}: is larger than {limit:,} bytes, the limit here; {ADVICE}")


def read_text(path: str | Path, largest: int = _LARGEST_TEXT) -> str:
    """Return the text of a UTF-8 file, with or without a byte order mark.

    Parameters
    ----------
    path : str or Path
    largest : int
        Bytes; a larger file is refused.

    Raises
    ------
    InputError
        If the file cannot be read, is no file, is too large or is not UTF-8.
    """
    try:
        return read_bytes(path, largest).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _no_utf8(path, error.start) from error


def _no_utf8(path: str | Path, byte: int) -> InputError:
    return InputError(f"{path}: byte {byte} is not UTF-8 text; save the file as UTF-8")


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)


def is_unicode(text: str) -> bool:
    r"""Whether text can be written to a file: JSON and pickles admit half a surrogate pair.

    Examples
    --------
    >>> is_unicode("Zoë"), is_unicode("\ud800")
    (True, False)
    """
    return writable(text) == text


def composed(text: str) -> str:
    """Return text whose accented letters are one sign each, as most keyboards write them.

    Examples
    --------
    >>> composed("Zoe\N{COMBINING DIAERESIS}") == "Zo\N{LATIN SMALL LETTER E WITH DIAERESIS}"
    True
    """
    return normalize("NFC", text)


def writable(name: str) -> str:
    r"""Return the name of a file with "?" for bytes that are no UTF-8.

    Examples
    --------
    >>> writable("iemocap"), writable("a\udcff")
    ('iemocap', 'a?')
    """
    return name.encode("utf-8", "replace").decode("utf-8")


def parse_json(text: str, where: str) -> dict[str, Any]:
    """Return the JSON object in `text`.

    Raises
    ------
    InputError
        If the text is not JSON, is JSON but not an object, or names something twice.
    """
    try:
        value = decode_json(text)
    except RepeatedNameError as error:
        raise InputError(f"{where}: {error}") from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"{where}: not valid JSON: {error}") from error
    if not isinstance(value, dict):
        raise InputError(f"{where}: expected a JSON object, found {type(value).__name__}")
    return value


class RepeatedNameError(ValueError):
    """A name that a JSON object has twice: what it says first would be lost."""


def decode_json(text: str) -> Any:
    """Return what a text says as JSON.

    Raises
    ------
    RepeatedNameError
        If an object names something twice.
    ValueError, RecursionError
        If it is not JSON.

    Examples
    --------
    >>> decode_json('{"a": 1, "a": 2}')
    Traceback (most recent call last):
    ariigcn_dgl.files.RepeatedNameError: 'a' is there twice in one object; leave one out
    """
    return _DECODER.decode(text)


def _fields(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise RepeatedNameError(f"'{twice}' is there twice in one object; leave one out")
    return fields


_DECODER = json.JSONDecoder(object_pairs_hook=_fields)  # made once: files have many lines


def read_json(
    path: str | Path, keys: Sequence[str] = (), expected_format: str | None = None
) -> dict[str, Any]:
    """Read a file that holds one JSON object.

    Parameters
    ----------
    path : str or Path
    keys : sequence of str
        That it must have.
    expected_format : str, optional
        What its ``format`` must be.

    Raises
    ------
    InputError
        If the file is missing, holds something else, lacks one of `keys` or has another format.
    """
    content = parse_json(read_text(Path(path)), str(path))
    # The format first: a file of another one rightly has other keys.
    if expected_format is not None:
        _refuse_without(content, ["format"], path)
        if (found := content["format"]) != expected_format:
            raise InputError(f"{path}: format is {found!r}, expected {expected_format!r}")
    _refuse_without(content, keys, path)
    return content


def _refuse_without(content: dict[str, Any], keys: Sequence[str], path: str | Path) -> None:
    for key in keys:
        if key not in content:
            raise InputError(f"{path}: damaged: lacks '{key}'")


def json_lines(path: str | Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield the number of each line of a file that is not blank, and the JSON object in it.

    Raises
    ------
    InputError
        If the file cannot be read, or a line is no JSON object; names the line.
    """
    # Not str.splitlines: it also splits at characters that JSON strings may hold, as U+2028.
    for number, line in enumerate(_text_lines(path), start=1):
        if line.strip():
            yield number, parse_json(line, f"{path}: line {number}")


def _text_lines(path: str | Path) -> Iterator[str]:
    """Yield the lines of what `read_text` would return, without all of it in memory."""
    limit, start = allowed(_LARGEST_TEXT), 0
    try:
        with open_regular(path) as file:
            if os.fstat(file.fileno()).st_size > limit:
                raise _too_large(path, limit)
            for line in file:
                mark = len(codecs.BOM_UTF8) * (start == 0 and line.startswith(codecs.BOM_UTF8))
                try:
                    yield line[mark:].decode("utf-8")
                except UnicodeDecodeError as error:
                    raise _no_utf8(path, start + mark + error.start) from error
                start += len(line)
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {_reason(error)}") from error


def refuse_taken(path: Path, way_out: str = "choose another name or remove it first") -> None:
    """Raise `InputError` if something is at the path already, be it a link that leads nowhere."""
    if os.path.lexists(path):
        raise InputError(f"{path}: exists already; {way_out}")


def refuse_no_place(path: str | Path) -> None:
    """Raise `InputError` where `replacing` could not put a file: no such folder, a device.

    For before a long computation; what writes the result checks again.
    """
    path = Path(path)
    _refuse_other_kinds(path)
    if not path.absolute().parent.is_dir():
        raise InputError(
            f"{path}: cannot be written: No such file or directory: create {path.parent} first"
        )


def _refuse_other_kinds(path: Path) -> None:
    """Raise where renaming something to the path would take the place of what is no file."""
    # /dev/stdout and /dev/fd/1 may lead to a file, and are not to become one themselves.
    folder = path.absolute().parent.resolve()
    if folder == Path("/dev") or folder.is_relative_to("/proc"):
        raise InputError(f"{path}: is a device, expected the name of a file")
    with contextlib.suppress(OSError):  # nothing there yet
        mode = path.stat().st_mode
        if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
            raise InputError(f"{path}: is {_kind(mode)}, expected the name of a file")


def refuse_existing(path: Path) -> None:
    """Raise `InputError` if something is at the path already, or the folder it is to lie in is not.

    For before a long computation; what writes the result checks again.
    """
    sweep_beside(path)
    refuse_taken(path)
    refuse_no_place(path)


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file's bytes, 64 hexadecimal digits.

    Raises
    ------
    InputError
        If it cannot be opened or is no file.
    """
    digest = hashlib.sha256()
    with open_regular(path) as file:
        while chunk := file.read(_CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


def make_folder(path: Path) -> None:
    """Make a folder and its parents, where they are not there; InputError if that cannot be."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{path}: cannot be created: {error.strerror}") from error


def remove_file(path: Path) -> None:
    """Remove a file, where it is there; InputError if that cannot be."""
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise InputError(f"{path}: cannot be removed: {error.strerror}") from error
