"""One training step of AR-IIGCN: losses, gradients and optimisers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ariigcn_dgl.batch import Batch, collate
from ariigcn_dgl.batch.fixed_shape import Nodes, Shape, Sizes
from ariigcn_dgl.benchmark.problem import Built, Peer
from ariigcn_dgl.benchmark.record import OURS, Pass
from ariigcn_dgl.data import SynthConfig, synthesise
from ariigcn_dgl.data.synth_config import IEMOCAP_LIKE, MELD_LIKE
from ariigcn_dgl.models import ARIIGCN
from ariigcn_dgl.models.system import known_lengths
from ariigcn_dgl.nn import set_impl
from ariigcn_dgl.nn._dropout import Dropout
from ariigcn_dgl.training.cuda_graph import CapturedUpdate, CudaGraphs
from ariigcn_dgl.training.losses import total
from ariigcn_dgl.training.optim import copied
from ariigcn_dgl.training.run_config import RunConfig, changed, preset_config
from ariigcn_dgl.training.trainer import Learner

MODALITIES = ("text", "audio")
WIDTHS = {"text": 384, "audio": 55}  # of a sentence encoder, and of functionals of speech
STEPS = 1000  # of the learning rate's schedule
# Adam reads a parameter, its gradient and two moments, and writes three of them; the moving average
# reads and writes one more.
TOUCHED = 9


@dataclass(frozen=True)
class StepShape:
    """Dialogues of a batch, what they are like, and the settings chosen for such data."""

    dialogues: int
    like: SynthConfig
    preset: str


# What the tuned presets leave out: a step is to be timed with all that it can have.
PARTS = {"model.adversarial": "alternate", "model.iccl_weight": 0.1, "model.imcl_weight": 0.1}
SHAPES = {
    "iemocap": StepShape(8, IEMOCAP_LIKE, "tuned"),
    "meld": StepShape(32, MELD_LIKE, "tuned-meld"),
}


@dataclass(frozen=True)
class StepInputs:
    """A batch on a device, and the model to train, as it is before the first step."""

    batch: Batch
    model: ARIIGCN
    config: RunConfig

    def learner(self, capturable: bool = False) -> Learner:
        """Return what trains a copy of the model, so that every peer starts from the same one."""
        model = copied(self.model)
        return Learner(model, self.config.training, STEPS, 1, capturable=capturable)


def draw_step(
    shape: StepShape, dtype: torch.dtype, device: torch.device, seed: int = 0
) -> StepInputs:
    """Return a step's inputs; bfloat16 is mixed precision, as in training."""
    sizes = {name: replace(getattr(shape.like, name), width=WIDTHS[name]) for name in MODALITIES}
    like = replace(shape.like, train=shape.dialogues, val=1, test=1, **sizes)
    dialogues = synthesise(like).with_modalities(MODALITIES)
    config = changed(preset_config("ariigcn", shape.preset), PARTS).resolved(dialogues)
    amp = dtype == torch.bfloat16
    config = replace(config, training=replace(config.training, amp=amp))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = ARIIGCN(dialogues.widths, dialogues.num_classes, config.model)
    stored = torch.float32 if amp else dtype
    batch = with_dtype(collate(dialogues, range(shape.dialogues), model.window), stored)
    return StepInputs(batch.to(device), model.to(device, stored), config)


def with_dtype(batch: Batch, dtype: torch.dtype) -> Batch:
    """Return the batch with features of another type, on the CPU's side, too."""
    host = None if batch.host is None else with_dtype(batch.host, dtype)
    features = {name: x.to(dtype) for name, x in batch.features.items()}
    return replace(batch, features=features, host=host)


def loss_and_gradient(inputs: StepInputs, model: ARIIGCN) -> list[Tensor]:
    """Return the losses of one step without dropout, (2,), and their gradient, (parameters,).

    The two losses are the discriminators' and that of everything else.
    """
    model = copied(model)
    for layer in model.modules():
        if isinstance(layer, Dropout | torch.nn.Dropout):
            layer.p = 0.0
    discriminators = list(model.discriminator_parameters())
    theirs = {id(p) for p in discriminators}
    others = [p for p in model.parameters() if id(p) not in theirs]
    amp = inputs.config.training.amp
    with torch.autocast(others[0].device.type, torch.bfloat16, enabled=amp):
        discriminator_loss = model.discriminator_loss(inputs.batch)
        loss = total(model.losses(inputs.batch).values())
    grads = [
        *torch.autograd.grad(loss, others, materialize_grads=True),
        *torch.autograd.grad(discriminator_loss, discriminators, materialize_grads=True),
    ]
    losses = torch.stack([discriminator_loss.detach().double(), loss.detach().double()])
    return [losses, torch.cat([grad.flatten().double() for grad in grads])]


