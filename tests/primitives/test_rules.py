"""Every row of the table against the oracles, at every shape, dtype and way of broadcasting in `samples.SAMPLES`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinygrad_lite as tl
from tests.oracles import Array, adjoint_gap, complex_step, derivatives, one_sided
from tests.quick import one_in
from tests.samples import SAMPLES
from tests.sampling import Case, broadcastings, cases
from tinygrad_lite import Tensor
from tinygrad_lite.graph import sweep
from tinygrad_lite.primitives import TABLE

CONSTANT = cases({row: lines for row, lines in SAMPLES.items() if TABLE[row].kind == "constant"})
ALL = [case for case in cases(SAMPLES) if TABLE[case.row].kind != "constant"]
FILLED = [case for case in ALL if not any(0 in shape for shape in case.shapes)]
LINEAR = [case for case in ALL if TABLE[case.row].kind == "linear"]
KINKED = [case for case in FILLED if case.sample.kinked]
SPREAD = [case for case in ALL if case.sample.each and case.shapes[0] == (2, 3)]
DTYPES: list[Any] = [np.float64, np.float32, np.float16]
EPS = {dtype: float(np.finfo(dtype).eps) for dtype in DTYPES}


def over(
    cases: list[Case], *, dtypes: bool = False, one_row_in: int = 1
) -> Callable[[Callable[..., None]], Callable[[str], None]]:
    """A test for each row, of all its cases: of those that fail the first is shown, and the others are named.

    Thousands of cases take a millisecond each, and pytest as long again for each test. With `dtypes`, each case comes
    with each of the floats that its row takes. What takes long is quick for one row in so many.
    """
    calls: dict[str, list[tuple[Any, ...]]] = {}
    for case in cases:
        calls.setdefault(case.row, []).extend([(case, dtype) for dtype in case.sample.dtypes] if dtypes else [(case,)])

    def of_a_row(test: Callable[..., None]) -> Callable[[str], None]:
        def every_case(row: str) -> None:
            failed: dict[str, Exception] = {}
            for case, *dtype in calls[row]:
                try:
                    test(case, *dtype)
                except Exception as error:
                    failed["-".join([str(case), *(d.__name__ for d in dtype)])] = error
            if failed:
                first = next(iter(failed.values()))
                first.add_note(f"of the {len(calls[row])} cases of {row} these fail: {', '.join(failed)}")
                raise first

        every_case.__doc__ = test.__doc__
        return pytest.mark.parametrize("row", one_in(one_row_in, calls))(every_case)

    return of_a_row


def tensors(arrays: list[Array]) -> list[Tensor]:
    """Leaves, of which those of floats require a gradient."""
    return [Tensor(a, requires_grad=a.dtype.kind == "f") for a in arrays]


def gradients(case: Case, arrays: list[Array]) -> tuple[list[Any], Array]:
    """The gradient by each input, through `backward`, and the cotangent that it started with."""
    xs = tensors(arrays)
    y = case.sample.call(*xs)
    g = case.cotangent(y)
    y.backward(g)
    return [x.grad for x in xs], g


def floats(arrays: list[Array]) -> list[int]:
    """Which inputs can be differentiated by."""
    return [i for i, a in enumerate(arrays) if a.dtype.kind == "f"]


def agrees_with_complex_step(case: Case, tolerance: float = 1e-13) -> None:
    arrays = case.inputs()
    got, g = gradients(case, arrays)
    for i in floats(arrays):
        error = complex_step(case.sample.reference, arrays, i, g).error_of(got[i])
        assert error <= tolerance, f"input {i}: relative error {error}"


def test_every_row_of_the_table_has_a_sample() -> None:
    assert sorted(TABLE) == sorted(SAMPLES), "a row needs a line in tests/samples.py, and a line needs a row"


@over(ALL + CONSTANT)
def test_a_sample_ends_in_its_row(case: Case) -> None:
    y = case.sample.call(*tensors(case.inputs()))
    assert y.op is TABLE[case.row] or not y.requires_grad


@over(ALL + CONSTANT, dtypes=True)
def test_the_value_and_its_dtype_are_numpys(case: Case, dtype: Any) -> None:
    arrays = case.inputs(dtype)
    got = case.sample.call(*tensors(arrays))
    want = np.asarray(case.sample.reference(*arrays))
    assert got.shape == want.shape
    assert got.dtype == want.dtype
    if want.dtype.kind != "f" or (want.ndim and case.sample.reference is case.sample.call):  # scalars round apart
        np.testing.assert_array_equal(got.numpy(), want)
    else:
        np.testing.assert_allclose(got.numpy(), want, rtol=16 * EPS[dtype], atol=16 * EPS[dtype])


@over(CONSTANT)
def test_a_constant_row_requires_no_gradient(case: Case) -> None:
    y = case.sample.call(*tensors(case.inputs()))
    assert not y.requires_grad
    with pytest.raises(tl.GraphError, match="requires no gradient"):
        y.backward(np.ones(y.shape))


@over(ALL)
def test_the_gradient_agrees_with_the_complex_step(case: Case) -> None:
    agrees_with_complex_step(case)


@over(LINEAR)
def test_a_linear_row_satisfies_the_adjoint_identity(case: Case) -> None:
    arrays = case.inputs()
    got, g = gradients(case, arrays)
    rng = case.rng()
    for i in floats(arrays):
        for _ in range(3):
            u = rng.normal(size=arrays[i].shape)
            gap = adjoint_gap(lambda v, i=i: case.sample.reference(*arrays[:i], v, *arrays[i + 1 :]), got[i], u, g)
            assert gap <= 1e-14, f"input {i}: <g, op(u)> and <adjoint(g), u> differ by {gap}"


@over(KINKED)
def test_a_kinked_row_has_the_slope_on_either_side(case: Case) -> None:
    arrays = case.inputs()
    got, g = gradients(case, arrays)
    for i in floats(arrays):
        for side in (1, -1):
            assert one_sided(case.sample.reference, arrays, i, g, side * 2**-10).error_of(got[i]) <= 1e-12, side


@over(ALL, dtypes=True)
def test_the_rule_on_arrays_is_the_rule_on_tensors_bit_for_bit(case: Case, dtype: Any) -> None:
    arrays = case.inputs(dtype)
    xs = tensors(arrays)
    y = case.sample.call(*xs)
    g = case.cotangent(y)
    numbers = sweep({y: g if g.ndim else g[()]})
    graph = sweep({y: Tensor(g)}, on_nodes=True)
    for i in floats(arrays):
        want = np.asarray(numbers[xs[i]])
        got = graph[xs[i]]
        assert isinstance(got, Tensor)
        assert (got.shape, got.dtype) == (want.shape, want.dtype)
        assert got.numpy().tobytes() == want.tobytes(), f"input {i}: {got.numpy() - want}"


@over(ALL, dtypes=True)
def test_a_cotangent_has_the_shape_and_dtype_of_its_input(case: Case, dtype: Any) -> None:
    arrays = case.inputs(dtype)
    got, _ = gradients(case, arrays)
    exact, _ = gradients(case, [a.astype(np.float64) if a.dtype.kind == "f" else a for a in arrays])
    for i in floats(arrays):
        assert isinstance(got[i], np.ndarray)
        assert (got[i].shape, got[i].dtype) == (arrays[i].shape, arrays[i].dtype)
        size = np.max(np.abs(exact[i]), initial=1.0)
        np.testing.assert_allclose(got[i], exact[i], rtol=0, atol=64 * EPS[dtype] * size)


@over([case for case in ALL if len(case.shapes) > 1])
def test_inputs_of_different_dtypes_each_get_a_cotangent_of_their_own(case: Case) -> None:
    dtypes = case.sample.dtypes
    mixed = [a.astype(dtypes[i % len(dtypes)]) if a.dtype.kind == "f" else a for i, a in enumerate(case.inputs())]
    got, _ = gradients(case, mixed)
    assert case.sample.call(*tensors(mixed)).dtype == np.asarray(case.sample.reference(*mixed)).dtype
    for i in floats(mixed):
        assert got[i].dtype == mixed[i].dtype


@over(SPREAD)
def test_every_leading_and_inner_axis_broadcasts(case: Case) -> None:
    for broadcast in broadcastings(case):
        agrees_with_complex_step(broadcast)


def along_a_curve(f: Callable[..., Any], arrays: list[Array], rng: np.random.Generator) -> Callable[[Any], Any]:
    """t -> sum of w f(x + t u + t^2 v)^2: its derivatives hold all of f's, mixed ones too, and those of g."""
    u, v = ([rng.uniform(-0.4, 0.4, a.shape).astype(a.dtype) for a in arrays] for _ in range(2))
    w = rng.uniform(0.5, 1.5, np.shape(f(*arrays)))

    def curve(t: Any) -> Any:
        moved = [a if a.dtype.kind != "f" else a + t * b + t * t * c for a, b, c in zip(arrays, u, v, strict=True)]
        y = f(*moved)
        return np.sum(w * y * y)

    return curve


@over(FILLED, one_row_in=3)
def test_the_first_three_derivatives_agree_with_cauchys_integral(case: Case) -> None:
    arrays = case.inputs()
    got: Callable[..., Any] = along_a_curve(case.sample.call, arrays, case.rng())
    want, off = derivatives(along_a_curve(case.sample.reference, arrays, case.rng()), 3)
    for order in (1, 2, 3):
        got = tl.grad(got)
        error = abs(got(0.0).item() - want[order])
        assert error <= max(off[order], 1e-12 * abs(want[order])), f"order {order}: {error} off {want[order]}"
