"""A name of the Hugging Face hub becomes a folder on this machine, pinned to a commit.

Files go to the cache that all programs share, by `huggingface_hub` itself, which knows the
variables ``HF_HOME``, ``HF_ENDPOINT``, ``HF_HUB_OFFLINE`` and ``HF_TOKEN``. Weights come as
safetensors, beside the text files of configuration and tokenizer; no pickle and no code is
downloaded.
"""

from __future__ import annotations

import json
import re
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from ariigcn_dgl.errors import InputError
from ariigcn_dgl.extract.hub_errors import Wanted, sentence
from ariigcn_dgl.extract.source import CARD, Source, licence_of
from ariigcn_dgl.notes import Note
from ariigcn_dgl.optional import require

WEIGHTS, INDEX = "model.safetensors", "model.safetensors.index.json"
# Configuration, tokenizers (.txt, .model, .spm: vocabularies), the card, and weights at the root:
# other folders hold the same model for other programs, or in another precision.
PATTERNS = ("*.json", "*.txt", "*.model", "*.spm", CARD, WEIGHTS, "model-*-of-*.safetensors")
IN_FOLDERS = ("*/*",)
CONVERTER = "SFconvertbot"  # the hub's own; it offers safetensors as a pull request
WORD, AT_REVISION = r"\w[\w.-]*", r"(?:@(?P<revision>\w[\w./-]*))?"
_NAME = re.compile(rf"(?P<repo>{WORD}(?:/{WORD})?){AT_REVISION}")
_FILE = re.compile(r"\.(pth?|bin|safetensors|onnx|zip)$")


def locate(name: str, option: str, note: Note, offline: bool = False) -> Source:
    """Return where an encoder's files are, downloaded where they were not.

    Parameters
    ----------
    name : str
        A folder or file that exists, else a repository of the hub: ``roberta-large``,
        ``sentence-transformers/all-mpnet-base-v2``, or either with ``@revision`` (a branch, a tag
        or a commit).
    option : str
        What named it, as ``--text``, for messages.
    note : callable
        Gets a sentence about which commit of the hub is used.
    offline : bool
        Use what is in the cache; nothing is asked for.

    Raises
    ------
    InputError
        If there is no such thing, or it cannot be had.

    Examples
    --------
    >>> locate("nowhere/weights.pth", "--visual", print)
    Traceback (most recent call last):
    ariigcn_dgl.errors.InputError: --visual nowhere/weights.pth: no such file or folder
    """
    if Path(name).exists():
        return Source.of_path(Path(name), name)
    found = _NAME.fullmatch(name)
    if not found or _FILE.search(name):
        raise InputError(f"{option} {name}: no such file or folder")
    return fetch(name, found["repo"], found["revision"], option, note, offline)


def fetch(
    name: str, repo: str, revision: str | None, option: str, note: Note, offline: bool = False
) -> Source:
    """Return the snapshot of a repository of the hub; see `locate`.

    Parameters
    ----------
    name : str
        As it was given, for the record.
    repo : str
    revision : str or None
        Branch, tag or commit; None: the main branch.
    """
    asked = f"{option} {repo}" + (f"@{revision}" if revision else "")
    wanted = Wanted(asked, repo, revision, is_offline(offline))
    folder = snapshot(wanted, PATTERNS)
    if not _has_weights(folder):
        wanted = replace(wanted, revision=_converted(wanted))
        note(
            f"{asked}: has no safetensors of its own; taken from {wanted.revision}, the hub's own "
            f"conversion ({CONVERTER})"
        )
        folder = snapshot(wanted, PATTERNS)
    _refuse_partial(asked, folder)
    note(f"{asked}: of the hub, commit {folder.name[:12]}")
    return Source(name, folder, repo, folder.name, licence=licence_of(folder))


def library() -> Any:
    """Return `huggingface_hub`."""
    for part in ("constants", "errors"):  # the package itself loads them when it needs them
        require(f"huggingface_hub.{part}", "text")
    return require("huggingface_hub", "text")


def is_offline(offline: bool) -> bool:
    """Whether nothing may be asked for, by what was said or by the library's own variable."""
    return offline or bool(library().constants.HF_HUB_OFFLINE)


