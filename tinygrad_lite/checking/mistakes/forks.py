"""Where paths meet, their errors are added: what else people do with them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import reduce
from operator import add, mul
from typing import Any

from tinygrad_lite.checking.mistakes.bookkeeping import forks as all_forks
from tinygrad_lite.checking.mistakes.catalogue import Place, mistake
from tinygrad_lite.checking.passes import Change
from tinygrad_lite.checking.structure import Structure
from tinygrad_lite.graph import Node


def forks(s: Structure) -> Iterator[tuple[Node, int]]:
    """Those before the prediction: its own, between softmax and target, are those of the loss."""
    return ((node, n) for node, n in all_forks(s) if s.end is None or node is not s.end.at)


def _twice(k: int) -> Callable[..., Any]:
    return lambda *shares: reduce(add, shares) + shares[k]


def _subtracted(k: int) -> Callable[..., Any]:
    return lambda *shares: reduce(add, [share for i, share in enumerate(shares) if i != k]) - shares[k]


@mistake(
    "path_counted_twice", "fork", "sum",
    "{q} is used in {n} places; {line} has the error by one of them twice.",
)  # fmt: skip
def _path_counted_twice(s: Structure) -> Iterator[Place]:
    for node, n in forks(s):
        for k in range(n):
            yield Place(node, (Change("sum", node, _twice(k)),), {"q": node, "n": str(n)}, variant=k)


@mistake(
    "path_subtracted", "fork", "sign",
    "{q} is used in {n} places, whose errors add up; in {line} one of them has the wrong sign.",
)  # fmt: skip
def _path_subtracted(s: Structure) -> Iterator[Place]:
    for node, n in forks(s):
        for k in range(n):
            yield Place(node, (Change("sum", node, _subtracted(k)),), {"q": node, "n": str(n)}, variant=k)


@mistake(
    "paths_averaged", "fork", "factor",
    "{q} is used in {n} places; {line} is the mean of the errors by them, and it is their sum.",
)  # fmt: skip
def _paths_averaged(s: Structure) -> Iterator[Place]:
    for node, n in forks(s):
        rule = lambda *shares, n=n: reduce(add, shares) / n  # noqa: E731 - it is a rule like its neighbours
        yield Place(node, (Change("sum", node, rule),), {"q": node, "n": str(n)})


@mistake(
    "paths_multiplied", "fork", "sum",
    "{q} is used in {n} places; {line} is the product of the errors by them, and it is their sum.",
)  # fmt: skip
def _paths_multiplied(s: Structure) -> Iterator[Place]:
    for node, n in forks(s):
        rule = lambda *shares: reduce(mul, shares)  # noqa: E731 - it is a rule like its neighbours
        yield Place(node, (Change("sum", node, rule),), {"q": node, "n": str(n)})
