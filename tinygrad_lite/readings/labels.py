"""What things are called: the user's names first, then the attribute's, then generated ones.

Every reading names nodes with this, so that the picture, the derivation and the source of a graph agree.
"""

from __future__ import annotations

import inspect
import unicodedata
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from tinygrad_lite.graph import Node, same_bits
from tinygrad_lite.primitive import Primitive
from tinygrad_lite.primitives.indexing import ARRAY
from tinygrad_lite.readings.numerals import numeral

STEMS = {
    "affine": "z", "matmul": "z", "relu": "h", "tanh": "h", "sigmoid": "h", "squared_loss": "loss",
}  # fmt: skip  # what textbooks call the result of an operation; anything else is a v
MANY = 1000  # longer lists among a user's variables are data, not a handful of layers


def literal(text: str, most: int = 48) -> str:
    """Any text as one line that shows what is in it: control and bidirectional characters as escapes, middle elided.

    >>> literal("a\\nb"), literal("x" * 60, most=9)
    ('a\\\\nb', 'xxxxx…xxx')
    """
    if len(text) > most:
        head = (most + 1) // 2
        text = f"{text[:head]}…{text[len(text) - (most - head - 1) :]}"
    if text.isascii() and text.isprintable():
        return text
    return "".join(c if _harmless(c) else c.encode("unicode_escape").decode() for c in text)


def _harmless(c: str) -> bool:
    # Categories Cc, Cf, Cs, Co, Cn, Zl, Zp: invisible, reordering or not text at all. U+200D joins emoji.
    # Category Zs other than a blank looks like one and is not.
    return c == "\u200d" or (c.isprintable() and unicodedata.category(c) != "Cn")


def shape_text(value: Any) -> str:
    """Shape and dtype, as in `(4, 3) float64` or `scalar float32`."""
    return f"{np.shape(value) or 'scalar'} {np.asarray(value).dtype}"


class Names:
    """The names of some nodes, and of the constants among their operands.

    nodes   those to be named, in program order; numbers of generated names go up along it
    given   names for tensors, arrays and modules: `locals()` will do. Tensors in its lists and dicts get
            `hs[0]`; names that begin with an underscore are passed over, as a notebook has many
    short   names to prefer over a node's own, for instance `weight` for what is `fc.weight` outside its box
    """

    def __init__(
        self,
        nodes: Iterable[Node],
        outputs: Iterable[Node] = (),
        given: Mapping[str, Any] | None = None,
        short: Mapping[Node, str] | None = None,
    ) -> None:
        self.arrays: list[tuple[str, Any]] = []
        self.modules: dict[int, str] = {}
        self._names: dict[Node, str] = {}
        self._constants: dict[tuple[Node, int], str] = {}
        for name, thing in _spread(given or {}):
            if isinstance(thing, Node):
                self._names.setdefault(thing, name)
            elif isinstance(thing, np.ndarray):
                self.arrays.append((name, thing))
            elif hasattr(thing, "named_parameters"):
                self.modules.setdefault(id(thing), name)
        nodes = list(nodes)
        for node in nodes:
            if node not in self._names and node.name:
                self._names[node] = (short or {}).get(node, node.name)
        self._generate(nodes, list(outputs))

    def _generate(self, nodes: list[Node], outputs: list[Node]) -> None:
        """Names for the nameless: a stem, numbered where there are several of it; equal arrays have one name."""
        stems: dict[str, list[list[Any]]] = {}
        alike: dict[Any, list[Any]] = {}
        single = outputs[0] if len(outputs) == 1 else None

        def given(thing: Any, array: Any, stem: str) -> None:
            if np.ndim(array):
                key = array.shape, array.dtype.str, array.tobytes()
                if key in alike:
                    alike[key].append(thing)
                    return
                alike[key] = [thing]
                stems.setdefault(stem, []).append(alike[key])
            else:
                stems.setdefault(stem, []).append([thing])

        for node in nodes:
            for i, x in enumerate(node.inputs):
                if x is None and isinstance(node.args[i], np.ndarray):
                    name = self.of_array(node.args[i])
                    if name:
                        self._constants[node, i] = name
                    else:
                        given((node, i), node.args[i], _role(node.op, i) or _letter(node, i))
            if node not in self._names:
                if node.op is None and not node.requires_grad:
                    given(node, node.value, "x")
                else:
                    stems.setdefault(_stem(node, node is single), []).append([node])
        taken = {*self._names.values(), *self._constants.values()}
        for stem, found in stems.items():
            numbers = iter(range(1, len(found) + len(taken) + 1))
            for things in found:
                name = stem if len(found) == 1 else f"{stem}{next(numbers)}"
                while name in taken:
                    name = f"{stem}{next(numbers)}"
                taken.add(name)
                for thing in things:
                    if isinstance(thing, Node):
                        self._names[thing] = name
                    else:
                        self._constants[thing] = name

    def of_array(self, array: Any) -> str | None:
        """The user's name for an array, if there is one."""
        # The graph holds copies of arrays from outside, so that they are known again by their bits only.
        found = [name for name, other in self.arrays if same_bits(array, other)] if array.size else []
        return found[0] if len(found) == 1 else None

    def __contains__(self, node: Node) -> bool:
        return node in self._names

    def __getitem__(self, node: Node) -> str:
        return self._names[node]

    def get(self, node: Node, otherwise: str) -> str:
        """The name of a node, or something else for one that has none here."""
        return self._names.get(node, otherwise)

    def rename(self, node: Node, name: str) -> None:
        """Call `node` by `name` from now on."""
        self._names[node] = name

    def operand(self, node: Node, i: int) -> str:
        """What stands at position `i` of the operation that made `node`: a name, or a number as it is."""
        x = node.inputs[i]
        if x is not None:
            return self._names.get(x, "…")
        a = node.args[i]
        if isinstance(a, np.ndarray):
            return self._constants.get((node, i)) or self.of_array(a) or _role(node.op, i) or "c"
        return "None" if a is None else numeral(a)

    def expression(self, node: Node) -> str:
        """What made the node, as code: `affine(x, weight, bias)`, `a - y`, `sum(h, axis=0)`."""
        op = node.op
        if op is None:
            return ""
        operands = [literal(self.operand(node, i), 24) for i in range(len(node.inputs))]
        if op.name == "getitem" and "index" in node.kwargs:
            return f"{operands[0]}[{_index(node.kwargs['index'], operands[1:])}]"
        if op.symbol and len(operands) == 2:
            return f"{operands[0]} {op.symbol} {operands[1]}"
        if op.symbol and len(operands) == 1:
            return f"{op.symbol}{operands[0]}"
        if len(operands) > 6:
            operands[3:-2] = ["…"]
        keywords = [
            f"{key}={literal(str(value), 24)}"
            for key, value in node.kwargs.items()
            if value is not None and value is not False
        ]
        return f"{op.name}({', '.join(operands + keywords)})"


