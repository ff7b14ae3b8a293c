"""Activations: the factor f'(z) between the error of h = f(z) and that of z."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from tinygrad_lite.checking.mistakes.affine import input_of, steps
from tinygrad_lite.checking.mistakes.catalogue import Place, mistake
from tinygrad_lite.checking.parts import Activation, End
from tinygrad_lite.checking.passes import Change
from tinygrad_lite.checking.structure import Structure

Rule = Callable[..., Any]  # (g, y, x) -> what is taken for the cotangent of x
PRIME_AT: dict[str, Rule] = {  # by kind, at another state than its own
    "tanh": lambda g, y, x, other: g * (1 - other * other),
    "sigmoid": lambda g, y, x, other: g * other * (1 - other),
    "relu": lambda g, y, x, other: g * (other > 0),
}


def hidden(s: Structure) -> Iterator[Activation]:
    """The activations inside the network: not that of a prediction, and no part of the loss."""
    last = s.end.at if s.end is not None else s.loss
    for act in s.activations:
        if act.y is not last and act.y.order <= last.order and act.kind != "square":
            yield act


def output(s: Structure) -> Activation | None:
    """The activation that makes the prediction, if it is one."""
    return next((act for act in s.activations if s.end is not None and act.y is s.end.at), None)


def bridge(act: Activation, rule: Rule, **near: Any) -> Place:
    """`rule` in place of the derivative of an activation."""
    return Place(act.x, (Change("bridge", act.y, rule, to=act.x, near=near),), {"z": act.x, "h": act.y})


def at(rule: Rule, *kinds: str, all_of_them: bool = False) -> Callable[[Structure], Iterable[Place]]:
    """Places for a wrong derivative of activations of certain kinds; of every kind if none is named."""

    def finder(s: Structure) -> Iterator[Place]:
        for act in s.activations if all_of_them else hidden(s):
            if (not kinds or act.kind in kinds) and act.kind != "square":
                yield bridge(act, rule)

    return finder


def _sigma(x: Any) -> Any:
    return 1 / (1 + np.exp(-x))


mistake(
    "no_act_prime", "activation", "derivative",
    "{line} is the error of {h} as it came: the factor f'({z}) of the activation is missing.",
    source="CS231n",
)(at(lambda g, y, x: g))  # fmt: skip

mistake(
    "mask_inverted", "relu", "mask",
    "The mask is the wrong way round: {line} passes where {z} <= 0 and is stopped where {z} > 0.",
)(at(lambda g, y, x: g * (x <= 0), "relu"))  # fmt: skip


@mistake(
    "mask_on_gradient", "relu", "mask",
    "The mask asks for the sign of the incoming error; it has to ask where {z} > 0.",
    source="Springenberg et al., Striving for simplicity, 2014: guided backpropagation, which is no gradient",
)  # fmt: skip
def _mask_on_gradient(s: Structure) -> Iterator[Place]:
    for act in hidden(s):
        if act.kind == "relu":
            yield bridge(act, lambda g, y, x: g * (g > 0))
            if s.end is not None and _spreads(np.shape(s.end.at.value), np.shape(act.x.value)):  # that of the output
                change = Change("bridge", act.y, lambda g, y, x, e: g * (e > 0), to=act.x, upstream={"e": s.end.at})
                yield Place(act.x, (change,), {"z": act.x, "h": act.y}, variant=1)


mistake(
    "mask_from_activation", "relu", "mask",
    "A mask of {h} >= 0 lets everything through, for a relu is never negative: ask where {z} > 0.",
)(at(lambda g, y, x: g * (y >= 0), "relu"))  # fmt: skip

mistake(
    "relu_ge_zero", "relu", "mask", "relu'(0) is taken as 1; here it is 0. It differs only where {z} is exactly 0.",
    convention=True,
)(at(lambda g, y, x: g * (x >= 0), "relu"))  # fmt: skip

mistake(
    "act_not_prime", "activation", "derivative",
    "{line} is multiplied by the activation {h} itself; it has to be its derivative f'({z}).",
    source="Nielsen",
)(at(lambda g, y, x: g * y))  # fmt: skip

mistake(
    "mask_times_value", "relu", "derivative",
    "{line} is multiplied by {z}; the derivative of relu is 1 where {z} > 0 and 0 elsewhere.",
)(at(lambda g, y, x: g * x, "relu"))  # fmt: skip

mistake(
    "sigma_prime_at_a", "sigmoid", "derivative",
    "The sigmoid is applied twice: sigma'({h}) where {h} is already sigma({z}), so all factors are near 0.2 to 0.25. "
    "Use {h} (1 - {h}).",
    source="Nielsen",
)(at(lambda g, y, x: g * _sigma(y) * (1 - _sigma(y)), "sigmoid", all_of_them=True))  # fmt: skip

mistake(
    "tanh_prime_at_h", "tanh", "derivative",
    "The tanh is applied twice: 1 - tanh({h})^2 where {h} is already tanh({z}). Use 1 - {h}^2.",
)(at(lambda g, y, x: g * (1 - np.tanh(y) ** 2), "tanh", all_of_them=True))  # fmt: skip

mistake(
    "z_formula", "sigmoid, tanh", "derivative",
    "The formula h (1 - h), or 1 - h^2 for tanh, is written for the output {h} but was fed with {z}.",
)(lambda s: [bridge(a, (lambda g, y, x: g * x * (1 - x)) if a.kind == "sigmoid" else (lambda g, y, x: g * (1 - x * x)))
             for a in s.activations if a.kind in ("sigmoid", "tanh")])  # fmt: skip

mistake(
    "sigmoid_1_minus_h", "sigmoid", "derivative", "sigma' is {h} (1 - {h}); the factor {h} is missing.",
)(at(lambda g, y, x: g * (1 - y), "sigmoid", all_of_them=True))  # fmt: skip

mistake(
    "sigmoid_h_plus", "sigmoid", "derivative", "sigma' is {h} (1 - {h}), with a minus: {h} (1 + {h}) was used.",
)(at(lambda g, y, x: g * y * (1 + y), "sigmoid", all_of_them=True))  # fmt: skip

mistake(
    "sigma_prime_of_error", "sigmoid", "derivative",
    "The formula e (1 - e) was applied to the error; it belongs to the output: {h} (1 - {h}) times the error.",
)(lambda s: list(_of_error(s)))  # fmt: skip

mistake(
    "tanh_1_minus_h", "tanh", "derivative", "tanh' is 1 - {h}^2: the square was forgotten.",
)(at(lambda g, y, x: g * (1 - y), "tanh", all_of_them=True))  # fmt: skip

mistake(
    "tanh_1_plus_h2", "tanh", "derivative", "tanh' is 1 - {h}^2, with a minus: 1 + {h}^2 was used.",
)(at(lambda g, y, x: g * (1 + y * y), "tanh", all_of_them=True))  # fmt: skip

mistake(
    "tanh_inverse", "tanh", "derivative", "tanh' multiplies by 1 - {h}^2; here the error was divided by it.",
)(at(lambda g, y, x: g / (1 - y * y), "tanh", all_of_them=True))  # fmt: skip

mistake(
    "prime_of_other", "tanh, sigmoid", "derivative",
    "{line} has the derivative of another activation: h (1 - h) is the sigmoid's and 1 - h^2 that of tanh.",
)(lambda s: [bridge(a, (lambda g, y, x: g * (1 - y * y)) if a.kind == "sigmoid" else (lambda g, y, x: g * y * (1 - y)))
             for a in s.activations if a.kind in ("sigmoid", "tanh")])  # fmt: skip

mistake(
    "tanh_square_outside", "tanh", "derivative", "tanh' is 1 - {h}^2: only {h} is squared, not 1 - {h}.",
)(at(lambda g, y, x: g * (1 - y) ** 2, "tanh", all_of_them=True))  # fmt: skip

mistake(
    "act_prime_doubled", "tanh, sigmoid", "derivative",
    "The derivative of the activation was multiplied in twice on the way from {h} to {z}.",
)(lambda s: [bridge(a, (lambda g, y, x: g * (y * (1 - y)) ** 2) if a.kind == "sigmoid" else
                    (lambda g, y, x: g * (1 - y * y) ** 2))
             for a in s.activations if a.kind in ("sigmoid", "tanh")])  # fmt: skip

mistake(
    "mask_for_smooth", "tanh, sigmoid", "mask",
    "The mask {z} > 0 is the derivative of a relu; the activation here is another one.",
)(at(lambda g, y, x: g * (x > 0), "tanh", "sigmoid"))  # fmt: skip

SLOPES = (0.01, 0.1, 0.2, 0.001, 0.02, 0.05, 0.3)  # of leaky relus, the usual ones first

mistake(
    "leaky_for_relu", "relu", "mask",
    "Where {z} < 0 the error is stopped; here it went on, times the slope of a leaky relu.",
)(lambda s: [replace(bridge(a, lambda g, y, x, c=c: np.where(x > 0, g, c * g)), variant=k)
             for a in hidden(s) if a.kind == "relu" for k, c in enumerate(SLOPES)])  # fmt: skip

mistake(
    "leaky_slope_missing", "leaky_relu", "mask",
    "Where {z} < 0 the error is not stopped but multiplied by the slope of the leaky relu.",
)(at(lambda g, y, x: g * (x > 0), "leaky", all_of_them=True))  # fmt: skip

mistake(
    "dot_for_elementwise", "activation", "product",
    "{line} comes from a matrix product with f'({z}); each unit's error is multiplied by its own f'({z}), entry by "
    "entry. All units of an example come out equal.",
)(lambda s: [bridge(a, (lambda g, y, x, axis=axis: np.sum(g * (x > 0), axis=axis, keepdims=True) + 0 * g))
             for a in hidden(s) if a.kind == "relu" for axis in [_units(s, a)]])  # fmt: skip


def _units(s: Structure, a: Activation) -> int | None:
    if np.ndim(a.x.value) != 2:
        return None
    return 0 if any(layer.out is a.x and not layer.rows for layer in s.layers) else 1


@mistake(
    "leaky_side", "leaky_relu", "mask",
    "Where {z} < 0 the slope was multiplied by {z}; it multiplies the incoming error.",
)  # fmt: skip
def _leaky_side(s: Structure) -> Iterator[Place]:
    for act in s.activations:
        if act.kind == "leaky":
            yield bridge(act, lambda g, y, x, slope=act.slope: np.where(x > 0, g, slope * x))


@mistake(
    "mask_from_wrong_layer", "relu", "mask", "The mask of {line} is that of another layer: it has to be {z} > 0.",
)  # fmt: skip
def _mask_from_wrong_layer(s: Structure) -> Iterator[Place]:
    for act in hidden(s):
        if act.kind != "relu":
            continue
        for layer in s.layers:
            other = layer.out  # that of a single output holds for all units of its example
            if other is not act.x and _spreads(np.shape(other.value), np.shape(act.x.value)):
                yield bridge(act, PRIME_AT["relu"], other=other)


@mistake(
    "mask_from_target", "relu", "mask", "The mask of {line} asks for the sign of the target; it has to be {z} > 0.",
    rare=True,
)  # fmt: skip
def _mask_from_target(s: Structure) -> Iterator[Place]:
    for act in hidden(s):
        if act.kind == "relu" and s.end is not None:
            target = np.asarray(s.end.target)
            for k, t in enumerate([target, *(_output(s.end, which, target) for which in _outputs(s.end))]):
                if _spreads(np.shape(t), np.shape(act.x.value)):
                    yield replace(bridge(act, PRIME_AT["relu"], other=t), variant=k)


@mistake(
    "mask_from_one_output", "relu", "mask",
    "The mask of {line} is that of one output for all units; each unit has its own: {z} > 0.",
    rare=True,
)  # fmt: skip
def _mask_from_one_output(s: Structure) -> Iterator[Place]:
    for act in hidden(s):
        if act.kind == "relu" and s.end is not None and np.ndim(act.x.value) == np.ndim(s.end.at.value):
            for k in _outputs(s.end):
                rule = lambda g, y, x, a, end=s.end, k=k: g * (_output(end, k, a) > 0)  # noqa: E731 - it is a rule
                yield replace(bridge(act, rule, a=s.end.at), variant=k)


def _outputs(end: End) -> tuple[int, ...]:
    """Which outputs somebody would take for all of them: the first, and the last."""
    several = np.ndim(end.at.value) == 2 and np.shape(end.at.value)[end.class_axis] > 1
    return (0, np.shape(end.at.value)[end.class_axis] - 1) if several else ()


def _output(end: End, which: int, a: Any) -> Any:
    return a[:, which : which + 1] if end.class_axis == 1 else a[which : which + 1]


def _spreads(shape: tuple[int, ...], over: tuple[int, ...]) -> bool:
    return len(shape) == len(over) and all(n in (1, m) for n, m in zip(shape, over, strict=True))


@mistake(
    "prime_from_wrong_layer", "tanh, sigmoid", "operand",
    "{line} has the derivative at another layer's activation: it has to be f'({z}), made from {h}.",
)  # fmt: skip
def _prime_from_wrong_layer(s: Structure) -> Iterator[Place]:
    for i, act in enumerate(s.activations):
        for k, other in enumerate(s.activations):
            if other is act or other.kind != act.kind or np.shape(other.y.value) != np.shape(act.y.value):
                continue
            if act.kind in ("tanh", "sigmoid"):
                yield replace(bridge(act, PRIME_AT[act.kind], other=other.y), variant=k - i)


@mistake(
    "prime_of_step_before", "activation in a recurrence", "operand",
    "{line} has the derivative at {before}, the state of the step before; it has to be f'({z}), made from {h}.",
)  # fmt: skip
def _prime_of_step_before(s: Structure) -> Iterator[Place]:
    for layers in steps(s).values():
        acts = [s.activation_after(layer.out) for layer in layers]
        states = [input_of(layer) for layer in layers]
        places = [
            bridge(act, PRIME_AT[act.kind], other=state)
            for act, before, state in zip(acts, [None, *acts], states, strict=False)
            if act is not None and act.kind in PRIME_AT and (before is None or before.y is state)
            and np.shape(getattr(state, "value", state)) == np.shape(act.y.value)
        ]  # fmt: skip
        if len(places) == len(layers):
            words = {**places[-1].words, "before": states[-1]}
            yield replace(places[-1], changes=tuple(c for place in places for c in place.changes), words=words)


def _of_error(s: Structure) -> Iterator[Place]:
    """e (1 - e) of the error of an activation; at the output also of prediction minus target, and then times 1/N."""
    for act in s.activations:
        if act.kind == "sigmoid":
            yield bridge(act, lambda g, y, x: g * (1 - g))
            if s.end is not None and act.y is s.end.at and s.end.kind == "squared" and s.end.factor != 1:
                yield bridge(act, lambda g, y, x, c=float(s.end.factor): g * (1 - g / c))


@mistake(
    "out_act_prime_dropped", "output activation", "derivative",
    "With a squared loss the error of {z} is (a - y) f'({z}): the derivative of the output's activation is missing.",
    source="Nielsen",
)  # fmt: skip
def _out_act_prime_dropped(s: Structure) -> Iterator[Place]:
    act = output(s)
    if act is not None and s.end is not None and s.end.kind == "squared":
        yield bridge(act, lambda g, y, x: g)


@mistake(
    "out_act_prime_doubled", "sigmoid with cross-entropy", "derivative",
    "Sigmoid and cross-entropy cancel to p - y; p (1 - p) was multiplied in once more.",
    source="Nielsen, chapter 3",
)  # fmt: skip
def _out_act_prime_doubled(s: Structure) -> Iterator[Place]:
    if s.end is not None and s.end.kind == "sigmoid":
        yield Place(s.end.at, (Change("cotangent", s.end.at, lambda g, x: g * _sigma(x) * (1 - _sigma(x))),))


def of_row(name: str, rule: Rule) -> Callable[[Structure], Iterator[Place]]:
    """Places for a wrong derivative of every use of a row."""

    def finder(s: Structure) -> Iterator[Place]:
        for node in s.forward:
            if node.op is not None and node.op.name == name and node.requires_grad and node.inputs[0] is not None:
                yield Place(node.inputs[0], (Change("edge", node, rule),))

    return finder


mistake(
    "log_of_wrong", "log", "derivative",
    "The derivative of ln x is 1/x, one over what goes in; here it is one over what comes out.",
)(of_row("log", lambda g, y, x: g / y))  # fmt: skip
mistake(
    "exp_of_wrong", "exp", "derivative",
    "The derivative of e^x is e^x, what comes out; here the error was multiplied by x.",
)(of_row("exp", lambda g, y, x: g * x))  # fmt: skip
