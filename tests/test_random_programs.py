"""Programs that nobody thought of: random graphs with fan-out, broadcasting, reductions and products, from Hypothesis.

One program runs on Tensors, on arrays and on complex arrays alike. Kinked operations write down which side they
took, so that an oracle which looks around a point can tell that it stayed on one side of every kink.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from hypothesis import assume, given
from hypothesis import strategies as st

import tinygrad_lite as tl
from tests.oracles import Array, central_differences, complex_step, derivatives
from tinygrad_lite import Tensor

FULL = (2, 3)
SHAPES = [(), (1,), (3,), (1, 3), (2, 1), (2, 3)]  # all broadcast with each other
MIX = np.array([[0.3, -0.5, 0.2], [0.7, 0.1, -0.4], [-0.6, 0.8, 0.5]])
MASK = np.array([[True, False, True], [False, False, True]])


@dataclass
class Run:
    """One run of a program: the sides taken at kinks, and how far from the nearest of them it was."""

    sides: list[bytes] = field(default_factory=list)
    margin: float = np.inf

    def positive(self, x: Any) -> Any:
        """Which entries of an array are above 0, written down."""
        self.sides.append((np.real(x) > 0).tobytes())
        self.margin = min(self.margin, float(np.min(np.abs(np.real(x)), initial=np.inf)))
        return np.real(x) > 0

    def relu(self, x: Any) -> Any:
        return tl.relu(x) if isinstance(x, Tensor) else x * self.positive(x)

    def absolute(self, x: Any) -> Any:
        return np.absolute(x) if isinstance(x, Tensor) else np.where(self.positive(x), x, -x)

    def maximum(self, a: Any, b: Any) -> Any:
        tensors = isinstance(a, Tensor) or isinstance(b, Tensor)
        return np.maximum(a, b) if tensors else np.where(self.positive(a - b), a, b)

    def clip(self, x: Any) -> Any:
        if isinstance(x, Tensor):
            return x.clip(-0.7, 0.8)
        return np.where(self.positive(x - 0.8), 0.8, np.where(self.positive(x + 0.7), x, -0.7))

    def max(self, x: Any) -> Any:
        """The largest of each row; pairwise, so that ties and sides are seen."""
        full = np.broadcast_to(x, FULL)
        if isinstance(x, Tensor):
            return full.max(axis=1, keepdims=True)
        a, b, c = full[:, :1], full[:, 1:2], full[:, 2:]
        return self.maximum(self.maximum(a, b), c)

    def sigmoid(self, x: Any) -> Any:
        return tl.sigmoid(x) if isinstance(x, Tensor) else 1 / (1 + np.exp(-x))

    def logsumexp(self, x: Any) -> Any:
        full = np.broadcast_to(x, FULL)
        if isinstance(x, Tensor):
            return tl.logsumexp(full, axis=0, keepdims=True)
        return np.log(np.sum(np.exp(full), axis=0, keepdims=True))

    def var(self, x: Any) -> Any:
        full = np.broadcast_to(x, FULL)
        if isinstance(x, Tensor):
            return full.var(axis=1, keepdims=True)
        return np.mean(np.square(full - np.mean(full, axis=1, keepdims=True)), axis=1, keepdims=True)


def _full(x: Any) -> Any:
    return np.broadcast_to(x, FULL)


# Each keeps values of moderate size moderate, however often it is applied.
SMOOTH: dict[str, tuple[int, Callable[..., Any]]] = {
    "add": (2, lambda r, a, b: 0.6 * a + b),
    "subtract": (2, lambda r, a, b: a - b * 0.6),
    "reflected": (1, lambda r, a: 1 - 2 / (3 + a * a)),
    "multiply": (2, lambda r, a, b: np.tanh(a) * b),
    "divide": (2, lambda r, a, b: a / (1.5 + np.square(b))),
    "power": (2, lambda r, a, b: (1.5 + np.tanh(a)) ** np.tanh(b)),
    "cube": (1, lambda r, a: np.tanh(a) ** 3),
    "negative": (1, lambda r, a: -a),
    "exp": (1, lambda r, a: np.exp(np.tanh(a))),
    "log": (1, lambda r, a: np.log(1.5 + np.square(a))),
    "sqrt": (1, lambda r, a: np.sqrt(1 + a * a)),
    "sigmoid": (1, lambda r, a: r.sigmoid(a)),
    "square": (1, lambda r, a: np.square(np.tanh(a))),
    "sum": (1, lambda r, a: 0.4 * np.sum(_full(a), axis=1, keepdims=True)),
    "sum all": (1, lambda r, a: np.sum(a) * 0.2),
    "mean": (1, lambda r, a: np.mean(a)),
    "var": (1, lambda r, a: r.var(np.tanh(a))),
    "logsumexp": (1, lambda r, a: r.logsumexp(a)),
    "matmul": (1, lambda r, a: _full(a) @ MIX),
    "bilinear": (2, lambda r, a, b: 0.3 * np.matmul(np.tanh(_full(a)), np.transpose(_full(b))) @ MIX[:2]),
    "vector": (2, lambda r, a, b: np.expand_dims(np.tanh(_full(a)) @ _full(b)[1], 1)),
    "rows": (1, lambda r, a: _full(a)[[1, 1]] - _full(a)[::-1]),
    "entry": (1, lambda r, a: _full(a)[1, -1]),
    "where": (2, lambda r, a, b: np.where(MASK, a, b)),
    "concatenate": (2, lambda r, a, b: np.concatenate([_full(a)[:, :2], _full(b)[:, 1:2]], axis=1)),
    "stack": (2, lambda r, a, b: np.mean(np.stack([_full(a), _full(b), _full(a)], axis=-1), axis=2)),
    "reshape": (1, lambda r, a: np.reshape(np.reshape(_full(a), (3, 2)).T, (2, 3))),
}
KINKED: dict[str, tuple[int, Callable[..., Any]]] = {
    "relu": (1, lambda r, a: r.relu(a)),
    "absolute": (1, lambda r, a: r.absolute(a)),
    "maximum": (2, lambda r, a, b: r.maximum(a, b)),
    "clip": (1, lambda r, a: r.clip(a)),
    "max": (1, lambda r, a: r.max(a)),
}
ALL = SMOOTH | KINKED


@dataclass
class Program:
    """Leaves, and steps that each apply an operation to values before it; the result is a number."""

    leaves: list[Array]
    steps: list[tuple[str, list[int]]]
    outputs: list[int]

    def __call__(self, run: Run, *leaves: Any) -> Any:
        values: list[Any] = list(leaves)
        for op, operands in self.steps:
            values.append(ALL[op][1](run, *(values[k] for k in operands)))
        ends = [np.sum(np.tanh(values[k]) * (1.0 + 0.1 * k)) for k in self.outputs]
        return sum(ends) + sum(0.01 * np.sum(x) for x in leaves)

    def at(self, *leaves: Any) -> Any:
        """The result alone, which is what an oracle wants."""
        return self(Run(), *leaves)


@st.composite
def programs(draw: st.DrawFn, operations: dict[str, tuple[int, Callable[..., Any]]] = ALL) -> Program:
    """Up to 14 steps; operands are drawn from all values so far, the latest most often, repeats included."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    shapes = draw(st.lists(st.sampled_from(SHAPES), min_size=1, max_size=4))
    leaves = [np.asarray(rng.uniform(-1.5, 1.5, shape)) for shape in shapes]
    steps = []
    for n in range(len(leaves), len(leaves) + draw(st.integers(1, 14))):
        op = draw(st.sampled_from(sorted(operations)))
        operand = st.integers(0, n - 1) | st.just(n - 1) | st.just(max(n - 2, 0))
        steps.append((op, [draw(operand) for _ in range(operations[op][0])]))
    last = len(leaves) + len(steps) - 1
    return Program(leaves, steps, [last, *draw(st.lists(st.integers(0, last), max_size=2))])


