"""What a student hands in, as arrays beside the graph's quantities: lists, matrices, tensors, columns for rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import product
from typing import Any

import numpy as np

from tinygrad_lite.checking.claims import Claim, magnitude, same
from tinygrad_lite.checking.recognise import EITHER, Words, marked, spread, stem
from tinygrad_lite.checking.structure import Structure
from tinygrad_lite.graph import Node

MANY_READINGS = 16


@dataclass
class Work:
    """One dict of numbers, sorted by what each can mean.

    meanings  {key: the quantities that it can mean}
    values    {key: a value of the forward pass}
    strange   keys that say they are derivatives but of nothing known here
    memory    {key: where its array lies}: two names for one array have one entry here
    """

    arrays: dict[str, Any]
    meanings: dict[str, list[Node]] = field(default_factory=dict)
    values: dict[str, Node] = field(default_factory=dict)
    strange: list[str] = field(default_factory=list)
    memory: dict[str, int] = field(default_factory=dict)


def as_array(value: Any) -> Any:
    """An array of what a student calls one: a copy, so that nothing is written into; None if it is none."""
    if isinstance(value, Node):
        value = value.value
    if isinstance(value, (str, bytes, dict, set)) or value is None or callable(value) or isinstance(value, type):
        return None
    try:
        array = np.array(value)
    except (ValueError, TypeError):
        return None
    if array.dtype == object:
        try:
            array = array.astype(float)
        except (ValueError, TypeError):
            return None
    return array if array.dtype.kind in "fiub" else None


def sort(work: Mapping[str, Any], words: Words, names: Mapping[str, Any] | None = None) -> Work:
    """Say of each entry which quantity it may be; what has no known name is left aside.

    A name with a mark (`dW1`, `grad_b`) is a derivative; a bare one (`W1`) is one where no marked name means the same
    and it is not the value itself, as in `locals()`.
    """
    found = Work({})
    taken: set[Node] = set()
    bare: list[tuple[str, Any]] = []
    claimed: dict[str, Any] = {}
    for key, value in spread(work):
        array = as_array(value)
        if array is None:
            continue
        if isinstance(value, np.ndarray) and value.size:
            found.memory[key] = value.__array_interface__["data"][0]
        if names is not None and key in names:
            meant = words.meant(str(names[key])) or words.meant(f"d{names[key]}")
            if not meant:
                raise ValueError(f"check: names={{{key!r}: {names[key]!r}}}: the graph has no {names[key]}. "
                                 f"It has {known(words)}.")  # fmt: skip
            found.arrays[key], found.meanings[key] = array, meant
            taken.update(meant[:1])
        elif marked(key) and not (key.lower() in EITHER and _is_known_value(key, array, words)):
            claimed[key] = array
        else:
            bare.append((key, array))
    shown = dict(bare)
    for key, array in sorted(claimed.items(), key=lambda item: words.ambiguous(item[0])):
        meant = _witnessed(key, words, shown)
        if words.ambiguous(key):  # what another name says for sure, this one does not mean
            meant = [node for node in meant if node not in taken]
        if meant:
            found.arrays[key], found.meanings[key] = array, _fitting(meant, array)
            taken.update(found.meanings[key][:1])
        elif words.value_meant(key) is None:
            found.strange.append(key)
    whole = not claimed and not found.arrays  # {"W1": dW1}: bare names for the gradients
    for key, array in bare:
        meant = [node for node in words.meant(key) if node not in taken]
        node = words.value_meant(key)
        if node is not None and not whole and array.dtype.kind in "fiu" and array.size == np.size(node.value):
            if words[node] == key or not any(_apart(array, n) < 1e-6 for n in words.structure.quantities):
                found.arrays[key], found.values[key] = array, node
            continue  # an `o` that has the value of a gate is no output
        if not meant or any(_is_value(array, n) for n in meant):
            continue
        if key not in (named := {words[n] for n in meant}) and not named.isdisjoint(shown):
            continue  # an `e` beside an `E`
        if whole or any(n.op is None for n in meant):
            found.arrays[key], found.meanings[key] = array, _fitting(meant, array)
            taken.update(found.meanings[key][:1])
    return found


def _witnessed(key: str, words: Words, shown: Mapping[str, Any]) -> list[Node]:
    """The quantities that a name for a derivative means: `do` beside an `o` is by that `o`, whatever o is elsewhere."""
    meant, value = words.meant(key), shown.get(stem(key))
    if value is None or value.size < 2 or value.dtype.kind != "f" or np.all(value == value.flat[0]):
        return meant  # a number or two, or a constant, may be anything's
    if any(words[node] == stem(key) for node in meant):
        return meant  # its very name: if it has the value of another quantity, that is the mistake
    apart = [(node, _apart(value, node)) for node in words.structure.quantities]
    for near in (1e-6, 1e-2):  # as it is, or a little off: another epsilon, another precision
        alike = [node for node, distance in apart if distance <= near]
        if alike:
            return meant if not set(alike).isdisjoint(meant) else alike
    return meant


def _is_known_value(key: str, array: Any, words: Words) -> bool:
    """Whether what may be an error by its name is data or a value: `e` for the embedded words, `E` for their table."""
    if words.value_named(key):
        return True
    end = words.structure.end  # a - y is the error and a value of the loss as well
    inside = [] if end is None else [n for n in words.structure.forward if n.order <= end.at.order]
    return array.size > 1 and any(_apart(array, n) < 1e-6 for n in inside)


def _apart(array: Any, node: Node) -> float:
    """How far an array, in the shape that is meant, is from the value of a node, relative to its size."""
    if array.size != np.size(node.value):
        return np.inf
    fitted, _ = fitted_shape(array, node, turned=True)
    if fitted.shape != np.shape(node.value):
        return np.inf
    return magnitude(np.subtract(fitted, node.value)) / max(magnitude(node.value), 1e-300)


def known(words: Words) -> str:
    """The names of the quantities, for an error message."""
    return ", ".join(f"d{words[node]}" for node in words.structure.quantities if node is not words.structure.loss)


def _is_value(array: Any, node: Node) -> bool:
    return bool(array.size == np.size(node.value) and array.shape == np.shape(node.value) and
                np.array_equal(array, node.value))  # fmt: skip


def _fitting(meant: list[Node], array: Any) -> list[Node]:
    """Those of the right size, if there are any."""
    return [node for node in meant if np.size(node.value) == array.size] or meant


def _shared(work: Work, claim: Claim) -> None:
    """Say which intermediates have become a later one: `dz = dh` and `dz *= mask` leave one array with two names."""
    position = {q: i for i, q in enumerate(claim.structure.quantities)}
    inner = sorted((q for q in claim.given if q.op is not None and claim.keys[q] in work.memory), key=position.get)  # type: ignore[arg-type]  # all are there
    last: dict[int, Node] = {}
    for q in reversed(inner):
        where = work.memory[claim.keys[q]]
        if where in last:
            claim.shared[q] = claim.keys[last[where]]
        last.setdefault(where, q)


def readings(work: Work, structure: Structure) -> Iterator[Claim]:
    """The claims that a dict can be read as, where a name has several meanings; the likeliest first."""
    keys = list(work.meanings)
    turned = _stored_transposed(work)
    count = 0
    for choice in product(*(work.meanings[key] for key in keys)):
        if len(set(choice)) < len(choice):
            continue
        claim = Claim(structure, {})
        for key, node in zip(keys, choice, strict=True):
            _enter(claim, key, node, work.arrays[key], turned)
        for key, node in work.values.items():
            array, _ = fitted_shape(work.arrays[key], node, turned)
            claim.values[node] = array
            claim.called[node] = key
        _shared(work, claim)
        yield claim
        count += 1
        if count >= MANY_READINGS:
            return
    if not count:  # two names for one thing: the first of them counts
        claim = Claim(structure, {})
        for key in keys:
            free = next((n for n in work.meanings[key] if n not in claim.given), None)
            if free is not None:
                _enter(claim, key, free, work.arrays[key], turned)
        yield claim


def _enter(claim: Claim, key: str, node: Node, array: Any, turned: bool) -> None:
    array, note = fitted_shape(array, node, turned)
    claim.given[node] = array
    claim.keys[node] = key
    if note:
        claim.notes[node] = note


def fitted_shape(array: Any, node: Node, turned: bool = False) -> tuple[Any, str]:
    """An array in the shape of the quantity that it is meant to be, where that is only a matter of form."""
    want = np.shape(node.value)
    if array.shape == want:
        return array, ""
    if turned and array.ndim == 2 and array.shape == want[::-1]:
        return array.T, "transposed"
    if array.size != int(np.prod(want)):
        return array, ""
    flat = tuple(n for n in array.shape if n != 1)
    if flat == tuple(n for n in want if n != 1):
        if len(want) == 2 and want[0] > 1 and want[1] == 1 and array.ndim == 1 and node.op is None:
            return array, ""  # (3,) for a column (3, 1): subtracting it would make a (3, 3)
        if len(want) == 2 and array.ndim == 2 and node.op is None and not turned:
            return array, ""  # (1, 3) for (3, 1): a transpose
        return array.reshape(want), "" if node.op is not None else "as a column" if array.ndim == 2 else ""
    return array, ""


def _stored_transposed(work: Work) -> bool:
    """Whether all matrices are the other way round: columns where the reference has rows, or the reverse."""
    votes = []
    for key, meant in work.meanings.items():
        shape, want = work.arrays[key].shape, np.shape(meant[0].value)
        if len(shape) == len(want) == 2 and want[0] != want[1]:
            votes.append(shape == want[::-1])
    return len(votes) > 1 and all(votes)


def conventions(claim: Claim) -> list[float]:
    """Factors that the intermediate errors may have by convention: -1 for y - a, N where 1/N comes last."""
    end = claim.structure.end
    n = 1 if end is None or end.batch_axis is None else int(np.shape(end.at.value)[end.batch_axis])
    return list(dict.fromkeys((1.0, -1.0, float(n), -float(n))))


def is_whole(array: Any) -> bool:
    """Whether every entry is a whole number."""
    return array.dtype.kind in "iub" or same(array, np.rint(array), magnitude(array))
