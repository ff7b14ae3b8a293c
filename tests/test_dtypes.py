"""dtypes: float64 from Python's numbers, float32 and float16 stay, NumPy's promotion; each cotangent its input's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_lite as tl
from tinygrad_lite import Tensor, nn, optim
from tinygrad_lite.primitive import answer_to

FLOATS: list[Any] = [np.float64, np.float32, np.float16]
WHOLE: list[Any] = [np.bool_, np.int8, np.int16, np.int32, np.int64, np.uint8, np.uint16, np.uint32, np.uint64]
floats, whole = st.sampled_from(FLOATS), st.sampled_from(WHOLE)


@pytest.mark.parametrize("dtype", FLOATS + WHOLE)
def test_an_array_keeps_its_dtype(dtype: Any) -> None:
    assert Tensor(np.ones(2, dtype)).dtype == dtype
    assert Tensor(dtype(1)).dtype == dtype
    assert Tensor([1, 0], dtype=dtype).dtype == dtype


@pytest.mark.parametrize("dtype", WHOLE)
def test_whole_numbers_and_booleans_cannot_require_a_gradient(dtype: Any) -> None:
    with pytest.raises(
        TypeError, match=rf"labels of dtype {np.dtype(dtype)} cannot require a gradient.*astype\(float\)"
    ):
        Tensor(np.ones(2, dtype), requires_grad=True, name="labels")
    with pytest.raises(TypeError, match="cannot require a gradient"):
        Tensor([1, 0], dtype=dtype, requires_grad=True)
    x = Tensor([1.0], requires_grad=True)
    with pytest.raises(TypeError, match="cannot require a gradient"):
        x.data = np.ones(1, dtype)


@pytest.mark.parametrize("dtype", [complex, np.complex64, np.longdouble, object, str, "M8[s]", "m8[s]", "S3"])
def test_what_is_not_a_real_number_is_refused_by_name(dtype: Any) -> None:
    with pytest.raises(TypeError, match="takes real numbers"):
        Tensor(np.zeros(2, dtype))
    x = Tensor([1.0, 2.0], requires_grad=True)
    if np.dtype(dtype).kind in "cg":
        with pytest.raises(TypeError, match="takes real numbers"):
            x.astype(dtype)
        with pytest.raises(TypeError, match="takes real numbers"):
            Tensor([1.0], dtype=dtype)
        with pytest.raises(TypeError, match="takes real numbers"):
            x * np.ones(2, dtype)


@given(floats | whole, floats | whole)
def test_promotion_is_numpys_and_each_input_gets_its_own_dtype_back(left: Any, right: Any) -> None:
    a, b = np.ones(2, left), np.ones(2, right)
    x, y = (Tensor(v, requires_grad=v.dtype.kind == "f") for v in (a, b))
    functions: list[Any] = [np.multiply, np.maximum, np.divide, np.add, np.matmul]
    for f in (*functions, lambda u, v: np.where([True, False], u, v)):
        z, want = f(x, y), f(a, b)
        assert z.dtype == want.dtype
        if z.requires_grad:
            np.sum(z).backward()
            for t in (x, y):
                assert t.grad is None or t.grad.dtype == t.dtype
                assert (t.grad is not None) == t.requires_grad


@given(floats, st.sampled_from([2, 0.5, -1, True]))
def test_a_python_number_does_not_widen(dtype: Any, number: Any) -> None:
    x = Tensor(np.full(2, 1.5, dtype), requires_grad=True)
    y = (
        2 * x
        + number
        - x / (3 + number**2)
        + x**2
        + np.maximum(x, 0)
        + np.clip(x, 0, 1)
        + np.where([True, False], x, number)
    )
    assert y.dtype == dtype
    np.sum(y).backward()
    assert x.grad is not None
    assert x.grad.dtype == dtype


@pytest.mark.parametrize("dtype", FLOATS)
def test_0_dimensional_tensors_keep_their_dtype_through_everything(dtype: Any) -> None:
    x = Tensor(dtype(0.5), requires_grad=True)
    for y in (
        x * 2,
        2 - x,
        x**2,
        np.exp(x),
        tl.relu(x),
        tl.sigmoid(x),
        np.sum(x),
        np.mean(x),
        np.max(x),
        x[()],
        x[None],
        x.T,
    ):
        assert y.dtype == dtype
        assert isinstance(y.data, np.ndarray)
        y.backward(np.ones(y.shape))
    assert isinstance(x.grad, np.ndarray)
    assert x.grad.dtype == dtype


@given(floats, floats)
def test_a_cast_casts_its_cotangent_back(before: Any, after: Any) -> None:
    x = Tensor(np.array([1.5, 2.5], before), requires_grad=True)
    y = x.astype(after)
    assert y.dtype == after
    np.sum(y * y).backward()
    assert x.grad is not None
    assert x.grad.dtype == before
    np.testing.assert_array_equal(x.grad, [3, 5])
    second = tl.grad(lambda v: np.sum(tl.grad(lambda u: np.sum(u.astype(after) ** 3))(v)))(x.detach())
    np.testing.assert_array_equal(second.numpy(), [9, 15])


def test_a_cast_to_whole_numbers_leaves_the_graph() -> None:
    y = Tensor([1.5, 2.5], requires_grad=True).astype(int)
    assert not y.requires_grad
    assert y.numpy().tolist() == [1, 2]


@pytest.mark.parametrize("order", [">", "<"])
def test_the_order_of_bytes_does_not_matter(order: str) -> None:
    x = Tensor(np.array([1.0, 2.0], f"{order}f8"), requires_grad=True)
    np.sum(x * x).backward()
    np.testing.assert_array_equal(x.grad, [2, 4])


@given(floats)
def test_accumulating_and_seeding_keep_the_dtype(dtype: Any) -> None:
    x = Tensor(np.ones(2, dtype), requires_grad=True)
    (x * x * x + x).backward(np.ones(2, np.float64))
    (x * 2).backward([1, 1])
    assert x.grad is not None
    assert x.grad.dtype == dtype
    np.testing.assert_array_equal(x.grad, [6, 6])


@given(floats)
def test_a_whole_training_step_stays_in_one_dtype(dtype: Any) -> None:
    net = nn.Sequential(nn.Linear(3, 4, rng=0, dtype=dtype), nn.ReLU(), nn.Linear(4, 2, rng=1, dtype=dtype))
    # rates from NumPy, as a schedule makes them, are strong float64s: they must not widen the parameters
    opt = optim.SGD(net.parameters(), lr=np.float64(0.1), momentum=np.float64(0.9), weight_decay=np.float64(0.01))
    x, y = np.ones((5, 3), dtype), np.ones((5, 2), dtype)
    for loss in (nn.SquaredLoss(), nn.MSELoss(), nn.CrossEntropyLoss()):
        opt.zero_grad()
        c = loss(net(x), np.zeros(5, int) if isinstance(loss, nn.CrossEntropyLoss) else y)
        assert c.dtype == dtype
        c.backward()
        opt.step()
        assert {p.dtype for p in net.parameters()} == {np.dtype(dtype)}
        assert all(p.grad is not None and p.grad.dtype == dtype for p in net.parameters())


@pytest.mark.parametrize("f", [np.mean, nn.MSELoss(), nn.SquaredLoss()])
def test_a_mean_that_fits_into_half_precision_is_right_though_its_sum_does_not(f: Any) -> None:
    x = Tensor(np.full((2_000, 1), 60.0, np.float16), requires_grad=True)
    y: Any = f(x) if f is np.mean else f(x, np.zeros((2_000, 1), np.float16))
    assert y.dtype == np.float16
    assert y.item() == {np.mean: 60, nn.MSELoss: 3600, nn.SquaredLoss: 1800}[f if f is np.mean else type(f)]
    y.backward()
    assert x.grad is not None
    assert np.all(np.isfinite(x.grad) & (x.grad > 0))


@given(floats)
def test_gradients_of_gradients_stay_in_the_arguments_dtype(dtype: Any) -> None:
    x = np.ones(3, dtype)
    g = tl.grad(lambda v: np.sum(tl.grad(lambda u: np.sum(np.tanh(u) * u**2 / 3))(v) ** 2))(x)
    assert g.dtype == dtype


SMALL: dict[Any, list[Any]] = {
    np.int8: [3, -128, 127], np.uint8: [3, 0, 255], np.int16: [7, -32768, 300], np.bool_: [True, False, True]
}  # fmt: skip
OF_TWO: list[Any] = [f for f in vars(np).values() if isinstance(f, np.ufunc) and f.nin == 2 and answer_to(f)]


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # powers that overflow, and divisions by 0
@pytest.mark.parametrize("swapped", [False, True])
@pytest.mark.parametrize("dtype", SMALL)
@pytest.mark.parametrize("f", [*dict.fromkeys(OF_TWO), np.gradient, np.average, np.interp], ids=lambda f: f.__name__)
def test_a_small_integer_has_the_derivatives_of_the_same_float(f: Any, dtype: Any, swapped: bool) -> None:
    """-np.int8(-128) is -128, and np.log of int8 is in half precision: a rule may do neither."""
    whole, x = np.array(SMALL[dtype]), np.array([1.5, 0.75, 2.25])

    def called(number: Any, k: Any) -> Any:
        first, *rest = (k, number) if swapped else (number, k)
        return f(first, *rest, x) if f.__name__ == "interp" else f(first, *rest)

    def slope(k: Any) -> Any:
        return lambda a: np.sum(np.array([1.0, 2.0, -1.0]) * tl.grad(lambda b: np.sum(called(b, k) ** 2))(a))

    small, wide = (np.sort(whole.astype(kind)) for kind in (dtype, np.float64))
    try:
        same = np.allclose(called(x, small), called(x, wide), rtol=1e-12, equal_nan=True)
        wanted = [g(x).numpy() for g in (slope(wide), tl.grad(slope(wide)))]
    except (TypeError, ValueError, tl.GraphError, ZeroDivisionError):  # of that dtype not at all, or with no gradient
        return
    if same:  # and did not overflow in NumPy's own hands
        for g, want in zip((slope(small), tl.grad(slope(small))), wanted, strict=True):
            np.testing.assert_allclose(g(x).numpy(), want, rtol=1e-12)


@pytest.mark.parametrize("by", [2.5, np.float64(2.5), np.array(1.5, np.float32), np.int8(3), True])
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.int8, np.int64])
def test_starts_weights_and_shares_widen_as_numpy_has_it(dtype: Any, by: Any) -> None:
    x = np.array([[3, 1, 2], [1, 4, 2]]).astype(dtype)
    weights, share = np.full(3, by), np.asarray(by / 10)[()]
    calls: list[Any] = [lambda a, f=f: f(a, axis=1, initial=by) for f in (np.sum, np.prod, np.nansum, np.max)]
    calls += [lambda a: np.average(a, 1, weights), lambda a: np.quantile(a, share), lambda a: np.percentile(a, by)]
    for f in calls:
        want, got = f(x), f(Tensor(x))
        assert got.dtype == want.dtype
        np.testing.assert_allclose(got.numpy(), want, rtol=4 * np.finfo(np.result_type(dtype, np.float16)).eps)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # of the powers of negative numbers
@pytest.mark.parametrize("dtype", [np.float32, np.float16])
@pytest.mark.parametrize("f", dict.fromkeys(OF_TWO), ids=lambda f: f.__name__)
def test_a_narrow_operand_costs_the_other_no_digits(f: Any, dtype: Any) -> None:
    """1 / b of a single b is no factor for the double cotangent of a in a / b."""
    narrow, x = np.array([2.3, 1.7, 3.1], dtype), np.array([1.5, 0.75, 2.25])
    for swapped in (False, True):

        def slope(k: Any, swapped: bool = swapped) -> Any:
            return tl.grad(lambda a: np.sum(np.array([1.0, 2.0, -1.0]) * (f(k, a) if swapped else f(a, k))))

        try:
            want = slope(narrow.astype(np.float64))(x).numpy()
        except (TypeError, ValueError, tl.GraphError):  # a comparison, or one of whole numbers
            continue
        np.testing.assert_allclose(slope(narrow)(x).numpy(), want, rtol=1e-14)
