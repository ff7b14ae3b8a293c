"""At a kink, at a tie, at 0, and where two values coincide: the conventions that stand beside the rows."""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np
import pytest

import tinygrad_lite as tl
from tinygrad_lite import GraphError, Tensor


@pytest.mark.parametrize(
    ("f", "x", "wanted"),
    [
        (np.floor, 2.0, 0.0),
        (np.rint, 0.5, 0.0),
        (lambda x: np.heaviside(x, 0.5), 0.0, 0.0),
        (lambda h: np.heaviside(0.0, h), 0.3, 1.0),
        (np.fabs, 0.0, 0.0),
        (np.sign, 0.0, 0.0),
        (lambda x: np.fmax(x, 1.0), 1.0, 0.5),
        (lambda x: np.fmin(x, np.nan), 1.0, 1.0),
        (lambda x: np.hypot(x, 0.0), 0.0, 0.0),
        (lambda x: np.arctan2(x, 0.0), 0.0, 0.0),
        (lambda x: np.copysign(x, -1.0), 0.0, 0.0),
        (np.sinc, 0.0, 0.0),
        (tl.grad(np.sinc), 0.0, -(math.pi**2) / 3),
        (tl.grad(tl.grad(tl.grad(np.sinc))), 0.0, math.pi**4 / 5),
        (lambda x: np.nan_to_num(x * np.inf), 1.0, math.nan),
    ],
)
def test_the_derivative_of_a_number(f: Any, x: float, wanted: float) -> None:
    with np.errstate(invalid="ignore"):
        np.testing.assert_allclose(tl.grad(f)(x).numpy(), wanted, rtol=1e-14, atol=1e-14)


@pytest.mark.parametrize(
    ("f", "x", "wanted"),
    [
        (np.linalg.norm, [0.0, 0.0], [0.0, 0.0]),
        (lambda x: np.linalg.norm(x, 3), [0.0, 0.0], [0.0, 0.0]),
        (lambda x: np.linalg.norm(x, np.inf), [2.0, -2.0], [0.5, -0.5]),
        (np.std, [1.0, 1.0], [0.0, 0.0]),
        (np.nanmax, [3.0, math.nan, 3.0, 1.0], [0.5, 0.0, 0.5, 0.0]),
        (np.fmin.reduce, [math.nan, math.nan], [0.0, 0.0]),
        (np.ptp, [1.0, 1.0, 3.0], [-0.5, -0.5, 1.0]),
        (np.prod, [0.0, 2.0, 3.0], [6.0, 0.0, 0.0]),
        (np.prod, [0.0, 0.0, 3.0], [0.0, 0.0, 0.0]),
        (lambda x: np.cumprod(x)[-1], [0.0, 2.0, 3.0], [6.0, 0.0, 0.0]),
        (lambda x: np.median(x), [3.0, 1.0, 2.0, 9.0], [0.5, 0.0, 0.5, 0.0]),
        (lambda x: np.sort(x)[0], [1.0, 1.0, 2.0], [1.0, 0.0, 0.0]),
        (lambda x: np.sum(np.where(x > 0, np.sqrt(np.where(x > 0, x, 1)), 0)), [0.0, 4.0], [0.0, 0.25]),
    ],
)
def test_the_gradient_of_a_vector(f: Any, x: list[float], wanted: list[float]) -> None:
    np.testing.assert_allclose(tl.grad(f)(np.array(x)).numpy(), wanted, rtol=1e-14)


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.float16])
@pytest.mark.parametrize("power", [-1, -0.75, 0, 0.75])
def test_the_slope_of_an_angle_is_right_from_the_smallest_radius_to_the_largest(dtype: Any, power: float) -> None:
    radius = dtype(float(np.finfo(dtype).max) ** power if power > 0 else float(np.finfo(dtype).tiny) ** -power)
    a, b = 0.75 * radius, radius
    by_a, by_b = (g.numpy() for g in tl.grad(np.arctan2, (0, 1))(a, b))
    assert by_a.dtype == dtype
    np.testing.assert_allclose(by_a, 0.64 / radius, rtol=4 * np.finfo(dtype).eps)
    np.testing.assert_allclose(by_b, -0.48 / radius, rtol=4 * np.finfo(dtype).eps)


