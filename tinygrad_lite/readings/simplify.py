"""The joint graph of forward and backward pass without its noise: what a person would not have written.

Each rewriting is a small identity (`rewriting.rules`), applied to one operation at a time, in the order in which the
program ran. Whatever it gives is evaluated, on the run's own values and on others, and compared with what it is to
replace. One that differs is not applied, so that a simplified graph is equal to the original, however it came about.
"""

from __future__ import annotations

import contextlib
import hashlib
import zlib
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from tinygrad_lite.context import EVERYTHING, recording
from tinygrad_lite.graph import Node, ancestors
from tinygrad_lite.primitive import Primitive
from tinygrad_lite.readings.program import Program
from tinygrad_lite.readings.rewriting.numbers import bare, full, is_number, plain
from tinygrad_lite.readings.rewriting.rules import CLOSE, EXACT, Call
from tinygrad_lite.tensor import Tensor

__all__ = ["nodes_of", "perturbed", "simplified"]

ROUNDS = 12  # of rewriting one operation; each shortens it, so few are ever needed
DEEPEST = 6
ROUNDING = 64  # units in the last place of the largest entry, which a rewriting that is not exact may differ by


def nodes_of(program: Program) -> list[Node]:
    """All nodes of the program, forward and backward, in the order in which they were made."""
    shares = (share.node for found in program.shares.values() for share in found)
    return ancestors([program.loss, *program.cotangents.values(), *shares])


def simplified(
    what: Program | Iterable[Node], exact: bool = True, *, constants: Iterable[Node] = ()
) -> dict[Node, Node]:
    """{node: the node that takes its place}, for each node of a program, or of an iterable sorted by order.

    What nothing was rewritten in is its own replacement. Of two equal computations the first takes both places. Where
    a value turns out to be one number everywhere, its replacement is made by the row `full`.

    exact      only what keeps every number to the last bit (a zero may change its sign); else also what is equal but
               for rounding
    constants  leaves that are numbers of the program, such as a seed of 1, and may be computed with

    >>> import tinygrad_lite as tl
    >>> from tinygrad_lite.readings.program import backward
    >>> x = tl.tensor([1.0, 2.0], requires_grad=True, name="x")
    >>> program = backward((x * 1 + 2 * x).sum())
    >>> program.loss.inputs[0].inputs[0].op.name, simplified(program)[program.loss].inputs[0].inputs[0].name
    ('multiply', 'x')
    """
    if isinstance(what, Program):
        nodes = nodes_of(what)
        given = {share.node for found in what.shares.values() for share in found if share.node.op is None}
        constants = [what.seed, *(node for node in given - set(what.forward)), *constants]
    else:
        nodes = list(what)
    with recording(EVERYTHING), np.errstate(all="ignore"):
        return _Rewriter(nodes, set(constants), exact).run()


def perturbed(nodes: Iterable[Node], constants: Iterable[Node] = ()) -> dict[Node, Any]:
    """The values of nodes when the leaves have other values near their own: the second test of every rewriting."""
    nodes, constants = list(nodes), set(constants)
    given = {}
    for node in nodes:
        if node.op is None and node not in constants and np.asarray(node.value).dtype.kind == "f":
            shape, dtype = np.shape(node.value), node.value.dtype
            rng = np.random.default_rng(zlib.crc32(np.asarray(node.value).tobytes()))  # the same for a leaf, always
            noise = rng.standard_normal(shape) * 0.05
            given[node] = np.asarray(node.value * (1 + noise) + 0.01 * noise).astype(dtype)[()]
    try:
        with np.errstate(all="ignore"):
            return _replay(nodes, given)
    except (ValueError, ArithmeticError):  # a matrix that has no factor, say: then there is but one test
        return {}


