"""Text features: a Transformer encoder of sentences, by transformers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ariigcn_dgl.extract.batches import by_length
from ariigcn_dgl.extract.identity import weights_sha256
from ariigcn_dgl.extract.sentence_recipe import Pooling, Recipe, recipe_of
from ariigcn_dgl.extract.source import Source
from ariigcn_dgl.extract.transformer import DTYPES, Dtype, load_transformer
from ariigcn_dgl.notes import Note
from ariigcn_dgl.progress import track

MAX_TOKENS = 512  # of an encoder that says nothing
BUDGET = {"cpu": 1024}  # tokens of a batch, padding included
BUDGET_ELSEWHERE = 32768
AT_ONCE = 10_000  # texts given to the tokenizer, which holds much more than it returns
LAST_LAYERS = 4  # averaged by "cls"
UNUSED = ("pooler.", "decoder.")  # beginnings of names of weights


class TextEncoder:
    """Encode sentences with a frozen Transformer from a local folder.

    Parameters
    ----------
    path : Path
        Folder that ``save_pretrained`` or sentence-transformers wrote, or a snapshot of the hub:
        config.json, weights and tokenizer. Nothing is downloaded and no code of the folder is run.
    pooling : {"auto", "mean", "first", "cls"}
        "auto": what the folder says, else the mean (`recipe_of`); "mean": over the tokens of the
        last layer; "first": its first token; "cls": the first token, mean of the last four layers,
        for encoders that were fine-tuned on sentences.
    device : str
        Where the Transformer computes.
    dtype : {"float32", "float16", "bfloat16"}
        In which precision; the features are float32.
    recipe : Recipe, optional
        Instead of `pooling`: all that is to be done, as a record says.
    source : Source, optional
        Where the folder came from; default: it is what was named.
    sha256 : str, optional
        Identity of the weights that these were rounded from; default: their own.

    Attributes
    ----------
    tokenizer, model
        Of transformers.
    width : int
        Columns of the features.
    max_tokens : int
        Longer texts are cut.

    Raises
    ------
    InputError
        If transformers is missing, or the folder holds no complete encoder and tokenizer.
    """

    modality = "text"

    def __init__(
        self,
        path: Path,
        pooling: Pooling = "auto",
        device: str = "cpu",
        dtype: Dtype = "float32",
        *,
        recipe: Recipe | None = None,
        source: Source | None = None,
        sha256: str | None = None,
    ) -> None:
        self.path, self.device, self.dtype = Path(path), device, dtype
        self.source = source or Source.of_path(self.path)
        self.tokenizer, model = load_transformer(self.path, "AutoTokenizer", UNUSED)
        self.model = model.get_encoder() if model.config.is_encoder_decoder else model
        # The pooler is not used, and where a checkpoint has none its weights are random.
        self.model.pooler = None
        self.recipe = recipe or recipe_of(self.path, pooling)
        self.max_tokens = _max_tokens(self.tokenizer, self.model, self.recipe)
        self.width: int = self.model.config.hidden_size
        # What half precision rounds is still told apart.
        self._sha256 = sha256 or (None if dtype == "float32" else self._identity())
        self.model.to(device, DTYPES[dtype])

    @property
    def pooling(self) -> str:
        """How tokens become one vector."""
        return self.recipe.pooling

    def describe(self) -> dict[str, Any]:
        """Return what decides the features, and where the encoder came from."""
        return {
            "encoder": type(self.model).__name__,
            **self.source.describe(),
            "weights_sha256": self._sha256 or self._identity(),
            **self.recipe.describe(),
            "max_tokens": self.max_tokens,
            "width": self.width,
            "dtype": self.dtype,
        }

    def _identity(self) -> str:
        return weights_sha256(self.model, repr(sorted(self.tokenizer.get_vocab().items())))

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        """Return the features, (N, width) float32, of texts that are not empty."""
        return self.encoded(texts)[0]

    @torch.inference_mode()
    def encoded(self, texts: Sequence[str]) -> tuple[np.ndarray, list[int]]:
        """Return the features of texts that are not empty, and the numbers of those cut."""
        rows = self.tokenise(texts)
        batches = self.batches([len(next(iter(row.values()))) for row in rows])
        out = np.empty((len(texts), self.width), np.float32)
        for batch in track(batches, "batches of sentences"):
            out[batch] = self(self.collate([rows[n] for n in batch])).cpu().numpy()
        return out, [n for n, row in enumerate(rows) if self._is_cut(texts[n], row)]

    def batches(self, lengths: Sequence[int]) -> list[np.ndarray]:
        """Return which texts of so many tokens are encoded together."""
        return by_length(lengths, BUDGET.get(torch.device(self.device).type, BUDGET_ELSEWHERE))

    def tokenise(self, texts: Sequence[str]) -> list[dict[str, np.ndarray]]:
        """Return the tokenizer's arrays of each text, (T,) int64, cut to `max_tokens`."""
        return [
            row for n in range(0, len(texts), AT_ONCE) for row in self._rows(texts[n:][:AT_ONCE])
        ]

    def _rows(self, texts: Sequence[str]) -> Iterator[dict[str, np.ndarray]]:
        texts = list(map(self._spelt, texts))
        tokens = self.tokenizer(texts, truncation=True, max_length=self.max_tokens)
        for values in zip(*tokens.values(), strict=True):
            yield {k: np.array(v) for k, v in zip(tokens, values, strict=True)}

    def _spelt(self, text: str) -> str:
        return self.recipe.spelt(self.recipe.prompt + text)

    def _is_cut(self, text: str, row: Mapping[str, np.ndarray]) -> bool:
        """Whether a text has more tokens than its row; only of full rows they are counted."""
        if len(row["input_ids"]) < self.max_tokens:
            return False
        whole = self.tokenizer(self._spelt(text), verbose=False)
        return len(whole["input_ids"]) > self.max_tokens

    def collate(self, rows: Sequence[Mapping[str, np.ndarray]]) -> dict[str, Tensor]:
        """Return a batch of what `tokenise` returned, padded, on the encoder's device."""
        fills = {
            "input_ids": self.tokenizer.pad_token_id or 0,
            "token_type_ids": self.tokenizer.pad_token_type_id,
        }
        longest = max(len(row["input_ids"]) for row in rows)
        batch = {}
        for key in rows[0]:
            padded = np.full((len(rows), longest), fills.get(key, 0))
            for out, row in zip(padded, rows, strict=True):
                out[: len(row[key])] = row[key]
            batch[key] = torch.from_numpy(padded).to(self.device)
        return batch

    def __call__(self, batch: Mapping[str, Tensor], counted: Tensor | None = None) -> Tensor:
        """Return the features, (B, width) float32, of a batch, with gradients where they are on.

        Where `counted`, (B, T), is given, the mean is over the tokens that are not 0 there.
        """
        pooling, mask = self.recipe.pooling, batch["attention_mask"]
        mask = mask if counted is None else counted
        found = self.model(**batch, output_hidden_states=pooling == "cls")
        if pooling == "cls":
            vectors = torch.stack(found.hidden_states[-LAST_LAYERS:])[:, :, 0].float().mean(0)
        elif pooling == "first":
            vectors = found.last_hidden_state[:, 0].float()
        else:
            weight = mask.unsqueeze(-1).float()
            vectors = (found.last_hidden_state.float() * weight).sum(1) / weight.sum(1)
        return F.normalize(vectors, dim=-1) if self.recipe.normalise else vectors


def note_cut(utterances: Sequence[str], max_tokens: int, note: Note) -> None:
    """Say of which utterances, by their names, an encoder read the beginning only."""
    if not utterances:
        return
    some = len(utterances) > 1
    note(
        f"{len(utterances)} utterance{'s are' if some else ' is'} longer than the {max_tokens} "
        f"tokens that the text encoder reads: the rest of {'them' if some else 'it'} was not read; "
        f"{'the first' if some else 'it'} is {utterances[0]!r}"
    )


def _max_tokens(tokenizer: Any, model: Any, recipe: Recipe) -> int:
    positions = getattr(model.config, "max_position_embeddings", None) or MAX_TOKENS
    table = getattr(getattr(model, "embeddings", None), "position_embeddings", None)
    # RoBERTa numbers positions from its padding index + 1, so two of its table are never used.
    unused = getattr(table, "padding_idx", None)
    positions -= 0 if unused is None else unused + 1
    return min(tokenizer.model_max_length, positions, recipe.max_tokens or MAX_TOKENS)
