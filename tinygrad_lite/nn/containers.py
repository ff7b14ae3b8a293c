"""Containers: modules made of modules."""

from __future__ import annotations

from collections.abc import ItemsView, Iterable, Iterator, KeysView, Mapping, ValuesView
from typing import Any, Self

from tinygrad_lite.nn.module import Module, christen


class _Numbered(Module):
    """Modules under the names "0", "1", ...: what Sequential and ModuleList share."""

    def _put(self, modules: Iterable[Module]) -> None:
        """Hold exactly these modules."""
        kept = list(modules)
        for i, module in enumerate(kept):
            if not isinstance(module, Module):
                raise TypeError(
                    f"{type(self).__name__}: part {i} is {module!r}, not a Module. Did you mean to call the class?"
                )
        for name, _ in list(self.named_children()):
            delattr(self, name)
        for i, module in enumerate(kept):
            setattr(self, str(i), module)

    def append(self, module: Module) -> Self:
        """Add a module at the end."""
        self._put([*self, module])
        return self

    def extend(self, modules: Iterable[Module]) -> Self:
        """Add modules at the end."""
        self._put([*self, *modules])
        return self

    def insert(self, i: int, module: Module) -> None:
        """Put a module before the i-th."""
        modules = list(self)
        modules.insert(i, module)
        self._put(modules)

    def __len__(self) -> int:
        return sum(1 for _ in self.children())

    def __iter__(self) -> Iterator[Module]:
        return self.children()

    def __getitem__(self, i: int | slice) -> Any:
        modules = list(self.children())
        return type(self)._of(modules[i]) if isinstance(i, slice) else modules[i]

    def __setitem__(self, i: int, module: Module) -> None:
        modules = list(self.children())
        modules[i] = module
        self._put(modules)

    def __delitem__(self, i: int | slice) -> None:
        modules = list(self.children())
        del modules[i]
        self._put(modules)

    @classmethod
    def _of(cls, modules: list[Module]) -> Self:
        made = cls()
        made._put(modules)
        return made


class Sequential(_Numbered):
    """Modules one after the other; `net[0]` is the first. A dict of them gives them names.

    >>> from tinygrad_lite import nn
    >>> nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1, bias=False))
    Sequential(
      (0): Linear(in_features=2, out_features=3, bias=True)
      (1): ReLU()
      (2): Linear(in_features=3, out_features=1, bias=False)
    )
    """

    def __init__(self, *modules: Module | Mapping[str, Module]) -> None:
        if len(modules) == 1 and isinstance(modules[0], Mapping):
            for name, module in modules[0].items():
                setattr(self, name, module)
        else:
            self._put(modules)  # type: ignore[arg-type]  # a dict among others is refused by name there

    def forward(self, x: Any) -> Any:
        """The last module's output."""
        for module in vars(self).values():
            if isinstance(module, Module):
                x = module(x)
        return x


class ModuleList(_Numbered):
    """A list of modules, found by the module that holds it; it says nothing of how they are called.

    A plain list does too: this one adds PyTorch's name, a repr of its own, and `append` after assignment.

    >>> from tinygrad_lite import nn
    >>> layers = nn.ModuleList([nn.Linear(2, 3)]).append(nn.Linear(3, 1))
    >>> len(layers), [name for name, _ in layers.named_parameters()]
    (2, ['0.weight', '0.bias', '1.weight', '1.bias'])
    """

    def __init__(self, modules: Iterable[Module] = ()) -> None:
        self._put(modules)


class ModuleDict(Module):
    """Modules by name, found by the module that holds it; it says nothing of how they are called.

    Raises: TypeError for a name that is no text or a value that is no module.

    >>> from tinygrad_lite import nn
    >>> heads = nn.ModuleDict({"left": nn.Linear(4, 10), "right": nn.Linear(4, 10)})
    >>> list(heads), heads["left"]
    (['left', 'right'], Linear(in_features=4, out_features=10, bias=True))
    """

    def __init__(self, modules: Mapping[str, Module] | None = None) -> None:
        self._modules: dict[str, Module] = {}
        self.update(modules or {})

    def _own(self) -> Iterator[tuple[str, Any]]:
        return iter(self._modules.items())

    def __setitem__(self, name: str, module: Module) -> None:
        if not isinstance(name, str) or not isinstance(module, Module):
            raise TypeError(f"ModuleDict: {name!r}: {module!r} is no name and Module")
        self._modules[name] = module
        christen(name, module)

    def __getitem__(self, name: str) -> Module:
        return self._modules[name]

    def __delitem__(self, name: str) -> None:
        del self._modules[name]

    def __contains__(self, name: object) -> bool:
        return name in self._modules

    def __len__(self) -> int:
        return len(self._modules)

    def __iter__(self) -> Iterator[str]:
        return iter(self._modules)

    def keys(self) -> KeysView[str]:
        """The names."""
        return self._modules.keys()

    def values(self) -> ValuesView[Module]:
        """The modules."""
        return self._modules.values()

    def items(self) -> ItemsView[str, Module]:
        """Names and modules."""
        return self._modules.items()

    def update(self, modules: Mapping[str, Module]) -> None:
        """Add modules, or put them in the place of others of the same name."""
        for name, module in modules.items():
            self[name] = module