@pytest.mark.parametrize(("f", "base"), [(np.logaddexp, math.e), (np.logaddexp2, 2)])
@pytest.mark.parametrize("level", [0.0, 3e8, -1e15, 1e300])
def test_the_shares_of_a_sum_of_exponentials_keep_their_digits_at_any_level(f: Any, base: float, level: float) -> None:
    by_a, by_b = tl.grad(f, (0, 1))(level + 1, level)
    share = 1 / (1 + base ** (level - (level + 1)))  # 1/2 where level + 1 is level
    np.testing.assert_allclose([by_a.item(), by_b.item()], [share, 1 - share], rtol=4e-16)


@pytest.mark.parametrize("f", [np.logaddexp, np.logaddexp2])
def test_an_infinite_term_has_all_of_a_sum_of_exponentials_or_nothing(f: Any) -> None:
    def gradients(*x: float) -> list[float]:
        return [float(g) for g in tl.grad(f, (0, 1))(*x)]

    assert gradients(np.inf, 0.0) == [1, 0]
    assert gradients(-np.inf, 0.0) == [0, 1]
    assert gradients(-np.inf, np.inf) == [0, 1]


def test_terms_of_minus_infinity_leave_the_derivatives_of_a_running_sum_as_they_are() -> None:
    x = np.array([1.0, 300.0, -2.0, 1e4])
    padded = np.array([-np.inf, 1.0, -np.inf, 300.0, -2.0, 1e4, -np.inf])
    kept = np.isfinite(padded)
    run = tl.jacobian(np.logaddexp.accumulate)
    want, got = run(x).numpy(), run(padded).numpy()
    np.testing.assert_array_equal(got[kept][:, kept], want)
    np.testing.assert_array_equal(got[1:, ~kept], 0)


def test_both_ends_of_a_geometric_sequence_are_the_numbers_given() -> None:
    a, b = 0.1, 7.3
    y = ON_TENSORS.geomspace(Tensor(a), Tensor(b), 7).numpy()
    assert (y[0], y[-1]) == (a, b)
    np.testing.assert_allclose(y, np.geomspace(a, b, 7), rtol=1e-14)
    with pytest.raises(ValueError, match="entry 0"):
        ON_TENSORS.geomspace(Tensor(0.0), 1.0)


def test_a_number_divided_by_a_tensor_with_remainder() -> None:
    x = Tensor([2.0, -3.0], requires_grad=True)
    whole, rest = divmod(7.0, x)
    np.testing.assert_array_equal([whole.numpy(), rest.numpy()], divmod(7.0, x.numpy()))
    rest.sum().backward()
    assert x.grad is not None
    assert x.grad.tolist() == [-3, 3]


def test_nothing_has_a_middle_but_its_gradient_is_nothing_too() -> None:
    for shape, axis in (((0,), None), ((2, 0), 1), ((0, 3), 0)):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # NumPy warns of the mean of nothing
            for middle in (np.median, lambda x, axis: np.nanquantile(x, 0.5, axis)):
                gradient = tl.grad(lambda x, a=axis, f=middle: np.sum(f(x, axis=a)))(np.zeros(shape))
                assert gradient.shape == shape


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # NumPy warns of both
@pytest.mark.parametrize("zero", [0, 0.0, np.float32(0), np.zeros(2)])
def test_what_is_divided_by_zero_has_an_infinite_slope_as_it_has_a_value(zero: Any) -> None:
    assert np.isinf(tl.grad(lambda x: np.sum(x / zero))(np.ones(2)).numpy()).all()
    slope = tl.grad(lambda x: np.sum(np.var(x, ddof=2) * x))
    assert np.isnan(tl.grad(lambda x: np.sum(slope(x)))(np.array([1.0, 2.0])).numpy()).all()


