"""What a graph holds is plain, in whatever mode it is made: torch.func, inference, compilation."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, Generic, ParamSpec, TypeVar, overload

import torch
from torch import Tensor

Result = TypeVar("Result")
Parameters = ParamSpec("Parameters")


def lasting(function: Callable[Parameters, Result]) -> Callable[Parameters, Result]:
    """Make plain tensors, whatever the mode: e.g. that of a validation before training.

    Tensors of `torch.inference_mode` cannot be trained on later, and those of `torch.func` can
    neither be copied nor pickled.
    """

    @functools.wraps(function)
    def run(*args: Any, **kwargs: Any) -> Result:
        if torch.compiler.is_compiling():
            return function(*args, **kwargs)
        own = [_unwrapped(x) for x in args]
        named = {name: _unwrapped(x) for name, x in kwargs.items()}
        with torch.inference_mode(mode=False), torch._C._DisableFuncTorch():
            return function(*own, **named)

    return run


def _unwrapped(x: Any) -> Any:
    """Return what stands in a tensor that torch.func.grad or jacrev was given."""
    while isinstance(x, Tensor) and torch._C._functorch.is_gradtrackingtensor(x):
        x = torch._C._functorch.get_unwrapped(x)
    return x


class LastingProperty(Generic[Result]):
    """A property that is computed once, `lasting`.

    Unlike functools.cached_property it has no lock (until Python 3.12), which torch.compile cannot
    trace. Traced, it is computed by the compiled program, and not kept.
    """

    def __init__(self, function: Callable[[Any], Result]) -> None:
        self.function = lasting(function)
        self.__doc__ = function.__doc__

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    @overload
    def __get__(self, instance: None, owner: type) -> LastingProperty[Result]: ...

    @overload
    def __get__(self, instance: object, owner: type) -> Result: ...

    def __get__(self, instance: object | None, owner: type) -> LastingProperty[Result] | Result:
        if instance is None:
            return self
        result = self.function(instance)
        if not torch.compiler.is_compiling():
            # Where Python finds it before the property, and frozen dataclasses forbid nothing.
            instance.__dict__[self.name] = result
        return result
