"""Normalisation and dropout: the paths through mean and variance, the learnt scale, and the mask."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from tinygrad_lite.checking.mistakes.affine import into_w, pulled
from tinygrad_lite.checking.mistakes.catalogue import Place, mistake
from tinygrad_lite.checking.parts import Normed
from tinygrad_lite.checking.passes import Change, fitted
from tinygrad_lite.checking.structure import Structure

Rule = Callable[[Any, Any, Any, Normed], Any]  # (g, y, scale, norm) -> what is taken for the error of x


def _mean(a: Any, n: Normed) -> Any:
    return np.mean(a, axis=n.axes, keepdims=True)


def _sum(a: Any, n: Normed) -> Any:
    return np.sum(a, axis=n.axes, keepdims=True)


def _other(a: Any, n: Normed) -> Any:
    """The mean over the axes that are not normalised over."""
    return np.mean(a, axis=tuple(k for k in range(a.ndim) if k not in n.axes), keepdims=True)


def norm(id: str, text: str, rule: Rule, **more: Any) -> None:
    """A wrong derivative of (x - mean) / sqrt(variance + eps); the right one is (g - mean g - y mean(g y)) / root."""

    @mistake(id, "normalisation", "derivative", text, **more)
    def finder(s: Structure) -> Iterator[Place]:
        for n in s.normed:
            change = Change("bridge", n.y, lambda g, y, x, n=n: rule(g, y, n.scale, n), to=n.x)
            yield Place(n.x, (change,), {"x": n.x, "y": n.y})


norm("bn_no_var_path", "The variance depends on {x} too; in {line} it was taken for a constant.",
     lambda g, y, r, n: (g - _mean(g, n)) / r, source="Ioffe & Szegedy, 2015")  # fmt: skip
norm("bn_no_mean_path", "The mean depends on {x} too; in {line} it was taken for a constant. It should add up to 0.",
     lambda g, y, r, n: (g - y * _mean(g * y, n)) / r, source="Ioffe & Szegedy, 2015")  # fmt: skip
norm("bn_constants", "Mean and variance depend on {x} too; in {line} both were taken for constants.",
     lambda g, y, r, n: g / r)  # fmt: skip
norm("bn_scale_missing", "{line} has not been divided by the standard deviation.",
     lambda g, y, r, n: g - _mean(g, n) - y * _mean(g * y, n))  # fmt: skip
norm("bn_var_sign", "In {line} the part through the variance has the wrong sign: it is subtracted too.",
     lambda g, y, r, n: (g - _mean(g, n) + y * _mean(g * y, n)) / r)  # fmt: skip
norm("bn_mean_sign", "In {line} the part through the mean has the wrong sign: the mean is subtracted.",
     lambda g, y, r, n: (g + _mean(g, n) - y * _mean(g * y, n)) / r)  # fmt: skip
norm("bn_var_half", "In {line} the part through the variance is half of what it is: the 2 of (x - mean)^2 is missing.",
     lambda g, y, r, n: (g - _mean(g, n) - y * _mean(g * y, n) / 2) / r)  # fmt: skip
norm("bn_var_double", "In {line} the part through the variance is twice what it is: the root's 1/2 is missing.",
     lambda g, y, r, n: (g - _mean(g, n) - y * _mean(g * y, n) * 2) / r)  # fmt: skip
norm("bn_mean_not_divided", "In {line} the part through the mean is a sum: 1/N of the mean is missing.",
     lambda g, y, r, n: (g - _sum(g, n) - y * _mean(g * y, n)) / r)  # fmt: skip
norm("bn_var_not_divided", "In {line} the part through the variance is a sum: 1/N of the variance is missing.",
     lambda g, y, r, n: (g - _mean(g, n) - y * _sum(g * y, n)) / r)  # fmt: skip
norm("bn_not_divided", "In {line} the parts through mean and variance are sums: 1/N is missing in both.",
     lambda g, y, r, n: (g - _sum(g, n) - y * _sum(g * y, n)) / r)  # fmt: skip
norm("bn_var_unscaled", "In {line} the part through the variance has x - mean where the normalised {y} has to be.",
     lambda g, y, r, n: (g - _mean(g, n) - y * r * _mean(g * y * r, n)) / r)  # fmt: skip
norm("bn_wrong_axis", "In {line} the means are over the wrong axis: they are over the one that {x} is normalised over.",
     lambda g, y, r, n: (g - _other(g, n) - y * _other(g * y, n)) / r)  # fmt: skip
norm("bn_variance_for_root", "{line} was divided by the variance; it is its square root, the standard deviation.",
     lambda g, y, r, n: (g - _mean(g, n) - y * _mean(g * y, n)) / (r * r))  # fmt: skip


def _count(y: Any, n: Normed) -> int:
    return int(np.prod([y.shape[k] for k in n.axes]))


norm("bn_bessel", "The variance is over N here, and {line} was derived for one over N - 1.",
     lambda g, y, r, n: (g - _mean(g, n) - y * _mean(g * y, n) * (_count(y, n) / (_count(y, n) - 1))) / r)  # fmt: skip


@mistake(
    "bn_bessel_forward", "normalisation", "value",
    "{line} was normalised with a variance over N - 1 (ddof=1); here it is over N.",
)  # fmt: skip
def _bn_bessel_forward(s: Structure) -> Iterator[Place]:
    for n in s.normed:
        x = s.value(n.x)
        variance = np.var(x, axis=n.axes, keepdims=True)
        count = _count(n.y.value, n)
        if count > 1:
            root = np.sqrt(variance * count / (count - 1) + np.maximum(n.scale * n.scale - variance, 0))
            yield Place(n.y, (
                Change("value", n.y, lambda y, *xs, n=n, root=root, **near: y * (n.scale / root)),
                Change("bridge", n.y, lambda g, y, x, n=n, root=root:
                       (g - _mean(g, n) - y * _mean(g * y, n)) / root, to=n.x),
            ), {"x": n.x})  # fmt: skip


@mistake("bn_gamma_missing", "normalisation", "factor", "The learnt scale {W} is missing on the way back to {line}.")
def _bn_gamma_missing(s: Structure) -> Iterator[Place]:
    for n in s.normed:
        for user, i in s.users.get(n.y, ()):
            if user.op is not None and user.op.name == "multiply":
                leaf = s.leaf_of(user.inputs[1 - i])
                if leaf is not None:
                    yield Place(n.y, (Change("edge", user, lambda g, y, *xs: g, i),), {"W": leaf})


@mistake(
    "bn_gamma_of_output", "normalisation", "operand",
    "{line} was made with what comes out after the learnt scale and shift; the scale multiplies the normalised {y}.",
)  # fmt: skip
def _bn_gamma_of_output(s: Structure) -> Iterator[Place]:
    for n in s.normed:
        for user, i in s.users.get(n.y, ()):
            leaf = s.leaf_of(user.inputs[1 - i]) if user.op is not None and user.op.name == "multiply" else None
            for out in [user, *(u for u, _ in s.users.get(user, ()))] if leaf is not None else []:
                if np.shape(out.value) == np.shape(user.value):
                    change = Change("edge", user, lambda g, y, *xs, out, i=i: fitted(g * out, xs[1 - i]), 1 - i,
                                    near={"out": out})  # fmt: skip
                    assert leaf is not None
                    yield Place(leaf, (change,), {"y": n.y})


@mistake(
    "bn_gamma_of_input", "normalisation", "operand",
    "{line} was made with {x} as it came in; the learnt scale multiplies the normalised {y}.",
)  # fmt: skip
def _bn_gamma_of_input(s: Structure) -> Iterator[Place]:
    for n in s.normed:
        for user, i in s.users.get(n.y, ()):
            if user.op is not None and user.op.name == "multiply":
                other = user.inputs[1 - i]
                leaf = s.leaf_of(other)
                if leaf is not None:
                    change = Change("edge", user, lambda g, y, *xs, x, i=i: fitted(g * x, xs[1 - i]), 1 - i,
                                    near={"x": n.x})  # fmt: skip
                    yield Place(leaf, (change,), {"x": n.x, "y": n.y})


def dropouts(s: Structure) -> Iterator[tuple[Any, int, float]]:
    """Products with a mask of zeros and one other number: (node, which operand is kept, that number)."""
    for node in s.forward:
        if node.op is None or node.op.name != "multiply" or not node.requires_grad or len(node.inputs) != 2:
            continue
        for i in (0, 1):
            x, other = node.inputs[i], node.inputs[1 - i]
            mask = np.asarray(node.args[1 - i])
            if x is None or not x.requires_grad or mask.shape != np.shape(node.value) or mask.size < 2:
                continue
            if other is not None and other.requires_grad:
                continue
            values = np.unique(mask)
            if len(values) == 2 and values[0] == 0 and (other is None or other.op is None):
                yield node, i, float(values[1])


@mistake(
    "dropout_no_mask", "dropout", "mask", "Dropout's mask is missing in {line}: a unit that was dropped gets no error.",
    source="CS231n",
)  # fmt: skip
def _dropout_no_mask(s: Structure) -> Iterator[Place]:
    for node, i, scale in dropouts(s):
        for c in dict.fromkeys((1.0, scale)):
            yield Place(node.inputs[i], (Change("edge", node, lambda g, y, *xs, c=c: c * g, i),), variant=int(c == 1))


@mistake(
    "dropout_no_scale", "dropout", "factor",
    "Dropout's 1/(1 - p) is missing in {line}: what was scaled on the way forward is scaled on the way back.",
    source="CS231n",
)  # fmt: skip
def _dropout_no_scale(s: Structure) -> Iterator[Place]:
    for node, i, scale in dropouts(s):
        if scale != 1:
            yield Place(node.inputs[i], (Change("edge", node, lambda g, y, *xs, i=i: g * (xs[1 - i] != 0), i),))


@mistake(
    "dropout_mask_inverted", "dropout", "mask",
    "The mask of {line} is the wrong way round: the units that were dropped get the error.",
)  # fmt: skip
def _dropout_mask_inverted(s: Structure) -> Iterator[Place]:
    for node, i, scale in dropouts(s):
        for c in dict.fromkeys((scale, 1.0)):
            rule = lambda g, y, *xs, i=i, c=c: c * g * (xs[1 - i] == 0)  # noqa: E731 - it is a rule like its neighbours
            yield Place(node.inputs[i], (Change("edge", node, rule, i),), variant=int(c == 1))


@mistake(
    "dropout_not_in_dW", "dropout, weight", "operand",
    "{line} was made with {h} as it was before dropout; the layer saw what was left of it.",
)  # fmt: skip
def _dropout_not_in_dW(s: Structure) -> Iterator[Place]:
    for node, i, _ in dropouts(s):
        for layer in s.layers:
            seen, h = layer.product.inputs[layer.x], node.inputs[i]
            if h is not None and seen is not None and (seen is node or any(x is node for x in seen.inputs)):
                place = into_w(layer, s, pulled(layer, layer.w, x=lambda g, y, xs, near, how: near), near=h)
                yield Place(place.line, place.changes, {**place.words, "h": h})