@pytest.mark.parametrize("shape", [(0, 0), (2, 0, 0), (0, 2), (0, 2, 3)])
def test_of_no_entries_there_are_norms_and_quantiles_as_numpy_has_them(shape: tuple[int, ...]) -> None:
    x = np.zeros(shape)
    calls: list[Any] = [lambda a, o=o: np.linalg.norm(a, o, axis=(-2, -1)) for o in (1, 2, np.inf, "fro", "nuc")]
    if shape[-1]:
        calls.append(lambda a: np.quantile(a, [0.3], axis=-1, weights=np.ones(shape[-1]), method="inverted_cdf"))
    for f in calls:
        np.testing.assert_array_equal(f(Tensor(x)).numpy(), f(x))


def test_what_asks_a_ufunc_for_nothing_is_nothing() -> None:
    asked: Any = {"where": True, "dtype": None, "order": "K", "casting": "same_kind", "subok": True, "out": None}
    np.testing.assert_array_equal(np.multiply(Tensor([1.0, 2.0]), 3.0, **asked).numpy(), [3, 6])


def test_a_number_is_written_as_an_array_of_no_axes_is() -> None:
    for write in (ON_TENSORS.array2string, ON_TENSORS.array_repr, ON_TENSORS.array_str):
        assert write(Tensor(2.5)) == write(np.array(2.5))


def test_the_second_derivative_of_a_product_with_zeros() -> None:
    hessian = tl.hessian(np.prod)(np.array([0.0, 0.0, 3.0])).numpy()
    np.testing.assert_array_equal(hessian, [[0, 3, 0], [3, 0, 0], [0, 0, 0]])


def test_a_singular_matrix_has_a_determinant_with_a_gradient() -> None:
    a = np.array([[1.0, 2.0], [2.0, 4.0]])
    np.testing.assert_allclose(tl.grad(np.linalg.det)(a).numpy(), [[4, -2], [-2, 1]])
    np.testing.assert_allclose(tl.hessian(np.linalg.det)(a).numpy()[0, 0], [[0, 0], [0, 1]])
    with pytest.raises(np.linalg.LinAlgError, match="inv"):
        np.linalg.inv(Tensor(a * 0))


def test_equal_eigenvalues_have_no_vectors_of_their_own_and_hand_nothing_back_through_them() -> None:
    def energy(a: Any) -> Any:
        w, v = np.linalg.eigh(a)
        return np.sum(w**2) + np.sum(v * v)

    np.testing.assert_allclose(tl.grad(energy)(np.eye(3)).numpy(), 2 * np.eye(3), atol=1e-14)


@pytest.mark.parametrize("complement", [False, True])
def test_erf_is_that_of_the_standard_library(complement: bool) -> None:
    rng = np.random.default_rng(0)
    x = np.concatenate(
        [rng.uniform(-6, 6, 2000), 10.0 ** rng.uniform(-300, 0, 500), [0.0, -0.0, np.inf, -np.inf, 0.46875, 4]]
    )
    want = np.array([(math.erfc if complement else math.erf)(v) for v in x])
    got = (tl.erfc if complement else tl.erf)(x)
    np.testing.assert_allclose(got.numpy(), want, rtol=2e-15, atol=0)
    assert tl.erf(np.float32(0.5)).dtype == np.float32
    assert np.isnan(tl.erf(np.nan).item())
    assert tl.erf(np.zeros((0, 2))).shape == (0, 2)


@pytest.mark.parametrize("order", range(6))
def test_the_derivatives_of_sinc_near_0_lose_no_digits(order: int) -> None:
    f = np.sinc
    for _ in range(order):
        f = tl.grad(f)
    t = np.linspace(0, 1, 20001)  # sinc^(n)(x) = integral over [0, 1] of pi^n t^n cos(pi x t + n pi / 2), by Simpson
    weights = np.ones_like(t)
    weights[1:-1:2], weights[2:-1:2] = 4, 2
    for x in (0.0, 1e-8, 1e-3, 0.3, 1.9, -2.4, 7.7):
        values = (math.pi * t) ** order * np.cos(math.pi * x * t + order * math.pi / 2)
        want = np.sum(weights * values) / 60000
        assert abs(float(f(x)) - want) <= 1e-11 * math.pi**order