def engine_gradients(program: Program) -> list[Array]:
    leaves = [Tensor(a, requires_grad=True) for a in program.leaves]
    program.at(*leaves).backward()
    return [np.zeros(x.shape) if x.grad is None else x.grad for x in leaves]


def away_from_kinks(program: Program, margin: float = 1e-6) -> Run:
    run = Run()
    program(run, *program.leaves)
    assume(run.margin > margin)
    return run


ONE = np.array(1.0)


@given(programs())
def test_first_derivatives_agree_with_the_complex_step(program: Program) -> None:
    away_from_kinks(program)
    value = program.at(*(Tensor(a, requires_grad=True) for a in program.leaves)).item()
    np.testing.assert_allclose(value, program.at(*program.leaves), rtol=1e-12, atol=1e-13)
    for i, got in enumerate(engine_gradients(program)):
        want = complex_step(program.at, program.leaves, i, ONE).value
        np.testing.assert_allclose(got, want, rtol=1e-11, atol=1e-11)


@given(programs())
def test_first_derivatives_agree_with_central_differences(program: Program) -> None:
    away_from_kinks(program, 0.05)
    for i, got in enumerate(engine_gradients(program)):
        want = central_differences(program.at, program.leaves, i, ONE, h=1e-3).value
        np.testing.assert_allclose(got, want, rtol=1e-6, atol=1e-6)


