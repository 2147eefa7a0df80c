"""Second derivatives of operators with a native backward, by their plain-torch references."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from ariigcn_dgl.graph import Graph
from ariigcn_dgl.graph.plan import Facts, Sizes, unpack


def differentiate_backward(
    name: str, gradients: Sequence[int], inputs: Sequence[int], forward: Callable[..., Any]
) -> None:
    r"""Register the derivative of the operator ``{name}_backward``.

    That operator computes :math:`J(x)^\top g` of the forward operator's inputs x and the gradients
    g of its outputs. Its derivative is found by computing the same in plain torch and
    differentiating that: as slow and as large as the reference, and differentiable again.

    Parameters
    ----------
    name : str
        The forward operator.
    gradients, inputs : sequence of int
        Where g and x are among the arguments of ``{name}_backward``; `inputs` in the order of its
        results. Arguments may be None. The others are constants.
    forward : callable
        Takes all arguments; returns one output for each of `gradients`.
    """
    positions = [*gradients, *inputs]

    def setup_context(ctx, inputs, output):
        ctx.constants = [None if isinstance(x, Tensor) else x for x in inputs]
        ctx.tensors = [place for place, x in enumerate(inputs) if isinstance(x, Tensor)]
        ctx.save_for_backward(*(inputs[place] for place in ctx.tensors))

    def backward(ctx, *cotangents):
        third = torch.is_grad_enabled()  # as under create_graph: a derivative of this one is wanted
        arguments = list(ctx.constants)
        for place, tensor in zip(ctx.tensors, ctx.saved_tensors, strict=True):
            arguments[place] = tensor
        with torch.enable_grad():
            wanted = [place for place in positions if arguments[place] is not None]
            for place in wanted:
                arguments[place] = _own_variable(arguments[place])
            first, weights = _vector_jacobian(arguments, forward, gradients, inputs, cotangents)
            second = torch.autograd.grad(
                first,
                [arguments[place] for place in wanted],
                weights,
                create_graph=third,
                allow_unused=True,  # a first derivative need not depend on every input
            )
        results = [None] * len(arguments)
        for place, result in zip(wanted, second, strict=True):
            results[place] = result
        return tuple(results)

    torch.library.register_autograd(
        f"ariigcn::{name}_backward", backward, setup_context=setup_context
    )


def graph_of_plan(plan: Tensor, sizes: Sequence[int]) -> Graph:
    """Return a graph as references need it: without edge ids, and of facts the counts alone."""
    own = Sizes(*sizes)
    counts = unpack(plan, own)["rel_ptr"].diff().tolist()
    return Graph(torch.empty(0), plan, own, Facts(None, False, tuple(counts)))


def _own_variable(tensor: Tensor) -> Tensor:
    """Return a variable of its own, so that arguments which are one tensor stay apart."""
    return tensor.view_as(tensor) if tensor.requires_grad else tensor.detach().requires_grad_()


def _vector_jacobian(
    arguments: list[Any],
    forward: Callable[..., Any],
    gradients: Sequence[int],
    inputs: Sequence[int],
    cotangents: Sequence[Tensor],
) -> tuple[list[Tensor], list[Tensor]]:
    """Return the results of ``{name}_backward``, differentiable, and their cotangents."""
    outputs = zip(gradients, forward(*arguments), strict=True)
    pairs = [(arguments[place], out) for place, out in outputs if arguments[place] is not None]
    given = [(arguments[p], c) for p, c in zip(inputs, cotangents, strict=True)]
    given = [(x, c) for x, c in given if x is not None]
    first = torch.autograd.grad(
        [out for _, out in pairs],
        [x for x, _ in given],
        [grad for grad, _ in pairs],
        create_graph=True,
        materialize_grads=True,
    )
    # autograd.grad refuses what depends on nothing.
    kept = [(f, c) for f, (_, c) in zip(first, given, strict=True) if f.requires_grad]
    return [f for f, _ in kept], [c for _, c in kept]