MATRIX = np.array([[1.0, 2.0], [3.0, 4.0]])
MASKED: Any = np.ma.array(MATRIX, mask=[[False, True], [False, False]])


def nestings(t: Any) -> list[Any]:
    return [[t, t], (t, 1.0), [[t], [t]], [t, [1.0]], [1.0, t], [np.ones(2), t]]


@pytest.mark.parametrize("shape", [(), (2,), (1,), (2, 2)])
@pytest.mark.parametrize("make", [np.array, np.asarray, lambda a: np.array(a, dtype=object), np.ma.array])
def test_an_array_is_never_made_of_tensors_that_require_a_gradient(make: Any, shape: tuple[int, ...]) -> None:
    t = Tensor(np.ones(shape), requires_grad=True)
    for nesting in nestings(t):
        with pytest.raises(TypeError, match=r"np\.stack"):
            make(nesting)


def test_an_array_of_tensors_without_a_gradient_has_their_values() -> None:
    t = Tensor([1.0, 2.0])
    np.testing.assert_array_equal(np.array([t, t]), [[1, 2], [1, 2]])
    assert np.array([t[0], 3.0]).dtype == np.float64


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (np.fft.fft, "complex"),
        (np.fft.rfft, "complex"),
        (np.linalg.eigvals, "complex"),
        (np.imag, "complex"),
        (lambda t: np.put(t, 0, 1.0), r"\.at\[index\]"),
        (lambda t: np.fill_diagonal(t, 1.0), r"\.at\[index\]"),
        (lambda t: np.add.at(t, 0, 1.0), r"\.at\[index\]"),
        (lambda t: t.__setitem__(0, 1.0), r"\.at\[index\]"),
        (lambda t: t.__delitem__(0), r"np\.delete"),
        (lambda t: np.linalg.qr(t[:, :1], "complete"), "reduced"),
        (lambda t: np.linalg.matrix_power(t[:, :1], 0), r"square matrices, not \(2, 1\)"),
        (lambda t: np.pad(t, 1, "middle"),  # type: ignore[call-overload]
         "constant"),
        (lambda t: np.pad(t, 1, "mean", constant_values=1),
         "stat_length"),
        (lambda t: np.pad(t, 1, "mean", stat_length=0), "at least 1"),
        (lambda t: np.pad(t, 1, "reflect", reflect_type="strange"),  # type: ignore[call-overload]
         "'even' or 'odd'"),
        (lambda t: np.cross(t, np.ones((2, 3))), "3 entries"),
        (lambda t: np.linalg.norm(t, 5), "nuc"),
        (lambda t: np.einsum("ij,jk", t), "2 operands"),
        (lambda t: np.einsum("ijk->", t), "shape"),
        (lambda t: np.linalg.norm(t[None], 1), "vector or a matrix"),
        (lambda t: np.split(t[:, :1], 2, 1), "array_split"),
        (lambda t: np.quantile(t, 1.5), r"\[0, 1\]"),
        (lambda t: np.average(t, weights=np.ones(2)), "axis="),
        (lambda t: np.polyfit(t[0], t[1], 1), "no rule"),
        (lambda t: np.gradient(t, 1.0, 2.0, 3.0), "3 spacings for 2 axes"),
        (lambda t: np.gradient(t[0], edge_order=2), "needs 3 samples, not 2"),
        (lambda t: np.gradient(t, [0.0, 1.0]), "1 spacings for 2 axes"),
        (lambda t: np.gradient(t, [0.0, 1.0, 2.0], axis=1), "for an axis of 2 samples"),
        (lambda t: np.where(t > 1, t, None), "None is none"),
        (lambda t: ON_TENSORS.select([t > 1], [t], None), "None is none"),
        (lambda t: np.select([t], [t]), "conditions are booleans"),
        (lambda t: np.compress(t > 1, t), "one axis"),
        (lambda t: ON_TENSORS.pad(t, 1.5), "whole numbers"),
        (lambda t: np.pad(t, t), "whole numbers"),
        (lambda t: np.vecmat(t, t[0]), r"matrices \(\.\.\., m, n\), not \(2, 2\) and \(2,\)"),
        (lambda t: np.matvec(t[0], t), r"not \(2,\) and \(2, 2\)"),
        (lambda t: np.linalg.cross(t, t), "3 entries along axis -1"),
        (lambda t: np.convolve(t, t), "two series"),
        (lambda t: np.convolve(t[0], t[0], "middle"),  # type: ignore[call-overload]
         "full, same and valid"),
        (lambda t: np.interp(0.5, t[0], [1.0]), "series of one length"),
        (lambda t: np.linspace(t[0, 0], 1.0, -1), "negative"),
        (lambda t: np.piecewise(t, [t > 0], [1.0, 2.0, 3.0]), "3 functions for 1 conditions"),
        (lambda t: np.vander(t), "a vector"),
        (lambda t: np.cov(t[None]), "several"),
        (lambda t: np.quantile(t, 0.5, method="middle"),  # type: ignore[call-overload]
         "closest_observation.*not 'middle'"),
        (lambda t: np.linalg.tensorinv(t, 0), "at least 1"),
        (lambda t: np.hypot.reduce(t), "no rule"),
        (lambda t: np.max(t, where=np.array([True, False])), "initial="),
        (lambda t: np.vecdot(t[:, :1], np.ones((2, 3))), "differ in length"),
        (lambda t: np.maximum.reduce(t, out=np.zeros(2)), r"np\.maximum\.reduce .*no out="),
        (lambda t: np.logaddexp.accumulate(t, initial=0.0),  # type: ignore[call-arg]
         "unexpected keyword argument 'initial'"),
        (lambda t: np.add(t, 1, where=np.array([True, False])), r"np\.where"),
        (lambda t: np.add(t, 1, dtype=np.float32), r"t\.astype"),
        (lambda t: np.linalg.multi_dot([t, t], out=MATRIX), r"np\.linalg\.multi_dot on a Tensor takes"),
        (lambda t: np.sum(t, axis=2), "axis 2 is out of bounds"),
        (lambda t: np.linalg.pinv(t, 0.1, rtol=0.1), "two names of one thing"),
        *((f, "mask would be lost") for f in (
            lambda t: t * MASKED,
            lambda t: np.add(MASKED, t),
            lambda t: np.concatenate([MASKED, t]),
            lambda t: np.inner(t, MASKED),
            lambda t: np.kron(MASKED, t),
            lambda t: np.multiply.outer(t, MASKED),
            lambda t: t.at[0].set(MASKED[0]),
            lambda t: t[MASKED > 1],
            lambda t: Tensor(MASKED),
        )),
        (lambda t: t * MATRIX.view(np.matrix), r"np\.asarray\(m\)"),
        (lambda t: MATRIX.view(np.matrix) * t, r"np\.asarray\(m\)"),
    ],
)  # fmt: skip
def test_what_is_refused_says_what_to_do(call: Any, says: str) -> None:
    with pytest.raises((TypeError, ValueError), match=says):
        call(Tensor([[1.0, 2.0], [3.0, 5.0]], requires_grad=True))