def _replay(nodes: Iterable[Node], given: Mapping[Node, Any]) -> dict[Node, Any]:
    """As `program.replay`, with numbers that have a name taken for what they are."""
    values = dict(given)
    for node in nodes:
        if node not in values and node.op is not None and any(x in values for x in node.inputs):
            args = [bare(a) if x is None else values.get(x, a) for x, a in zip(node.inputs, node.args, strict=True)]
            values[node] = node.op.run(*args, **node.kwargs)
    return values


class _Rewriter:
    def __init__(self, nodes: list[Node], constants: set[Node], exact: bool) -> None:
        self.nodes = nodes
        self.rules = EXACT if exact else [*EXACT, *CLOSE]
        self.exact = exact
        self.new: dict[Node, Any] = {}  # a node, or a number
        self.trial = perturbed(nodes, constants)
        self.known: dict[Any, Node] = {}
        self.digests: dict[int, tuple[Any, bytes]] = {}
        self.finished: set[Node] = set()
        self.depth = 0  # of rules that make something which rules apply to
        for node in constants:
            value = np.asarray(node.value)
            if value.size and (value == value.reshape(-1)[0]).all() and value.dtype.kind == "f":
                number = plain(value.reshape(-1)[0])
                self.new[node] = number if not value.ndim else self._make(
                    full, number, shape=value.shape, dtype=value.dtype
                )  # fmt: skip

    def run(self) -> dict[Node, Node]:
        for node in self.nodes:
            if node not in self.new:
                self.new[node] = node if node.op is None else self._rewritten(node)
        return {node: self._node(node) for node in self.nodes}

    def _node(self, node: Node) -> Node:
        x = self.new[node]
        if is_number(x):
            x = self._make(full, x, shape=np.shape(node.value), dtype=np.asarray(node.value).dtype)
        found: Node = x
        return found

    def _rewritten(self, node: Node) -> Any:
        op = node.op
        assert op is not None
        args = tuple(a if x is None else self.new.get(x, x) for x, a in zip(node.inputs, node.args, strict=True))
        found = self._simplest(node, op, args)
        if found is None:
            return self._kept(node, op, args)
        return found

    def _simplest(self, node: Node, op: Primitive, args: tuple[Any, ...]) -> Any:
        """Rule after rule, until none applies; None if none did."""
        value = np.asarray(node.value)
        best = None
        kwargs = node.kwargs
        plainly = node if self.exact else self._kept(node, op, args)
        for _ in range(ROUNDS):
            call = Call(op, args, kwargs, self._made_simple, value.shape, value.dtype)
            for rule in self.rules:
                try:
                    found = rule(call)
                except (ValueError, TypeError, IndexError, ArithmeticError):  # it does not suit these operands
                    continue
                if found is best or not (isinstance(found, Node) or is_number(found)):
                    continue  # nothing new; or an array from outside, which stands where it stood
                if self._stands_for(found, plainly):
                    best = found
                    break
            else:
                return best
            if is_number(best) or best.op is None or best in self.finished:
                return best
            op, kwargs = best.op, best.kwargs
            args = tuple(a if x is None else x for x, a in zip(best.inputs, best.args, strict=True))
        return best

    def _made_simple(self, op: Primitive, *args: Any, **kwargs: Any) -> Any:
        """What a rule asks for, itself rewritten."""
        made = self._make(op, *args, **kwargs)
        if self.depth >= DEEPEST or made in self.finished:
            return made
        self.depth += 1
        try:
            found = self._simplest(made, op, args)
        finally:
            self.depth -= 1
        return made if found is None else found

    def _kept(self, node: Node, op: Primitive, args: tuple[Any, ...]) -> Any:
        """The same operation on the rewritten operands."""
        same = all(a is (old if x is None else x) for a, x, old in zip(args, node.inputs, node.args, strict=True))
        if not same:
            for some in (args, tuple(self._array(a, x) for a, x in zip(args, node.inputs, strict=True))):
                try:
                    found = self._make(op, *some, **node.kwargs)
                except (ValueError, TypeError, IndexError, AttributeError, ArithmeticError):
                    continue
                if self._stands_for(found, node, again=True):
                    self.finished.add(found)
                    return found
        key = self._key(
            op, node.kwargs, tuple(a if x is None else x for x, a in zip(node.inputs, node.args, strict=True))
        )
        self.finished.add(node)
        return self.known.setdefault(key, node)

    def _array(self, a: Any, x: Node | None) -> Any:
        if x is None or not is_number(a):
            return a
        return self._make(full, a, shape=np.shape(x.value), dtype=np.asarray(x.value).dtype)

    def _make(self, op: Primitive, *args: Any, **kwargs: Any) -> Any:
        key = self._key(op, kwargs, args)
        found = self.known.get(key)
        if found is None:
            found = Tensor.record(op, tuple(map(bare, args)), kwargs)
            found.args = tuple(a if is_number(a) else seen for a, seen in zip(args, found.args, strict=True))
            if self.trial:
                known = {x: self.trial[x] for x in args if isinstance(x, Node) and x in self.trial}
                with contextlib.suppress(ValueError, TypeError, ArithmeticError):
                    self.trial.update(_replay([found], known))
            self.known[key] = found
        return found

    def _stands_for(self, found: Any, node: Node, again: bool = False) -> bool:
        """Whether `found` is what `node` is: here, and where the leaves have other values.

        With `again` it is the same operation, on operands that have passed this already.
        """
        value = np.asarray(node.value)
        here, there = self.trial.get(found) if not is_number(found) else None, self.trial.get(node)
        if is_number(found):
            pairs = [(np.asarray(value.dtype.type(found)), x) for x in (value, there) if x is not None]
        else:
            pairs = [(found.value, node.value)]
            if here is not None or there is not None:
                pairs.append((found.value if here is None else here, node.value if there is None else there))
        if self.exact:
            return all(_equal(np.asarray(a), np.asarray(b)) for a, b in pairs)
        operands = [x.value for x in node.inputs if x is not None]
        return all(_near(np.asarray(a), np.asarray(b), np.inf if again else _largest(b, operands)) for a, b in pairs)

    def _key(self, op: Primitive, kwargs: Mapping[str, Any], args: tuple[Any, ...]) -> Any:
        return (
            id(op),
            tuple(x if isinstance(x, Node) else self._constant(x) for x in args),
            tuple((name, self._constant(value)) for name, value in kwargs.items()) if kwargs else (),
        )

    def _constant(self, a: Any) -> Any:
        if isinstance(a, np.ndarray):
            if id(a) not in self.digests:
                data = np.ascontiguousarray(a)
                self.digests[id(a)] = a, hashlib.blake2b(data.tobytes(), digest_size=16).digest()
            return a.shape, a.dtype.str, self.digests[id(a)][1]
        if isinstance(a, (tuple, list)):
            return type(a).__name__, tuple(self._constant(x) for x in a)
        return type(a).__name__, repr(a)


def _equal(a: Any, b: Any) -> bool:
    if a.shape != b.shape or a.dtype != b.dtype:
        return False
    return a.tobytes() == b.tobytes() or np.array_equal(a, b, equal_nan=a.dtype.kind == "f")


def _near(a: Any, b: Any, scale: float) -> bool:
    if a.dtype.kind != "f" or a.shape != b.shape or a.dtype != b.dtype:
        return _equal(a, b)
    finite = np.isfinite(b)
    if not np.array_equal(np.isfinite(a), finite):
        return False
    return bool(np.all(np.abs(a[finite] - b[finite]) <= ROUNDING * np.finfo(a.dtype).eps * scale))


def _largest(b: Any, operands: Iterable[Any]) -> float:
    """What rounding is measured by: the largest number that takes part, for what cancels is rounded before it does."""
    sizes = [
        np.max(np.abs(x[np.isfinite(x)]), initial=0) for x in map(np.asarray, (b, *operands)) if x.dtype.kind == "f"
    ]
    return float(max(sizes, default=0))
