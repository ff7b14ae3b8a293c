"""Names in a printed program: those of the network and of textbooks, else what made the value; each means one thing."""

from __future__ import annotations

import builtins
import keyword
import re
from typing import Any

from tinygrad_lite.readings.compiling.calls import Program, Value
from tinygrad_lite.readings.labels import STEMS

NUMBERED = {"z", "h"}  # with a number from the first on, as textbooks have them
# What a value is called by what made it, where textbooks have no letter for it.
OWN_STEMS = {
    "greater": "mask", "astype": "cast", "exp": "e", "log": "ln", "argmax of rows": "place", "entries": "entry",
    "subtract": "diff", "divide": "ratio", "multiply": "product", "add": "total", "unpick": "table", "sqrt": "root",
    "square": "squared", "negative": "minus", "tanh": "h", "matmul": "z", "dot": "z", "logsumexp": "lse",
    "logical_and": "finite", "all_finite": "finite", "less": "inside", "squared_loss": "loss", "conv2d": "z",
    "maximum": "top", "vdot": "squared", "all": "every_one", "any": "any_one", "mean": "average", "pick": "picked",
    "broadcast_to": "spread", "add at labels": "total", "getitem": "part", "softmax": "p",
}  # fmt: skip


class Namespace:
    """The names of a printed program and what they stand for: `bind` gives each thing one of its own."""

    def __init__(self) -> None:
        self.bound: dict[str, Any] = {}
        self._taken: set[str] = set(keyword.kwlist) | set(dir(builtins))
        self._by_id: dict[tuple[str, int], str] = {}
        self._numbers: dict[str, int] = {}

    def name(self, wanted: str) -> str:
        """An identifier that nothing else has: as wanted, or numbered."""
        name = re.sub(r"\W+", "_", wanted).strip("_") or "v"
        if name[0].isdigit():
            name = f"p{name}"
        if name not in self._taken:
            self._taken.add(name)
            return name
        return self._free(name, self._numbers.get(name, 1))

    def numbered(self, stem: str) -> str:
        """z1, z2, z3..."""
        return self._free(stem, self._numbers.get(stem, 0))

    def _free(self, name: str, number: int) -> str:
        while True:
            number += 1
            if (numbered := f"{name}{'_' if name[-1].isdigit() else ''}{number}") not in self._taken:
                self._numbers[name] = number
                self._taken.add(numbered)
                return numbered

    def bind(self, wanted: str, thing: Any) -> str:
        """A name for a thing; the same one when asked again."""
        key = (wanted, id(thing))
        if key not in self._by_id:
            self._by_id[key] = name = self.name(wanted)
            self.bound[name] = thing
        return self._by_id[key]

    def value(self, v: Value, name: str) -> str:
        """A name for a value whose stem, or derivative's name, is given."""
        return self.numbered(name) if name in NUMBERED else self.name(name)


def stem(v: Value) -> str:
    """What a value is called that has no name of its own."""
    if v.final and v.name in STEMS:
        return STEMS[v.name]
    found = OWN_STEMS.get(v.name) or STEMS.get(v.name) or v.name.rpartition(".")[2]
    return found if found.isidentifier() and len(found) < 24 else "v"


def parameters(program: Program) -> dict[Value, str]:
    """W1, b1, W2... for layers that have numbers, W_fc for one that has a name; gamma and beta for those of a norm."""
    paths = {v: (v.name.rpartition(".")[0], v.name.rpartition(".")[2]) for v in program.leaves.values()}
    layers = list(dict.fromkeys(path for path, _ in paths.values() if path))
    plain = all(re.fullmatch(r"\d+(\.\d+)*", path) for path in layers)
    ranks = {path: len(v.shape) for v, (path, last) in paths.items() if last == "weight"}
    found: dict[Value, str] = {}
    for v, (path, last) in paths.items():
        letters = {"weight": "gamma", "bias": "beta"} if ranks.get(path) == 1 else {"weight": "W", "bias": "b"}
        if path and last in letters:
            found[v] = f"{letters[last]}{layers.index(path) + 1}" if plain else f"{letters[last]}_{path}"
        elif path and plain:
            found[v] = f"{last}{layers.index(path) + 1}"
    return found