@pytest.mark.parametrize(
    "write",
    [
        lambda t: np.signbit(t, t),
        lambda t: np.signbit(t, out=t),
        lambda t: np.isneginf(t, t),
        lambda t: np.any(t, 0, t[0]),
        lambda t: ON_TENSORS.argmax(t, 0, out=Tensor(np.array([0, 0]))),
    ],
)
def test_an_answer_is_never_written_into_a_tensor(write: Any) -> None:
    t = Tensor(MATRIX)
    with pytest.raises(TypeError, match="no place in a Tensor to write to"):
        write(t)
    np.testing.assert_array_equal(t.numpy(), MATRIX)


@pytest.mark.parametrize("shape", [(3, 3), (2, 2, 2)])
def test_the_singular_vectors_of_a_symmetric_matrix_have_numpys_signs_and_order(shape: tuple[int, ...]) -> None:
    a = np.random.default_rng(0).normal(size=shape)
    a = a + np.swapaxes(a, -1, -2)  # with eigenvalues of both signs
    for part, want in zip(np.linalg.svd(Tensor(a), hermitian=True), np.linalg.svd(a, hermitian=True), strict=True):
        np.testing.assert_allclose(np.asarray(part), want, atol=1e-14)
    for uv in (True, False):  # a matrix made symmetric has a gradient by each entry

        def f(x: Any, uv: bool = uv) -> Any:
            found = np.linalg.svd(x + np.swapaxes(x, -1, -2), compute_uv=uv, hermitian=True)  # type: ignore[call-overload]
            return found if not uv else found.S[..., None, :] * found.U[..., :1, :] * found.Vh[..., :1]

        assert tl.gradcheck(f, a / 2)


