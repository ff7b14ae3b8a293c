"""Points at which mistakes show: the user's own, and generic ones with the first unit off."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from tinygrad_lite.checking.recognise import stem
from tinygrad_lite.checking.structure import Structure
from tinygrad_lite.readings.program import replay
from tinygrad_lite.tensor import Tensor

OWN, GENERIC = "your own point", "a generic point with the first unit off"
DATA = (  # names of what is given and not learnt; with a number behind it too
    "x", "X", "y", "Y", "t", "target", "targets", "labels", "data", "inputs", "idx", "index", "indices",
    "ids", "tokens", "mask", "keep", "keep_prob", "h0", "c0", "h_prev", "c_prev", "prev_h", "prev_c", "noise",
    "reg", "lam", "lambda_", "lambd", "lmbda", "l2", "eps", "epsilon", "lr", "eta", "momentum", "wd", "weight_decay",
)  # fmt: skip
# Names of what is learnt: where no gradient of it is handed in, one is missing.
LEARNT = re.compile(r"[WwbUV]_?[A-Za-z]{0,3}\d{0,2}|(weights?|bias(es)?|theta|gamma|beta|kernel|embeddings?)_?\w{0,4}")
LEARNT_NUMBER = re.compile(r"[Wwb]\d*")


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


def parameters(at: Mapping[str, Any], gradients: Iterable[str] = ()) -> set[str]:
    """Which of the numbers are parameters: those that `gradients` names, and what else is learnt by its name.

    Without names of gradients, or where they say nothing, all arrays of floats that are no data by name.

    >>> at = {"W1": np.ones((2, 3)), "h": np.ones(3), "x": np.ones(2), "rate": 0.5}
    >>> sorted(parameters(at, ["dW1"])), sorted(parameters(at))
    (['W1'], ['W1', 'h', 'rate'])
    """
    floats = {
        k for k, v in at.items() if np.asarray(v).dtype.kind == "f" or (np.asarray(v).dtype.kind in "iu" and np.ndim(v))
    }
    likely = {k for k in floats if k not in DATA and re.sub(r"_?\d+$", "", k) not in DATA}
    called = {name for key in gradients for name in (key, stem(key))}
    named = {k for k in floats if k in called and k not in DATA}
    if not named:
        return likely
    return named | {k for k in likely if learnt_by_name(k, at[k])}


def learnt_by_name(name: str, value: Any) -> bool:
    """Whether a number is a parameter by its name alone: a gradient of it that is not there is missing."""
    return (LEARNT if np.ndim(value) else LEARNT_NUMBER).fullmatch(name) is not None


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