def class_text(module: Any) -> str:
    """A module's class and sizes in short, `Linear(64, 10)`: names of sizes and settings at their defaults left out."""
    kind = type(module)
    try:
        parameters = inspect.signature(kind.__init__).parameters
    except (TypeError, ValueError):
        parameters = inspect.signature(lambda: None).parameters
    parts = []
    for part in _split(module.extra_repr()):
        key, equals, value = part.partition("=")
        setting = parameters.get(key)
        if equals and setting is not None:
            if setting.default is inspect.Parameter.empty:
                part = value
            elif value == str(setting.default):
                continue
        parts.append(part)
    return f"{kind.__name__}({', '.join(parts)})" if parts else kind.__name__


def _spread(given: Mapping[str, Any]) -> Iterable[tuple[str, Any]]:
    for name, thing in given.items():
        if isinstance(name, str) and not name.startswith("_"):
            yield name, thing
            if isinstance(thing, (list, tuple)) and len(thing) <= MANY:
                yield from ((f"{name}[{i}]", item) for i, item in enumerate(thing))
            elif isinstance(thing, dict) and len(thing) <= MANY:
                yield from ((f"{name}[{key!r}]", item) for key, item in thing.items())


def _stem(node: Node, is_output: bool) -> str:
    if node.op is None:
        return "w" if node.requires_grad else "x"
    if node.scope is not None and type(node.scope.module).__name__.endswith("Loss") and is_output:
        return "loss"
    return STEMS.get(node.op.name, "out" if is_output else "v")


def _letter(node: Node, i: int) -> str:
    """A letter for an array that nobody has named: x for what a weight is applied to, y for what a loss compares with.

    The second is of the shape of something computed, which is subtracted from it or it from that.
    """
    other = node.inputs[1 - i] if len(node.inputs) == 2 else None
    name = node.op.name if node.op is not None else ""
    weight = other is not None and (other.op is None or other.op.name == "transpose") and other.requires_grad
    if name == "matmul" and (i == 0 or weight):
        return "x"
    in_loss = node.scope is not None and type(node.scope.module).__name__.endswith("Loss")
    computed = other is not None and other.op is not None and other.requires_grad
    if name == "subtract" and (in_loss or computed) and np.shape(node.args[i]) == node.value.shape:
        return "y"
    return "c"


def _role(op: Primitive | None, i: int) -> str | None:
    """What the row calls its operand `i`, where that says something: the x of `affine`, the y of `squared_loss`."""
    if op is None or op.symbol:
        return None
    try:
        parameters = list(inspect.signature(op.run).parameters.values())
    except (TypeError, ValueError):  # one of NumPy's own
        return None
    plain = i < len(parameters) and parameters[i].kind is inspect.Parameter.POSITIONAL_OR_KEYWORD
    return parameters[i].name if plain else None


def _index(index: tuple[Any, ...], arrays: list[str]) -> str:
    rest = iter(arrays)
    parts = []
    for part in index:
        if isinstance(part, slice):
            ends = ["" if end is None else str(end) for end in (part.start, part.stop)]
            parts.append(":".join(ends) + ("" if part.step is None else f":{part.step}"))
        elif part is Ellipsis:
            parts.append("...")
        elif part is ARRAY:
            parts.append(next(rest, "…"))
        else:
            parts.append(str(part))
    return ", ".join(parts)


def _split(text: str) -> list[str]:
    """The parts between commas, but for commas inside brackets."""
    parts, depth = [""], 0
    for c in text:
        depth += (c in "([{") - (c in ")]}")
        if c == "," and not depth:
            parts.append("")
        else:
            parts[-1] += c
    return [part.strip() for part in parts if part.strip()]