def test_an_axis_out_of_bounds_is_numpys_error_too() -> None:
    with pytest.raises(np.exceptions.AxisError, match=r"sum: axis 2 .*Operands: \(2, 2\)"):
        np.sum(Tensor(MATRIX), axis=2)


def test_only_what_fills_up_a_full_matrix_of_singular_vectors_has_no_derivative() -> None:
    a = np.array([[1.0, 2.0], [3.0, 5.0], [0.5, -1.0]])
    for x in (a, a.T):
        for part, thin in zip(np.linalg.svd(Tensor(x)), np.linalg.svd(x), strict=True):
            np.testing.assert_array_equal(np.asarray(part), thin)
        t = Tensor(x, requires_grad=True)
        u, s, vt = np.linalg.svd(t)
        (np.sum(u[:, :2] ** 3) + np.sum(vt[:2] ** 3 * s[:, None])).backward()  # the parts that the thin factors have
        with pytest.raises(GraphError, match=r"filled up with any that fit.*full_matrices=False"):
            (np.sum(u**3) + np.sum(vt**3)).backward()


ON_TENSORS: Any = np  # NumPy's stubs say that an array comes back


def test_an_array_filled_with_a_tensor_is_on_its_graph() -> None:
    x, fill = Tensor(np.zeros((2, 3), np.float32)), Tensor(2.0, requires_grad=True)
    y = ON_TENSORS.full_like(x, fill)
    assert (y.shape, y.dtype) == ((2, 3), np.float32)
    ON_TENSORS.sum(y).backward()
    assert fill.grad == 6
    assert ON_TENSORS.full_like(x, [1.0, 2.0], shape=(4, 2), dtype=int).dtype == int


def test_methods_of_arrays_that_are_functions_of_numpys() -> None:
    x = Tensor([1.0, -2.0], requires_grad=True)
    for y in (x.copy(), x.conj(), x.conjugate()):
        assert y is not x
        assert y.requires_grad
        np.testing.assert_array_equal(y.numpy(), x.numpy())


