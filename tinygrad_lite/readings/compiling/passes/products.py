"""Matrix products in the form for which BLAS is quickest."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from tinygrad_lite.readings.compiling.calls import Call, Program, Value, fresh, value_like

FEW, LONG, WIDE = 64, 256, 64  # rows of the first factor, length of the sums, columns of the result


def dots(program: Program) -> None:
    """A product of two matrices by np.dot: the same call of BLAS as `@`, reached sooner."""
    for call in program.calls:
        if call.kind == "product" and call.f is np.matmul and not call.kwargs:
            a, b = call.args
            matrices = isinstance(a, Value) and isinstance(b, Value) and len(a.shape) == len(b.shape) == 2
            if not matrices or a.gapped or b.gapped:  # `@` reads them entry by entry, np.dot copies them for BLAS
                continue
            if a.dtype == b.dtype and a.dtype.char in "fd" and call.out.axes == (0, 1):
                call.f, call.name = np.dot, "dot"


def turned(program: Program) -> None:
    """x W^T of a few long rows x as (W x^T)^T: BLAS packs its factors better then. Only where the sums are the same."""
    made = {call.out: call for call in program.calls}
    numbers = fresh(program)
    calls: list[Call] = []
    for call in program.calls:
        calls.append(call)
        if call.kind != "product" or call.f is not np.dot or call.out.axes != (0, 1):
            continue
        x, wt = call.args
        view = made.get(wt)
        if not isinstance(x, Value) or len(x.shape) != 2 or x.axes != (0, 1) or x.dtype != np.float32:
            continue
        if view is None or view.kind != "view" or view.name != "transpose" or len(wt.shape) != 2:
            continue
        (w,) = view.args
        (rows, n), columns = x.shape, wt.shape[1]
        if not 1 < rows <= FEW or n < LONG or columns < WIDE or w.axes != (0, 1) or not _alike(rows, n, columns):
            continue
        xt, zt, back = (
            value_like(next(numbers), shape, x.dtype, name)
            for shape, name in (((n, rows), x.name), ((columns, rows), call.out.name), ((rows, columns), call.out.name))
        )
        xt.axes = back.axes = (1, 0)
        calls[-1:] = [
            Call("view", np.transpose, (x,), {"axes": None}, xt, "transpose"),
            Call("product", np.dot, (w, xt), {}, zt, "dot"),
            Call("view", np.transpose, (zt,), {"axes": None}, back, "transpose"),
            Call("elementwise", _copy, (back,), {}, call.out, "spread"),
        ]
    program.calls = calls


@cache
def _alike(rows: int, n: int, columns: int) -> bool:
    """Whether the two forms add up in one order: on random numbers another order would show in some of the sums."""
    rng = np.random.default_rng(0)
    x, w = (rng.standard_normal(shape, np.float32) for shape in ((rows, n), (columns, n)))
    return bool(x.dot(w.T).tobytes() == np.ascontiguousarray(w.dot(x.T).T).tobytes())


def _copy(x: Any) -> Any:
    return np.array(x, order="C")
