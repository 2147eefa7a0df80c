"""Text features: a Transformer encoder of the RoBERTa kind, by transformers."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from ariigcn_dgl.errors import InputError
from ariigcn_dgl.extract.broken_torchvision import broken_torchvision_hidden
from ariigcn_dgl.extract.identity import weights_sha256
from ariigcn_dgl.optional import require
from ariigcn_dgl.progress import track

Pooling = Literal["mean", "cls"]
BATCH_SIZE = 16  # texts
MAX_TOKENS = 512
LOCALLY = {"local_files_only": True, "trust_remote_code": False}
LAST_LAYERS = 4  # averaged by "cls", as COSMIC's features are often used


class TextEncoder:
    """Encode sentences with a frozen Transformer from a local folder.

    Parameters
    ----------
    path : Path
        Folder that ``save_pretrained`` wrote, or a snapshot of the hub: config.json, weights and
        tokenizer. Nothing is downloaded and no code of the folder is run.
    pooling : {"mean", "cls"}
        "mean": the mean over the tokens of the last layer, for encoders that were only pre-trained;
        "cls": the state of the first token, mean of the last four layers, for encoders that were
        fine-tuned on sentences.
    device : str
        Where the Transformer computes.

    Raises
    ------
    InputError
        If transformers is missing, or the folder holds no complete encoder and tokenizer.
    """

    modality = "text"

    def __init__(self, path: Path, pooling: Pooling = "mean", device: str = "cpu") -> None:
        self.path, self.pooling, self.device = Path(path), pooling, device
        with broken_torchvision_hidden():
            transformers = require("transformers", "extract")
            with quiet(transformers):
                self.tokenizer, self.model = _load(transformers, self.path)
        self.model.eval().to(device)
        config, known = self.model.config, self.tokenizer.model_max_length
        # RoBERTa numbers positions from its padding index + 1, so two of its table are never used.
        positions = getattr(config, "max_position_embeddings", MAX_TOKENS + 2) - 2
        self.max_tokens = min(known, positions, MAX_TOKENS)
        self.width: int = config.hidden_size

    def describe(self) -> dict[str, Any]:
        """Return what decides the features."""
        revision = re.search(r"/snapshots/([0-9a-f]{40})(/|$)", str(self.path.resolve()))
        vocabulary = sorted(self.tokenizer.get_vocab().items())
        return {
            "encoder": type(self.model).__name__,
            "path": str(self.path.resolve()),
            "revision": revision[1] if revision else None,
            "weights_sha256": weights_sha256(self.model, repr(vocabulary)),
            "pooling": self.pooling,
            "max_tokens": self.max_tokens,
            "width": self.width,
        }

    @torch.inference_mode()
    def encode(self, texts: Sequence[str]) -> np.ndarray:
        """Return the features, (N, width) float32, of texts that are not empty."""
        order = sorted(range(len(texts)), key=lambda n: len(texts[n]))  # little padding
        out = np.empty((len(texts), self.width), np.float32)
        for start in track(range(0, len(order), BATCH_SIZE), "batches of sentences"):
            rows = order[start : start + BATCH_SIZE]
            out[rows] = self._batch([texts[n] for n in rows]).cpu().numpy()
        return out

    def _batch(self, texts: list[str]) -> Tensor:
        tokens = self.tokenizer(
            texts, padding=True, truncation=True, max_length=self.max_tokens, return_tensors="pt"
        ).to(self.device)
        return self.pooled(tokens, tokens["attention_mask"])

    def pooled(self, inputs: Mapping[str, Tensor], counted: Tensor) -> Tensor:
        """Return the pooled states, (B, width), with their gradients.

        Parameters
        ----------
        inputs : mapping of str to (B, T) tensor
            What the Transformer takes.
        counted : (B, T) tensor
            Not 0 where the mean counts a token.
        """
        states = self.model(**inputs, output_hidden_states=True).hidden_states
        if self.pooling == "cls":
            return torch.stack(states[-LAST_LAYERS:]).mean(0)[:, 0]
        weight = counted.unsqueeze(-1).to(states[-1])
        return (states[-1] * weight).sum(1) / weight.sum(1)


def _load(transformers: ModuleType, path: Path) -> tuple[Any, Any]:
    if not (path / "config.json").is_file():
        raise InputError(
            f"{path}: no config.json, expected the folder of an encoder for transformers (such as "
            "roberta-large), downloaded before: nothing is downloaded from here"
        )
    try:
        tokenizer = transformers.AutoTokenizer.from_pretrained(path, **LOCALLY)
        model, info = transformers.AutoModel.from_pretrained(
            path, output_loading_info=True, **LOCALLY
        )
    except Exception as error:  # transformers lets through whatever its many loaders raise
        reason = " ".join(str(error).split())[:200]
        raise InputError(f"{path}: not a complete encoder with tokenizer: {reason}") from error
    missing = sorted(name for name in info["missing_keys"] if not name.startswith("pooler."))
    if missing:  # transformers would draw them at random
        raise InputError(f"{path}: the weights lack {missing[0]} ({len(missing)} are missing)")
    # The pooler is not used, and where a checkpoint has none its weights are random.
    model.pooler = None
    return tokenizer, model.float()


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
