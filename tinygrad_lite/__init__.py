"""tinygrad_lite: reverse-mode automatic differentiation that explains itself, in plain Python on NumPy.

>>> import numpy as np, tinygrad_lite as tl
>>> from tinygrad_lite import nn, optim
>>> W = tl.tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True, name="W")
>>> loss = np.sum(np.tanh(np.array([0.5, -0.5]) @ W))
>>> loss.backward()
>>> W.grad
array([[ 0.20998717,  0.20998717],
       [-0.20998717, -0.20998717]])
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from tinygrad_lite import nn, optim, testing
from tinygrad_lite.check import GradientError, gradcheck
from tinygrad_lite.context import no_grad
from tinygrad_lite.graph import GraphError
from tinygrad_lite.functions import erf, erfc, log_softmax, logsumexp, relu, sigmoid, softmax
from tinygrad_lite.primitive import Primitive, constant, general, linear, pointwise
from tinygrad_lite.tensor import Tensor, tensor
from tinygrad_lite.transforms import checkpoint, grad, hessian, hvp, jacobian, jvp, value_and_grad, vjp

if TYPE_CHECKING:
    from tinygrad_lite.fitting import fit
    from tinygrad_lite.readings.draw import draw
    from tinygrad_lite.saving import load, save

__version__ = "0.1.0"

__all__ = [
    "GradientError",
    "GraphError",
    "Primitive",
    "Tensor",
    "checkpoint",
    "constant",
    "draw",
    "erf",
    "erfc",
    "fit",
    "general",
    "grad",
    "gradcheck",
    "hessian",
    "hvp",
    "jacobian",
    "jvp",
    "linear",
    "load",
    "log_softmax",
    "logsumexp",
    "nn",
    "no_grad",
    "optim",
    "pointwise",
    "relu",
    "save",
    "sigmoid",
    "softmax",
    "tensor",
    "value_and_grad",
    "vjp",
]

# Readings bring libraries of their own; they are imported when they are first asked for.
READINGS = {
    "draw": "tinygrad_lite.readings.draw",
    "fit": "tinygrad_lite.fitting",
    "load": "tinygrad_lite.saving",
    "save": "tinygrad_lite.saving",
}


def __getattr__(name: str) -> Any:
    if name in READINGS:
        value = globals()[name] = getattr(import_module(READINGS[name]), name)
        return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def _show(self: Any, include: Any = None, exclude: Any = None) -> dict[str, str]:
    """What a notebook shows of a Tensor or a Module; it is given to them here, for they know none of their readers."""
    bundle: dict[str, str] = import_module("tinygrad_lite.readings.draw").mimebundle(self)
    return bundle


for _shown in (Tensor, nn.Module):
    setattr(_shown, "_repr_mimebundle_", _show)  # noqa: B010  # an assignment is what the type checker refuses
