"""What is held of each NumPy function on Tensors, found by trying: `python -m tests.functions.coverage` writes it down.

The page is `tinygrad_lite/functions/COVERAGE.md`; a test compares each of its lines with what is found.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import tinygrad_lite as tl
from tests.functions.table import joined, samples
from tests.oracles import central_differences
from tests.sampling import Case, Sample
from tinygrad_lite import Tensor

PAGE = Path(tl.__file__).parent / "functions" / "COVERAGE.md"
HEAD = """# NumPy's functions on Tensors

Written by `python -m tests.functions.coverage` from what the tests hold; not by hand. For each function that takes
Tensors: whether its values and dtypes are NumPy's, its first and second derivative those of its values, and forward
mode equal to reverse mode, in every order. A dash: the answer is a plain array, or is flat, and has no derivative.

| function | values | 1st | 2nd | forward |
|---|---|---|---|---|
"""


def cases_of(name: str, lines: list[Sample]) -> list[Case]:
    """The calls of a function; of a ufunc's row, those with entries."""
    return [
        Case(name, n, sample, shapes)
        for n, sample in enumerate(lines)
        for shapes in sample.shapes[: 3 if sample.each else None]
    ]


def values_are_numpys(case: Case) -> None:
    for dtype in case.sample.dtypes:
        arrays = case.inputs(dtype)
        want = case.sample.call(*arrays)
        got = case.sample.call(*(Tensor(a) for a in arrays))
        pairs = zip(got, want, strict=True) if isinstance(want, (tuple, list)) else [(got, want)]
        for ours, theirs in pairs:
            ours = ours.numpy() if isinstance(ours, Tensor) else ours
            theirs = theirs.numpy() if isinstance(theirs, Tensor) else np.asarray(theirs)
            assert ours.shape == theirs.shape, f"{case}: shape {ours.shape}, NumPy's {theirs.shape}"
            assert ours.dtype == theirs.dtype, f"{case}: dtype {ours.dtype}, NumPy's {theirs.dtype}"
            if ours.dtype.kind == "f":
                eps = 16 * float(np.finfo(dtype).eps)
                np.testing.assert_allclose(ours, theirs, rtol=eps, atol=eps * float(np.max(np.abs(theirs), initial=0)))
            else:
                np.testing.assert_array_equal(ours, theirs)


def along_a_curve(case: Case, inputs: list[Any]) -> Callable[[Any], Any]:
    """t -> sum of w f(x + t u + t^2 v)^2: generic in every input, so that its derivatives hold all of f's."""
    rng = case.rng()
    u, v = ([rng.uniform(-0.3, 0.3, np.shape(a)) for a in inputs] for _ in range(2))
    w = rng.uniform(0.5, 1.5, np.shape(_array(joined(case.sample.call(*inputs)))))

    def curve(t: Any) -> Any:
        moved = [a if a.dtype.kind != "f" else a + t * b + t * t * c for a, b, c in zip(inputs, u, v, strict=True)]
        y = joined(case.sample.call(*moved))
        return np.sum(w * y * y)

    return curve


def _array(y: Any) -> Any:
    return y.numpy() if isinstance(y, Tensor) else y


def derivative_is_that_of_the_values(case: Case, order: int) -> None:
    """Against differences of the derivative one order lower, which was held to account itself."""
    curve = along_a_curve(case, case.inputs())
    lower: Callable[[Any], Any] = curve
    for _ in range(order - 1):
        lower = tl.grad(lower)
    got = tl.grad(lower)(0.0).item()
    want = central_differences(lambda t: _array(lower(t)), [np.array(0.0)], 0, np.array(1.0)).value.item()
    assert abs(got - want) <= 1e-8 * max(1, abs(want)), f"{case}: derivative {order} is {got}, its values say {want}"


def forward_is_reverse(case: Case) -> None:
    curve = along_a_curve(case, case.inputs())

    def forward(f: Callable[[Any], Any]) -> Callable[[Any], Any]:
        return lambda t: tl.jvp(f, (t,), (1.0,))[1]

    for modes in ((forward,), (forward, forward), (forward, tl.grad), (tl.grad, forward)):
        ours: Callable[[Any], Any] = curve
        reverse: Callable[[Any], Any] = curve
        for mode in modes:
            ours, reverse = mode(ours), tl.grad(reverse)
        a, b = ours(0.0).item(), reverse(0.0).item()
        assert abs(a - b) <= 1e-11 * max(1, abs(b)), f"{case}: {a} through {modes}, {b} in reverse mode"


CHECKS: tuple[Callable[[Case], None], ...] = (
    lambda case: derivative_is_that_of_the_values(case, 1),
    lambda case: derivative_is_that_of_the_values(case, 2),
    forward_is_reverse,
)


def is_differentiable(case: Case) -> bool:
    y = joined(case.sample.call(*(Tensor(a, requires_grad=a.dtype.kind == "f") for a in case.inputs())))
    return isinstance(y, Tensor) and y.requires_grad and y.size > 0


def line(name: str, lines: list[Sample]) -> str:
    """The line of a function in the page; raises where a check fails."""
    cases = cases_of(name, lines)
    for case in cases:
        values_are_numpys(case)
    moving = [case for case in cases if is_differentiable(case)]
    for case in moving:
        for check in CHECKS:
            check(case)
    marks = "✓ | ✓ | ✓" if moving else "– | – | –"
    return f"| `{name}` | ✓ | {marks} |"


def page() -> str:
    """The whole page."""
    return HEAD + "".join(line(name, lines) + "\n" for name, lines in sorted(samples()))


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
