"""The graph's book-keeping: where paths meet, what is added to a gradient, and what is done with it afterwards."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

import numpy as np

from tinygrad_lite.checking.mistakes.affine import STRENGTH, input_of, pulled, steps, weight
from tinygrad_lite.checking.mistakes.catalogue import Place, mistake
from tinygrad_lite.checking.passes import Change
from tinygrad_lite.checking.structure import Structure
from tinygrad_lite.graph import Node
from tinygrad_lite.primitives.indexing import put


def forks(s: Structure) -> Iterator[tuple[Node, int]]:
    """Nodes with more than one use, and how many shares meet there; not those of a penalty, nor within the loss."""
    last = s.end.at.order if s.end is not None else s.loss.order
    interior = {x for act in s.activations for x in (act.x,)} | {n.x for n in s.normed}
    for node in s.truth.received:
        shares = s.truth.shares(node)
        if len(shares) > 1 and node not in s.regularised and node.order <= last and node not in interior:
            yield node, len(shares)


def _kept(k: int) -> Callable[..., Any]:
    return lambda *shares: shares[k]


@mistake(
    "overwrite_fork", "fork", "sum",
    "{q} is used in {n} places; {line} is the error by one of them only. Use += where paths meet.",
    source="micrograd; Karpathy",
)  # fmt: skip
def _overwrite_fork(s: Structure) -> Iterator[Place]:
    for node, n in forks(s):
        for k in range(n):
            yield Place(node, (Change("sum", node, _kept(k)),), {"q": node, "n": str(n)}, variant=k)


@mistake(
    "double_count", "fork", "factor",
    "From {line} on everything is twice too large: it was passed on twice, for instance once for each of its users.",
    source="micrograd: the reason for a topological order",
)  # fmt: skip
def _double_count(s: Structure) -> Iterator[Place]:
    last = s.end.at if s.end is not None else s.loss
    inner = {layer.out for layer in s.layers} | {act.y for act in s.activations if act.kind != "square"}
    for node in s.quantities:
        if node in inner and node is not last and node.order < last.order:
            yield Place(node, (Change("cotangent", node, lambda g, x: 2 * g),))


@mistake(
    "stale_grad", "gradient buffer", "factor",
    "Every gradient is twice what it should be: those of the call before were still in there. Set them to 0 first.",
    source="PyTorch: optimizer.zero_grad",
)  # fmt: skip
def _stale_grad(s: Structure) -> Iterator[Place]:
    leaves = s.parameters
    if leaves:
        yield Place(leaves[0], tuple(Change("cotangent", leaf, lambda g, x: 2 * g) for leaf in leaves))


@mistake(
    "in_place", "residual connection", "aliasing",
    "The activation's mask was written into an array that the other branch shares: {line} is masked too. Copy first.",
)  # fmt: skip
def _in_place(s: Structure) -> Iterator[Place]:
    for node in s.forward:
        if node.op is None or node.op.name != "add" or node not in s.truth.cotangents:
            continue
        for act in s.activations:
            if act.kind != "relu":
                continue
            for i, x in enumerate(node.inputs):
                other = node.inputs[1 - i]
                if (
                    x is act.y
                    and other is not None
                    and other.requires_grad
                    and s.leaf_of(other) is None
                    and np.shape(other.value) == np.shape(act.x.value)
                ):
                    change = Change("edge", node, lambda g, y, *xs, z, **how: g * (z > 0), 1 - i, near={"z": act.x})
                    yield Place(other, (change,), {"z": act.x})


@mistake(
    "detached", "graph", "missing",
    "Nothing comes through to {line}: a value was taken out of the graph (.data, float(...), a copy) on the way.",
)  # fmt: skip
def _detached(s: Structure) -> Iterator[Place]:
    for layer in s.layers:
        x = layer.product.inputs[layer.x]
        if x is not None and x.op is not None and x in s.truth.cotangents:
            yield Place(x, (Change("cotangent", x, lambda g, x: 0 * g),), {"h": x})


@mistake(
    "duplicate_index", "getitem", "sum",
    "A row that is read more than once gets only one of its errors: `dW[i] += d` writes each row once. Use np.add.at.",
    source="NumPy: ufunc.at",
)  # fmt: skip
def _duplicate_index(s: Structure) -> Iterator[Place]:
    for node, i in s.scattered:
        x, a = node.inputs[0], node.args[i]
        if x is not None and x.requires_grad and len(node.inputs) == 2 and node.inputs[1] is None:
            change = Change("edge", node, lambda g, y, x, index_array, index: put(0 * x, g, index_array, index=index))
            yield Place(x, (change,), {"q": x, "i": str(np.size(a))})


@mistake(
    "example_shifted", "cache", "operand",
    "{line} pairs each error with the activation of another example: the cache is one example off.",
)  # fmt: skip
def _example_shifted(s: Structure) -> Iterator[Place]:
    for layer in s.layers:
        shape = np.shape(layer.out.value)
        if layer.batch_axes and shape[layer.batch_axes[0]] > 1 and not layer.conv:
            op, w, axis = layer.product.op, layer.w, layer.batch_axes[0]
            assert op is not None
            for by in (1, -1):
                change = Change("edge", layer.product, lambda g, y, *xs, op=op, w=w, axis=axis, by=by, **how:
                                op.pull(w, np.roll(g, by, axis=axis), y, xs, how), w)  # fmt: skip
                yield Place(weight(s, layer), (change,), {"W": weight(s, layer)}, variant=by)


@mistake(
    "skips_time_step", "recurrence", "sum",
    "The error that {h} gets from the next time step is missing: earlier steps count too.",
    source="CS231n",
)  # fmt: skip
def _skips_time_step(s: Structure) -> Iterator[Place]:
    changes = []
    for layer in (layer for layers in steps(s).values() for layer in layers):
        x = layer.product.inputs[layer.x]
        if x is not None and x.op is not None and x in s.truth.cotangents:
            changes.append(Change("edge", layer.product, lambda g, y, *xs, i=layer.x, **how: 0 * xs[i], layer.x))
    if changes:
        lines = {c.at.inputs[c.position] for c in changes}
        line = next(q for q in s.quantities if q in lines)
        yield Place(line, tuple(changes), {"h": line})


@mistake(
    "last_time_step_only", "recurrence", "sum",
    "{W} is used at every step, but {line} has the contribution of one step only. Add them all up.",
)  # fmt: skip
def _last_time_step_only(s: Structure) -> Iterator[Place]:
    for leaf, layers in steps(s).items():
        if len(s.truth.shares(leaf)) == len(layers):
            for k in range(len(layers)):
                yield Place(leaf, (Change("sum", leaf, _kept(k)),), {"W": leaf}, variant=k)


@mistake(
    "step_shifted", "recurrence", "operand",
    "{line} pairs the error of each step with what {W} multiplied at another one: the index in time is off by one.",
)  # fmt: skip
def _step_shifted(s: Structure) -> Iterator[Place]:
    for leaf, layers in steps(s).items():
        inputs = [input_of(layer) for layer in layers]
        if len({np.shape(layer.product.args[layer.x]) for layer in layers}) > 1 or any(layer.conv for layer in layers):
            continue
        for by, around in ((1, True), (-1, True), (1, False), (-1, False)):  # x[-1] is the last; or a step is left out
            changes = []
            for k, layer in enumerate(layers):
                if around or 0 <= k - by < len(layers):
                    rule = pulled(layer, layer.w, x=lambda g, y, xs, near, how: near)
                    near = {"near": inputs[(k - by) % len(layers)]}
                else:
                    rule, near = (lambda g, y, *xs, w=layer.w, **how: 0 * xs[w]), {}
                changes.append(Change("edge", layer.product, rule, layer.w, near=near))
            yield Place(leaf, tuple(changes), {"W": leaf}, variant=by if around else 2 * by)


@mistake(
    "gradients_swapped", "update", "operand",
    "The gradients of {one} and {other} were exchanged: each is handed in under the name of the other.",
)  # fmt: skip
def _gradients_swapped(s: Structure) -> Iterator[Place]:
    for axes in dict.fromkeys(np.ndim(leaf.value) for leaf in s.parameters):
        alike = [leaf for leaf in s.parameters if np.ndim(leaf.value) == axes]
        for one, other in pairwise(alike):  # of weights or of biases, those of neighbours
            change = Change("leaves", one, lambda g, h: (h, g), to=other)
            yield Place(one, (change,), {"one": one, "other": other})


# -- regularisation ------------------------------------------------------------------------------------------------


def penalty(id: str, text: str, factor: Callable[[Structure], float | None], **more: Any) -> None:
    """The gradient of the penalty, c W, times another factor."""

    @mistake(id, "regulariser", "penalty", text, **more)
    def finder(s: Structure) -> Iterator[Place]:
        f = factor(s)
        if f is not None:
            yield from _penalised(s, lambda g, x, c: g + (f - 1) * c * x)


def _penalised(s: Structure, rule: Callable[..., Any], variant: int = 0) -> Iterator[Place]:
    """Another gradient for all penalised weights, and for each alone."""
    leaves = [q for q in s.quantities if q in s.regularised]
    changes = [
        Change("cotangent", leaf, lambda g, x, c=s.regularised[leaf]: rule(g, x, c)) for leaf in leaves
    ]  # fmt: skip
    if leaves:
        yield Place(leaves[0], tuple(changes), {"W": leaves[0]}, variant=variant)
    if len(leaves) > 1:
        for leaf, change in zip(leaves, changes, strict=True):
            yield Place(leaf, (change,), {"W": leaf}, variant=variant + 1)


def _examples(s: Structure) -> float | None:
    if s.end is None or s.end.batch_axis is None or np.shape(s.end.at.value)[s.end.batch_axis] < 2:
        return None
    return 1 / float(np.shape(s.end.at.value)[s.end.batch_axis])


penalty("regulariser_missing", "The penalty on the weights is missing from {line}: it adds a multiple of {W} itself.",
        lambda s: 0.0, source="CS231n")  # fmt: skip
penalty("regulariser_half", "The penalty in {line} is half of what it should be: the 2 of the square is missing.",
        lambda s: 0.5)  # fmt: skip
penalty("regulariser_double", "The penalty in {line} is twice what it should be: the 1/2 was forgotten.", lambda s: 2.0)
penalty("regulariser_sign", "The penalty in {line} has the wrong sign: it would make the weights grow.", lambda s: -1.0)


@mistake(
    "regulariser_no_lambda", "regulariser", "penalty",
    "The penalty in {line} is {W} itself, without its strength: multiply by lambda as the loss does.",
    source="CS231n",
)  # fmt: skip
def _regulariser_no_lambda(s: Structure) -> Iterator[Place]:
    for k in (1, 2):
        if all(abs(c - k) > 1e-9 for c in s.regularised.values()):
            yield from _penalised(s, lambda g, x, c, k=k: g + (k - c) * x, 2 * k)


@mistake(
    "regulariser_l1", "regulariser", "penalty",
    "The penalty in {line} has the sign of {W} only, as for |W|; that of the squares is a multiple of {W} itself.",
)  # fmt: skip
def _regulariser_l1(s: Structure) -> Iterator[Place]:
    for k in (1, 2):
        yield from _penalised(s, lambda g, x, c, k=k: g - c * x + c / k * np.sign(x), 2 * k)


penalty("regulariser_over_N", "The penalty in {line} was averaged over the batch; it does not depend on the examples.",
        _examples)  # fmt: skip


@mistake(
    "regulariser_on_bias", "regulariser", "penalty",
    "{line} has a multiple of {b} added: only the weights are penalised here.",
)  # fmt: skip
def _regulariser_on_bias(s: Structure) -> Iterator[Place]:
    if not s.regularised:
        return
    c = next(iter(s.regularised.values()))
    biases = [q for q in s.parameters if np.ndim(q.value) == 1 and q not in s.regularised and np.any(q.value)]
    if biases:
        yield Place(biases[0], tuple(Change("cotangent", b, lambda g, x: g + c * x) for b in biases), {"b": biases[0]})


@mistake(
    "regulariser_added", "regulariser", "penalty",
    "{line} has a multiple of {W} added, as by weight decay; this loss has no such penalty.",
    free=True,
)  # fmt: skip
def _regulariser_added(s: Structure) -> Iterator[Place]:
    weights = [q for q in s.parameters if q in {weight(s, layer) for layer in s.layers} and q not in s.regularised]
    changes = [Change("cotangent", w, lambda g, x: g + STRENGTH * x) for w in weights]
    if weights:
        yield Place(weights[0], tuple(changes), {"W": weights[0]})
    if len(weights) > 1:
        for w, change in zip(weights, changes, strict=True):
            yield Place(w, (change,), {"W": w}, variant=1)


@mistake(
    "lr_folded", "update", "factor",
    "Every gradient is {strength} times what it should be: the learning rate (or the step itself) was handed in.",
    free=True,
)  # fmt: skip
def _lr_folded(s: Structure) -> Iterator[Place]:
    if s.parameters:
        yield Place(s.parameters[0], tuple(Change("cotangent", p, lambda g, x: STRENGTH * g) for p in s.parameters))


@mistake(
    "one_parameter_scaled", "update", "factor",
    "{line} alone is {strength} times what it should be.",
    free=True,
)  # fmt: skip
def _one_parameter_scaled(s: Structure) -> Iterator[Place]:
    for leaf in s.parameters:
        yield Place(leaf, (Change("cotangent", leaf, lambda g, x: STRENGTH * g),), {"q": leaf})


@mistake(
    "scaled_from_here", "graph", "factor",
    "From {line} on everything is {strength} times what it should be.",
    free=True,
)  # fmt: skip
def _scaled_from_here(s: Structure) -> Iterator[Place]:
    inner = {layer.out for layer in s.layers} | {act.y for act in s.activations if act.kind != "square"}
    for node in s.quantities:
        if node in inner:
            yield Place(node, (Change("cotangent", node, lambda g, x: STRENGTH * g),))


@mistake(
    "scale_forgotten", "multiply", "factor",
    "A constant factor {c} of the forward pass is missing on the way back to {line}.",
)  # fmt: skip
def _scale_forgotten(s: Structure) -> Iterator[Place]:
    last = s.end.at.order if s.end is not None else s.loss.order
    closed = {act.y for act in s.activations} | {n.y for n in s.normed}
    for node in s.forward:
        if node.op is None or node.op.name not in ("multiply", "divide") or node.order > last or node in closed:
            continue
        for i, x in enumerate(node.inputs):
            other = node.inputs[1 - i]
            if (
                x is not None
                and x.requires_grad
                and x.op is not None
                and other is None
                and np.size(node.args[1 - i]) == 1
                and abs(float(np.asarray(node.args[1 - i]).reshape(()))) != 1
            ):
                yield Place(x, (Change("edge", node, lambda g, y, *xs, **how: g, i),),
                            {"c": f"{float(np.asarray(node.args[1 - i]).reshape(())):.4g}"})  # fmt: skip
