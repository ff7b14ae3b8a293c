"""At a kink, at a tie, at 0, and where two values coincide: the conventions that stand beside the rows."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import tinygrad_lite as tl
from tinygrad_lite import Tensor


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
        (lambda t: np.linalg.lstsq(t, t), "pinv"),
        (lambda t: np.put(t, 0, 1.0), r"\.at\[index\]"),
        (lambda t: np.fill_diagonal(t, 1.0), r"\.at\[index\]"),
        (lambda t: np.add.at(t, 0, 1.0), r"\.at\[index\]"),
        (lambda t: t.__setitem__(0, 1.0), r"\.at\[index\]"),
        (lambda t: np.linalg.svd(t[:, :1]), "full_matrices=False"),
        (lambda t: np.linalg.qr(t[:, :1], "complete"), "reduced"),
        (lambda t: np.pad(t, 1, "mean"), "constant"),
        (lambda t: np.cross(t, np.ones((2, 3))), "3 entries"),
        (lambda t: np.linalg.norm(t, 5), "nuc"),
        (lambda t: np.einsum("ij,jk", t), "2 operands"),
        (lambda t: np.einsum("ijk->", t), "shape"),
        (lambda t: np.linalg.norm(t[None], 1), "vector or a matrix"),
        (lambda t: np.split(t[:, :1], 2, 1), "array_split"),
        (lambda t: np.quantile(t, 1.5), r"\[0, 1\]"),
        (lambda t: np.average(t, weights=np.ones(2)), "axis="),
        (lambda t: np.unique(t), "no rule"),
        (lambda t: np.hypot.reduce(t), "no rule"),
    ],
)  # fmt: skip
def test_what_is_refused_says_what_to_do(call: Any, says: str) -> None:
    with pytest.raises((TypeError, ValueError), match=says):
        call(Tensor([[1.0, 2.0], [3.0, 5.0]], requires_grad=True))
