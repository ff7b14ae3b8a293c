"""Products of two computed values, as in gates and attention, and the softmax inside a network."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from tinygrad_lite.checking.mistakes.affine import transposed
from tinygrad_lite.checking.mistakes.catalogue import Place, mistake
from tinygrad_lite.checking.mistakes.normalisation import dropouts
from tinygrad_lite.checking.passes import Change, fitted
from tinygrad_lite.checking.structure import Structure
from tinygrad_lite.graph import Node


def _last(s: Structure) -> int:
    return s.end.at.order if s.end is not None else s.loss.order


def products(s: Structure, name: str) -> Iterator[tuple[Node, int, Node | None]]:
    """(the product, which operand, the other one where it is a node): of arrays, neither of which is a parameter."""
    closed = {act.y for act in s.activations} | {n.y for n in s.normed}
    masks = {(node, i) for node, i, _ in dropouts(s)} if name == "multiply" else set()
    for node in s.forward:
        if node.op is None or node.op.name != name or node not in s.truth.cotangents or node.order > _last(s):
            continue
        if node in closed or any(s.leaf_of(x) is not None for x in node.inputs) or node.inputs[0] is node.inputs[1]:
            continue
        for i in (0, 1):
            x = node.inputs[i]
            if x is not None and x.requires_grad and np.size(node.args[1 - i]) > 1 and (node, i) not in masks:
                yield node, i, node.inputs[1 - i]


def _factor(s: Structure, stand_ins: Callable[[Structure, Node, Node | None], Iterator[Node]]) -> Iterator[Place]:
    """Elementwise products whose error is made with something else than the other factor."""
    for node, i, other in products(s, "multiply"):
        for near in stand_ins(s, node, other):
            x = node.inputs[i]
            assert x is not None
            if near is not other and np.shape(near.value) == np.shape(node.value):
                change = Change("edge", node, lambda g, y, *xs, near, i=i, **how: fitted(g * near, xs[i]), i,
                                near={"near": near})  # fmt: skip
                yield Place(
                    x, (change,), {"x": x, "other": "the other factor" if other is None else other, "near": near}
                )


@mistake(
    "factor_dropped", "product", "operand",
    "{line} is the error of the product as it came: it has to be multiplied by the other factor, {other}.",
)  # fmt: skip
def _factor_dropped(s: Structure) -> Iterator[Place]:
    for node, i, other in products(s, "multiply"):
        x = node.inputs[i]
        assert x is not None
        change = Change("edge", node, lambda g, y, *xs, i=i, **how: fitted(g, xs[i]), i)
        yield Place(x, (change,), {"other": "the constant" if other is None else other})


@mistake(
    "own_factor", "product", "operand",
    "{line} was multiplied by {near} itself; the derivative of a product by one factor is the other one, {other}.",
)  # fmt: skip
def _own_factor(s: Structure) -> Iterator[Place]:
    return _factor(s, lambda s, node, other: iter([x for x in node.inputs if x is not None and x is not other]))


@mistake(
    "factor_before_activation", "product", "operand",
    "{line} was multiplied by {near}, what went into the activation; the factor of the product is {other}.",
)  # fmt: skip
def _factor_before_activation(s: Structure) -> Iterator[Place]:
    return _factor(s, lambda s, node, other: iter([act.x for act in s.activations if act.y is other]))


@mistake(
    "result_for_factor", "product", "operand",
    "{line} was multiplied by {near}, which the product is a part of; the factor is {other}, the value from before.",
)  # fmt: skip
def _result_for_factor(s: Structure) -> Iterator[Place]:
    return _factor(s, lambda s, node, other: iter(
        [user for user, _ in s.users.get(node, ()) if user.op is not None and user.op.name == "add"]))  # fmt: skip


def _matrix(s: Structure, rule: Callable[[Any, Any, Any], tuple[Any, Any]]) -> Iterator[Place]:
    """Matrix products of two computed values with another error or another operand: rule(g, own, other)."""
    for node, i, other in products(s, "matmul"):
        x, op = node.inputs[i], node.op
        assert x is not None
        assert op is not None

        def wrong(g: Any, y: Any, *xs: Any, i: int = i, op: Any = op, **how: Any) -> Any:
            g, stands = rule(g, xs[i], xs[1 - i])
            found = op.pull(i, g, y, (xs[0], stands) if i == 0 else (stands, xs[1]), how)
            if found.shape != xs[i].shape:
                raise ValueError("the shapes do not fit")
            return found

        yield Place(
            x, (Change("edge", node, wrong, i),), {"x": x, "other": "the other matrix" if other is None else other}
        )


mistake(
    "product_untransposed", "matrix product", "transpose",
    "{line} goes back through {other} without its transpose: of Y = A B they are dY B^T and A^T dY.",
)(lambda s: _matrix(s, lambda g, own, other: (g, transposed(other))))  # fmt: skip
mistake(
    "product_error_transposed", "matrix product", "transpose",
    "{line} was made with the error of the product the wrong way round: rows and columns of it are exchanged.",
)(lambda s: _matrix(s, lambda g, own, other: (transposed(g), other)))  # fmt: skip
mistake(
    "product_own_operand", "matrix product", "operand",
    "{line} was made with {x} itself; the error of one factor is made with the other one, {other}.",
)(lambda s: _matrix(s, lambda g, own, other: (g, transposed(own))))  # fmt: skip


@mistake(
    "product_before_softmax", "matrix product", "operand",
    "{line} was made with {z}, the scores; the product was made with {p}, their softmax.",
)  # fmt: skip
def _product_before_softmax(s: Structure) -> Iterator[Place]:
    inputs = {p: z for z, p, _ in softmaxes(s)}
    for node, i, other in products(s, "matmul"):
        x, op = node.inputs[i], node.op
        if other in inputs and x is not None and op is not None:
            change = Change("edge", node, lambda g, y, *xs, z, i=i, op=op, **how:
                            op.pull(i, g, y, (xs[0], z) if i == 0 else (z, xs[1]), how), i,
                            near={"z": inputs[other]})  # fmt: skip
            yield Place(x, (change,), {"z": inputs[other], "p": other})


# -- a softmax between two layers ----------------------------------------------------------------------------------


def softmaxes(s: Structure) -> Iterator[tuple[Node, Node, int]]:
    """(scores, their softmax, its axis), however it was written, but for the one that the loss is made with."""
    for node in s.forward:
        value = np.asarray(node.value)
        if node.op is None or node not in s.truth.cotangents or node.order >= _last(s) or value.ndim < 2:
            continue
        if value.dtype.kind != "f" or value.size < 2 or value.min() < 0 or value.max() > 1:
            continue
        for axis in range(value.ndim):
            if value.shape[axis] > 1 and np.allclose(value.sum(axis=axis), 1, rtol=1e-5):
                if (scores := _scores(node, axis)) is not None:
                    yield scores, node, axis
                break


def _scores(p: Node, axis: int) -> Node | None:
    """The first value that `p` is the softmax of."""
    found, seen, near = None, {p}, [p]
    for _ in range(5):
        near = [x for node in near for x in node.inputs if x is not None and x.requires_grad and x not in seen]
        seen.update(near)
        for x in near:
            if np.shape(x.value) == np.shape(p.value) and x.op is not None:
                e = np.exp(x.value - np.max(x.value, axis=axis, keepdims=True))
                if np.allclose(e / e.sum(axis=axis, keepdims=True), p.value, rtol=1e-4):
                    found = x
    return found


def inner(id: str, kind: str, text: str, rule: Callable[[Any, Any, int], Any], **more: Any) -> None:
    """A wrong derivative of a softmax inside the network; the right one is p (g - sum(p g))."""

    @mistake(id, "softmax", kind, text, **more)
    def finder(s: Structure) -> Iterator[Place]:
        for z, p, axis in softmaxes(s):
            change = Change("bridge", p, lambda g, y, x, axis=axis: rule(g, y, axis), to=z)
            yield Place(z, (change,), {"z": z, "p": p})


def _sum(a: Any, axis: int) -> Any:
    return np.sum(a, axis=axis, keepdims=True)


inner("softmax_skipped", "derivative", "{line} is the error of {p} as it came: the softmax was not differentiated.",
      lambda g, p, axis: g)  # fmt: skip
inner("softmax_inner_diagonal", "derivative",
      "The softmax was differentiated entry by entry, p (1 - p); each p depends on every score of its row.",
      lambda g, p, axis: g * p * (1 - p))  # fmt: skip
inner("softmax_sum_missing", "derivative",
      "{line} is p times the error; the sum of p times the error over the row has to be subtracted from it first.",
      lambda g, p, axis: g * p)  # fmt: skip
inner("softmax_p_missing", "derivative", "{line} has not been multiplied by {p}: it is p (g - sum(p g)).",
      lambda g, p, axis: g - _sum(g * p, axis))  # fmt: skip
inner("softmax_sum_sign", "sign", "The sum of p times the error is subtracted, not added: {line} is p (g - sum(p g)).",
      lambda g, p, axis: p * (g + _sum(g * p, axis)))  # fmt: skip
inner("softmax_sum_unweighted", "derivative", "What {line} subtracts is the sum of p times the error, p included.",
      lambda g, p, axis: p * (g - _sum(g, axis)))  # fmt: skip
inner("softmax_sum_axis", "axis", "The sum in {line} runs over the wrong axis: it is over what adds up to 1 in {p}.",
      lambda g, p, axis: p * (g - _sum(g * p, axis - 1 if axis else 1)))  # fmt: skip
