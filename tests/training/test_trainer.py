"""Steps of a learner: rates, clipping, decay, moving average, and who moves whom."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from types import SimpleNamespace

import pytest
import torch
from torch import Tensor, nn

from ariigcn_dgl.batch import Batch, collate
from ariigcn_dgl.config import TrainingConfig
from ariigcn_dgl.data import Dialogues
from ariigcn_dgl.errors import InputError
from ariigcn_dgl.models import ARIIGCN
from ariigcn_dgl.training.losses import mean_losses
from ariigcn_dgl.training.trainer import Learner


class _Line(nn.Module):
    """One layer whose loss is its output times the batch."""

    def __init__(self) -> None:
        super().__init__()
        self.config = SimpleNamespace(adversarial="off")
        torch.manual_seed(0)
        self.layer = nn.Linear(2, 1)

    def losses(self, batch: float, class_weight: Tensor | None, encoded: None) -> dict[str, Tensor]:
        return {"classification": batch * self.layer(torch.tensor([3.0, 4.0])).sum()}

    def discriminator_parameters(self) -> Iterator[nn.Parameter]:
        return iter(())


def _line(**settings: object) -> tuple[_Line, Learner]:
    model = _Line()
    return model, Learner(model, TrainingConfig(**settings), 4, 2)


@pytest.fixture
def batch(dialogues: Dialogues, settings: Callable) -> Batch:
    return collate(dialogues, [0, 1, 2], settings().model.window)


def _model(dialogues: Dialogues, settings: Callable, **changes: object) -> tuple:
    config = settings(**changes)
    torch.manual_seed(0)
    model = ARIIGCN(dialogues.widths, dialogues.num_classes, config.model)
    return model, Learner(model, config.training, 2, 4)


def _moved(model: nn.Module, act: Callable[[], object]) -> set[str]:
    """Return the names of the submodules that `act` changes."""
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    act()
    changed = {n for n, p in model.named_parameters() if not torch.equal(p, before[n])}
    return {".".join(n.split(".")[: 2 if n.startswith("gan") else 1]) for n in changed}


def test_cosine_warms_up_over_the_first_epoch_and_ends_near_5_percent() -> None:
    _, learner = _line(cosine=True, learning_rate=1.0)
    rates = []
    for _ in range(8):
        learner.train_step(1.0)
        rates.append(learner.optimizer.param_groups[0]["lr"])
    assert rates[0] == pytest.approx(0.25)
    assert rates[3] == pytest.approx(0.05 + 0.95 * 0.5 * (1 + 0.3826834), abs=1e-6)
    assert rates[4] == pytest.approx(0.525)
    assert rates[7] == pytest.approx(0.05 + 0.95 * 0.5 * (1 - 0.9238795), abs=1e-6)


def test_rate_is_constant_without_cosine() -> None:
    _, learner = _line(learning_rate=0.5)
    for _ in range(3):
        learner.train_step(1.0)
        assert learner.optimizer.param_groups[0]["lr"] == 0.5


def test_gradient_is_clipped_to_its_largest_norm() -> None:
    model, learner = _line(grad_clip=0.5)
    learner.train_step(1000.0)
    assert nn.utils.get_total_norm([p.grad for p in model.parameters()]) == pytest.approx(0.5)


def test_small_gradient_is_not_scaled_up() -> None:
    model, learner = _line(grad_clip=100.0)
    learner.train_step(1.0)
    assert model.layer.weight.grad.tolist() == [[3.0, 4.0]]


def test_decoupled_decay_shrinks_matrices_only() -> None:
    model, learner = _line(decoupled_decay=True, weight_decay=0.5, learning_rate=0.1)
    weight, bias = (p.detach().clone() for p in model.parameters())
    learner.train_step(0.0)  # no gradient: what is left is the decay
    torch.testing.assert_close(model.layer.weight, weight * (1 - 0.1 * 0.5))
    assert torch.equal(model.layer.bias, bias)


def test_average_follows_closely_at_first() -> None:
    model, learner = _line(ema_decay=0.9)
    before = model.layer.weight.detach().clone()
    learner.train_step(1.0)
    expected = before * 2 / 11 + model.layer.weight * 9 / 11
    torch.testing.assert_close(learner.ema.layer.weight, expected)


def test_average_keeps_to_its_decay_later() -> None:
    model, learner = _line(ema_decay=0.5)
    learner.step_count = 1000
    before = model.layer.weight.detach().clone()
    learner.train_step(1.0)
    expected = 0.5 * before + 0.5 * model.layer.weight
    torch.testing.assert_close(learner.ema.layer.weight, expected)


def test_average_without_decay_is_the_model_bit_for_bit() -> None:
    model, learner = _line(ema_decay=0.0)
    for _ in range(3):
        learner.train_step(1.0)
    assert torch.equal(learner.ema.layer.weight, model.layer.weight)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_loss_that_is_not_finite_stops_with_its_name_and_step(value: float) -> None:
    _, learner = _line()
    message = r"the classification loss is (nan|inf) at step 6; lower"
    losses = [learner.train_step(batch) for batch in (1.0, value, 1.0)]
    with pytest.raises(InputError, match=message):
        mean_losses(losses, first_step=5)


def test_staged_step_trains_the_gan_and_the_encoders_alone(
    dialogues: Dialogues, settings: Callable, batch: Batch
) -> None:
    model, learner = _model(dialogues, settings, adversarial="staged")
    moved = _moved(model, lambda: learner.step(learner.adversarial_update, batch))
    assert moved == {"encoder", "gan.generators", "gan.discriminators"}


def test_main_step_of_the_staged_schedule_leaves_the_gan_alone(
    dialogues: Dialogues, settings: Callable, batch: Batch
) -> None:
    model, learner = _model(dialogues, settings, adversarial="staged")
    moved = _moved(model, lambda: learner.train_step(batch))
    assert moved == {"encoder", "graph", "head"}


def test_alternate_step_trains_everything(
    dialogues: Dialogues, settings: Callable, batch: Batch
) -> None:
    model, learner = _model(dialogues, settings, adversarial="alternate")
    moved = _moved(model, lambda: learner.train_step(batch))
    assert moved == {"encoder", "graph", "head", "gan.generators", "gan.discriminators"}


def test_discriminators_move_only_by_their_own_step(
    dialogues: Dialogues, settings: Callable, batch: Batch, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, learner = _model(dialogues, settings, adversarial="alternate")
    monkeypatch.setattr(learner, "discriminator_update", lambda batch: (torch.zeros(()), None))
    assert "gan.discriminators" not in _moved(model, lambda: learner.train_step(batch))


def test_main_step_computes_no_gradient_of_the_discriminators(
    dialogues: Dialogues, settings: Callable, batch: Batch
) -> None:
    model, learner = _model(dialogues, settings, adversarial="alternate")
    learner.train_step(batch)
    assert all(p.grad is None for p in model.discriminator_parameters())
    assert all(p.grad is not None for p in model.gan.generators.parameters())


def test_step_of_the_discriminators_moves_nothing_else(
    dialogues: Dialogues, settings: Callable, batch: Batch
) -> None:
    model, learner = _model(dialogues, settings, adversarial="alternate")
    moved = _moved(model, lambda: learner.step(learner.discriminator_update, batch))
    assert moved == {"gan.discriminators"}


def test_goes_on_from_its_state_with_the_same_numbers(
    dialogues: Dialogues, settings: Callable, batch: Batch
) -> None:
    model, learner = _model(dialogues, settings, adversarial="alternate", ema_decay=0.9)
    learner.train_step(batch)
    other, again = _model(dialogues, settings, adversarial="alternate", ema_decay=0.9)
    again.load_state_dict(copy.deepcopy(learner.state_dict()))
    for one in (learner, again):
        torch.manual_seed(1)
        one.train_step(batch)
    assert all(map(torch.equal, model.parameters(), other.parameters()))
    assert all(map(torch.equal, learner.ema.parameters(), again.ema.parameters()))


@pytest.mark.parametrize("schedule", ["alternate", "staged"])
def test_amp_computes_in_bfloat16_and_keeps_weights_and_losses_in_float32(
    dialogues: Dialogues, settings: Callable, batch: Batch, schedule: str
) -> None:
    steps = []
    for amp in (False, True):
        model, learner = _model(
            dialogues, settings, adversarial=schedule, context="gru", residual="norm", amp=amp
        )
        seen = []
        model.head.layers[1].register_forward_hook(lambda *call, to=seen: to.append(call[2].dtype))
        steps.append(learner.train_step(batch))
        if schedule == "staged":
            steps[-1] |= learner.step(learner.adversarial_update, batch)
        assert set(seen) == {torch.bfloat16 if amp else torch.float32}
        assert {p.dtype for p in model.parameters()} == {torch.float32}
    exact, rounded = steps
    assert {term.dtype for term in rounded.values()} == {torch.float32}
    for name in exact:
        torch.testing.assert_close(rounded[name], exact[name], rtol=0.05, atol=0.02)


def test_without_discriminators_there_is_no_adversarial_step(batch: Batch) -> None:
    _, learner = _line()
    with pytest.raises(ValueError, match="no discriminators to train"):
        learner.step(learner.adversarial_update, batch)
