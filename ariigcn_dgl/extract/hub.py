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
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ariigcn_dgl.errors import InputError
from ariigcn_dgl.extract.hub_errors import sentence
from ariigcn_dgl.extract.notes import Note
from ariigcn_dgl.extract.source import CARD, Source, licence_of
from ariigcn_dgl.optional import require

WEIGHTS, INDEX = "model.safetensors", "model.safetensors.index.json"
# Configuration, tokenizers (.txt, .model, .spm: vocabularies), the card, and weights at the root:
# other folders hold the same model for other programs, or in another precision.
PATTERNS = ("*.json", "*.txt", "*.model", "*.spm", CARD, WEIGHTS, "model-*-of-*.safetensors")
CONVERTER = "SFconvertbot"  # the hub's own; it offers safetensors as a pull request
_NAME = re.compile(r"(?P<repo>[\w][\w.-]*(?:/[\w][\w.-]*)?)(?:@(?P<revision>[\w][\w./-]*))?")
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
    hub = require("huggingface_hub", "text")
    for part in ("constants", "errors"):  # the package itself loads them when it needs them
        require(f"huggingface_hub.{part}", "text")
    offline = offline or bool(hub.constants.HF_HUB_OFFLINE)
    asked = f"{option} {repo}" + (f"@{revision}" if revision else "")
    folder = _snapshot(hub, asked, repo, revision, offline)
    if not _has_weights(folder):
        revision = _converted(hub, asked, repo, folder, offline)
        note(
            f"{asked}: has no safetensors of its own; taken from {revision}, the hub's own "
            f"conversion ({CONVERTER})"
        )
        folder = _snapshot(hub, asked, repo, revision, offline)
    _refuse_partial(asked, folder)
    note(f"{asked}: of the hub, commit {folder.name[:12]}")
    return Source(name, folder, repo, folder.name, licence=licence_of(folder))


def _snapshot(hub: Any, asked: str, repo: str, revision: str | None, offline: bool) -> Path:
    try:
        with warnings.catch_warnings(), _bars():
            warnings.simplefilter("ignore")  # of a disk that may be too small: it is, or it is not
            folder = hub.snapshot_download(
                repo,
                revision=revision,
                allow_patterns=list(PATTERNS),
                local_files_only=offline,
                library_name="ariigcn_dgl",
            )
    except Exception as error:  # the errors of two versions of httpx, and the operating system's
        raise InputError(sentence(error, hub, asked, repo, revision, offline)) from error
    return Path(folder)


@contextmanager
def _bars() -> Iterator[None]:
    """Show the library's progress bars in a terminal, and nowhere else."""
    utils = require("huggingface_hub.utils", "text")
    if sys.stderr.isatty() or utils.are_progress_bars_disabled():
        yield
        return
    utils.disable_progress_bars()
    try:
        yield
    finally:
        utils.enable_progress_bars()


def _has_weights(folder: Path) -> bool:
    return (folder / WEIGHTS).exists() or (folder / INDEX).exists()


def _converted(hub: Any, asked: str, repo: str, folder: Path, offline: bool) -> str:
    """Return the pull request that offers the weights as safetensors."""
    offers = []
    if not offline:
        try:
            offers = list(
                hub.HfApi().get_repo_discussions(
                    repo, author=CONVERTER, discussion_type="pull_request", discussion_status="open"
                )
            )
        except Exception as error:  # as above
            raise InputError(sentence(error, hub, asked, repo, None, offline)) from error
    # By name, because a server may not know the question's author.
    offers = [x for x in offers if x.author == CONVERTER and "safetensors" in x.title]
    if offers:
        return f"refs/pr/{offers[0].num}"
    raise InputError(
        f"{asked}: has no {WEIGHTS}, and other weights can run code when they are read: take an "
        "encoder that has them, name a revision that has (NAME@refs/pr/1), or convert it "
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
