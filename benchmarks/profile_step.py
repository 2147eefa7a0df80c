"""Where the time of a training step goes, by part of the model.

    OMP_NUM_THREADS=1 python benchmarks/profile_step.py --data iemocap.npz --preset tuned

The backward pass of an operation counts to the part that called it. The profiler slows small
operations down, so it only tells the shares; the time of a step (process CPU time) is measured
without it.
"""

from __future__ import annotations

import argparse
import time
from collections import Counter
from collections.abc import Callable, Iterator

import numpy as np
import torch
from torch import nn
from torch.autograd.profiler_util import FunctionEvent
from torch.profiler import ProfilerActivity, profile, record_function

from ariigcn_dgl.batch import Batch, collate, shuffled_batches
from ariigcn_dgl.data import load_dialogues
from ariigcn_dgl.data.standardise import Standardiser
from ariigcn_dgl.models import ARIIGCN
from ariigcn_dgl.training import trainer
from ariigcn_dgl.training.run_config import RunConfig, preset_config
from ariigcn_dgl.training.trainer import Learner

MARK = "part: "
OPTIMIZER = "optimiser"
OTHER = MARK + "rest (losses, Python)"
REPETITIONS = 8


def batches_of(path: str, config: RunConfig) -> tuple[ARIIGCN, Iterator[Batch]]:
    """Return a new model and the batches that it would be trained on."""
    dialogues = load_dialogues(path)
    config = config.resolved(dialogues)
    train = dialogues.indices("train")
    dialogues = Standardiser.fit(dialogues, "train").apply(dialogues)
    torch.manual_seed(0)
    model = config.build(dialogues.widths, dialogues.num_classes).train()
    generator, size = np.random.default_rng(0), config.training.batch_size

    def batches() -> Iterator[Batch]:
        while True:
            for chosen in shuffled_batches(dialogues.lengths, [train], size, generator):
                yield collate(dialogues, chosen, model.window)

    return model, batches()


def mark(owner: object, method: str, part: str) -> None:
    """Let the profiler see every call of a method as work of a part."""
    function = getattr(owner, method)

    def marked(*args: object, **options: object) -> object:
        with record_function(MARK + part):
            return function(*args, **options)

    setattr(owner, method, marked)


def mark_parts(model: ARIIGCN) -> None:
    mark(model, "project", "modality encoder")
    mark(model, "_contrast_terms", "contrast")
    mark(model, "_classify", "classifier")
    for module, part in ((model.context, "GRUs"), (model.graph, "graph")):
        if module is not None:
            mark(module, "forward", part)
    if model.gan is not None:
        mark(model.gan, "generator_loss", "TGAN")
        mark(model.gan, "discriminator_loss", "TGAN")
    mark(trainer, "update_ema", OPTIMIZER)
    mark(nn.utils, "clip_grad_norm_", OPTIMIZER)
    mark(model, "zero_grad", OPTIMIZER)


def innermost_part(event: FunctionEvent) -> str | None:
    """Return the part that called an operation of the forward pass."""
    while event is not None and not event.name.startswith(MARK):
        if event.name.startswith("Optimizer.step"):
            return MARK + OPTIMIZER
        event = event.cpu_parent
    return None if event is None else event.name


def backward_node(event: FunctionEvent) -> FunctionEvent | None:
    """Return the event of the backward node that an operation belongs to, if any."""
    while event is not None and not event.name.startswith("autograd::engine::evaluate_function"):
        event = event.cpu_parent
    return event


def time_by_part(profiled: profile) -> Counter[str]:
    """Return the microseconds of every part, forward and backward."""
    events = profiled.events()
    part_of_node = {}  # by the sequence number that a backward node shares with its forward
    for event in events:
        part = innermost_part(event)
        if event.sequence_nr >= 0 and backward_node(event) is None and part is not None:
            part_of_node[event.sequence_nr] = part
    times: Counter[str] = Counter()
    for event in events:
        node = backward_node(event)
        part = innermost_part(event) if node is None else part_of_node.get(node.sequence_nr)
        times[part or OTHER] += event.self_cpu_time_total
    return times


def cpu_milliseconds(step: Callable[[Batch], object], batches: list[Batch]) -> float:
    """Return the mean over batches of the shortest of some repetitions: others use the machine."""
    shortest = [float("inf")] * len(batches)
    for _ in range(REPETITIONS):
        for i, batch in enumerate(batches):
            start = time.process_time_ns()
            step(batch)
            shortest[i] = min(shortest[i], (time.process_time_ns() - start) / 1e6)
    return sum(shortest) / len(batches)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", required=True)
    parser.add_argument("--preset", default="tuned")
    parser.add_argument("--steps", type=int, default=4)
    options = parser.parse_args()
    torch.set_num_threads(1)
    config = preset_config("ariigcn", options.preset)
    model, batches = batches_of(options.data, config)
    learner = Learner(model, config.training, options.steps, 4 * REPETITIONS)
    chosen = [next(batches) for _ in range(options.steps)]
    in_step = cpu_milliseconds(learner.train_step, chosen)
    in_data = cpu_milliseconds(lambda _: next(batches), chosen)

    mark_parts(model)
    with profile(activities=[ProfilerActivity.CPU]) as profiled:
        for batch in chosen:
            with record_function(OTHER):
                learner.train_step(batch)
    parts = time_by_part(profiled)
    total = sum(parts.values())
    rows = [(part.removeprefix(MARK), in_step * x / total) for part, x in parts.most_common()]
    rows += [("data", in_data), ("a step", in_step + in_data)]
    for name, milliseconds in rows:
        print(f"{name:24} {100 * milliseconds / rows[-1][1]:5.1f} %  {milliseconds:7.1f} ms")


if __name__ == "__main__":
    main()
