"""The loss: its sign, its constants, its average over the batch, and softmax with cross-entropy."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from tinygrad_lite.checking.mistakes.catalogue import Place, mistake
from tinygrad_lite.checking.parts import End
from tinygrad_lite.checking.passes import Change
from tinygrad_lite.checking.structure import Structure
from tinygrad_lite.graph import Node


def _batch(end: End) -> int:
    return 1 if end.batch_axis is None else int(np.shape(end.at.value)[end.batch_axis])


def _classes(end: End) -> int:
    return int(np.shape(end.at.value)[end.class_axis])


def times(factor: Callable[[End], float | None]) -> Callable[[Structure], Iterator[Place]]:
    """The error of the prediction times a constant."""

    def finder(s: Structure) -> Iterator[Place]:
        if s.end is not None and (c := factor(s.end)) is not None:
            yield Place(s.end.at, (Change("cotangent", s.end.at, lambda g, x: c * g),))

    return finder


def instead(kind: str, rule: Callable[..., Any], batch: bool = False) -> Callable[[Structure], Iterator[Place]]:
    """Another error of the prediction, from (logits or prediction, target, factor, axis of the classes)."""

    def finder(s: Structure) -> Iterator[Place]:
        end = s.end
        if end is not None and end.kind == kind and (not batch or _batch(end) > 1):
            y = np.asarray(end.target).astype(end.at.value.dtype)
            c, axis = float(end.factor), end.class_axis
            n = round(1 / c) if c and abs(1 / c - round(1 / c)) < 1e-9 else 0  # 1/N reads better than its digits
            yield Place(end.at, (Change("cotangent", end.at, lambda g, x, y: rule(x, y, 1, axis) / n if n
                                        else rule(x, y, c, axis), near={"y": y}),))  # fmt: skip

    return finder


def _shifted(z: Any, axis: int) -> Any:
    return np.exp(z - np.max(z, axis=axis, keepdims=True))


def _over(e: Any, axis: int | None) -> Any:
    return e / np.sum(e, axis=axis, keepdims=True)


def _softmax(z: Any, axis: int) -> Any:
    return _over(_shifted(z, axis), axis)


def _sigma(z: Any) -> Any:
    return 1 / (1 + np.exp(-z))


PREDICTED: dict[str, Callable[[Any, int], Any]] = {
    "softmax": _softmax,
    "sigmoid": lambda z, axis: _sigma(z),
    "squared": lambda z, axis: z,
}

mistake(
    "sign", "loss", "sign",
    "Everything has the wrong sign: y - a is minus the derivative of the loss. It is right only where the update adds.",
)(times(lambda end: -1.0))  # fmt: skip
mistake(
    "factor2", "loss", "factor",
    "Everything is twice too large: this loss has no 2 left (the 2 of the square is cancelled by 1/2).",
)(times(lambda end: 2.0))  # fmt: skip
mistake(
    "half", "loss", "factor", "Everything is half of what it should be: the 2 of the square is missing.",
)(times(lambda end: 0.5))  # fmt: skip
mistake(
    "no_1_over_N", "batch mean", "factor", "The loss is a mean over the batch, but 1/N is missing.",
)(times(lambda end: float(_batch(end)) if _batch(end) > 1 else None))  # fmt: skip
mistake(
    "double_1_over_N", "batch mean", "factor", "The average over the batch was taken twice: 1/N is in there already.",
)(times(lambda end: 1 / _batch(end) if _batch(end) > 1 else None))  # fmt: skip
mistake(
    "mean_over_K", "batch mean", "factor", "Averaged over the outputs as well: the loss sums over the classes.",
)(times(lambda end: 1 / _classes(end) if _classes(end) > 1 else None))  # fmt: skip
mistake(
    "no_1_over_K", "batch mean", "factor", "The loss averages over the outputs too; 1/K is missing.",
)(times(lambda end: float(_classes(end)) if _classes(end) > 1 else None))  # fmt: skip


mistake(
    "no_1_over_NK", "batch mean", "factor",
    "The loss is a mean over all entries, examples and outputs; 1/(N K) is missing.",
)(times(lambda end: float(_classes(end) * _batch(end)) if min(_classes(end), _batch(end)) > 1 else None))  # fmt: skip


@mistake(
    "error_averaged_first", "batch mean", "sum",
    "The errors were averaged over the examples before they were sent back: each example has its own error, and "
    "its own activations to go with it.",
)  # fmt: skip
def _error_averaged_first(s: Structure) -> Iterator[Place]:
    if s.end is not None and s.end.batch_axis is not None and _batch(s.end) > 1:
        axis = s.end.batch_axis
        rule = lambda g, x: np.mean(g, axis=axis, keepdims=True) + 0 * g  # noqa: E731 - it is a rule like its neighbours
        yield Place(s.end.at, (Change("cotangent", s.end.at, rule),))


@mistake(
    "one_layer_meaned_again", "batch mean", "factor",
    "From {line} down everything is divided by N once more: 1/N enters once, at the loss.",
)  # fmt: skip
def _one_layer_meaned_again(s: Structure) -> Iterator[Place]:
    for node, n in _below(s):
        yield Place(node, (Change("cotangent", node, lambda g, x, n=n: g / n),))


@mistake(
    "one_layer_not_meaned", "batch mean", "factor",
    "From {line} down 1/N is missing: it is in the error of the prediction, and what follows is made from that.",
)  # fmt: skip
def _one_layer_not_meaned(s: Structure) -> Iterator[Place]:
    for node, n in _below(s):
        yield Place(node, (Change("cotangent", node, lambda g, x, n=n: n * g),))


def _below(s: Structure) -> Iterator[tuple[Node, int]]:
    """The values of layers and activations below the prediction, and the number of examples."""
    end = s.end
    if end is not None and (n := _batch(end)) > 1:
        inner = {layer.out for layer in s.layers} | {act.y for act in s.activations if act.kind != "square"}
        for node in s.quantities:
            if node in inner and node is not end.at and node.order < end.at.order:
                yield node, n


mistake(
    "no_onehot", "softmax with cross-entropy", "target",
    "{line} is the softmax alone: subtract 1 at the right class (p - Y). Its rows should add up to 0.",
    source="CS231n",
)(instead("softmax", lambda z, y, c, axis: c * _softmax(z, axis)))  # fmt: skip
mistake(
    "target_added", "loss", "sign", "{line} adds the target; the error is prediction minus target.",
)(lambda s: [p for kind, f in PREDICTED.items()
             for p in instead(kind, lambda z, y, c, axis, f=f: c * (f(z, axis) + y))(s)])  # fmt: skip
mistake(
    "logits_for_probabilities", "cross-entropy", "activation",
    "{line} subtracts the target from the logits; subtract it from the probabilities, p - y.",
)(lambda s: [p for kind in ("softmax", "sigmoid")
             for p in instead(kind, lambda z, y, c, axis: c * (z - y))(s)])  # fmt: skip
mistake(
    "extra_softmax_prime", "softmax with cross-entropy", "derivative",
    "p - Y is already the derivative by the logits; p (1 - p) was multiplied in once more.",
    source="CS231n",
)(instead("softmax", lambda z, y, c, axis:
          c * (_softmax(z, axis) - y) * _softmax(z, axis) * (1 - _softmax(z, axis))))  # fmt: skip
mistake(
    "softmax_diag_only", "softmax", "derivative",
    "The softmax was differentiated entry by entry, p (1 - p); each p depends on every logit, so the Jacobian is not "
    "diagonal.",
)(instead("softmax", lambda z, y, c, axis: -c * y * (1 - _softmax(z, axis))))  # fmt: skip
mistake(
    "ce_only", "softmax with cross-entropy", "derivative",
    "{line} is -y/p, the derivative by the probabilities; the softmax itself has not been differentiated.",
)(instead("softmax", lambda z, y, c, axis: -c * y / _softmax(z, axis)))  # fmt: skip
mistake(
    "softmax_unnormalised", "softmax", "derivative",
    "{line} has e^z where the probability has to be: the exponentials were not divided by their sum.",
)(lambda s: [*instead("softmax", lambda z, y, c, axis: c * (np.exp(z) - y))(s),
             *instead("softmax", lambda z, y, c, axis: c * (_shifted(z, axis) - y))(s)])  # fmt: skip
mistake(
    "softmax_axis", "softmax", "axis",
    "The softmax was normalised over the examples; it is each example's classes that add up to 1.",
    source="CS231n",
)(lambda s: [p for rule in (
    lambda z, y, c, axis: c * (_softmax(z, 1 - axis % 2) - y),
    lambda z, y, c, axis: c * (_over(_shifted(z, axis), 1 - axis % 2) - y),  # the maximum is over the right axis
    lambda z, y, c, axis: c * (_over(_shifted(z, axis), None) - y),
    lambda z, y, c, axis: c * (_over(np.exp(z - np.max(z)), None) - y),
) for p in instead("softmax", rule, batch=True)(s)])  # fmt: skip
mistake(
    "softmax_twice", "softmax", "activation",
    "The softmax was taken of the probabilities once more: the loss takes the logits, and {line} is p - y.",
)(instead("softmax", lambda z, y, c, axis: c * (_softmax(_softmax(z, axis), axis) - y)))  # fmt: skip
mistake(
    "log_probabilities", "softmax with cross-entropy", "activation",
    "{line} has ln p where the probability p has to be: ln p is what the loss is made of, and p - y its derivative.",
)(instead("softmax", lambda z, y, c, axis: c * (np.log(_softmax(z, axis)) - y)))  # fmt: skip
mistake(
    "predicted_class", "cross-entropy", "activation",
    "{line} has the predicted class, 0 or 1, where its probability p has to be: p - y.",
)(lambda s: [
    *instead("softmax", lambda z, y, c, axis: c * ((z == np.max(z, axis=axis, keepdims=True)) - y))(s),
    *instead("sigmoid", lambda z, y, c, axis: c * ((z > 0) - y))(s),
])  # fmt: skip
mistake(
    "target_inverted", "binary cross-entropy", "target", "{line} subtracts 1 - y; it is p - y.",
)(instead("sigmoid", lambda z, y, c, axis: c * (_sigma(z) - (1 - y))))  # fmt: skip
mistake(
    "max_shift_grad", "softmax", "derivative",
    "The largest logit of each example gets no gradient: the shift by the maximum cancels and plays no part.",
)(instead("softmax", lambda z, y, c, axis:
          c * (_softmax(z, axis) - y) * (z != np.max(z, axis=axis, keepdims=True))))  # fmt: skip
mistake(
    "bce_y_only", "binary cross-entropy", "derivative",
    "Only -y ln p was differentiated; the term (1 - y) ln(1 - p) is missing.",
)(instead("sigmoid", lambda z, y, c, axis: -c * y * (1 - _sigma(z))))  # fmt: skip
mistake(
    "bce_only", "binary cross-entropy", "derivative",
    "{line} is the derivative by the probability, (p - y) / (p (1 - p)); the sigmoid has not been differentiated.",
)(instead("sigmoid", lambda z, y, c, axis: c * (_sigma(z) - y) / (_sigma(z) * (1 - _sigma(z)))))  # fmt: skip
mistake(
    "N_vs_N1", "loss", "shape",
    "The prediction (N, 1) was compared with a target (N,): every prediction with every target. Reshape the target.",
    source="NumPy: broadcasting",
)(lambda s: [p for kind, f in PREDICTED.items() if s.end is not None and _classes(s.end) == 1
             for p in instead(kind, lambda z, y, c, axis, f=f:
                              c * (f(z, axis) - np.mean(y)), batch=True)(s)])  # fmt: skip
mistake(
    "loss_for_error", "loss", "derivative",
    "The backward pass starts from the value of the loss, (a - y)^2 / 2; it starts from its derivative, a - y.",
)(instead("squared", lambda a, y, c, axis: c * (a - y) ** 2 / 2))  # fmt: skip
mistake(
    "target_forgotten", "loss", "target", "{line} is the prediction itself: the target was not subtracted.",
)(lambda s: [*instead("squared", lambda a, y, c, axis: c * a)(s),
             *instead("sigmoid", lambda z, y, c, axis: c * _sigma(z))(s)])  # fmt: skip
mistake(
    "sign_of_error", "loss", "derivative", "{line} has only the sign of the error (that is the loss |a - y|).",
)(instead("squared", lambda a, y, c, axis: c * np.sign(a - y)))  # fmt: skip
