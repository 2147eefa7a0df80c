"""One fine-tuning of a text encoder: batches, optimiser, epochs."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import torch
import torch.nn.functional as F
from sklearn.metrics import f1_score
from torch import Tensor, nn

from ariigcn_dgl.errors import InputError
from ariigcn_dgl.extract.text_settings import TextTraining
from ariigcn_dgl.extract.tuned_text import TunedTextEncoder
from ariigcn_dgl.extract.turns import Tokens
from ariigcn_dgl.progress import track

HEAD_DROPOUT = 0.1
HEAD_LEARNING_RATE = 1e-3  # its weights are random at first, the encoder's are not
ALIKE = 32  # batches whose utterances are sorted by length together: little padding


class Fitting:
    """An encoder that learns, and the linear classifier on its features that teaches it.

    Parameters
    ----------
    encoder : TunedTextEncoder
        Learns in place.
    tokens : sequence of Tokens, length N
    labels : (N,) int array
        Class, negative where unknown.
    rows : int array
        Those to learn from.
    config : TextTraining
    """

    def __init__(
        self,
        encoder: TunedTextEncoder,
        tokens: Sequence[Tokens],
        labels: np.ndarray,
        rows: np.ndarray,
        config: TextTraining,
    ) -> None:
        self.encoder, self.tokens, self.labels, self.config = encoder, tokens, labels, config
        self.rows = rows
        model, device = encoder.base.model, encoder.base.device
        self.device_type = torch.device(device).type
        self.head = nn.Linear(encoder.width, int(labels.max()) + 1).to(device)
        thaw(model, config.freeze)
        self.parameters = [x for x in model.parameters() if x.requires_grad]
        self.optimiser = torch.optim.AdamW(self._groups(), fused=True)
        steps = config.epochs * math.ceil(len(rows) / config.batch_size)
        warm = config.warmup * steps
        self.schedule = torch.optim.lr_scheduler.LambdaLR(
            self.optimiser,
            lambda step: min((step + 1) / warm if warm else 1.0, 1 - step / max(steps, 1)),
        )
        self.generator = np.random.default_rng(config.seed)

    def _groups(self) -> list[dict[str, object]]:
        """Return the parameters with their rates: biases and norms do not decay."""
        config, head = self.config, [*self.head.parameters()]
        matrices = [x for x in self.parameters if x.ndim > 1]
        vectors = [x for x in self.parameters if x.ndim < 2]
        rate, decay = config.learning_rate, config.weight_decay
        return [
            {"params": matrices, "lr": rate, "weight_decay": decay},
            {"params": vectors, "lr": rate, "weight_decay": 0.0},
            {"params": head, "lr": HEAD_LEARNING_RATE, "weight_decay": decay},
        ]

    def epoch(self) -> None:
        """Learn from every row once."""
        self.encoder.base.model.train()
        for rows in track(list(self._batches()), "batches of an epoch"):
            with torch.autocast(self.device_type, torch.bfloat16, self.device_type == "cuda"):
                pooled = self.encoder.pooled([self.tokens[n] for n in rows])
                scores = self.head(F.dropout(pooled, HEAD_DROPOUT))
            labels = torch.from_numpy(self.labels[rows]).to(scores.device)
            self.optimiser.zero_grad()
            F.cross_entropy(scores.float(), labels).backward()
            nn.utils.clip_grad_norm_([*self.parameters, *self.head.parameters()], self.config.clip)
            self.optimiser.step()
            self.schedule.step()
        self.encoder.base.model.eval()

    def _batches(self) -> Iterator[np.ndarray]:
        """Yield batches in random order, of utterances of about one length."""
        order, size = self.generator.permutation(self.rows), self.config.batch_size
        batches: list[np.ndarray] = []
        for start in range(0, len(order), ALIKE * size):
            alike = order[start : start + ALIKE * size]
            alike = alike[np.argsort([len(self.tokens[n]) for n in alike], kind="stable")]
            batches += [alike[first : first + size] for first in range(0, len(alike), size)]
        yield from (batches[n] for n in self.generator.permutation(len(batches)))

    @torch.inference_mode()
    def score(self, rows: np.ndarray) -> float:
        """Return the weighted F1 of some rows, from 0 to 1."""
        features = self.encoder.encode_tokens([self.tokens[n] for n in rows])
        found = self.head(torch.from_numpy(features).to(self.head.weight.device)).argmax(1)
        truth = self.labels[rows]
        return float(f1_score(truth, found.cpu().numpy(), average="weighted", zero_division=0))


@contextmanager
def fitting(
    encoder: TunedTextEncoder,
    tokens: Sequence[Tokens],
    labels: np.ndarray,
    rows: np.ndarray,
    config: TextTraining,
) -> Iterator[Fitting]:
    """Draw a classifier, order and dropout by the seed of `config`, and by nothing else.

    Takes the arguments of `Fitting`. The encoder learns within, and no longer afterwards.
    """
    device = encoder.base.device
    with torch.random.fork_rng([device] if torch.device(device).type == "cuda" else []):
        torch.manual_seed(config.seed)
        try:
            yield Fitting(encoder, tokens, labels, rows, config)
        finally:
            encoder.base.model.requires_grad_(False).eval()


def thaw(model: nn.Module, freeze: int) -> None:
    """Let a Transformer learn, but for its embeddings and lowest layers.

    Parameters
    ----------
    model : nn.Module
        Of transformers.
    freeze : int
        Layers that do not learn; with 0 the embeddings learn, too.

    Raises
    ------
    InputError
        If that many layers are not there, or nothing is left to learn.
    """
    model.requires_grad_(False)
    layers = _layers(model)
    if freeze >= max(len(layers), 1):
        raise InputError(
            f"--text_training.freeze: is {freeze}, expected less than the {len(layers)} layers "
            f"that were found in the encoder ({type(model).__name__})"
        )
    for parameter in (*layers[freeze:].parameters(),) if freeze else model.parameters():
        if parameter.is_floating_point():
            parameter.requires_grad_(True)
    if not any(x.requires_grad for x in model.parameters()):
        raise InputError(
            f"--text_training: the encoder ({type(model).__name__}) has no weights that can learn: "
            "expected one that is not quantised"
        )


def _layers(model: nn.Module) -> nn.ModuleList:
    depth = getattr(getattr(model, "config", None), "num_hidden_layers", None)
    lists = (x for x in model.modules() if isinstance(x, nn.ModuleList) and len(x) == depth)
    return next(lists, nn.ModuleList())


def weights_of(model: nn.Module) -> dict[str, Tensor]:
    """Return a copy of a model's weights, on the CPU."""
    return {name: x.detach().cpu().clone() for name, x in model.state_dict().items()}
