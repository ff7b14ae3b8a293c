"""One line of a derivation as a formula: `"dz1.T @ x"` for dC/dW1, tried at numbers that tell."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import takewhile
from typing import Any

import numpy as np

from tinygrad_lite.checking.claims import Claim
from tinygrad_lite.checking.dicts import require_finite
from tinygrad_lite.checking.elsewhere import drawn, elsewhere
from tinygrad_lite.checking.formulas import FormulaError, evaluate
from tinygrad_lite.checking.intake import fitted_shape, known
from tinygrad_lite.checking.judging import trouble
from tinygrad_lite.checking.marking import mark
from tinygrad_lite.checking.points import OWN
from tinygrad_lite.checking.printing import RightLines
from tinygrad_lite.checking.recognise import Words
from tinygrad_lite.checking.report import Report
from tinygrad_lite.checking.structure import Structure
from tinygrad_lite.graph import Node
from tinygrad_lite.readings.labels import literal
from tinygrad_lite.tensor import Tensor

ELSEWHERE = "the same data with other parameters"


def mark_line(text: str, of: str | None, loss: Tensor, names: Mapping[str, Any] | None) -> Report:
    """A formula in terms of the forward values (z1, h1, W1, x) and of the errors that come before it (dz1, dh1)."""
    claims, words, points = [], [], []
    for where, at, called in _points(loss, names):
        structure = Structure(at, called)
        require_finite(structure)
        word = Words(structure, called)
        meant = word.meant(of or "") or word.meant(f"d{of}")
        if not meant:
            raise ValueError(f"check: of={of!r} is to say which quantity the formula gives. There is {known(word)}.")
        target = meant[0]
        try:
            value = evaluate(text, _scope(structure, word, target, called))
        except FormulaError as error:
            return trouble(str(error))
        held = {q: g for q, g in structure.truth.computed.items() if q is not target and q.op is not None}
        claim = Claim(structure, {}, held=held)
        claim.given[target], _ = fitted_shape(np.asarray(value), target)
        claim.keys[target] = literal(text, 34)
        claims.append(claim)
        words.append(word)
        points.append(where)
    position = next(i for i, q in enumerate(claims[0].structure.quantities) if q in claims[0].given)
    return mark([claims], words, points=points, required=[position], fix=RightLines(words))


def _scope(s: Structure, words: Words, target: Node, names: Mapping[str, Any] | None) -> dict[str, Any]:
    """What a formula for `target` may use: every value, and the errors from the loss down to it."""
    scope: dict[str, Any] = {key: thing for key, thing in (names or {}).items() if isinstance(thing, np.ndarray)}
    truth = s.truth.computed
    before = takewhile(lambda q: q is not target, s.quantities)
    usable = {q for q in before if not _unnamed(words[q]) or not _equal(truth[q], truth[target])}

    def enter(node: Node, alias: str) -> None:
        if alias.isidentifier():
            scope.setdefault(alias, s.value(node))
            if node in usable:
                scope.setdefault(f"d{alias}", truth[node])

    for node in s.forward:  # first what it is called in reports, then what others call it
        if node is not s.loss:
            enter(node, words[node])
    for k, layer in enumerate(s.layers, start=1):
        if layer.out in usable:
            scope.setdefault(f"delta{k}", truth[layer.out])
    for layer in s.layers[:1]:
        scope.setdefault("x", layer.product.args[layer.x])
        scope.setdefault("X", layer.product.args[layer.x])
    if s.end is not None:
        scope.setdefault("y", np.asarray(s.end.target))
        scope.setdefault("p", np.asarray(s.end.p))
        scope.setdefault("N", 1 if s.end.batch_axis is None else np.shape(s.end.at.value)[s.end.batch_axis])
    for node in s.forward:
        for alias in words.aliases.get(node, ()):
            if not _unnamed(alias):
                enter(node, alias)
    return scope


def _unnamed(name: str) -> bool:
    return re.fullmatch(r"v\d+", name) is not None


def _equal(a: Any, b: Any) -> bool:
    return np.shape(a) == np.shape(b) and np.array_equal(a, b)


def _points(loss: Tensor, names: Mapping[str, Any] | None) -> Iterator[tuple[str, Tensor, Mapping[str, Any] | None]]:
    """The loss as it is, and the same program with other parameters, at which no two units are alike."""
    yield OWN, loss, names
    try:
        with np.errstate(all="ignore"):
            s = Structure(loss, names)
            other, new = elsewhere(s, drawn(s))
    except (ValueError, TypeError, IndexError, ArithmeticError):  # a program that is not made for all numbers
        return
    if np.all(np.isfinite(other.value)):
        called = {key: new.get(v, v) if isinstance(v, Node) else v for key, v in (names or {}).items()}
        yield ELSEWHERE, other, called
