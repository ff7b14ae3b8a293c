"""Layers z = W x + b: transposes, the wrong operand, and the sum over the batch that a bias needs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from tinygrad_lite.checking.mistakes.catalogue import Place, mistake
from tinygrad_lite.checking.parts import Layer, only
from tinygrad_lite.checking.passes import Change
from tinygrad_lite.checking.structure import Structure
from tinygrad_lite.graph import Node


def weight(s: Structure, layer: Layer) -> Node:
    """The parameter of a layer."""
    leaf = s.leaf_of(layer.product.inputs[layer.w])
    assert leaf is not None
    return leaf


def steps(s: Structure) -> dict[Node, list[Layer]]:
    """{weight: the layers made with it}, of those weights that are used more than once, as at each step in time."""
    uses: dict[Node, list[Layer]] = {}
    for layer in s.layers:
        uses.setdefault(weight(s, layer), []).append(layer)
    return {leaf: layers for leaf, layers in uses.items() if len(layers) > 1}


def input_of(layer: Layer) -> Any:
    """What a layer multiplies by its weight: a node, or an array that is none."""
    x = layer.product.inputs[layer.x]
    return layer.product.args[layer.x] if x is None else x


def pulled(layer: Layer, to: int, **swap: Callable[..., Any]) -> Callable[..., Any]:
    """The right rule for operand `to`, but with other operands: `x=` and `w=` say what stands in their place."""
    op = layer.product.op
    assert op is not None

    def rule(g: Any, y: Any, *xs: Any, near: Any = None, **how: Any) -> Any:
        operands = list(xs)
        for key, place in (("x", layer.x), ("w", layer.w)):
            if key in swap:
                operands[place] = swap[key](g, y, xs, near, how)
        return op.pull(to, g, y, tuple(operands), how)

    return rule


def into_x(layer: Layer, s: Structure, rule: Callable[..., Any]) -> Iterator[Place]:
    """A wrong error for what comes into a layer, where that is wanted at all."""
    x = layer.product.inputs[layer.x]
    if x is not None and x.requires_grad and x.op is not None:
        yield Place(x, (Change("edge", layer.product, rule, layer.x),), {"W": weight(s, layer), "h": x})


def into_w(layer: Layer, s: Structure, rule: Callable[..., Any], **near: Any) -> Place:
    """A wrong gradient for the weight of a layer."""
    return Place(weight(s, layer), (Change("edge", layer.product, rule, layer.w, near=near),), {"W": weight(s, layer)})


def transposed(a: Any) -> Any:
    """The last two axes exchanged."""
    return np.swapaxes(a, -1, -2)


def _square(layer: Layer) -> bool:
    shape = np.shape(layer.product.args[layer.w])
    return len(shape) == 2 and shape[0] == shape[1] > 1


@mistake(
    "W_transposed", "weight", "transpose",
    "{line} is the transpose of what it should be: it has the shape of {W}, entry for entry.",
)  # fmt: skip
def _W_transposed(s: Structure) -> Iterator[Place]:
    for leaf in dict.fromkeys(weight(s, layer) for layer in s.layers if not layer.conv):
        if np.ndim(leaf.value) == 2:
            yield Place(leaf, (Change("cotangent", leaf, lambda g, x: transposed(g)),), {"W": leaf})


@mistake(
    "no_transpose_backward", "layer", "transpose",
    "On the way back through {W} the transpose is missing: an error goes back along the connection it came by.",
    source="Nielsen",
)  # fmt: skip
def _no_transpose_backward(s: Structure) -> Iterator[Place]:
    for layer in s.layers:
        if _square(layer):
            yield from into_x(
                layer, s, pulled(layer, layer.x, w=lambda g, y, xs, near, how, layer=layer: transposed(xs[layer.w]))
            )


@mistake("dW_for_W", "layer", "operand", "The error went back through the gradient of {W} instead of {W} itself.")
def _dW_for_W(s: Structure) -> Iterator[Place]:
    for layer in s.layers:
        op = layer.product.op
        assert op is not None
        yield from into_x(layer, s, pulled(
            layer, layer.x, w=lambda g, y, xs, near, how, op=op, layer=layer: op.pull(layer.w, g, y, xs, how)
        ))  # fmt: skip


@mistake("other_W", "layer", "operand", "The error went back through the weights of another layer, not through {W}.")
def _other_W(s: Structure) -> Iterator[Place]:
    for layer in s.layers:
        mine = layer.product.args[layer.w]
        for other in s.layers:
            theirs = other.product.args[other.w]
            if theirs is not mine and np.shape(theirs) == np.shape(mine) and weight(s, other) is not weight(s, layer):
                leaf = other.product.inputs[other.w]
                assert leaf is not None
                for place in into_x(layer, s, pulled(layer, layer.x, w=lambda g, y, xs, near, how: near)):
                    (change,) = place.changes
                    yield Place(place.line, (replace(change, near={"near": leaf}),), place.words)


@mistake(
    "updated_W", "update order", "order",
    "{W} was updated before it was used to send the error back: all gradients belong to the old parameters.",
    free=True, source="CS231n",
)  # fmt: skip
def _updated_W(s: Structure) -> Iterator[Place]:
    for layer in s.layers:
        op = layer.product.op
        assert op is not None
        yield from into_x(layer, s, pulled(
            layer, layer.x,
            w=lambda g, y, xs, near, how, op=op, layer=layer:
                xs[layer.w] - STRENGTH * op.pull(layer.w, g, y, xs, how),
        ))  # fmt: skip


OWN = 1000  # variants in which a layer's own output stands in: any other number is a distance between layers
STRENGTH = 0.1  # of the mistakes whose strength is free: a learning rate, a penalty


@mistake("W_dropped", "layer", "operand", "{W} is missing: the error was copied to every unit as it is.")
def _W_dropped(s: Structure) -> Iterator[Place]:
    for layer in s.layers:
        if layer.conv:
            continue
        axis = -1 if layer.rows else 0

        def rule(g: Any, y: Any, *xs: Any, axis: int = axis, layer: Layer = layer, **how: Any) -> Any:
            return np.sum(g, axis=axis, keepdims=True) + 0 * xs[layer.x]

        yield from into_x(layer, s, rule)
        if _square(layer):
            yield from (replace(place, variant=1) for place in into_x(layer, s, lambda g, y, *xs, **how: g))


@mistake("abs_W", "layer", "operand", "The error went back through |{W}|: the signs of the weights count.")
def _abs_W(s: Structure) -> Iterator[Place]:
    for layer in s.layers:
        if not layer.conv:
            yield from into_x(
                layer, s, pulled(layer, layer.x, w=lambda g, y, xs, near, how, layer=layer: np.abs(xs[layer.w]))
            )


@mistake(
    "preact_in_dW", "weight", "operand",
    "{line} was made with {z}, what went into the activation; it needs {h}, what came out of it.",
)  # fmt: skip
def _preact_in_dW(s: Structure) -> Iterator[Place]:
    for layer in s.layers:
        x = layer.product.inputs[layer.x]
        for act in s.activations:
            if act.y is x:
                place = into_w(layer, s, pulled(layer, layer.w, x=lambda g, y, xs, near, how: near), near=act.x)
                yield Place(place.line, place.changes, {**place.words, "z": act.x, "h": act.y})


@mistake(
    "input_vs_output_slot", "weight", "operand",
    "{line} was made with the input of another layer: the list of activations is off by one.",
)  # fmt: skip
def _input_vs_output_slot(s: Structure) -> Iterator[Place]:
    for i, layer in enumerate(s.layers):
        mine = layer.product.args[layer.x]
        for k, other in enumerate(s.layers):
            theirs = other.product.args[other.x]
            if (
                other is not layer
                and theirs is not mine
                and np.shape(theirs) == np.shape(mine)
                and layer.conv == other.conv
            ):
                place = into_w(
                    layer, s, pulled(layer, layer.w, x=lambda g, y, xs, near, how: near), near=input_of(other)
                )
                yield replace(place, variant=k - i)
        act = s.activation_after(layer.out)
        for variant, own in ((OWN, layer.out), (OWN + 1, None if act is None else act.y)):
            if own is not None and np.shape(own.value) == np.shape(mine) and not layer.conv:
                place = into_w(layer, s, pulled(layer, layer.w, x=lambda g, y, xs, near, how: near), near=own)
                yield replace(place, variant=variant)


@mistake("x_dropped", "weight", "operand", "{line} has the error but not the activation that {W} multiplies.")
def _x_dropped(s: Structure) -> Iterator[Place]:
    for layer in s.layers:
        if not layer.conv:
            yield into_w(
                layer, s, pulled(layer, layer.w, x=lambda g, y, xs, near, how, layer=layer: 0 * xs[layer.x] + 1)
            )


@mistake(
    "elementwise_for_dot", "layer", "product",
    "`*` multiplies entry by entry; {line} needs the matrix product `@`.",
    source="NumPy: array and matrix",
)  # fmt: skip
def _elementwise_for_dot(s: Structure) -> Iterator[Place]:
    for layer in s.layers:
        if layer.conv:
            continue
        g, x = np.shape(layer.product.value), np.shape(layer.product.args[layer.x])
        if len(g) == 2 and g == x and g[0] == g[1]:  # elsewhere the shapes do not fit
            yield into_w(
                layer,
                s,
                lambda g, y, *xs, layer=layer, **how: (
                    transposed(g) * xs[layer.x] if layer.rows else g * transposed(xs[layer.x])
                ),
            )
        w = np.shape(layer.product.args[layer.w])
        if len(g) == 2 and g == x == w:
            yield from into_x(layer, s, lambda g, y, *xs, layer=layer, **how: g * xs[layer.w])


def each_layer(id: str, owner: str, kind: str, text: str, factor: Callable[[int], float], **more: Any) -> None:
    """A constant factor on the gradient of one weight alone."""

    @mistake(id, owner, kind, text, **more)
    def finder(s: Structure) -> Iterator[Place]:
        for layer in s.layers:
            n = int(np.prod([np.shape(layer.out.value)[k] for k in layer.batch_axes]))
            if n > 1:
                leaf = weight(s, layer)
                op, w = layer.product.op, layer.w
                assert op is not None
                yield Place(leaf, (Change("edge", layer.product, lambda g, y, *xs, op=op, w=w, n=n, **how:
                                          factor(n) * op.pull(w, g, y, xs, how), w),), {"W": leaf})  # fmt: skip


each_layer(
    "W_meaned",
    "batch mean",
    "factor",
    "1/N was applied to {line} once more: it came in with the loss.",
    lambda n: 1 / n,
)
each_layer("W_not_meaned", "batch mean", "factor", "1/N is missing in {line} alone.", float)


# -- one example instead of all ------------------------------------------------------------------------------------


@mistake(
    "last_example", "batch sum", "sum",
    "The gradients of {W} are those of one example: each example overwrote the one before. Add them up with +=.",
)  # fmt: skip
def _last_example(s: Structure) -> Iterator[Place]:
    for layer in s.layers:
        if not layer.batch_axes or np.shape(layer.out.value)[layer.batch_axes[0]] < 2:
            continue
        op, w = layer.product.op, layer.w
        assert op is not None
        for which in (-1, 0):
            mask = only(layer.out, layer.batch_axes[0], which)
            changes = [Change("edge", layer.product, lambda g, y, *xs, op=op, w=w, mask=mask, **how:
                              op.pull(w, g * mask, y, xs, how), w)]  # fmt: skip
            yield Place(weight(s, layer), tuple(changes), {"W": weight(s, layer)}, variant=which)
            for b in s.shifts:
                if layer.bias is not None and layer.bias[0] is b.node and layer.bias[1] == b.i:
                    changes.append(Change("edge", b.node, lambda g, y, *xs, b=b, mask=mask, **how:
                                          b.gathered(g * mask, xs[b.i]), b.i))  # fmt: skip
                    yield Place(weight(s, layer), tuple(changes), {"W": weight(s, layer)}, variant=2 + which)
