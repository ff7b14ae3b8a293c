"""np.pad: entries around an array, which are numbers, its own entries, or made of these."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index

from tinygrad_lite.functions.answering import answers, operand, plain
from tinygrad_lite.primitives import moving
from tinygrad_lite.tensor import Tensor, as_tensor

STATISTICS: dict[str, Callable[..., Any]] = {"mean": np.mean, "maximum": np.max, "minimum": np.min, "median": np.median}
TAKES = {  # the modes, and the keyword of each
    "constant": "constant_values",
    "edge": "",
    "empty": "",
    "linear_ramp": "end_values",
    **dict.fromkeys(STATISTICS, "stat_length"),
    "reflect": "reflect_type",
    "symmetric": "reflect_type",
    "wrap": "",
}


@answers(np.pad)
def _pad(array: Any, pad_width: Any, mode: Any = "constant", **more: Any) -> Any:
    t = as_tensor(array)
    if callable(mode) or mode not in TAKES or not {TAKES[mode]}.issuperset(more):
        modes = ", ".join(f"{name} ({word}=)" if word else name for name, word in TAKES.items())
        raise TypeError(
            f"np.pad on a Tensor has the modes {modes}; this is mode={mode!r}"
            f"{''.join(f', {name}=' for name in more)}. Pad with np.concatenate instead."
        )
    if not t.ndim:  # no axis to pad
        return t.reshape(())
    if isinstance(pad_width, dict):
        axes = {normalize_axis_index(axis, t.ndim): width for axis, width in pad_width.items()}
        pad_width = [axes.get(axis, 0) for axis in range(t.ndim)]
        pad_width = [(w, w) if np.ndim(w) == 0 else w for w in pad_width]
    if np.asarray(plain(pad_width)).dtype.kind not in "iu":
        raise TypeError(f"np.pad: the widths are whole numbers, not {pad_width!r}")
    widths = tuple((int(b), int(a)) for b, a in np.broadcast_to(plain(pad_width), (t.ndim, 2)))
    if mode in ("constant", "empty"):
        return _filled(t, widths, more.get("constant_values", 0))
    kind = more.get("reflect_type", "even")
    if kind not in ("even", "odd"):
        raise ValueError(f"np.pad: reflect_type is 'even' or 'odd', not {kind!r}")
    by_entries = kind == "even" and mode not in STATISTICS and mode != "linear_ramp"
    if by_entries or not t.size:
        return Tensor.record(moving.pad_by_entries, (t,), {"pad_width": widths, "mode": mode})
    if t.dtype.kind != "f":  # rounded as NumPy does, and nothing to differentiate
        return Tensor(np.pad(plain(t), widths, mode, **{word: plain(value) for word, value in more.items()}))
    return _made_of_entries(t, widths, mode, more)


def _filled(t: Tensor, widths: Any, filling: Any) -> Any:
    """`t` with numbers around it: one, or one for each side. A tensor among them has a gradient too."""
    sides = _assembled(filling)
    if not isinstance(sides, Tensor):
        return Tensor.record(moving.pad, (t,), {"pad_width": widths, "filling": filling})
    sides = np.broadcast_to(sides, (t.ndim, 2)).reshape(-1).astype(t.dtype)
    side = np.pad(np.full(t.shape, -1), widths, constant_values=np.arange(2 * t.ndim).reshape(-1, 2))
    inside = Tensor.record(moving.pad, (t,), {"pad_width": widths, "filling": 0})
    return np.where(side < 0, inside, sides[side])


def _assembled(part: Any) -> Any:
    return np.stack([_assembled(p) for p in part]) if isinstance(part, (list, tuple)) else operand(part)


# -- what is made of the entries, along one axis after the other, so that corners are made of what was made ----------


def _made_of_entries(t: Any, widths: Any, mode: str, more: dict[str, Any]) -> Any:
    length = more.get("stat_length")
    lengths = np.broadcast_to(max(t.shape) if length is None else length, (t.ndim, 2))
    if (lengths < 1).any():
        raise ValueError(f"np.pad: stat_length counts the entries at an end, at least 1, and is {length}")
    ends = np.broadcast_to(_assembled(more.get("end_values", 0)), (t.ndim, 2)).astype(t.dtype)
    for axis, (before, after) in enumerate(widths):
        n = t.shape[axis]
        places = np.arange(-before, 0), np.arange(n, n + after)
        if mode == "linear_ramp":
            sides = [
                _ramp(ends[axis, 0], np.take(t, 0, axis), before, axis),
                np.flip(_ramp(ends[axis, 1], np.take(t, -1, axis), after, axis), axis),
            ]
        elif mode in STATISTICS:
            sides = [_statistic(t, STATISTICS[mode], axis, int(m), k == 1) for k, m in enumerate(lengths[axis])]
            sides = [np.repeat(side, len(where), axis) for side, where in zip(sides, places, strict=True)]
        else:
            sides = [_mirrored(t, where, axis, mode == "symmetric") for where in places]
        t = np.concatenate([sides[0], t, sides[1]], axis)
    return t


def _ramp(end: Any, edge: Any, width: int, axis: int) -> Any:
    return np.linspace(np.broadcast_to(end, edge.shape), edge, width, endpoint=False, axis=axis).astype(edge.dtype)


def _statistic(t: Any, statistic: Callable[..., Any], axis: int, length: int, last: bool) -> Any:
    """Of as many entries at one end of the axis; of all of them, if there are no more."""
    n = t.shape[axis]
    if length < n:
        t = np.take(t, range(n - length, n) if last else range(length), axis)
    return statistic(t, axis=axis, keepdims=True)


def _mirrored(t: Any, places: Any, axis: int, edge_too: bool) -> Any:
    """What stands at places before 0 or after n - 1 if the sequence goes on turned about each end, by half a turn.

    With the last entry l, the first f and a period p = n - 1 (p = n if edges come twice), at r + q p:
    x_r + q (l - f) for an even q, (q + 1) l - (q - 1) f - x_s for an odd one, s being the mirror image of r.
    """
    n = t.shape[axis]
    period = n if edge_too else max(n - 1, 1)
    q, r = np.divmod(places, period)
    odd = q % 2 == 1
    index = np.where(odd, n - 1 - r, r) if n > 1 else np.zeros_like(r)

    def along(a: Any) -> Any:
        return a.astype(t.dtype).reshape([-1 if k == axis else 1 for k in range(t.ndim)])

    first, last = np.take(t, [0], axis), np.take(t, [n - 1], axis)
    entries = np.take(t, index, axis) * along(np.where(odd, -1, 1))
    return entries + along(q + odd) * last - along(q - odd) * first
