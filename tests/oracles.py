"""What is right, found without the engine: each oracle is plain NumPy and shares no code with what it judges.

In order of sharpness: the adjoint identity (1e-14) and the complex step (1e-13) for a first derivative, Cauchy's
integral for derivatives of any order (1e-11), then differences. A function under test takes a list of arrays.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import factorial
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Function = Callable[..., Any]


@dataclass
class Estimate:
    """A vector-Jacobian product and, entry by entry, the size of the terms that were added up to it."""

    value: Array
    scale: Array

    def error_of(self, got: Any) -> float:
        """The largest error of `got` relative to the terms; inf where the shapes differ or one is not finite."""
        got = np.asarray(got)
        if got.shape != self.value.shape or not np.isfinite(got).all():
            return np.inf
        error = np.abs(got - self.value)
        return float(np.max(np.where(error == 0, 0, error / np.maximum(self.scale, 1e-300)), initial=0))


def _by_columns(column: Callable[[tuple[int, ...]], Any], x: Array, g: Array) -> Estimate:
    """The vjp <g, J> from the columns of J: what one entry of x does to every entry of the output."""
    value, scale = np.zeros(x.shape), np.zeros(x.shape)
    for k in np.ndindex(x.shape):
        terms = g * column(k)
        value[k], scale[k] = np.sum(terms), np.sum(np.abs(terms))
    return Estimate(value, scale)


def complex_step(f: Function, xs: Sequence[Array], i: int, g: Array) -> Estimate:
    """Im f(x + ih) / h with h = 1e-200: no difference is taken, so no digit is lost. `f` has to be analytic."""
    h = 1e-200

    def column(k: tuple[int, ...]) -> Any:
        moved = [x.astype(complex) if x.dtype.kind == "f" else x for x in xs]
        moved[i][k] += 1j * h
        return np.imag(f(*moved)) / h

    return _by_columns(column, xs[i], g)


def central_differences(f: Function, xs: Sequence[Array], i: int, g: Array, h: float = 1e-3) -> Estimate:
    """The five-point stencil, good to h^4: about 1e-11 for functions of size 1."""

    def column(k: tuple[int, ...]) -> Any:
        def at(steps: int) -> Any:
            moved = [x.copy() for x in xs]
            moved[i][k] += steps * h
            return f(*moved)

        return (8 * (at(1) - at(-1)) - (at(2) - at(-2))) / (12 * h)

    return _by_columns(column, xs[i], g)


def one_sided(f: Function, xs: Sequence[Array], i: int, g: Array, h: float) -> Estimate:
    """(f(x + h) - f(x)) / h; exact but for rounding where f is linear between x and x + h. `h` may be negative."""

    def column(k: tuple[int, ...]) -> Any:
        moved = [x.copy() for x in xs]
        moved[i][k] += h
        return (f(*moved) - f(*xs)) / h

    return _by_columns(column, xs[i], g)


def adjoint_gap(f: Function, adjoint_of_g: Array, u: Array, g: Array) -> float:
    """|<g, f(u)> - <adjoint(g), u>|, relative to the terms, for f linear (an affine f: less its value at 0)."""
    fu = f(u) - f(np.zeros_like(u))
    gap = abs(np.sum(g * fu) - np.sum(adjoint_of_g * u))
    return float(gap / max(np.sum(np.abs(g * fu)) + np.sum(np.abs(adjoint_of_g * u)), 1e-300))


def derivatives(f: Callable[[Any], Any], order: int, radius: float = 0.125, points: int = 32) -> tuple[Array, Array]:
    """f(0), f'(0), f''(0)..., and how far each may be off, for f analytic well beyond `radius`.

    Cauchy: f^(n)(0) = n!/r^n times the mean of f(r w) w^-n over the points w of the unit circle.
    """
    w = np.exp(2j * np.pi * np.arange(points) / points)
    values = np.array([complex(f(radius * z)) for z in w])
    sizes = [factorial(n) / radius**n for n in range(order + 1)]
    found = [size * np.mean(values * w**-n).real for n, size in enumerate(sizes)]
    return np.array(found), 1e-14 * np.max(np.abs(values)) * np.array(sizes)


@dataclass
class Layered:
    """An L-layer network, h <- f(h W^T + b) with f relu or the identity, and C = 1/2 |y - a|^2 averaged over rows.

    Backprop from its four equations, with d[l] = dC/dz[l]:

        d[L] = (a - y)/N . f'(z[L])      d[l] = (d[l+1] W[l+1]) . f'(z[l])
        dW[l] = d[l]^T h[l-1]             db[l] = 1^T d[l]
    """

    weights: list[Array]
    biases: list[Array | None]
    relus: list[bool]

    def forward(self, x: Array) -> tuple[list[Array], list[Array]]:
        """The pre-activations z[1..L] and the activations h[0..L] for a batch x (B, I)."""
        zs, hs = [], [x]
        for w, b, relu in zip(self.weights, self.biases, self.relus, strict=True):
            z = np.einsum("bi,oi->bo", hs[-1], w)
            if b is not None:
                z = z + b[None, :]
            zs.append(z)
            hs.append(np.where(z > 0, z, 0.0) if relu else z)
        return zs, hs

    def cost(self, x: Array, y: Array) -> float:
        """1/2 |y - a|^2, averaged over the batch."""
        return float(np.sum((y - self.forward(x)[1][-1]) ** 2) / 2 / len(x))

    def gradients(self, x: Array, y: Array) -> tuple[list[Array], list[Array], Array]:
        """dC/dW[1..L], dC/db[1..L] and dC/dx."""
        zs, hs = self.forward(x)
        h_bar = (hs[-1] - y) / len(x)
        dws, dbs = [], []
        for layer in reversed(range(len(zs))):
            d = np.where(zs[layer] > 0, h_bar, 0.0) if self.relus[layer] else h_bar
            dws.append(np.einsum("bo,bi->oi", d, hs[layer]))
            dbs.append(np.einsum("bo->o", d))
            h_bar = np.einsum("bo,oi->bi", d, self.weights[layer])
        return dws[::-1], dbs[::-1], h_bar

    def stepped(self, x: Array, y: Array, lr: float) -> Layered:
        """The network after one step of gradient descent, all parameters moved at once."""
        dws, dbs, _ = self.gradients(x, y)
        return Layered(
            [w - lr * dw for w, dw in zip(self.weights, dws, strict=True)],
            [None if b is None else b - lr * db for b, db in zip(self.biases, dbs, strict=True)],
            self.relus,
        )
