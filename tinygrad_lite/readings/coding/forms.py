"""How rows are written that NumPy has an operator, a method or a function for: candidates, the most readable first.

`_0 _1 ...` stand for the operands. A form need not suit every operand: `code.form` takes the first that gives the
row's own result to the last bit.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from tinygrad_lite.primitive import Primitive

Arguments = Sequence[Any]
Keywords = Mapping[str, Any]


def forms(op: Primitive, args: Arguments, kwargs: Keywords) -> Iterator[str]:
    """The ways to write `op` on `args` that are known by its name, its symbol or the NumPy function that it runs."""
    if op.name in KNOWN:
        yield from KNOWN[op.name](args, kwargs)
    if op.symbol and len(args) == 2:
        yield f"_0 {op.symbol} _1"
    elif op.symbol and len(args) == 1:
        yield f"{op.symbol}_0"
    where = _place(op.run)
    if where is not None:
        yield f"{where}({_listed(len(args), kwargs)})"


def _place(function: Any) -> str | None:
    """Where NumPy has a function: `np.exp`, `np.linalg.inv`."""
    name = getattr(function, "__name__", "")
    for module, prefix in ((np, "np"), (np.linalg, "np.linalg")):
        if getattr(module, name, None) is function:
            return f"{prefix}.{name}"
    return None


def _text(value: Any) -> str:
    from tinygrad_lite.readings.code import literal  # which imports this file

    return literal(value).text


def _listed(n: int, kwargs: Keywords) -> str:
    return ", ".join([*(f"_{i}" for i in range(n)), *(f"{key}={_text(value)}" for key, value in kwargs.items())])


def _how(kwargs: Keywords) -> str:
    """The keywords of a reduction, but for those at their defaults."""
    parts = []
    for key, value in kwargs.items():
        if value is None or value is False or (key == "ddof" and not value):
            continue
        if key == "axis" and isinstance(value, tuple) and len(value) == 1:
            value = value[0]
        parts.append(f"{key}={_text(value)}")
    return ", ".join(parts)


def _reduction(name: str) -> Callable[[Arguments, Keywords], Iterator[str]]:
    def reduction(args: Arguments, kwargs: Keywords) -> Iterator[str]:
        yield f"_0.{name}({_how(kwargs)})"

    return reduction


def _bare(shape: Any) -> str:
    text = _text(tuple(shape) if isinstance(shape, (tuple, list)) else shape)
    return text[1:-1].rstrip(",") if isinstance(shape, (tuple, list)) and len(shape) else text


def _reshape(args: Arguments, kwargs: Keywords) -> Iterator[str]:
    yield f"_0.reshape({_bare(kwargs['shape'])})"


def _transpose(args: Arguments, kwargs: Keywords) -> Iterator[str]:
    axes, n = kwargs["axes"], np.ndim(args[0])
    if axes is None or tuple(int(a) % n for a in axes) == tuple(range(n))[::-1]:
        yield "_0.T"
        return
    axes = tuple(int(a) % n for a in axes)
    moved = [k for k in range(n) if axes[k] != k]
    if len(moved) == 2:
        i, j = (moved[0] - n, moved[1] - n) if moved[1] == n - 1 else moved
        yield f"_0.swapaxes({i}, {j})"
    yield f"_0.transpose({_bare(axes)})"


def _expand_dims(args: Arguments, kwargs: Keywords) -> Iterator[str]:
    axis = kwargs["axis"]
    axes = axis if isinstance(axis, tuple) else (axis,)
    n = np.ndim(args[0]) + len(axes)
    new = sorted(int(a) % n for a in axes)
    if new == list(range(n - len(new), n)) and n - len(new) > 1:
        yield f"_0[..., {', '.join('None' for _ in new)}]"
    yield f"_0[{', '.join('None' if k in new else ':' for k in range(new[-1] + 1))}]"


def _squeeze(args: Arguments, kwargs: Keywords) -> Iterator[str]:
    axis = kwargs["axis"]
    yield f"_0.squeeze({_how({'axis': axis})})"


def _broadcast_to(args: Arguments, kwargs: Keywords) -> Iterator[str]:
    yield f"np.broadcast_to(_0, {_text(tuple(kwargs['shape']))})"


def _getitem(args: Arguments, kwargs: Keywords) -> Iterator[str]:
    from tinygrad_lite.readings.code import index_text

    yield f"_0[{index_text(kwargs['index'], [f'_{i}' for i in range(1, len(args))])}]"


def _index(args: Arguments, kwargs: Keywords, first: int) -> str:
    from tinygrad_lite.readings.code import index_text

    inside = index_text(kwargs["index"], [f"_{i}" for i in range(first, len(args))])
    return inside if inside.isidentifier() else f"np.s_[{inside}]"


def _scatter_add(args: Arguments, kwargs: Keywords) -> Iterator[str]:
    name = "scatter_add" if any(a.dtype.kind != "b" for a in args[1:]) else "placed"
    yield f"{name}(_0, {_index(args, kwargs, 1)}, {_text(tuple(kwargs['shape']))})"


def _put(args: Arguments, kwargs: Keywords) -> Iterator[str]:
    yield f"replaced(_0, {_index(args, kwargs, 2)}, _1)"


def _unpick(args: Arguments, kwargs: Keywords) -> Iterator[str]:
    yield f"placed(_0, (np.arange(len(_1)), _1), (len(_1), {_text(kwargs['classes'])}))"


def _logsumexp(args: Arguments, kwargs: Keywords) -> Iterator[str]:
    axis = kwargs["axis"]
    how = _how({"axis": axis}) or "axis=None"
    if not kwargs["keepdims"]:
        yield f"logsumexp(_0, {how})"
    elif axis == -1:
        yield f"logsumexp(_0, {how})[..., None]"


def _largest(args: Arguments, kwargs: Keywords) -> Iterator[str]:
    yield f"_0.max({_how(kwargs)}, keepdims=True)" if kwargs["axis"] is not None else "_0.max()"


def _sigmoid(args: Arguments, kwargs: Keywords) -> Iterator[str]:
    yield "sigmoid(_0)"


def _einsum(args: Arguments, kwargs: Keywords) -> Iterator[str]:
    operands = ", ".join(f"_{i}" for i in range(len(args)))
    for more in ("", ", optimize=True"):
        yield f"np.einsum({_text(kwargs['subscripts'])}, {operands}{more})"


def _joined(name: str) -> Callable[[Arguments, Keywords], Iterator[str]]:
    def joined(args: Arguments, kwargs: Keywords) -> Iterator[str]:
        axis = "" if kwargs["axis"] == 0 else f", axis={_text(kwargs['axis'])}"
        yield f"np.{name}([{', '.join(f'_{i}' for i in range(len(args)))}]{axis})"

    return joined


def _affine(args: Arguments, kwargs: Keywords) -> Iterator[str]:
    bias = " + _2" if len(args) > 2 and args[2] is not None else ""
    if np.ndim(args[0]) == 1:
        yield f"_1 @ _0{bias}"
    yield f"_0 @ _1.T{bias}"
    yield f"np.dot(_0, _1.T){bias}"


def _product(args: Arguments, kwargs: Keywords) -> Iterator[str]:
    if all(np.ndim(a) in (1, 2) for a in args):
        yield "_0 @ _1"


def _squared_loss(args: Arguments, kwargs: Keywords) -> Iterator[str]:
    a = args[0]
    if np.broadcast_shapes(np.shape(a), np.shape(args[1])) in ((), (1,), (1, 1)):  # one difference: nothing to add up
        yield "0.5 * np.sum((_0 - _1) ** 2)"
    n = {0: "", 1: "", 2: " / len(_0)"}.get(np.ndim(a), f" / ({math.prod(np.shape(a)[:-1])})")
    yield f"0.5 * np.vdot(_0 - _1, _0 - _1){n}"


def _astype(args: Arguments, kwargs: Keywords) -> Iterator[str]:
    yield f"_0.astype({_text(kwargs['dtype'])})"


def _identity(args: Arguments, kwargs: Keywords) -> Iterator[str]:
    yield "_0"


def _full(args: Arguments, kwargs: Keywords) -> Iterator[str]:
    shape, number = kwargs["shape"], args[0]
    dtype = "" if kwargs["dtype"] == np.float64 else f", dtype={_text(kwargs['dtype'])}"
    if not shape:
        yield "_0"
        yield f"{_text(kwargs['dtype'])}(_0)"
        return
    text = _text(tuple(shape) if len(shape) > 1 else shape[0])
    if number in (0, 1):
        yield f"np.{'ones' if number else 'zeros'}({text}{dtype})"
    yield f"np.full({text}, _0{dtype})"


def _counted(args: Arguments, kwargs: Keywords) -> Iterator[str]:
    yield "np.arange(_0)"


def _onehot(args: Arguments, kwargs: Keywords) -> Iterator[str]:
    dtype = "" if kwargs["dtype"] == np.float64 else f", dtype={_text(kwargs['dtype'])}"
    yield f"np.eye({_text(kwargs['classes'])}{dtype})[_0]"


def _clip(args: Arguments, kwargs: Keywords) -> Iterator[str]:
    low, high = (a is None and not isinstance(a, np.ndarray) for a in (args[1], args[2]))
    if high and not low:
        yield "np.maximum(_0, _1)"
    if low and not high:
        yield "np.minimum(_0, _2)"


KNOWN: dict[str, Callable[[Arguments, Keywords], Iterator[str]]] = {
    "affine": _affine,
    "arange": _counted,
    "astype": _astype,
    "broadcast_to": _broadcast_to,
    "clip": _clip,
    "concatenate": _joined("concatenate"),
    "cumprod": _reduction("cumprod"),
    "cumsum": _reduction("cumsum"),
    "dot": _product,
    "expand_dims": _expand_dims,
    "full": _full,
    "getitem": _getitem,
    "detach": _identity,
    "identity": _identity,
    "einsum": _einsum,
    "largest": _largest,
    "logsumexp": _logsumexp,
    "max": _reduction("max"),
    "mean": _reduction("mean"),
    "min": _reduction("min"),
    "onehot": _onehot,
    "prod": _reduction("prod"),
    "put": _put,
    "reshape": _reshape,
    "scatter_add": _scatter_add,
    "sigmoid": _sigmoid,
    "squared_loss": _squared_loss,
    "squeeze": _squeeze,
    "stack": _joined("stack"),
    "std": _reduction("std"),
    "sum": _reduction("sum"),
    "transpose": _transpose,
    "unpick": _unpick,
    "var": _reduction("var"),
}
