"""NumPy's functions on small Tensors against the same calls on arrays: what a call costs beyond NumPy's own."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from timeit import timeit
from typing import Any

import numpy as np

import tinygrad_lite as tl
from tests.functions.coverage import cases_of
from tests.functions.table import samples

from .report import table

FACTOR, EXTRA = 3, 3.0  # the aim: no call takes more than 3 times NumPy's and 3 microseconds
SHOWN = 15
SIZE = 256  # of each axis of a product
# What is written, the product of matrices that it is, and the number of axes.
PRODUCTS: tuple[tuple[str, Callable[..., Any], Callable[..., Any], int], ...] = (
    ("einsum ij,jk->ik", lambda a, b: np.einsum("ij,jk->ik", a, b), np.matmul, 2),
    ("einsum ij,kj->ik", lambda a, b: np.einsum("ij,kj->ik", a, b), lambda a, b: np.matmul(a, b.T), 2),
    ("einsum bij,bjk->bik", lambda a, b: np.einsum("bij,bjk->bik", a, b), np.matmul, 3),
    ("einsum bhid,bhjd->bhij", lambda a, b: np.einsum("bhid,bhjd->bhij", a, b),
     lambda a, b: np.matmul(a, np.swapaxes(b, -1, -2)), 4),
    ("tensordot, axes=1", lambda a, b: np.tensordot(a, b, 1), np.matmul, 2),
    ("inner", np.inner, lambda a, b: np.matmul(a, b.T), 2),
)  # fmt: skip


def seconds(calls: dict[str, Callable[[], Any]], number: int, rounds: int) -> dict[str, float]:
    """Seconds of each call, in turns; the least of some rounds, for whatever else runs can only add to it."""
    taken = [{name: timeit(call, number=number) / number for name, call in calls.items()} for _ in range(rounds)]
    return {name: min(times[name] for times in taken) for name in calls}


def calls(rounds: int, number: int = 200) -> list[dict[str, Any]]:
    """Microseconds of a call that the tests make of each function, the largest of the first three: NumPy's and ours."""
    results = []
    for name, lines in samples():
        cases = cases_of(name, lines)[:3]
        if not cases:
            continue
        case = max(cases, key=lambda case: sum(map(math.prod, case.shapes)))
        arrays = case.inputs()
        plain = [tl.Tensor(a) for a in arrays]
        leaves = [tl.Tensor(a, requires_grad=a.dtype.kind == "f") for a in arrays]
        sides: dict[str, list[Any]] = {"numpy": arrays, "plain": plain, "recorded": leaves}
        taken = seconds({side: partial(case.sample.call, *xs) for side, xs in sides.items()}, number, rounds)
        found = {side: time * 1e6 for side, time in taken.items()}
        over = max(found["plain"], found["recorded"]) - FACTOR * found["numpy"] - EXTRA
        results.append({"function": name, **found, "over": over})
    return sorted(results, key=lambda r: -r["over"])


def products(rounds: int) -> list[dict[str, Any]]:
    """Milliseconds of products of float32 matrices, as written and as np.matmul on arrays."""
    rng = np.random.default_rng(0)
    results = []
    for name, written, matmul, ndim in PRODUCTS:
        shape = (*(4, 2)[: ndim - 2], SIZE, SIZE)
        a, b = (rng.standard_normal(shape).astype(np.float32) for _ in range(2))
        s, t = tl.Tensor(a), tl.Tensor(b)
        np.testing.assert_allclose(written(s, t).numpy(), matmul(a, b), rtol=1e-3, atol=1e-3)
        taken = seconds({"ours": partial(written, s, t), "matmul": partial(matmul, a, b)}, 3, 4 * rounds)
        ours, theirs = taken["ours"] * 1e3, taken["matmul"] * 1e3
        results.append({"product": name, "ours": ours, "matmul": theirs, "ratio": ours / theirs})
    return results


def measure(rounds: int) -> dict[str, Any]:
    """Both tables."""
    return {"calls": calls(rounds), "products": products(rounds)}


def report(results: dict[str, Any]) -> str:
    """The calls that cost most beyond the aim, how many are beyond it, and every product."""
    found = results["calls"]
    beyond = sum(r["over"] > 0 for r in found)
    lines = [
        [r["function"], *(f"{r[k]:.1f}" for k in ("numpy", "plain", "recorded")), f"{r['over']:+.1f}"]
        for r in found[:SHOWN]
    ]
    title = (
        f"Functions, float64, microseconds; reference: NumPy on arrays. {beyond} of {len(found)} take more than "
        f"{FACTOR} times as long and {EXTRA:.0f} more; those nearest to it or beyond:"
    )
    first = table(title, ["function", "numpy", "tinygrad_lite", "recorded", "beyond the aim"], lines)
    rows = [[r["product"], f"{r['ours']:.2f}", f"{r['matmul']:.2f}", f"{r['ratio']:.2f}x"] for r in results["products"]]
    title = f"Products, float32, matrices of {SIZE} x {SIZE}, milliseconds; reference: np.matmul on arrays"
    return first + "\n" + table(title, ["product", "tinygrad_lite", "matmul", "ratio"], rows)
