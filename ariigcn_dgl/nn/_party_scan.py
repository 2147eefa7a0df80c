"""The recurrences of DialogueRNN, forward and backward, over dialogues of any lengths.

Rows are in packed order: the first utterances of all dialogues, the longest dialogue first, then
the second ones, ...; a dialogue that is over takes part in nothing. R rows, T time steps, B
dialogues, S parties, D_g, D_p and D_e widths.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor

from ariigcn_dgl.nn._first_derivative import first_derivative_only
from ariigcn_dgl.nn._gru_steps import Cell, GRUSteps, GRUStepsGradient
from ariigcn_dgl.nn._step_products import (
    StepProduct,
    add_row_sums,
    row_dots,
    write_outer_sum,
)


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


class PartyScan(torch.autograd.Function):
    """Follow a dialogue and its parties: Eq. 1-6 of Majumder 2019."""

    @staticmethod
    def forward(ctx, steps: Steps, rows: Tensor, attend: Tensor, *cells: Tensor | None) -> Tensor:
        """Return the states of who speaks, (R, D_p).

        Parameters
        ----------
        steps : Steps
        rows : (R, D) tensor
            The utterances.
        attend : (D_g, D) tensor
            W_alpha.
        *cells : the tensors of two or three `Cell`
            The dialogue's, the speaker's and, if there is one, the listeners', whose dropout is
            (R S, D_p).
        """
        sizes, parties = steps.sizes, steps.parties
        dialogue, party, *listener = _cells(cells)
        global_cell, party_cell = GRUSteps(dialogue, rows, sizes), GRUSteps(party, rows, sizes)
        queries = rows.new_zeros(len(rows), len(attend))
        StepProduct(attend.T).add(queries, rows)
        asked = steps.table(queries)
        batch, count, width = asked.shape
        history = asked.new_zeros(batch, count + 1, width)  # before the first step: zeros
        attention = asked.new_zeros(batch, count, count)  # (to, by): backward reads along `by`
        contexts = torch.zeros_like(queries)  # c_1 = 0: nothing has been heard
        states = rows.new_zeros(batch * parties, party.weight_hh.size(1))
        before, now = states.new_empty(2, len(rows), states.size(1)).unbind()
        listening = [_Listening(x, rows, steps) for x in listener]
        views = zip(*(x.split(sizes) for x in (steps.speaker, contexts, before, now)), strict=True)
        for t, (speaker, context, own, new) in enumerate(views):
            size = sizes[t]
            torch.index_select(states, 0, speaker, out=own)
            if t > 0:  # before, all states are zeros
                global_cell.add_others(t, own)
                heard = history[:size, 1 : t + 1]
                weights = row_dots(heard, asked[:size, t]).softmax(1)
                add_row_sums(context, weights, heard)
                attention[:size, :t, t] = weights
                party_cell.add_others(t, context)
            global_cell.run(t, history[:size, t], history[:size, t + 1])
            party_cell.run(t, own, new)
            for each in listening:
                each.run(t, new, states[: size * parties])
            # After the listeners: who speaks is none of them.
            states.index_copy_(0, speaker, new)
        ctx.steps = steps
        kept = asked, history, attention, contexts, before, now, global_cell.gates, party_cell.gates
        of_listeners = [x for each in listening for x in (each.cell.gates, each.before)]
        ctx.save_for_backward(rows, attend, *kept, *cells, *of_listeners)
        return now

    @staticmethod
    @first_derivative_only
    def backward(ctx, grad: Tensor) -> tuple[Tensor | None, ...]:
        steps, sizes, parties = ctx.steps, ctx.steps.sizes, ctx.steps.parties
        rows, attend, *kept = ctx.saved_tensors
        asked, history, attention, contexts, before, now, *gates = kept[:8]
        dialogue, party, *listener = _cells(kept[8:])
        global_states = history[steps.places]
        global_cell = GRUStepsGradient(dialogue, rows, sizes, gates[0], global_states)
        party_cell = GRUStepsGradient(party, rows, sizes, gates[1], before)
        listening = [_ListeningGradient(x, rows, steps, *kept[-2:]) for x in listener]
        of_history, of_scores, of_contexts = (
            torch.zeros_like(x) for x in (history, attention, asked)
        )
        of_states = grad.new_zeros(len(asked) * parties, grad.size(1))
        of_now = grad.clone(memory_format=torch.contiguous_format)
        views = zip(*(x.split(sizes) for x in (steps.speaker, of_now)), strict=True)
        for t, (speaker, of_new) in reversed(list(enumerate(views))):
            size = sizes[t]
            of_new += of_states.index_select(0, speaker)
            of_states.index_fill_(0, speaker, 0)
            for each in listening:
                each.run(t, of_new, of_states[: size * parties])
            of_own, of_dialogue = torch.empty_like(of_new), of_history[:size, t + 1]
            party_cell.run(t, of_new, of_own)
            for later in sizes[t + 1 : t + 2]:  # dialogues whose next steps attend to this one
                for by, tables in ((attention, of_contexts), (of_scores, asked)):
                    weights, their = by[:later, t, t + 1 :], tables[:later, t + 1 :]
                    add_row_sums(of_dialogue[:later], weights, their)
            global_cell.run(t, of_dialogue, of_history[:size, t])
            if t > 0:
                of_context, weights = of_contexts[:size, t], attention[:size, :t, t]
                party_cell.add_to_others(t, of_context)
                of_weights = weights * row_dots(history[:size, 1 : t + 1], of_context)
                of_scores[:size, :t, t] = of_weights - weights * of_weights.sum(1, keepdim=True)
                global_cell.add_to_others(t, of_own)
                of_states.index_add_(0, speaker, of_own)
        of_queries = torch.bmm(of_scores.mT, history[:, 1:])[steps.places]
        of_attend = torch.empty_like(attend)
        write_outer_sum(of_attend, of_queries, rows)
        of_rows = None
        if ctx.needs_input_grad[1]:
            of_rows = torch.zeros_like(rows)
            StepProduct(attend).add(of_rows, of_queries)
            for cell in (global_cell, party_cell, *(each.cell for each in listening)):
                cell.add_to_rows(of_rows)
        first = sizes[0]  # rows of the first step
        grads = [*global_cell.gradients(before[first:]), *party_cell.gradients(contexts[first:])]
        for each in listening:
            grads += each.cell.gradients(now)
        return None, of_rows, of_attend, *grads


class EmotionScan(torch.autograd.Function):
    """Follow the emotion of a dialogue: Eq. 8, whose inputs are known for all steps."""

    @staticmethod
    def forward(ctx, sizes: list[int], rows: Tensor, *cell: Tensor | None) -> Tensor:
        """Return the states, (R, D_e), given (R, D) and the tensors of a `Cell`."""
        (own,) = _cells(cell)
        steps = GRUSteps(own, rows, sizes)
        states = rows.new_zeros(sizes[0] + len(rows), own.weight_hh.size(1))
        for t, (before, now) in enumerate(pairwise(states.split([sizes[0], *sizes]))):
            steps.run(t, before[: sizes[t]], now)
        ctx.sizes = sizes
        ctx.save_for_backward(rows, states, steps.gates, *cell)
        return states[sizes[0] :]

    @staticmethod
    @first_derivative_only
    def backward(ctx, grad: Tensor) -> tuple[Tensor | None, ...]:
        sizes, (rows, states, gates, *cell) = ctx.sizes, ctx.saved_tensors
        bounds = [sizes[0], *sizes]
        before = [x[:size] for x, size in zip(states.split(bounds), sizes, strict=False)]
        (own,) = _cells(cell)
        steps = GRUStepsGradient(own, rows, sizes, gates, torch.cat(before))
        of_states = torch.cat([torch.zeros_like(grad[: sizes[0]]), grad])
        for t, (of_before, of_now) in reversed(list(enumerate(pairwise(of_states.split(bounds))))):
            through = torch.empty_like(of_now)
            steps.run(t, of_now, through)
            of_before[: sizes[t]] += through
        of_rows = torch.zeros_like(rows)
        steps.add_to_rows(of_rows)
        return None, of_rows, *steps.gradients(None)


class _Listening:
    """Updates the states of all parties by what is said."""

    def __init__(self, cell: Cell, rows: Tensor, steps: Steps) -> None:
        self.cell = GRUSteps(cell, rows, steps.sizes, steps.parties)
        self.before = rows.new_empty(len(self.cell.gates), self.cell.width)
        self.views = self.before.split([len(gates) for gates in self.cell.steps])

    def run(self, step: int, said: Tensor, states: Tensor) -> None:
        before = self.views[step].copy_(states)
        self.cell.add_others(step, said)
        self.cell.run(step, before, states)


class _ListeningGradient:
    """Takes the gradients of the states of all parties back."""

    def __init__(
        self, cell: Cell, rows: Tensor, steps: Steps, gates: Tensor, before: Tensor
    ) -> None:
        self.cell = GRUStepsGradient(cell, rows, steps.sizes, gates, before, steps.parties)

    def run(self, step: int, of_said: Tensor, of_states: Tensor) -> None:
        of_before = torch.empty_like(of_states)
        self.cell.run(step, of_states, of_before)
        self.cell.add_to_others(step, of_said)
        of_states.copy_(of_before)


def _cells(tensors: Sequence[Any]) -> list[Cell]:
    """Return the cells whose tensors stand there; what follows and makes no cell is left."""
    fields = len(Cell._fields)
    return [Cell(*tensors[i : i + fields]) for i in range(0, len(tensors) - fields + 1, fields)]