def line(program: Program, run: Callable[[], Run]) -> Callable[[Any], Any]:
    """t -> the program along a line through its leaves."""
    rng = np.random.default_rng(1)
    directions = [rng.uniform(-1, 1, a.shape) for a in program.leaves]
    return lambda t: program(run(), *(a + t * u for a, u in zip(program.leaves, directions, strict=True)))


@given(programs())
def test_second_derivatives_agree_with_cauchys_integral(program: Program) -> None:
    runs: list[Run] = [away_from_kinks(program)]

    def new_run() -> Run:
        runs.append(Run())
        return runs[-1]

    want, off = derivatives(line(program, new_run), 2, radius=0.02)
    assume(all(run.sides == runs[0].sides for run in runs))  # no kink within the circle
    first: Any = tl.grad(line(program, Run))
    second: Any = tl.grad(first)
    assert abs(first(0.0).item() - want[1]) <= 1e-11 * (1 + abs(want[1])) + off[1]
    assert abs(second(0.0).item() - want[2]) <= 1e-9 * (1 + abs(want[2])) + off[2]


@given(programs(SMOOTH))
def test_a_hessian_is_symmetric(program: Program) -> None:
    """<d/dy <dC/dx, u>, v> is <d/dx <dC/dy, v>, u>: two different graphs, one number."""
    assume(len(program.leaves) > 1)
    x, y, *rest = program.leaves
    u, v = (np.random.default_rng(k).normal(size=a.shape) for k, a in enumerate((x, y)))

    def mixed(inner: int, weight: Array, outer: int) -> Any:
        slope = lambda *xs: np.sum(tl.grad(program.at, argnums=inner)(*xs) * weight)  # noqa: E731
        return tl.grad(slope, argnums=outer)(x, y, *rest)

    one = np.sum(mixed(0, u, 1).numpy() * v)
    other = np.sum(mixed(1, v, 0).numpy() * u)
    np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-11)


@given(programs())
def test_backward_and_grad_and_a_recorded_gradient_are_one_bit_for_bit(program: Program) -> None:
    by_backward = engine_gradients(program)
    gradient = tl.grad(program.at, argnums=tuple(range(len(program.leaves))))
    by_grad = gradient(*program.leaves)
    recorded = gradient(*(Tensor(a, requires_grad=True) for a in program.leaves))
    for a, b, c in zip(by_backward, by_grad, recorded, strict=True):
        assert not b.requires_grad
        assert a.tobytes() == b.numpy().tobytes() == c.numpy().tobytes()
