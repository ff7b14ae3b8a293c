"""What holds for right gradients without a reference: identities that need only the student's own numbers.

Each catches a family of mistakes. None of them can prove a gradient right.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from html import escape
from typing import Any

import numpy as np

from tinygrad_lite.checking.claims import tolerance
from tinygrad_lite.checking.intake import as_array
from tinygrad_lite.checking.showing import bundle

MANY = 16  # examples that are tried one by one


@dataclass
class Identity:
    """One identity: what it says, how far it is off relative to its terms, and whether it holds."""

    name: str
    says: str
    off: float
    holds: bool


@dataclass(repr=False)
class Identities:
    """The identities that could be tried. True if all of them hold."""

    found: list[Identity]

    def __bool__(self) -> bool:
        return bool(self.found) and all(identity.holds for identity in self.found)

    def __getitem__(self, name: str) -> Identity:
        return next(identity for identity in self.found if identity.name == name)

    def __iter__(self) -> Any:
        return iter(self.found)

    def __repr__(self) -> str:
        if not self.found:
            return (
                "no identity could be tried: they need gradients and parameters called W1, W2 (and b1), or dlogits, "
                "or dx and xhat, or a function and x"
            )
        width = max(len(identity.name) for identity in self.found)
        return "\n".join(
            f"{i.name.ljust(width)}  {'holds' if i.holds else f'FAILS, off by {i.off:.2g}':<22}  {i.says}"
            for i in self.found
        )

    __str__ = __repr__

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return bundle(repr(self), f"<pre>{escape(repr(self))}</pre>", bool(self))


def identities(
    gradients: Mapping[str, Any] | Callable[..., Mapping[str, Any]],
    parameters: Mapping[str, Any] | None = None,
    *,
    x: Any = None,
    y: Any = None,
    columns: bool = False,
    reduction: str = "mean",
) -> Identities:
    """Try what holds for gradients without knowing the network's loss.

    gradients   {"W1": dW1, "b1": db1, "W2": ..., "dlogits": ..., "dx": ..., "xhat": ...}, those that are there; or a
                function (parameters, x, y) that returns them, and then batches and permutations are tried too
    parameters  the values at which they were taken, for the balance of relu units: W1 (H, I), b1 (H,), W2 (O, H)
    columns     weights are (in, out) instead of (out, in)
    reduction   "mean" or "sum", of the losses of a batch's examples
    Raises: TypeError and ValueError for what are no gradients of these parameters, or a function without them.

    >>> import numpy as np
    >>> W1, b1, W2 = np.ones((3, 2)), np.zeros(3), np.ones((1, 3))
    >>> right = {"W1": -np.array([[2.0, 1.0]] * 3), "b1": -np.ones(3), "W2": -3 * np.ones((1, 3))}
    >>> print(identities(right, {"W1": W1, "b1": b1, "W2": W2}))
    relu balance 1  holds                   for each hidden unit, sum of W1 dW1 + b1 db1 = sum of W2 dW2
    """
    values = {k: np.asarray(v, float) for k, v in (parameters or {}).items()}
    x, y = (None if data is None else np.asarray(data) for data in (x, y))
    if reduction not in ("mean", "sum"):
        raise ValueError(
            f"check.identities: reduction={reduction!r}; a loss is the 'mean' or the 'sum' over its examples"
        )
    run = None
    if callable(gradients):
        if not values or x is None:
            raise TypeError(
                "check.identities: a function is run with its parameters and its examples: "
                'check.identities(gradients, {"W1": W1, "b1": b1}, x=x, y=y)'
            )
        run = _named(gradients, values)
    with np.errstate(all="ignore"):
        got = _copied(gradients, values) if run is None else run(dict(values), x, y)
        found = [*_balance(got, values, columns), *_rows(got), *_norm(got)]
        if run is not None:
            found += _batch(run, values, x, y, got, reduction) + _permuted(run, values, x, y, got, columns)
    return Identities(found)


def _named(gradients: Callable[..., Any], values: Mapping[str, Any]) -> Callable[..., dict[str, Any]]:
    def run(p: Any, x: Any, y: Any) -> dict[str, Any]:
        try:
            found = gradients(
                {key: value.copy() for key, value in p.items()}, x.copy(), None if y is None else y.copy()
            )
        except KeyError as error:
            raise TypeError(
                f"check.identities: the function asked for {error}; parameters= has {', '.join(values)}"
            ) from error
        return _copied(found, values)

    return run


def _copied(gradients: Any, values: Mapping[str, Any]) -> dict[str, Any]:
    """The gradients as arrays, by the names of the parameters: that of W1 may be called dW1 too."""
    if not isinstance(gradients, Mapping):
        raise TypeError(
            'check.identities: gradients are a dict, {"W1": dW1, ...}, or a function (parameters, x, y) that returns '
            f"one; this is {type(gradients).__name__}"
        )
    found = {}
    for key, value in gradients.items():
        name = key[1:] if key not in values and key[:1] == "d" and key[1:] in values else key
        array = as_array(value)
        if array is None:
            raise TypeError(f"check.identities: {key} is {type(value).__name__}, not numbers")
        found[name] = np.asarray(array, float)
        if name in values and found[name].shape != values[name].shape:
            raise ValueError(
                f"check.identities: {key} has the shape {found[name].shape}, where {name} has {values[name].shape}; "
                "a gradient has the shape of its parameter"
            )
    return found


def _compare(name: str, says: str, left: Any, right: Any, scale: Any = None) -> Identity:
    left, right = np.asarray(left), np.asarray(right)
    if left.shape != right.shape:
        return Identity(name, says, np.inf, False)
    size = float(np.max(np.abs(left), initial=0) + np.max(np.abs(right), initial=0)) if scale is None else float(scale)
    off = float(np.max(np.abs(left - right), initial=0)) / (size or 1.0)
    return Identity(name, says, off, bool(off <= max(tolerance(left), 1e-7)))


def _balance(got: Mapping[str, Any], values: Mapping[str, Any], columns: bool) -> list[Identity]:
    # relu(c z) = c relu(z): scaling what comes into a unit by c and what goes out by 1/c changes nothing (Euler).
    found = []
    k = 1
    while {f"W{k}", f"W{k + 1}"} <= set(got) & set(values):
        w, v = f"W{k}", f"W{k + 1}"
        into, out = got[w] * values[w], got[v] * values[v]
        came, went = into.sum(axis=0 if columns else 1), out.sum(axis=1 if columns else 0)
        b = f"b{k}" if f"b{k}" in got else "b"
        says = f"for each hidden unit, sum of {w} d{w} = sum of {v} d{v}"
        if b in got and b in values and values[b].size == came.size:
            came = came + (got[b] * values[b]).reshape(-1)
            says = f"for each hidden unit, sum of {w} d{w} + {b} d{b} = sum of {v} d{v}"
        size = np.abs(into).sum() + np.abs(out).sum()
        if came.shape == went.shape:
            found.append(_compare(f"relu balance {k}", says, came, went, size))
        k += 1
    return found


def _rows(got: Mapping[str, Any]) -> list[Identity]:
    for key in ("dlogits", "dscores", "logits", "scores"):
        if key in got and got[key].ndim == 2:
            g = got[key]
            return [_compare("rows of dlogits", "softmax with cross-entropy: the errors of each example add up to 0",
                             g.sum(axis=1), np.zeros(len(g)), np.abs(g).sum(axis=1).max())]  # fmt: skip
    return []


def _norm(got: Mapping[str, Any]) -> list[Identity]:
    if "dx" not in got or "xhat" not in got or got["dx"].shape != got["xhat"].shape:
        return []
    g, h = got["dx"], got["xhat"]
    says = "batch norm: the errors of what came in add up to 0 over the batch"
    found = [_compare("batch-norm mean", says, g.sum(axis=0), 0 * g.sum(axis=0), np.abs(g).sum(axis=0).max())]
    off = float(np.max(np.abs((g * h).sum(axis=0)), initial=0)) / (
        float(np.abs(g * h).sum(axis=0).max(initial=0)) or 1.0
    )
    says = "batch norm: they are orthogonal to the normalised values (but for eps)"
    return [*found, Identity("batch-norm variance", says, off, off < 1e-3)]


def _batch(run: Any, values: Any, x: Any, y: Any, got: Any, reduction: str) -> list[Identity]:
    if x is None or np.ndim(x) < 2 or len(x) < 2:
        return []
    if len(x) > MANY:
        x, y = x[:MANY], None if y is None else y[:MANY]
        got = run(dict(values), x, y)
    n = len(x)
    keys = [key for key in got if key in values]
    weigh = 1 / n if reduction == "mean" else 1.0

    def at(rows: Any) -> dict[str, Any]:
        return dict(run(dict(values), x[rows], None if y is None else y[rows]))

    if not keys:  # nothing to compare
        return []
    single = [at(np.array([k])) for k in range(n)]
    twice = at(np.tile(np.arange(n), 2))
    turned = at(np.arange(n)[::-1])
    fold = 1.0 if reduction == "mean" else 2.0
    how = "mean" if reduction == "mean" else "sum"
    return [
        _worst("batch of examples", f"the gradient of a batch is the {how} of those of its examples", keys,
               got, {key: weigh * sum(s[key] for s in single) for key in keys}),
        _worst("doubled batch", "every example twice: the mean stays as it was", keys, twice,
               {key: fold * got[key] for key in keys}),
        _worst("batch order", "the order of the examples plays no part", keys, turned, got),
    ]  # fmt: skip


def _permuted(run: Any, values: Any, x: Any, y: Any, got: Any, columns: bool) -> list[Identity]:
    if not {"W1", "W2"} <= set(values) & set(got) or x is None:
        return []
    hidden, inner = (1, 0) if columns else (0, 1)
    units = values["W1"].shape[hidden]
    order = np.roll(np.arange(units), 1)
    new = dict(values)
    new["W1"], new["W2"] = np.take(values["W1"], order, hidden), np.take(values["W2"], order, inner)
    moved = dict(got)
    moved["W1"], moved["W2"] = np.take(got["W1"], order, hidden), np.take(got["W2"], order, inner)
    for b in ("b1", "b"):
        if b in values and values[b].shape[0] == units:
            new[b], moved[b] = values[b][order], got[b][order]
            break
    keys = [key for key in got if key in values]
    return [_worst("permuted units", "hidden units in another order: their gradients move with them", keys,
                   run(new, x, y), moved)]  # fmt: skip


def _worst(name: str, says: str, keys: list[str], left: Any, right: Any) -> Identity:
    tried = [_compare(name, says, left[key], right[key]) for key in keys]
    return max(tried, key=lambda i: i.off, default=Identity(name, says, 0.0, True))