@dataclass(frozen=True)
class StepProblem:
    """AR-IIGCN with its tuned settings, TGAN and contrast, on one batch of a data set's size.

    What is timed is a whole step (`Learner.train_step`): discriminators, then everything else,
    each with its losses, gradients and optimiser; and the moving average. What is compared are
    losses and gradients before the first step, without dropout.
    """

    batch: str
    operator = "step"
    passes: tuple[Pass, ...] = ("step",)

    @property
    def shape(self) -> str:
        """What tables call it."""
        return self.batch

    def inputs(self, dtype: torch.dtype, device: torch.device, seed: int = 0) -> StepInputs:
        """Return batch and model."""
        return draw_step(SHAPES[self.batch], dtype, device, seed)

    def sizes(self, inputs: StepInputs) -> dict[str, int]:
        """Return dialogues B, utterances N, edges E and the number of parameters."""
        parameters = sum(p.numel() for p in inputs.model.parameters())
        graph = inputs.batch.graph
        sizes = {"B": len(known_lengths(inputs.batch)), "N": graph.num_dst, "E": graph.num_edges}
        return sizes | {"parameters": parameters}

    def work(self, inputs: StepInputs) -> Mapping[Pass, tuple[float, float]]:
        """Return no FLOPs, and the bytes that the optimisers cannot avoid."""
        parameters = inputs.model.parameters()
        return {"step": (0.0, float(TOUCHED * sum(p.nbytes for p in parameters)))}

    def grad(self, inputs: StepInputs) -> None:
        """Return nothing: a step makes its own gradients."""

    def truth(self, inputs: StepInputs, name: Pass) -> list[Tensor]:
        """Return losses and gradient by torch's operators in float64."""
        exact = replace(inputs, batch=with_dtype(inputs.batch, torch.float64))
        exact = replace(
            exact,
            config=replace(inputs.config, training=replace(inputs.config.training, amp=False)),
        )
        model = deepcopy(inputs.model).double()
        set_impl(model, "reference")
        return loss_and_gradient(exact, model)

    def peers(self) -> Sequence[Peer]:
        """Return the implementations, ours first."""
        return PEERS


def _ours(inputs: StepInputs) -> Built:
    learner = inputs.learner()
    return Built(
        lambda: list(learner.train_step(inputs.batch).values()),
        values=lambda _: loss_and_gradient(inputs, inputs.model),
    )


def _captured(inputs: StepInputs) -> Built:
    learner, batch = inputs.learner(capturable=True), inputs.batch.on_cpu
    device = inputs.batch.labels.device
    shape = Shape.holding(Sizes.of(batch), Nodes.of(batch), len(known_lengths(batch)))
    update = CapturedUpdate(learner.update, device, [shape], CudaGraphs(device))
    return Built(
        lambda: list(learner.step(update, batch).values()),
        values=lambda _: loss_and_gradient(inputs, inputs.model),
    )


def _reference(inputs: StepInputs) -> Built:
    learner = inputs.learner()
    set_impl(learner.model, "reference")
    model = deepcopy(inputs.model)
    set_impl(model, "reference")
    return Built(
        lambda: list(learner.train_step(inputs.batch).values()),
        values=lambda _: loss_and_gradient(inputs, model),
    )


def _no_half(inputs: StepInputs) -> str:
    half = next(inputs.model.parameters()).dtype == torch.float16
    return "training knows float32, float64 and bfloat16 (mixed precision)" if half else ""


def _no_graphs(inputs: StepInputs) -> str:
    on_gpu = inputs.batch.labels.device.type == "cuda"
    return _no_half(inputs) or ("" if on_gpu else "CUDA graphs need a CUDA device")


PEERS = (
    Peer(OURS, "ours", _ours, refusal=_no_half),
    Peer("recorded", "ours, padded, as a CUDA graph", _captured, refusal=_no_graphs),
    Peer("native", "torch operators", _reference, refusal=_no_half),
)
