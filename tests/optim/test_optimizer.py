"""What all optimisers share: groups, checks, errors that teach, state that continues bit for bit; and clipping."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinygrad_lite as tl
from tinygrad_lite import nn, optim

KINDS: list[Callable[..., optim.Optimizer]] = [
    lambda p: optim.SGD(p, 0.1, momentum=0.9),
    lambda p: optim.Adam(p, 0.1, amsgrad=True),
    lambda p: optim.AdamW(p, 0.1),
    lambda p: optim.RMSprop(p, 0.1, centered=True, momentum=0.5),
    lambda p: optim.Adagrad(p, 0.1),
]
EVERY = pytest.mark.parametrize("make", KINDS, ids=["SGD", "Adam", "AdamW", "RMSprop", "Adagrad"])


def leaves(dtype: Any = np.float64) -> list[tl.Tensor]:
    rng = np.random.default_rng(0)
    return [tl.tensor(rng.standard_normal(s).astype(dtype), requires_grad=True) for s in ((3, 2), (2,), ())]


def steps(opt: optim.Optimizer, params: list[tl.Tensor], count: int, seed: int = 1) -> None:
    rng = np.random.default_rng(seed)
    for _ in range(count):
        for p in params:
            p.grad = np.asarray(rng.standard_normal(p.shape).astype(p.dtype))
        opt.step()


@EVERY
def test_a_resumed_run_continues_bit_for_bit(make: Callable[..., optim.Optimizer]) -> None:
    whole, half, rest = leaves(), leaves(), leaves()
    steps(a := make(whole), whole, 3)
    steps(a, whole, 3, seed=2)
    steps(b := make(half), half, 3)
    saved = b.state_dict()
    for p, q in zip(rest, half, strict=True):
        p.data = q.numpy()
    c = make(rest)
    c.load_state_dict(saved)
    steps(b, half, 1)  # the saved state is a copy: this must not reach it
    steps(c, rest, 3, seed=2)
    for p, q in zip(whole, rest, strict=True):
        assert p.numpy().tobytes() == q.numpy().tobytes()


@EVERY
def test_parameters_keep_their_dtype_whatever_the_rates_is(make: Callable[..., optim.Optimizer]) -> None:
    params = leaves(np.float32)
    opt = make(params)
    opt.param_groups[0]["lr"] = np.float64(0.1)
    steps(opt, params, 2)
    assert {p.dtype for p in params} == {np.dtype(np.float32)}


@EVERY
def test_a_graph_from_before_the_step_still_has_its_old_values(make: Callable[..., optim.Optimizer]) -> None:
    params = leaves()
    loss = sum((p * p).sum() for p in params)
    before = [p.numpy() for p in params]
    steps(make(params), params, 1)
    for p in params:
        p.grad = None
    assert isinstance(loss, tl.Tensor)
    loss.backward()
    for p, old in zip(params, before, strict=True):
        np.testing.assert_array_equal(p.grad, 2 * old)


def test_a_missing_gradient_is_an_error_and_nothing_has_moved() -> None:
    params = leaves()
    opt = optim.Adam(params)
    params[0].grad = np.ones((3, 2))
    before = params[0].numpy()
    with pytest.raises(ValueError, match=r"Adam.step: parameter 1 \(2,\) has no gradient"):
        opt.step()
    np.testing.assert_array_equal(params[0].numpy(), before)
    assert not opt.state


def test_frozen_parameters_stay() -> None:
    net = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 1))
    net[0].requires_grad_(False)
    opt = optim.SGD(net.parameters(), lr=0.1)
    before = net.state_dict()
    net(np.ones((1, 2))).sum().backward()
    opt.step()
    changed = [name for name, value in net.state_dict().items() if (value != before[name]).any()]
    assert changed == ["1.weight", "1.bias"]


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        (lambda p: optim.SGD([], lr=0.1), "got no parameters"),
        (lambda p: optim.SGD(p, lr=-1), "lr has to be a number from 0 up, not -1"),
        (lambda p: optim.SGD(p, lr="0.1"), "lr has to be a number from 0 up, not '0.1'"),  # type: ignore[arg-type]  # the mistake
        (lambda p: optim.Adam(p, betas="0.9"), "each of betas is from 0 up to below 1, not '0'"),  # type: ignore[arg-type]  # the mistake
        (lambda p: optim.Adam(p, betas=(1.0, 0.9)), "betas is from 0 up to below 1"),
        (lambda p: optim.SGD(p, lr=0.1, nesterov=True), "nesterov needs a momentum"),
        (lambda p: optim.SGD([*p, p[0]], lr=0.1), "given twice"),
        (lambda p: optim.SGD([{"params": p}, {"params": p[:1]}], lr=0.1), "given twice"),
        (lambda p: optim.SGD([p[0] * 2], lr=0.1), "is computed"),
    ],
)
def test_what_makes_no_sense_is_refused(wrong: Callable[[list[tl.Tensor]], Any], error: str) -> None:
    with pytest.raises(ValueError, match=error):
        wrong(leaves())


def test_what_is_no_parameter_is_refused() -> None:
    with pytest.raises(TypeError, match=r"SGD takes a list of parameters; for a single one write SGD\(\[p\]"):
        optim.SGD(leaves()[0], lr=0.1)
    with pytest.raises(TypeError, match="parameter 0 is ndarray, not a Tensor"):
        optim.SGD([np.ones(2)], lr=0.1)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="SGD has no option beta"):
        optim.SGD([{"params": leaves(), "beta": 1}], lr=0.1)


def test_state_of_other_parameters_is_refused_whole() -> None:
    params = leaves()
    opt = optim.Adam(params)
    steps(opt, params, 1)
    saved = opt.state_dict()
    saved["state"][0]["exp_avg"] = np.zeros(5)
    before = opt.state
    with pytest.raises(ValueError, match=r"exp_avg of parameter 0 has shape \(5,\)"):
        opt.load_state_dict(saved)
    assert opt.state is before
    with pytest.raises(ValueError, match=r"groups of \[3\] parameters, but this optimiser has \[2\]"):
        optim.Adam(leaves()[:2]).load_state_dict(opt.state_dict())


def test_a_schedule_resumes_where_it_was() -> None:
    def make() -> tuple[optim.Optimizer, optim.lr_scheduler.LRScheduler]:
        opt = optim.SGD(leaves(), lr=1.0)
        return opt, optim.lr_scheduler.CosineAnnealingLR(opt, 10)

    (a, whole), (b, half), (c, rest) = make(), make(), make()
    for _ in range(6):
        whole.step()
    for _ in range(3):
        half.step()
    c.load_state_dict(b.state_dict())
    rest.load_state_dict(half.state_dict())
    for _ in range(3):
        rest.step()
    assert c.param_groups[0]["lr"] == a.param_groups[0]["lr"]


@pytest.mark.parametrize("norm_type", [1.0, 2.0, 3.0, np.inf])
def test_clipping_by_norm_bounds_the_norm_and_keeps_the_direction(norm_type: float) -> None:
    params = leaves()
    rng = np.random.default_rng(0)
    for p in params:
        p.grad = np.asarray(rng.standard_normal(p.shape))
    long = np.concatenate([np.ravel(p.grad) for p in params if p.grad is not None])
    norm = optim.clip_grad_norm_(params, 0.5, norm_type)
    clipped = np.concatenate([np.ravel(p.grad) for p in params if p.grad is not None])
    assert norm == pytest.approx(np.linalg.norm(long, norm_type))
    assert np.linalg.norm(clipped, norm_type) == pytest.approx(0.5, rel=1e-5)
    np.testing.assert_allclose(clipped / long, clipped[0] / long[0])
    again = [p.grad for p in params]
    optim.clip_grad_norm_(params, 100.0)
    for p, g in zip(params, again, strict=True):
        np.testing.assert_array_equal(p.grad, g)


def test_a_norm_that_is_not_finite_can_be_refused() -> None:
    p = leaves()[0]
    p.grad = np.full(p.shape, np.nan)
    with pytest.raises(ValueError, match="norm is nan"):
        optim.clip_grad_norm_(p, 1.0, error_if_nonfinite=True)
    with pytest.raises(TypeError, match=r"clipping takes parameters, net\.parameters\(\).*is a Linear"):
        optim.clip_grad_norm_(list(nn.Sequential(nn.Linear(2, 2))), 1.0)  # type: ignore[arg-type]  # the mistake


@pytest.mark.parametrize(
    ("make", "option"),
    [
        (lambda ps: optim.RMSprop(ps, lr=0.01), {"momentum": 0.9}),
        (lambda ps: optim.RMSprop(ps, lr=0.01), {"centered": True}),
        (lambda ps: optim.Adam(ps, lr=0.1), {"amsgrad": True}),
        (lambda ps: optim.SGD(ps, lr=0.1), {"momentum": 0.9}),
    ],
)
def test_an_option_that_is_switched_on_later_begins_with_nothing_kept(
    make: Callable[..., optim.Optimizer], option: dict[str, Any]
) -> None:
    w = tl.tensor([1.0, -2.0], requires_grad=True)
    opt = make([w])
    for step in range(4):
        opt.param_groups[0].update(option if step >= 2 else {})
        opt.zero_grad()
        (w * w).sum().backward()
        before = w.numpy()
        opt.step()
        assert np.all(np.abs(w.numpy()) < np.abs(before))
