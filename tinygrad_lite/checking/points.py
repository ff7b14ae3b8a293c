"""Points at which mistakes show: the user's own, and generic ones with the first unit off."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from tinygrad_lite.checking.structure import Structure
from tinygrad_lite.readings.program import replay
from tinygrad_lite.tensor import Tensor

OWN, GENERIC = "your own point", "a generic point with the first unit off"
DATA = (  # names of what is given and not learnt
    "x", "X", "y", "Y", "t", "target", "targets", "labels", "data", "inputs", "idx", "index", "indices",
    "ids", "tokens", "mask", "keep", "h0", "c0", "reg", "lam", "lambda_", "l2", "eps", "lr", "momentum",
)  # fmt: skip


def loss_at(f: Callable[..., Any], at: Mapping[str, Any], wrt: set[str]) -> tuple[Tensor, dict[str, Any]]:
    """`f` run on Tensors of the numbers `at`: its value, and the tensors by name."""
    tensors: dict[str, Any] = {}
    for name, value in at.items():
        array = np.asarray(value)
        if name in wrt:
            tensors[name] = Tensor(array.astype(float) if array.dtype.kind in "iu" else array, True, name)
        else:
            tensors[name] = value
    loss = f(**tensors)
    if not isinstance(loss, Tensor):
        raise TypeError(
            f"check: against= returned {type(loss).__name__}; it has to compute the loss from {', '.join(sorted(wrt))} "
            "with NumPy's functions, so that it can be differentiated"
        )
    return loss, tensors


def parameters(at: Mapping[str, Any], named: set[str] | None = None) -> set[str]:
    """Which of the numbers are parameters: those asked for; else all arrays of floats that are no data by name."""
    floats = {
        k for k, v in at.items() if np.asarray(v).dtype.kind == "f" or (np.asarray(v).dtype.kind in "iu" and np.ndim(v))
    }
    return (named & set(at)) if named else {k for k in floats if k not in DATA}


def spot_check(structure: Structure) -> str:
    """What to say if the truth does not agree with its own values: one directional derivative by differences."""
    loss, leaves = structure.loss, structure.parameters
    if np.asarray(loss.value).dtype != np.float64 or not leaves:
        return ""
    rng = np.random.default_rng(0)
    ways = {leaf: rng.choice([-1.0, 1.0], np.shape(leaf.value)) for leaf in leaves}
    said = sum(float(np.vdot(structure.truth.computed[leaf], way)) for leaf, way in ways.items())
    size = max(1.0, *(float(np.max(np.abs(leaf.value), initial=0)) for leaf in leaves))
    found = []
    for h in (1e-4 * size, 1e-5 * size):
        with np.errstate(all="ignore"):
            up, down = (
                float(
                    np.asarray(
                        replay(structure.forward, {p: p.value + s * h * w for p, w in ways.items()}).get(
                            loss, loss.value
                        )
                    )
                )
                for s in (1, -1)
            )
        found.append((up - down) / (2 * h))
    scale = sum(float(np.abs(structure.truth.computed[leaf]).sum()) for leaf in leaves) + 1e-300
    if np.isfinite(found[1]) and abs(found[1] - found[0]) < 1e-5 * scale and abs(found[1] - said) > 1e-4 * scale:
        return "the reference's own gradient does not agree with differences of its values: do not trust this report"
    return ""
