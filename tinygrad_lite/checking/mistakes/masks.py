"""The error before an activation's derivative where the one after it is needed."""

from __future__ import annotations

from collections.abc import Iterator

from tinygrad_lite.checking.mistakes.activations import hidden, output
from tinygrad_lite.checking.mistakes.affine import weight
from tinygrad_lite.checking.mistakes.catalogue import Place, mistake
from tinygrad_lite.checking.parts import Activation, Layer
from tinygrad_lite.checking.passes import Change
from tinygrad_lite.checking.structure import Structure


def _in_network(s: Structure) -> set[Activation]:
    last = output(s)
    return {*hidden(s), *([] if last is None else [last])}


@mistake(
    "mask_skipped_b", "activation, bias", "mask",
    "The bias {b} gets the error before the activation's derivative; it needs that of {z}, the same as the weights.",
)  # fmt: skip
def _mask_skipped_b(s: Structure) -> Iterator[Place]:
    inner = _in_network(s)
    for b in s.shifts:
        act = s.activation_after(b.node)
        if act in inner and act is not None:
            change = Change("edge", b.node, lambda g, y, *xs, dh, b=b, **how: b.gathered(b.error(dh, xs), xs[b.i]),
                            b.i, upstream={"dh": act.y})  # fmt: skip
            yield Place(b.leaf, (change,), {"b": b.leaf, "z": act.x})


@mistake(
    "mask_skipped_W", "activation, weight", "mask",
    "The weights {W} get the error before the activation's derivative; they need that of {z}, the same as the bias.",
)  # fmt: skip
def _mask_skipped_W(s: Structure) -> Iterator[Place]:
    for layer, act in _before(s):
        w = weight(s, layer)
        yield Place(w, (_unmasked(layer, act, layer.w),), {"W": w, "z": act.x})


@mistake(
    "mask_skipped_back", "activation, layer", "mask",
    "The error that goes on to {line} is the one before the activation's derivative; send that of {z} back.",
)  # fmt: skip
def _mask_skipped_back(s: Structure) -> Iterator[Place]:
    for layer, act in _before(s):
        x = layer.product.inputs[layer.x]
        if x is not None and x.op is not None and x.requires_grad:
            yield Place(x, (_unmasked(layer, act, layer.x),), {"z": act.x})


def _before(s: Structure) -> Iterator[tuple[Layer, Activation]]:
    """Layers that an activation follows, inside the network or at its end."""
    inner = _in_network(s)
    for layer in s.layers:
        act = s.activation_after(layer.product)
        if act is not None and act in inner:
            yield layer, act


def _unmasked(layer: Layer, act: Activation, i: int) -> Change:
    op = layer.product.op
    assert op is not None
    return Change("edge", layer.product, lambda g, y, *xs, dh, **how: op.pull(i, dh, y, xs, how), i,
                  upstream={"dh": act.y})  # fmt: skip