def snapshot(wanted: Wanted, patterns: Sequence[str], apart_from: Sequence[str] = ()) -> Path:
    """Return the folder of a commit in the cache, with the files of these names.

    Raises
    ------
    InputError
        If it cannot be had.
    """
    try:
        return Path(_download(wanted, patterns, apart_from))
    except Exception as error:  # the errors of two versions of httpx, and the operating system's
        raise InputError(sentence(error, library(), wanted)) from error


def listed(wanted: Wanted, pattern: str) -> list[str]:
    """Return the files of a repository, not those in folders of it, whose names are like this.

    Offline, and where the hub does not answer, those in the cache; nothing is downloaded.

    Raises
    ------
    InputError
        If that cannot be known.
    """
    found = None if wanted.offline else _online(wanted, pattern)
    if found is None:
        folder = snapshot(wanted, [pattern], IN_FOLDERS)
        found = [path.name for path in folder.glob(pattern)]
    return sorted(found)


def _online(wanted: Wanted, pattern: str) -> list[str] | None:
    """Return names of files on the hub; None where that fails, as it then does to `snapshot`."""
    hub = library()
    try:
        return [one.filename for one in _download(wanted, [pattern], IN_FOLDERS, True)]
    except hub.errors.DryRunError:
        return None
    except Exception as error:  # as above
        raise InputError(sentence(error, hub, wanted)) from error


def _download(
    wanted: Wanted, patterns: Sequence[str], apart_from: Sequence[str], dry_run: bool = False
) -> Any:
    with warnings.catch_warnings(), _quiet():
        warnings.simplefilter("ignore")  # of a disk that may be too small: it is, or it is not
        return library().snapshot_download(
            wanted.repo,
            revision=wanted.revision,
            allow_patterns=list(patterns),
            ignore_patterns=list(apart_from),
            local_files_only=wanted.offline,
            library_name="ariigcn_dgl",
            dry_run=dry_run,
        )


@contextmanager
def _quiet() -> Iterator[None]:
    """Show the library's progress bars in a terminal and nowhere else, its warnings nowhere."""
    utils = require("huggingface_hub.utils", "text")
    level, hidden = utils.logging.get_verbosity(), utils.are_progress_bars_disabled()
    utils.logging.set_verbosity_error()
    if not sys.stderr.isatty() and not hidden:
        utils.disable_progress_bars()
    try:
        yield
    finally:
        utils.logging.set_verbosity(level)
        if not hidden:
            utils.enable_progress_bars()


def _has_weights(folder: Path) -> bool:
    return (folder / WEIGHTS).exists() or (folder / INDEX).exists()


def _converted(wanted: Wanted) -> str:
    """Return the pull request that offers the weights as safetensors."""
    hub, offers = library(), []
    if not wanted.offline:
        asks = {"discussion_type": "pull_request", "discussion_status": "open"}
        try:
            offers = list(hub.HfApi().get_repo_discussions(wanted.repo, author=CONVERTER, **asks))
        except Exception as error:  # as above
            raise InputError(sentence(error, hub, wanted)) from error
    # By name, because a server may not know the question's author.
    offers = [x for x in offers if x.author == CONVERTER and "safetensors" in x.title]
    if offers:
        return f"refs/pr/{offers[0].num}"
    raise InputError(
        f"{wanted.asked}: has no {WEIGHTS}, and other weights can run code when they are read: "
        "take an encoder that has them, name a revision that has (NAME@refs/pr/1), or convert it "
        "(https://huggingface.co/spaces/safetensors/convert)"
    )


def _refuse_partial(asked: str, folder: Path) -> None:
    """Raise where parts of the weights are not there, as after a download that was stopped."""
    parts = {WEIGHTS}
    if (folder / INDEX).exists():
        try:
            parts = set(json.loads((folder / INDEX).read_text())["weight_map"].values())
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise InputError(f"{folder / INDEX}: damaged: {error}") from error
    missing = sorted(str(x) for x in parts if not (folder / str(x)).exists())
    if missing:
        raise InputError(
            f"{asked}: the copy in {folder} is not whole ({missing[0]} is missing): run it again "
            "with a network"
        )
