"""A chain of elementwise operations on many values, and its gradient: where memory and threads decide."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .peers import load
from .rows import Runner


@dataclass(frozen=True)
class Chain:
    """sum of eight elementwise operations on `size` values, and its gradient."""

    size: int
    dtype: type[np.floating[Any]] = np.float32

    @property
    def name(self) -> str:
        """What is printed."""
        return f"8 elementwise operations on {self.size:,} values, f32, and their gradient"

    def data(self) -> Any:
        """The values."""
        return np.random.default_rng(0).standard_normal(self.size).astype(self.dtype)


def chain(x: Any, sqrt: Any, exp: Any, tanh: Any) -> Any:
    """Eight operations, the same for all."""
    return exp(-sqrt(tanh(x * 0.5) + 2.0)) * x - 0.25


def chain_numpy(row: Chain) -> Runner:
    """The obvious NumPy, forward and backward."""
    x = row.data()
    found: list[Any] = []

    def step() -> object:
        a = x * 0.5
        t = np.tanh(a)
        s = np.sqrt(t + 2.0)
        e = np.exp(-s)
        h = e * x - 0.25
        loss = h.sum()
        dh = np.ones_like(h)
        de = dh * x
        ds = -(de * e)
        dt = ds * 0.5 / s
        found[:] = [dh * e + dt * (1 - t * t) * 0.5]
        return loss

    return Runner(step, lambda: list(found))


def _chain_ours(row: Chain, compiled: bool, exact: bool = True, threads: int = 1) -> Runner:
    tl = load("tinygrad_lite")
    f = tl.value_and_grad(lambda x: chain(x, np.sqrt, np.exp, np.tanh).sum())
    if compiled:
        f = tl.compile(f, exact=exact, threads=threads)
    x, found = tl.tensor(row.data()), list[Any]()

    def step() -> object:
        loss, g = f(x)
        found[:] = [g]
        return loss

    return Runner(step, lambda: [g.numpy() for g in found])


def chain_eager(row: Chain) -> Runner:
    """Eager."""
    return _chain_ours(row, compiled=False)


def chain_compiled(row: Chain) -> Runner:
    """Compiled."""
    return _chain_ours(row, compiled=True)


def chain_quick(row: Chain) -> Runner:
    """Compiled, with sums in any order."""
    return _chain_ours(row, compiled=True, exact=False)


def chain_threads(row: Chain) -> Runner:
    """Compiled, in two threads: the same bits."""
    return _chain_ours(row, compiled=True, threads=2)


def chain_jax(row: Chain) -> Runner:
    """value_and_grad under jit, waited for."""
    jax = load("jax")
    jnp = jax.numpy
    f = jax.jit(jax.value_and_grad(lambda x: chain(x, jnp.sqrt, jnp.exp, jnp.tanh).sum()))
    x, found = jnp.asarray(row.data()), list[Any]()

    def step() -> object:
        loss, g = jax.block_until_ready(f(x))
        found[:] = [g]
        return loss

    return Runner(step, lambda: [np.array(g) for g in found])