@pytest.mark.parametrize(
    "f",
    [
        lambda x: x.reshape(3, 2, order="F"),
        lambda x: x.reshape((-1,), order="F"),
        lambda x: x.flatten("F"),
        lambda x: x.astype(np.float32, copy=False),
        lambda x: x.item(4),
        lambda x: x.item(1, -1),
        lambda x: x.reshape(-1)[:1].item(),
        lambda x: np.astype(x, np.float32, copy=False),
        lambda x: ON_TENSORS.linalg.pinv(x, rtol=None),
        lambda x: np.linalg.pinv(x, rtol=0.9),
        lambda x: np.linalg.pinv(x, 0.9),
        lambda x: np.linalg.pinv(x),
        lambda x: np.tile(x, x[0, 1:].astype(int)),
        lambda x: np.linalg.vector_norm(x.astype(np.uint8)),
        lambda x: np.linalg.matrix_norm(x.astype(bool)),
        lambda x: np.linalg.norm(x > 2, 1),
        lambda x: np.cov(x, aweights=x[1].astype(np.float32) / np.float32(7)),
        lambda x: np.percentile(x.astype(np.float32), np.float64(30)),
        lambda x: np.quantile(x.astype(np.uint8), [0, 1], axis=1),
        lambda x: np.nanquantile(x.astype(np.float32), 1),
        lambda x: np.trapezoid(x, np.stack([x, x**2]), axis=-1),
        lambda x: ON_TENSORS.sum(x, 0, None, None, True),
        lambda x: ON_TENSORS.var(x, None, None, None, 1, True),
        lambda x: ON_TENSORS.max(x, 1, None, True),
        lambda x: ON_TENSORS.median(x, 0, None, False, True),
        lambda x: ON_TENSORS.quantile(x, 0.3, None, None, False, "lower", True),
        lambda x: ON_TENSORS.clip(x, 1, 3, None),
        lambda x: ON_TENSORS.take(x, [0, 5], 1, None, "clip"),
        lambda x: ON_TENSORS.partition(x, 1, -1, "introselect", None),
        lambda x: ON_TENSORS.linspace(x, 9.0, 3, True, False, None, 1),
        lambda x: ON_TENSORS.copy(x, "K"),
        lambda x: np.nanpercentile(x.astype(np.float32), 30),
        lambda x: x.compress([False, True], 0),
        lambda x: x.compress([True, False, True]),
        lambda x: np.broadcast_arrays(x, 3)[1],
        lambda x: np.meshgrid(x[0], 3)[1],
        lambda x: np.linalg.cross(x, x[::-1] + 1),
    ],
)
def test_a_call_that_an_array_takes(f: Any) -> None:
    a = np.arange(6.0).reshape(2, 3)
    want, got = f(a), f(Tensor(a))
    assert np.shape(got) == np.shape(want)
    assert np.result_type(got) == np.result_type(want)
    np.testing.assert_allclose(np.asarray(got), want, rtol=1e-13)


def test_a_place_to_write_to_is_refused_wherever_it_stands() -> None:
    x, place = Tensor(np.ones((2, 3))), np.zeros(3)
    for name, arguments in (("sum", (0, None, place)), ("max", (0, place)), ("round", (1, place))):
        with pytest.raises(TypeError, match=r"on a Tensor takes .*no out="):
            getattr(np, name)(x, *arguments)
    assert not place.any()


def test_a_keyword_of_a_product_is_taken_and_that_of_another_ufunc_refused() -> None:
    a, b = np.ones((3, 2)), Tensor(np.arange(6.0).reshape(3, 2), requires_grad=True)
    np.testing.assert_array_equal(ON_TENSORS.vecdot(a, b, axis=0).numpy(), [6, 9])
    with pytest.raises(TypeError, match="vecdot on a Tensor takes"):
        ON_TENSORS.vecdot(a, b, out=np.ones(3))


def test_the_deviation_of_equal_entries_has_derivative_zero_with_holes_too() -> None:
    x = Tensor([1.0, np.nan, 1.0], requires_grad=True)
    ON_TENSORS.nanstd(x).backward()
    assert x.grad is not None
    assert x.grad.tolist() == [0, 0, 0]


def test_the_corners_of_interpolation_are_numpys() -> None:
    knots, values = [0.0, 1.0, 2.0], [1.0, 3.0, 0.0]
    x = np.array([-1.0, 0.0, 1.0, 2.0, 3.0, np.nan])
    np.testing.assert_array_equal(
        ON_TENSORS.interp(Tensor(x), knots, values).numpy(), ON_TENSORS.interp(x, knots, values)
    )
    for period in (2.5, -2.5):
        np.testing.assert_allclose(
            ON_TENSORS.interp(Tensor(x), knots, values, period=period).numpy(),
            ON_TENSORS.interp(x, knots, values, period=period),
        )
    with pytest.raises(ValueError, match="a period of 0"):
        ON_TENSORS.interp(Tensor(x), knots, values, period=0)
