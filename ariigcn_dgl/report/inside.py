"""What a trained run does with dialogues: probabilities, attention, states, missing modalities."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ariigcn_dgl.batch import Batch, collate
from ariigcn_dgl.data import Dialogues
from ariigcn_dgl.data.missing import without_modalities
from ariigcn_dgl.nn import ModalityClassifiers, RelEdgeAttentionConv
from ariigcn_dgl.progress import track
from ariigcn_dgl.report.conversation import Answer
from ariigcn_dgl.training.target_answers import TargetAnswers
from ariigcn_dgl.training.trained import TrainedRun

ALL = "all modalities"  # attend together


@dataclass(frozen=True)
class Inside:
    """What one run does with N utterances of B dialogues.

    Parameters
    ----------
    dialogues : Dialogues
        With the run's classes and modalities.
    answers : sequence of Answer, length B
    states : (N, D) array
        What the classifier's last linear map reads.
    others : sequence of TargetAnswers
        Of N utterances each: the answers to targets beside classes, and what is known.
    """

    dialogues: Dialogues
    answers: Sequence[Answer]
    states: np.ndarray
    others: Sequence[TargetAnswers] = ()


def look_inside(trained: TrainedRun, dialogues: Dialogues) -> Inside:
    """Apply a run to dialogues, and once more without each modality.

    Without a modality means: as if it were missing everywhere. With a single modality there is
    nothing to leave out.

    Parameters
    ----------
    trained : TrainedRun
    dialogues : Dialogues
        With the modalities that the run was trained with.
    """
    adapted, scoring = trained.adapt(dialogues), trained.scoring
    said = trained.probabilities(adapted)
    probabilities = scoring.of_classes(said)
    removable = trained.widths if len(trained.widths) > 1 else {}
    without = {
        name: scoring.of_classes(trained.probabilities(without_modalities(adapted, [name])))
        for name in removable
    }
    scaled = trained.shown(adapted)
    answers, states = [], []
    for b in track(range(adapted.num_dialogues), "dialogues looked at"):
        rows = adapted.rows(b)
        attention, state = _observe(trained, collate(scaled, [b], trained.model.window))
        states.append(state)
        answers.append(
            Answer(
                probabilities[rows],
                without={m: array[rows] for m, array in without.items()},
                **attention,
            )
        )
    others = scoring.other_answers(said, adapted)
    return Inside(adapted, answers, np.concatenate(states), others)


@torch.inference_mode()
def _observe(trained: TrainedRun, batch: Batch) -> tuple[dict[str, Any], np.ndarray]:
    """Return sources and attention of one dialogue, as of `Answer`, and the states, (T, D).

    The batch is on the CPU, the model anywhere.
    """
    weights: list[Tensor] = []
    states: list[Tensor] = []
    model = trained.model.eval()
    with (
        _attention(model, weights),
        _hooks(_classifying(model, trained.num_outputs), lambda x, _: states.append(x[0])),
    ):
        model(batch.to(model.device))
    return _by_utterance(batch, weights, list(trained.widths)), states[-1].cpu().numpy()


@contextmanager
def _hooks(modules: Sequence[nn.Module], record: Callable[[tuple, Any], None]) -> Iterator[None]:
    handles = [m.register_forward_hook(lambda _, x, out: record(x, out)) for m in modules]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


@contextmanager
def _attention(model: nn.Module, weights: list[Tensor]) -> Iterator[None]:
    """Collect the attention, (G, E), of every layer that has some, whether or not it is asked."""
    layers = [module for module in model.modules() if isinstance(module, RelEdgeAttentionConv)]
    asked: list[bool] = []

    def ask(layer: nn.Module, args: tuple, options: dict) -> tuple[tuple, dict]:
        asked.append(options.get("get_attention", False))
        return args, options | {"get_attention": True}

    def answer(layer: nn.Module, args: tuple, options: dict, results: tuple) -> Any:
        states, attention = results  # (E, H, 1), with groups (M, E, H, 1)
        weights.append(attention.transpose(-2, -3).flatten(0, -3).squeeze(-1))
        return results if asked.pop() else states

    handles = [layer.register_forward_pre_hook(ask, with_kwargs=True) for layer in layers]
    handles += [layer.register_forward_hook(answer, with_kwargs=True) for layer in layers]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _classifying(model: nn.Module, num_outputs: int) -> list[nn.Module]:
    """Return the linear maps that may be the classifier's last; it is the last of them to run."""
    heads = [part for part in model.modules() if isinstance(part, ModalityClassifiers)]
    beside = {module for head in heads for module in head.modules()}
    linear = [module for module in model.modules() if isinstance(module, nn.Linear)]
    return [one for one in linear if one.out_features == num_outputs and one not in beside]


def _by_utterance(
    batch: Batch, weights: Sequence[Tensor], modalities: Sequence[str]
) -> dict[str, Any]:
    if not weights:
        return {}
    attention = weights[0].cpu()
    if batch.graph.num_dst != len(batch.labels):
        return _across_modalities(batch, attention[0].numpy(), modalities)
    names = modalities if len(attention) == len(modalities) > 1 else [ALL]
    graph = batch.graph
    spans = [slice(start, end) for start, end in pairwise(graph.indptr.tolist())]
    indices = graph.src.numpy()
    orders = [np.argsort(indices[span]) for span in spans]
    return {
        "sources": [indices[span][order] for span, order in zip(spans, orders, strict=True)],
        "attention": {
            name: [row[span][order] for span, order in zip(spans, orders, strict=True)]
            for name, row in zip(names, attention.numpy(), strict=True)
        },
    }


def _across_modalities(
    batch: Batch, attention: np.ndarray, modalities: Sequence[str]
) -> dict[str, Any]:
    """Return the same of a graph of modalities: what each pays to all modalities of utterances."""
    count, length, graph = len(modalities), len(batch.labels), batch.graph
    src, dst = graph.src.numpy(), graph.dst.numpy()
    paid = np.zeros((count, length, length), np.float32)
    place = dst % count, dst // count, src // count
    np.add.at(paid, place, attention)
    joined = np.zeros((length, length), bool)
    joined[place[1:]] = True
    sources = [row.nonzero()[0] for row in joined]
    return {
        "sources": sources,
        "attention": {
            name: [row[found] for row, found in zip(rows, sources, strict=True)]
            for name, rows in zip(modalities, paid, strict=True)
        },
    }
