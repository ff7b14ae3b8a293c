"""Module: a function with parameters, which it finds among its own attributes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple, NoReturn, Self, TypeVar

import numpy as np
import numpy.typing as npt

from tinygrad_lite.context import SCOPE, Scope
from tinygrad_lite.intake import Array
from tinygrad_lite.later import in_notebook
from tinygrad_lite.nn.familiar import FASTER, HALF, renamed, wanted_dtype
from tinygrad_lite.tensor import Tensor

T = TypeVar("T", bound=Tensor)
CHANGES = [0]  # how often an attribute of any module was set: while it stands, a compiled program need look at none


class Parameter(Tensor):
    """A tensor that a module owns and an optimiser trains: a leaf that requires a gradient.

    Assigned to a module's attribute it takes the attribute's name, unless it was given one.
    """

    __slots__ = ()

    def __init__(
        self, data: Any, requires_grad: bool = True, name: str | None = None, dtype: npt.DTypeLike | None = None
    ) -> None:
        super().__init__(data, requires_grad, name, dtype)

    def requires_grad_(self, requires_grad: bool = True) -> Self:
        """Freeze the parameter (with False) or let it train again."""
        self.requires_grad = requires_grad
        return self


class Buffer(Tensor):
    """A tensor that a module keeps and saves but does not train, such as a running mean; set it through `.data`."""

    __slots__ = ()

    def __init__(self, data: Any, name: str | None = None, dtype: npt.DTypeLike | None = None) -> None:
        super().__init__(data, False, name, dtype)


class IncompatibleKeys(NamedTuple):
    """What `load_state_dict` found no value for, and what it had no use for."""

    missing_keys: list[str]
    unexpected_keys: list[str]


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
    _repr_mimebundle_ = in_notebook

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """What the module computes; each module defines its own."""
        raise NotImplementedError(f"{type(self).__name__} defines no forward(); it says what the module computes")

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        token = SCOPE.set(Scope((self, SCOPE.get())))
        try:
            return self.forward(*args, **renamed(self.forward, kwargs)) if kwargs else self.forward(*args)
        finally:
            SCOPE.reset(token)

    def __setattr__(self, name: str, value: Any) -> None:
        if isinstance(vars(self).get(name), Parameter) and not (value is None or isinstance(value, Parameter)):
            raise TypeError(
                f"{type(self).__name__}.{name} is a parameter; {type(value).__name__} would take its place and not be "
                f"trained. Set its values with .{name}.data = ..., or assign an nn.Parameter (or None)."
            )
        object.__setattr__(self, name, value)
        CHANGES[0] += 1
        for path, part in _parts(name, value):
            christen(path, part)

    def register_buffer(self, name: str, tensor: Any, persistent: bool = True) -> None:
        """The same as `self.name = nn.Buffer(tensor)`; what does not persist is a Tensor, and no part of the state."""
        setattr(self, name, tensor if tensor is None else Buffer(tensor) if persistent else Tensor(tensor))

    def register_parameter(self, name: str, parameter: Parameter | None) -> None:
        """The same as `self.name = parameter`."""
        setattr(self, name, parameter)

    # -- finding things ----------------------------------------------------------------------------------------

    def _own(self) -> Iterator[tuple[str, Part]]:
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

    def _named(self, kind: type[T], prefix: str = "") -> Iterator[tuple[str, T]]:
        """All tensors of a kind, each once, with dotted names."""
        seen: set[Tensor] = set()
        for path, module in self.named_modules(prefix):
            for name, part in module._own():
                if isinstance(part, kind) and part not in seen:
                    seen.add(part)
                    yield f"{path}.{name}" if path else name, part

    def named_parameters(self, prefix: str = "") -> Iterator[tuple[str, Parameter]]:
        """All parameters, each once, with dotted names."""
        return self._named(Parameter, prefix)

    def parameters(self) -> Iterator[Parameter]:
        """All parameters, each once."""
        return (parameter for _, parameter in self.named_parameters())

    def named_buffers(self, prefix: str = "") -> Iterator[tuple[str, Buffer]]:
        """All buffers, each once, with dotted names."""
        return self._named(Buffer, prefix)

    def buffers(self) -> Iterator[Buffer]:
        """All buffers, each once."""
        return (buffer for _, buffer in self.named_buffers())

    def apply(self, f: Callable[[Module], Any]) -> Self:
        """Call `f` on every module below this one, then on this one: to initialise a network, for example."""
        for module in reversed(list(self.modules())):
            f(module)
        return self

    # -- state -------------------------------------------------------------------------------------------------

    def train(self, mode: bool = True) -> Self:
        """Switch this module and all below it to training (or, with False, to evaluation)."""
        for module in self.modules():
            module.training = mode
        return self

    def eval(self) -> Self:
        """Switch this module and all below it to evaluation."""
        return self.train(False)

    def requires_grad_(self, requires_grad: bool = True) -> Self:
        """Freeze all parameters (with False) or let them train again; give an optimiser only those that train."""
        for parameter in self.parameters():
            parameter.requires_grad_(requires_grad)
        return self

    def to(self, *targets: Any, dtype: npt.DTypeLike | None = None, device: Any = None) -> Self:
        """Convert all parameters and buffers of floats to another float dtype, in place; gradients are dropped.

        A target is a dtype, or a tensor or array whose dtype is taken; "cpu" is where everything is already.

        Raises: ValueError for another device, TypeError for what is no float dtype.
        """
        dtype = wanted_dtype(type(self).__name__, (*targets, dtype, device))
        for _, tensor in self._named(Tensor):
            if dtype is not None and tensor.dtype.kind == "f" and tensor.dtype != dtype:
                tensor.data = tensor.numpy().astype(dtype)
                tensor.grad = None
        return self

    def float(self) -> Self:
        """Convert to float32: half the memory and twice the speed of float64."""
        return self.to(np.float32)

    def double(self) -> Self:
        """Convert to float64."""
        return self.to(np.float64)

    def cpu(self) -> Self:
        """The module itself: everything is there."""
        return self

    def cuda(self, device: Any = None) -> NoReturn:
        """Raises: NotImplementedError, for NumPy computes on the CPU."""
        raise NotImplementedError(f"{type(self).__name__}.cuda(): NumPy computes on the CPU only. {FASTER}")

    def half(self) -> NoReturn:
        """Raises: NotImplementedError, for NumPy has no arithmetic of 16 bits that is worth it."""
        raise NotImplementedError(f"{type(self).__name__}.half(): {HALF}")

    def bfloat16(self) -> NoReturn:
        """Raises: NotImplementedError, for NumPy has no such numbers."""
        raise NotImplementedError(f"{type(self).__name__}.bfloat16(): NumPy has no bfloat16. {HALF}")

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients of all parameters; or (with False) let them be zeros."""
        for p in self.parameters():
            p.grad = None if set_to_none or p.grad is None else np.zeros_like(p.grad)

    def _by_every_name(self) -> Iterator[tuple[str, Tensor]]:
        """All tensors under all their names: a module used in two places has two. A cycle is gone round once."""
        stack: list[tuple[str, Module, frozenset[int]]] = [("", self, frozenset({id(self)}))]
        while stack:
            path, module, above = stack.pop()
            below = []
            for name, part in module._own():
                if not isinstance(part, Module):
                    yield path + name, part
                elif id(part) not in above:
                    below.append((f"{path}{name}.", part, above | {id(part)}))
            stack.extend(reversed(below))

    def state_dict(self) -> dict[str, Array]:
        """Copies of the values of all parameters and buffers, by dotted name; what is shared has several names."""
        return {name: tensor.numpy() for name, tensor in self._by_every_name()}

    def load_state_dict(self, state: Mapping[str, Any], strict: bool = True) -> IncompatibleKeys:
        """Set parameters and buffers from `state`, by name; each keeps its dtype. All are set or, on an error, none.

        What has several names takes its value from any of them. Returns (missing_keys, unexpected_keys), both empty
        if `strict`.

        Raises: ValueError that lists every name which is missing, unexpected (these two only if `strict`), or has
        another shape.
        """
        own = dict(self._by_every_name())
        given = {
            name: value.numpy() if isinstance(value, Tensor) else np.asarray(value) for name, value in state.items()
        }
        problems = []
        found = {own[name] for name in own if name in given}
        keys = IncompatibleKeys(
            [name for name in own if own[name] not in found], [name for name in given if name not in own]
        )
        if strict:
            problems += [f"missing: {name} {own[name].shape}" for name in keys.missing_keys]
            problems += [f"unexpected: {name} {given[name].shape}" for name in keys.unexpected_keys]
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
        for name, tensor in own.items():
            if name in given:
                tensor.data = given[name].astype(tensor.dtype)
        return keys

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
        lines: list[str] = []
        open_: list[int] = []  # the modules that are being written, outermost first
        todo: list[tuple[str, Module | None]] = [("", self)]  # None closes the innermost
        while todo:
            label, module = todo.pop()
            if module is None:
                open_.pop()
                lines.append("  " * len(open_) + ")")
                continue
            indent, children = "  " * len(open_), list(module.named_children())
            if id(module) in open_:
                lines.append(f"{indent}{label}{type(module).__name__}(...)")
            elif type(module).__repr__ is not Module.__repr__:
                lines.append(indent + label + repr(module).replace("\n", "\n" + indent))
            elif not children:
                lines.append(indent + label + module.summary())
            else:
                lines.append(f"{indent}{label}{type(module).__name__}(")
                open_.append(id(module))
                todo.append(("", None))
                todo.extend((f"({name}): ", child) for name, child in reversed(children))
        return "\n".join(lines)


Part = Module | Parameter | Buffer


def christen(path: str, part: Part) -> None:
    """Give the tensors of a part that is now to be found at `path` names that say so."""
    if isinstance(part, Module):  # it has named its tensors already; put its own name before theirs
        for inner, tensor in part._named(Tensor):
            if tensor.name == inner:
                tensor.name = f"{path}.{inner}"
    elif part.name is None:
        part.name = path


def _parts(name: str, value: Any) -> Iterator[tuple[str, Part]]:
    """The modules, parameters and buffers in an attribute's value, with their names: itself, or a container's."""
    if isinstance(value, (Module, Parameter, Buffer)):
        yield name, value
    elif isinstance(value, (list, tuple)):
        for i, item in enumerate(value):
            yield from _parts(f"{name}.{i}", item)
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _parts(f"{name}.{key}", item)
