"""What somebody who comes from PyTorch types: its names of arguments, its `.to(...)` and its devices."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from tinygrad_lite.tensor import Tensor

PLACES = {"input": 0, "target": 1, "hx": 1}  # which operand of forward() it is, whatever that is called here
DEVICES = ("cpu", "cuda", "mps", "xpu", "meta", "gpu")


ELSEWHERE = {  # modules of PyTorch's that are a line of NumPy, or of a module, here
    "functional": "modules as functions, nn.CrossEntropyLoss()(z, y), tl.relu, tl.softmax, and NumPy's own",
    "MaxPool1d": "nn.MaxPool2d((1, k))(x[:, :, None])[:, :, 0]",
    "AvgPool1d": "nn.AvgPool2d((1, k))(x[:, :, None])[:, :, 0]",
    "AdaptiveMaxPool2d": "x.max(axis=(2, 3), keepdims=True)",
    "ConvTranspose1d": "nn.ConvTranspose2d(3, 4, (1, k))(x[:, :, None])[:, :, 0]",
    "Dropout2d": "x * drop(np.ones((*x.shape[:2], 1, 1))) with drop = nn.Dropout(p)",
    "Upsample": "np.repeat(np.repeat(x, 2, axis=2), 2, axis=3)",
    "ZeroPad2d": "np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)))",
    "InstanceNorm2d": "nn.GroupNorm(channels, channels)",
    "RMSNorm": "x / np.sqrt((x**2).mean(axis=-1, keepdims=True) + eps)",
    "CosineSimilarity": "(a * b).sum(1) / (np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1))",
    "TripletMarginLoss": "np.maximum(0, np.linalg.norm(a - p, axis=1) - np.linalg.norm(a - n, axis=1) + 1).mean()",
    "MarginRankingLoss": "np.maximum(0, -y * (a - b)).mean()",
    "ParameterList": "a list: the parameters in it are found",
    "ParameterDict": "a dict: the parameters in it are found",
    "LazyLinear": "nn.Linear with both sizes",
}


def renamed(forward: Callable[..., Any], keywords: dict[str, Any]) -> dict[str, Any]:
    """The keywords of a call as `forward` calls them: input= is its first operand, target= and hx= its second."""
    if PLACES.keys().isdisjoint(keywords):
        return keywords
    parameters = inspect.signature(forward).parameters
    operands = [name for name, p in parameters.items() if p.kind is p.POSITIONAL_OR_KEYWORD]
    found = dict(keywords)
    for word, place in PLACES.items():
        own = operands[place] if place < len(operands) else word
        if word in found and word not in parameters and own not in found:  # given twice it is an error, as it should be
            found[own] = found.pop(word)
    return found


def wanted_dtype(who: str, targets: Iterable[Any]) -> Any:
    """The float dtype among the targets of `.to(...)`, None if there is none; the cpu is where everything is.

    Raises: ValueError for a device; TypeError for what is neither that nor a float dtype.
    """
    found = None
    for target in targets:
        if target is None:
            continue
        if isinstance(target, str) and target.partition(":")[0] in DEVICES:
            if target.partition(":")[0] != "cpu":
                raise ValueError(f"{who}.to({target!r}): NumPy computes on the CPU only. {FASTER}")
            continue
        try:
            found = target.dtype if isinstance(target, (Tensor, np.ndarray)) else np.dtype(target)
        except TypeError:
            found = None
        if found is None or found.kind != "f":
            raise TypeError(
                f"{who}.to({target if found is None else found}): parameters are floats; give a float dtype such as "
                "np.float32, or leave .to out"
            )
    return found


FASTER = "Leave this out; float32 (.float()) and tl.compile make a network faster here."
HALF = (
    "NumPy computes with 16 bits number by number, slower than with 32 and less exactly. Take .float(); to save memory "
    "all the same, .to(np.float16)."
)
