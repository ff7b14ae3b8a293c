"""Module: a function with parameters, which it finds among its own attributes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from tinygrad_lite.context import SCOPE, Scope
from tinygrad_lite.intake import Array
from tinygrad_lite.tensor import Tensor


class Parameter(Tensor):
    """A tensor that a module owns and an optimiser trains: a leaf that requires a gradient.

    Assigned to a module's attribute it takes the attribute's name, unless it was given one.
    """

    __slots__ = ()

    def __init__(
        self, data: Any, requires_grad: bool = True, name: str | None = None, dtype: npt.DTypeLike | None = None
    ) -> None:
        super().__init__(data, requires_grad, name, dtype)


class Module:
    """A part of a network: define `forward`, assign parameters and submodules as attributes, call it.

    Parameters and submodules are found by assignment, in lists, tuples and dicts too, and have dotted names
    (`fc.weight`, `layers.0.bias`). No `super().__init__()` is needed.

    >>> import numpy as np
    >>> from tinygrad_lite import nn
    >>> class Scale(nn.Module):
    ...     def __init__(self):
    ...         self.factor = nn.Parameter(2.0)
    ...     def forward(self, x):
    ...         return self.factor * x
    >>> [name for name, _ in Scale().named_parameters()]
    ['factor']
    """

    training: bool = True

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """What the module computes; each module defines its own."""
        raise NotImplementedError(f"{type(self).__name__} defines no forward(); it says what the module computes")

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        token = SCOPE.set(Scope((self, SCOPE.get())))
        try:
            return self.forward(*args, **kwargs)
        finally:
            SCOPE.reset(token)

    def __setattr__(self, name: str, value: Any) -> None:
        object.__setattr__(self, name, value)
        for path, part in _parts(name, value):
            if isinstance(part, Parameter):
                if part.name is None:
                    part.name = path
            else:  # a submodule has named its parameters already; put its own name before theirs
                for inner, parameter in part.named_parameters():
                    if parameter.name == inner:
                        parameter.name = f"{path}.{inner}"

    # -- finding things ----------------------------------------------------------------------------------------

    def _own(self) -> Iterator[tuple[str, Module | Parameter]]:
        for name, value in vars(self).items():
            yield from _parts(name, value)

    def named_children(self) -> Iterator[tuple[str, Module]]:
        """The submodules one level down, with their names."""
        return ((name, part) for name, part in self._own() if isinstance(part, Module))

    def children(self) -> Iterator[Module]:
        """The submodules one level down."""
        return (child for _, child in self.named_children())

    def named_modules(self, prefix: str = "") -> Iterator[tuple[str, Module]]:
        """This module and all below it, depth first, each once, with dotted names; its own is empty."""
        seen: set[int] = set()
        stack: list[tuple[str, Module]] = [(prefix, self)]
        while stack:
            path, module = stack.pop()
            if id(module) not in seen:
                seen.add(id(module))
                yield path, module
                below = [(f"{path}.{name}" if path else name, child) for name, child in module.named_children()]
                stack.extend(reversed(below))

    def modules(self) -> Iterator[Module]:
        """This module and all below it, each once."""
        return (module for _, module in self.named_modules())

    def named_parameters(self, prefix: str = "") -> Iterator[tuple[str, Parameter]]:
        """All parameters, each once, with dotted names."""
        seen: set[Parameter] = set()
        for path, module in self.named_modules(prefix):
            for name, part in module._own():
                if isinstance(part, Parameter) and part not in seen:
                    seen.add(part)
                    yield f"{path}.{name}" if path else name, part

    def parameters(self) -> Iterator[Parameter]:
        """All parameters, each once."""
        return (parameter for _, parameter in self.named_parameters())

    # -- state -------------------------------------------------------------------------------------------------

    def train(self, mode: bool = True) -> Self:
        """Switch this module and all below it to training (or, with False, to evaluation)."""
        for module in self.modules():
            module.training = mode
        return self

    def eval(self) -> Self:
        """Switch this module and all below it to evaluation."""
        return self.train(False)

    def zero_grad(self) -> None:
        """Forget the gradients of all parameters."""
        for parameter in self.parameters():
            parameter.grad = None

    def state_dict(self) -> dict[str, Array]:
        """Copies of all parameters' values, by dotted name."""
        return {name: parameter.numpy() for name, parameter in self.named_parameters()}

    def load_state_dict(self, state: Mapping[str, Any], strict: bool = True) -> None:
        """Set the parameters from `state`, by name; each keeps its dtype. All are set or, on an error, none.

        Raises: ValueError that lists every name which is missing, unexpected (these two only if `strict`), or has
        another shape.
        """
        own = dict(self.named_parameters())
        given = {name: np.array(value.numpy() if isinstance(value, Tensor) else value) for name, value in state.items()}
        problems = []
        if strict:
            problems += [f"missing: {name} {own[name].shape}" for name in own if name not in given]
            problems += [f"unexpected: {name} {given[name].shape}" for name in given if name not in own]
        problems += [
            f"wrong shape: {name} is {given[name].shape} in the state and {own[name].shape} in the module"
            for name in own
            if name in given and given[name].shape != own[name].shape
        ]
        problems += [
            f"wrong dtype: {name} is {given[name].dtype}, not real numbers"
            for name in own
            if name in given and given[name].dtype.kind not in "fiu"
        ]
        if problems:
            raise ValueError(
                f"load_state_dict: the state does not fit {type(self).__name__}:\n  " + "\n  ".join(problems)
            )
        for name in given.keys() & own.keys():
            own[name].data = given[name].astype(own[name].dtype)

    # -- names -------------------------------------------------------------------------------------------------

    @property
    def root_name(self) -> str:
        """What a module with nothing above it is called: "net", or its class if it has no submodules."""
        return "net" if any(True for _ in self.children()) else type(self).__name__

    def name_of(self, module: Module) -> str:
        """The dotted name of a module below this one, as the code that calls it would write it."""
        return next((name for name, below in self.named_modules() if below is module), type(module).__name__)

    def extra_repr(self) -> str:
        """What stands between the parentheses of this module's repr; its sizes, usually."""
        return ""

    def summary(self) -> str:
        """The module in one line: class and sizes."""
        return f"{type(self).__name__}({self.extra_repr()})"

    def __repr__(self) -> str:
        lines = [f"({name}): " + repr(child).replace("\n", "\n  ") for name, child in self.named_children()]
        if not lines:
            return self.summary()
        return f"{type(self).__name__}(\n  " + "\n  ".join(lines) + "\n)"


def _parts(name: str, value: Any) -> Iterator[tuple[str, Module | Parameter]]:
    """The modules and parameters in an attribute's value, with their names: itself, or what a container holds."""
    if isinstance(value, (Module, Parameter)):
        yield name, value
    elif isinstance(value, (list, tuple)):
        for i, item in enumerate(value):
            yield from _parts(f"{name}.{i}", item)
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _parts(f"{name}.{key}", item)
