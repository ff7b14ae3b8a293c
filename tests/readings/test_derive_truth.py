"""Each derivative that a page shows, against one found without any rule: the complex step, or differences.

The graph is cut at the value that a line is about, that value is moved, and what lies downstream runs again, forward.
"""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
import pytest

from tests.readings.derivations import classifier, exercise_point, lstm_cell, residual_block
from tests.readings.test_source_elsewhere import FUNCTIONS, LOSSES, MODULES, X
from tinygrad_lite import Tensor, nn
from tinygrad_lite.graph import descendants
from tinygrad_lite.readings.derivation.derivation import Derivation
from tinygrad_lite.readings.derivation.lines import Step
from tinygrad_lite.readings.derive import derive


def module_loss(kind: str) -> Tensor:
    net, x = MODULES[kind]
    out = net(x)
    while isinstance(out, tuple):
        out = out[0]
    loss: Tensor = np.sum(np.sin(out) * 1.3)
    return loss


def loss_of(kind: str) -> Tensor:
    loss, y = LOSSES[kind]
    found: Tensor = loss(nn.Linear(5, 4, rng=0)(X), y)
    return found


def function_loss(kind: str) -> Tensor:
    x = Tensor(np.random.default_rng(3).normal(size=(5, 4)), requires_grad=True, name="x")
    found: Tensor = FUNCTIONS[kind](x)
    return found


def binary(**options: Any) -> Tensor:
    logits = nn.Linear(5, 4, rng=0)(X)
    loss: Tensor = nn.BCEWithLogitsLoss(**options)(logits, (np.sin(np.arange(12.0)) > 0).reshape(logits.shape))
    return loss


POINTS = np.cos(np.arange(12.0).reshape(3, 4))
CASES: dict[str, Callable[[], Any]] = {
    **{f"{kind} module": partial(module_loss, kind) for kind in MODULES},
    **{kind: partial(loss_of, kind) for kind in LOSSES},
    **{kind: partial(function_loss, kind) for kind in FUNCTIONS},
    "binary, positives weighted": lambda: binary(pos_weight=[1.0, 2.0, 3.0, 0.5]),
    "the exercise": lambda: exercise_point(verify=False).loss,
    "its second point": lambda: exercise_point(1, verify=False).loss,
    "classifier": classifier,
    "residual": residual_block,
    "LSTM cell and squared loss": lstm_cell,
    "attention": lambda: np.sum(np.sin(nn.MultiheadAttention(4, 2, rng=0)(*[POINTS] * 3)[0])),
}
# What these rows compute, on complex numbers too: theirs are written for real ones.
COMPLEX: dict[str, Any] = {
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "softplus": lambda x: np.log(1 + np.exp(x)),
    "squared_loss": lambda a, y: np.sum((a - y) ** 2) / 2 / (np.size(a) // a.shape[-1] if np.ndim(a) > 1 else 1),
    "var": lambda x, axis, ddof, keepdims: (
        np.sum((x - np.mean(x, axis, keepdims=True)) ** 2, axis, keepdims=keepdims)
        / (np.size(x) // np.size(np.mean(x, axis)) - ddof)
    ),
}
STENCIL = {1: 3 / 4, 2: -3 / 20, 3: 1 / 60}


def truths(derivation: Derivation, step: Step) -> Iterator[tuple[Any, float | None, list[float]]]:
    """Directions, with the derivative of the loss along each: by the complex step where rows take complex numbers,
    and by differences with steps of three sizes, as a large one may cross a kink.
    """
    program, node = derivation.program, step.node
    value, loss = np.asarray(node.value), program.loss
    after = [n for n in program.forward if n.order > node.order]
    below = descendants([node], after)
    nodes = [n for n in after if n in below]
    rng = np.random.default_rng(0)
    some = rng.choice(value.size, min(value.size, 5), replace=False)
    for u in [*(np.eye(1, value.size, k) for k in some), rng.normal(size=value.size)]:
        u = np.reshape(u, value.shape)

        def at(t: Any, u: Any = u) -> Any:
            values = {node: (value + t * u)[()]}
            for n in nodes:
                args = [values.get(x, a) if x is not None else a for x, a in zip(n.inputs, n.args, strict=True)]
                assert n.op is not None
                run = COMPLEX.get(n.op.name, n.op.run) if np.iscomplexobj(t) else n.op.run
                values[n] = run(*args, **n.kwargs)
            return np.asarray(values.get(loss, loss.value)).reshape(-1)[0]

        exact = None
        with contextlib.suppress(TypeError, ValueError, Warning), warnings.catch_warnings():
            warnings.simplefilter("error")
            exact = float(np.imag(at(1e-30j))) / 1e-30
        yield u, exact, [sum(c * (at(k * h) - at(-k * h)) for k, c in STENCIL.items()) / h for h in (1e-2, 1e-3, 1e-5)]


# What differences judge in part: absolute values are not analytic, and NumPy has no erf of complex numbers.
BY_DIFFERENCES = {
    "GELU module", "Softsign module", "L1Loss", "HuberLoss", "SmoothL1Loss", "a scale from the data",
}  # fmt: skip


@pytest.mark.parametrize(
    "name",
    [
        name if name in ("the exercise", "classifier") else pytest.param(name, marks=pytest.mark.thorough)
        for name in CASES
    ],
)
def test_every_derivative_is_that_of_the_complex_step(name: str) -> None:
    d = derive(CASES[name](), verify=False)
    judged, exactly = 0, 0
    for step in d:
        got = np.asarray(step.value)
        if not step.cotangent or not got.size:
            continue
        for u, exact, differences in truths(d, step):
            along, size = float(np.sum(got * u)), float(np.sum(np.abs(got * u))) + float(np.max(np.abs(got)))
            judged += 1
            if exact is not None and min(abs(exact - x) for x in differences) <= 1e-6 * size + 1e-9:
                assert abs(along - exact) <= 1e-11 * size + 1e-15, f"{step.key}: {along} for {exact}"
                exactly += 1
            else:
                assert min(abs(along - x) for x in differences) <= 1e-7 * size, f"{step.key}: {along}, {differences}"
    assert judged >= exactly > 0 or name == "L1Loss"
    assert exactly == judged or name in BY_DIFFERENCES
