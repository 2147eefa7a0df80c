"""Frozen Transformers from local folders, by transformers: nothing in them is run."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any, Literal

import torch

from ariigcn_dgl.errors import InputError
from ariigcn_dgl.extract.hidden_torchvision import torchvision_hidden
from ariigcn_dgl.optional import require

Dtype = Literal["float32", "float16", "bfloat16"]
DTYPES = {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}
LOCALLY = {"local_files_only": True, "trust_remote_code": False}


def load_transformer(path: Path, reader: str, unused: tuple[str, ...] = ()) -> tuple[Any, Any]:
    """Return what reads the input, and the model, in float32 on the CPU.

    Parameters
    ----------
    path : Path
        Folder that ``save_pretrained`` wrote, or a snapshot of the hub.
    reader : str
        ``AutoTokenizer`` or ``AutoFeatureExtractor``.
    unused : tuple of str
        Beginnings of the names of weights that may be missing, as those of a pooler.

    Raises
    ------
    InputError
        If transformers is missing, or the folder is not complete.
    """
    with torchvision_hidden():
        transformers = require("transformers", "text")
        if not (path / "config.json").is_file():
            raise InputError(
                f"{path}: no config.json, expected the folder of an encoder for transformers (such "
                "as roberta-large), or its name on the hub"
            )
        with quiet(transformers):
            return _load(transformers, path, reader, unused)


def _load(
    transformers: ModuleType, path: Path, reader: str, unused: tuple[str, ...]
) -> tuple[Any, Any]:
    what = "tokenizer" if reader == "AutoTokenizer" else "feature extractor"
    try:
        reads = getattr(transformers, reader).from_pretrained(path, **LOCALLY)
        model, info = transformers.AutoModel.from_pretrained(
            path, output_loading_info=True, **LOCALLY
        )
    except Exception as error:  # transformers lets through whatever its many loaders raise
        reason = " ".join(str(error).split())[:200]
        raise InputError(f"{path}: not a complete encoder with {what}: {reason}") from error
    missing = sorted(name for name in info["missing_keys"] if not name.startswith(unused))
    if missing:  # transformers would draw them at random
        raise InputError(f"{path}: the weights lack {missing[0]} ({len(missing)} are missing)")
    return reads, model.float().eval()


@contextmanager
def quiet(transformers: ModuleType) -> Iterator[None]:
    """Keep transformers' reports and progress bars from the terminal."""
    logging = transformers.utils.logging
    level, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if bars:
            logging.enable_progress_bar()
