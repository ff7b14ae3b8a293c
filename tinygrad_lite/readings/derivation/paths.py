"""One entry, path by path: the product of scalar derivatives along every path from it to the loss, and their sum."""

from __future__ import annotations

import ast
import heapq
from collections.abc import Container, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from tinygrad_lite.graph import Node, _fit
from tinygrad_lite.readings.program import Program

Place = tuple[Node, tuple[int, ...]]
SHOWN = 12  # paths that are written out; all that are found are added up
FEW = 64  # entries of a result that are asked one by one what they owe to an entry of the operand
MOST = 20_000  # paths that are followed: beyond, only the sum from the backward pass is known


@dataclass
class Path:
    """From an entry to the loss: the places in between, and the derivative of each by the one before."""

    places: list[Place]
    factors: list[float]

    @property
    def product(self) -> float:
        """What this path brings."""
        return float(np.prod(self.factors))


@dataclass
class Paths:
    """The paths of an entry; `complete` says that none was left out, and then `total` is their sum."""

    node: Node
    index: tuple[int, ...]
    paths: list[Path]
    count: int
    zero: int
    total: float
    complete: bool


def parse_entry(entry: str, names: dict[str, Node]) -> Place:
    """`W1[2,0]` as a node and an index.

    Raises: ValueError for what is no entry of a named value.
    """
    name, bracket, rest = entry.strip().partition("[")
    try:
        index = ast.literal_eval(f"({rest.rstrip().removesuffix(']')},)") if bracket else ()
    except (SyntaxError, ValueError):
        index = ("?",)
    node = names.get(name)
    if node is None:
        raise ValueError(f"derive: entry={entry!r}: there is no {name!r} here; there are {', '.join(names)}")
    shape = np.shape(node.value)
    fits = len(index) == len(shape) and all(
        isinstance(i, int) and -n <= i < n for i, n in zip(index, shape, strict=True)
    )
    if not fits:
        example = f"{name}[{', '.join('0' for _ in shape)}]" if shape else name
        raise ValueError(f"derive: entry={entry!r} is no single entry of {name}, of shape {shape}; write {example}")
    return node, tuple(int(i) % n for i, n in zip(index, shape, strict=True))


def paths_of(program: Program, place: Place, shown: Container[Node]) -> Paths:
    """All paths from an entry to the loss along which nothing is 0, depth first in the order of the program.

    They lead over the values that have a line, `shown`: what lies between two of them is in one factor.
    """
    users: dict[Node, list[tuple[Node, int]]] = {}
    position = {node: k for k, node in enumerate(program.forward)}
    for node in program.forward:
        for i, x in enumerate(node.inputs):
            if x is not None and node in program.cotangents:
                users.setdefault(x, []).append((node, i))
    columns: dict[tuple[Node, int, tuple[int, ...]], list[tuple[tuple[int, ...], float]] | None] = {}

    def steps(at: Place) -> Iterator[tuple[Place, float]]:
        for user, i in users.get(at[0], ()):
            key = (user, i, at[1])
            if key not in columns:
                columns[key] = _column(user, i, at[1])
            for index, factor in columns[key] or ():
                yield (user, index), factor

    def onward(at: Place) -> Iterator[tuple[Place, float]]:
        """The next places that have a line, and the derivative of each by this one."""
        reached: dict[Place, float] = {}
        inside: dict[Place, float] = {at: 1.0}
        waiting = [(position[at[0]], at[1])]
        while waiting:  # in the order of the program: what meets in a place is added up before it is left
            k, index = heapq.heappop(waiting)
            here = program.forward[k], index
            for place, factor in steps(here):
                found = reached if place[0] in shown else inside
                if place not in found and found is inside:
                    heapq.heappush(waiting, (position[place[0]], place[1]))
                found[place] = found.get(place, 0.0) + inside[here] * factor
        yield from ((place, factor) for place, factor in reached.items() if factor)

    found: list[Path] = []
    count, total, complete = 0, 0.0, True
    places: list[Place] = [place]
    factors: list[float] = []
    stack = [onward(place)]
    while stack:
        step = next(stack[-1], None)
        if step is None:
            stack.pop()
            places.pop()
            if factors:
                factors.pop()
            continue
        at, factor = step
        if count >= MOST or len(stack) > 400:
            complete = False
            break
        if at[0] is program.loss:
            count += 1
            path = Path([*places, at], [*factors, factor])
            total += path.product
            if len(found) < SHOWN:
                found.append(path)
            continue
        places.append(at)
        factors.append(factor)
        stack.append(onward(at))
    return Paths(place[0], place[1], found, count, 0, total, complete)


def _column(user: Node, i: int, index: tuple[int, ...]) -> list[tuple[tuple[int, ...], float]] | None:
    """d user / d (entry `index` of its operand i): where it is not 0, and what it is there."""
    op, args = user.op, user.args
    assert op is not None
    x, y = np.asarray(args[i]), np.asarray(user.value)
    t = np.zeros(x.shape, x.dtype)
    t[index] = 1
    with np.errstate(all="ignore"):
        pushed: Any = op.push(i, t[()], user.value, args, user.kwargs)
        if pushed is None and op.kind == "linear" and y.size > FEW:  # linear: a step of 1 is as good as a small one
            pushed = np.asarray(op.run(*args[:i], (x + t)[()], *args[i + 1 :], **user.kwargs)) - y
        if pushed is None:
            pushed = np.zeros(y.shape)
            for k in np.ndindex(y.shape):
                g = np.zeros(y.shape, y.dtype)
                g[k] = 1
                back = op.pull(i, g[()], user.value, args, user.kwargs)
                pushed[k] = 0 if back is None else np.asarray(_fit(back, x, user, i))[index]
    column = np.broadcast_to(np.asarray(pushed, float), y.shape)
    return [(tuple(int(j) for j in k), float(column[tuple(k)])) for k in np.argwhere(column)]
