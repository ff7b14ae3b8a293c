"""`threads=`: the same bits from several threads, and errors and NumPy's settings as from one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tinygrad_lite as tl
from tests.readings.test_compile import alike


def chain(x: Any) -> Any:
    return np.sum(np.exp(-np.sqrt(np.tanh(np.maximum(x, 0) * 0.5) + 2.0)) * x - 0.25)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("threads", [2, 3, 7])
def test_blocks_in_several_threads_are_the_same_to_the_last_bit(dtype: Any, threads: int) -> None:
    f = tl.value_and_grad(chain)
    fast, quick = tl.compile(f, threads=threads), tl.compile(f, threads=threads, exact=False)
    for seed in range(2):
        x = np.random.default_rng(seed).normal(size=333_333).astype(dtype)
        alike(fast(x), f(x))
        alike(quick(x), tl.compile(f, exact=False)(x))
    assert "share(part1, blocks)" in fast.source


def test_an_error_in_a_thread_is_raised_and_numpys_settings_hold_there() -> None:
    x = np.ones(300_000)
    x[-1] = -1.0
    fast = tl.compile(lambda x: np.exp(np.log(x) + 1) * 2, threads=2)
    with np.errstate(all="raise"), pytest.raises(FloatingPointError, match="log"):
        fast(x)
    with np.errstate(all="ignore"):
        assert np.isnan(fast(x).numpy()[-1])
    with pytest.raises(ValueError, match="1 or more, not 0"):
        tl.compile(chain, threads=0)
