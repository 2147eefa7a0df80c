"""The recurrences of DialogueRNN, forward and backward, over dialogues of any lengths.

Rows are in packed order: the first utterances of all dialogues, the longest dialogue first, then
the second ones, ...; a dialogue that is over takes part in nothing. R rows, T time steps, B
dialogues, S parties, D_g, D_p and D_e widths.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from ariigcn_dgl.nn._gru_steps import GRUSteps, GRUStepsGradient
from ariigcn_dgl.nn._step_products import StepProduct, add_row_sums, outer_sum, row_dots


@dataclass(frozen=True)
class Steps:
    """Which rows a time step has, and who speaks.

    Parameters
    ----------
    sizes : list of int
        Dialogues that are still going on at each step.
    parties : int
        S.
    speaker : (R,) int64 tensor
        Row of the speaker's state among those of all parties: S times the dialogue, plus a number.
    places : tuple of two (R,) int64 tensors
        A row's dialogue (its place in its step) and step.
    """

    sizes: list[int]
    parties: int
    speaker: Tensor
    places: tuple[Tensor, Tensor]

    def table(self, rows: Tensor) -> Tensor:
        """Return rows, (R, D), as a table, (B, T, D); zeros where a dialogue is over."""
        table = rows.new_zeros(self.sizes[0], len(self.sizes), rows.size(1))
        return table.index_put_(self.places, rows)


class Cell(NamedTuple):
    """What a GRU's cell adds to its gates: of utterances, by others, by its state; and dropout.

    Shapes: (R, 3 H), (3 H, D), (3 H, H), (3 H,), and (R, H) or None. The first two are in the
    order new, reset, update; the others in torch's.
    """

    added: Tensor
    of_other: Tensor
    weight: Tensor
    bias: Tensor
    kept: Tensor | None

    def run(self, sizes: Sequence[int]) -> GRUSteps:
        return GRUSteps(self.added, self.weight, self.bias, self.kept, sizes)

    def run_back(self, gates: Tensor, states: Tensor, sizes: Sequence[int]) -> GRUStepsGradient:
        return GRUStepsGradient(gates, states, self.weight, self.kept, sizes)


class PartyScan(torch.autograd.Function):
    """Follow a dialogue and its parties: Eq. 1-6 of Majumder 2019."""

    @staticmethod
    def forward(ctx, steps: Steps, queries: Tensor, *cells: Tensor | None) -> Tensor:
        """Return the states of who speaks, (R, D_p).

        Parameters
        ----------
        steps : Steps
        queries : (R, D_g) tensor
            What utterances attend to the dialogue before them by.
        *cells : the tensors of two or three `Cell`
            The dialogue's, the speaker's and, if there is one, the listeners', whose dropout is
            (R S, D_p).
        """
        sizes, (dialogue, party, *listener) = steps.sizes, _cells(cells)
        global_cell, party_cell = (x.run(sizes) for x in (dialogue, party))
        to_global, to_party = (StepProduct(x.of_other.T) for x in (dialogue, party))
        listening = _Listening(listener[0], steps) if listener else None
        asked = steps.table(queries)
        batch, count, width = asked.shape
        history = asked.new_zeros(batch, count + 1, width)  # before the first step: zeros
        attention = asked.new_zeros(batch, count, count)  # (to, by): backward reads along `by`
        contexts = asked.new_zeros(len(queries), width)  # c_1 = 0: nothing has been heard
        states = asked.new_zeros(batch * steps.parties, party.weight.size(1))
        before, now = states.new_empty(2, len(queries), states.size(1)).unbind()
        views = zip(*(x.split(sizes) for x in (steps.speaker, contexts, before, now)), strict=True)
        for t, (speaker, context, own, new) in enumerate(views):
            size = sizes[t]
            torch.index_select(states, 0, speaker, out=own)
            if t > 0:  # before, all states are zeros
                to_global.add(global_cell.inputs[t], own)
                heard = history[:size, 1 : t + 1]
                weights = row_dots(heard, asked[:size, t]).softmax(1)
                add_row_sums(context, weights, heard)
                attention[:size, :t, t] = weights
                to_party.add(party_cell.inputs[t], context)
            global_cell.run(t, history[:size, t], history[:size, t + 1])
            party_cell.run(t, own, new)
            if listening is not None:
                listening.run(t, new, states[: size * steps.parties])
            # After the listeners: who speaks is none of them.
            states.index_copy_(0, speaker, new)
        ctx.steps = steps
        kept = asked, history, attention, contexts, before, now, global_cell.gates, party_cell.gates
        of_listeners = () if listening is None else (listening.cell.gates, listening.before)
        ctx.save_for_backward(*kept, *cells, *of_listeners)
        return now

    @staticmethod
    @once_differentiable
    def backward(ctx, grad: Tensor) -> tuple[Tensor | None, ...]:
        asked, history, attention, contexts, before, now, *saved = ctx.saved_tensors
        steps, sizes = ctx.steps, ctx.steps.sizes
        (global_gates, party_gates), cells = saved[:2], _cells(saved[2:])
        dialogue, party, *listener = cells
        global_cell = dialogue.run_back(global_gates, history[steps.places], sizes)
        party_cell = party.run_back(party_gates, before, sizes)
        from_global, from_party = (StepProduct(x.of_other) for x in (dialogue, party))
        listening = _ListeningGradient(listener[0], *saved[-2:], steps) if listener else None
        of_history, of_scores, of_contexts = (
            torch.zeros_like(x) for x in (history, attention, asked)
        )
        of_states = grad.new_zeros(asked.size(0) * steps.parties, grad.size(1))
        of_now = grad.clone()
        views = zip(*(x.split(sizes) for x in (steps.speaker, of_now)), strict=True)
        for t, (speaker, of_new) in reversed(list(enumerate(views))):
            size = sizes[t]
            of_new += of_states.index_select(0, speaker)
            of_states.index_fill_(0, speaker, 0)
            if listening is not None:
                listening.run(t, of_new, of_states[: size * steps.parties])
            of_own = torch.empty_like(of_new)
            party_cell.run(t, of_new, of_own)
            if t > 0:
                of_context, weights = of_contexts[:size, t], attention[:size, :t, t]
                from_party.add(of_context, party_cell.of_inputs[t])
                of_weights = weights * row_dots(history[:size, 1 : t + 1], of_context)
                of_scores[:size, :t, t] = of_weights - weights * of_weights.sum(1, keepdim=True)
            of_dialogue = of_history[:size, t + 1]
            for later in sizes[t + 1 : t + 2]:  # dialogues whose next steps attend to this one
                for by, tables in ((attention, of_contexts), (of_scores, asked)):
                    rows = by[:later, t, t + 1 :], tables[:later, t + 1 :]
                    add_row_sums(of_dialogue[:later], *rows)
            global_cell.run(t, of_dialogue, of_history[:size, t])
            if t > 0:
                from_global.add(of_own, global_cell.of_inputs[t])
                of_states.index_add_(0, speaker, of_own)
        of_asked = torch.bmm(of_scores.mT, history[:, 1:])
        grads = [None, of_asked[steps.places]]
        for cell, others in ((global_cell, before), (party_cell, contexts)):
            grads += [cell.added, cell.of_other(others), *cell.parameters(), None]
        return *grads, *(() if listening is None else listening.gradients(now))


class EmotionScan(torch.autograd.Function):
    """Follow the emotion of a dialogue: Eq. 8, whose inputs are known for all steps."""

    @staticmethod
    def forward(
        ctx, sizes: list[int], added: Tensor, weight: Tensor, bias: Tensor, kept: Tensor | None
    ) -> Tensor:
        """Return the states, (R, D_e), of what a `Cell` has but for the weight of others."""
        cell = GRUSteps(added, weight, bias, kept, sizes)
        states = added.new_zeros(sizes[0] + len(added), weight.size(1))
        after = states[sizes[0] :]
        views = states.split([sizes[0], *sizes])
        for t, (before, now) in enumerate(pairwise(views)):
            cell.run(t, before[: sizes[t]], now)
        ctx.sizes = sizes
        ctx.save_for_backward(states, cell.gates, weight, kept)
        return after

    @staticmethod
    @once_differentiable
    def backward(ctx, grad: Tensor) -> tuple[Tensor | None, ...]:
        sizes, (states, gates, weight, kept) = ctx.sizes, ctx.saved_tensors
        views = states.split([sizes[0], *sizes])
        before = torch.cat([x[:size] for x, size in zip(views, sizes, strict=False)])
        cell = GRUStepsGradient(gates, before, weight, kept, sizes)
        of_states = torch.cat([grad.new_zeros(sizes[0], grad.size(1)), grad])
        views = of_states.split([sizes[0], *sizes])
        for t in reversed(range(len(sizes))):
            before = torch.empty_like(views[t + 1])
            cell.run(t, views[t + 1], before)
            views[t][: sizes[t]] += before
        return None, cell.added, *cell.parameters(), None


class _Listening:
    """Updates the states of all parties by what is said."""

    def __init__(self, cell: Cell, steps: Steps) -> None:
        self.parties = steps.parties
        sizes = [size * self.parties for size in steps.sizes]
        added = cell.added.repeat_interleave(self.parties, 0)  # all hear the same
        self.cell = cell._replace(added=added).run(sizes)
        self.to_gates = StepProduct(cell.of_other.T)
        self.before = added.new_empty(len(added), cell.weight.size(1))
        self.views = self.before.split(sizes)

    def run(self, step: int, said: Tensor, states: Tensor) -> None:
        before, inputs = self.views[step], self.cell.inputs[step]
        before.copy_(states)
        added = said.new_zeros(len(said), inputs.size(1))
        self.to_gates.add(added, said)
        inputs.unflatten(0, (-1, self.parties)).add_(added.unsqueeze(1))
        self.cell.run(step, before, states)


class _ListeningGradient:
    """Takes the gradients of the states of all parties back."""

    def __init__(self, cell: Cell, gates: Tensor, before: Tensor, steps: Steps) -> None:
        self.parties = steps.parties
        sizes = [size * self.parties for size in steps.sizes]
        self.cell = cell.run_back(gates, before, sizes)
        self.from_gates = StepProduct(cell.of_other)
        self.of_added = torch.empty_like(cell.added)
        self.views = self.of_added.split(steps.sizes)

    def run(self, step: int, of_said: Tensor, of_states: Tensor) -> None:
        of_before, of_added = torch.empty_like(of_states), self.views[step]
        self.cell.run(step, of_states, of_before)
        by_party = self.cell.of_inputs[step].unflatten(0, (-1, self.parties))
        torch.sum(by_party, 1, out=of_added)
        self.from_gates.add(of_said, of_added)
        of_states.copy_(of_before)

    def gradients(self, said: Tensor) -> list[Tensor | None]:
        """Return the gradients of a `Cell`."""
        of_other = outer_sum(self.of_added, said)
        return [self.of_added, of_other, *self.cell.parameters(), None]


def _cells(tensors: Sequence[Any]) -> list[Cell]:
    """Return the cells whose tensors stand there, two or three, whatever else follows."""
    fields = len(Cell._fields)
    return [Cell(*tensors[i : i + fields]) for i in range(0, len(tensors) - fields + 1, fields)]
