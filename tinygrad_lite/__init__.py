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

from typing import TYPE_CHECKING

from tinygrad_lite.context import no_grad
from tinygrad_lite.graph import GraphError
from tinygrad_lite.later import later
from tinygrad_lite.primitive import MORE_ANSWERS, Primitive, constant, general, linear, pointwise
from tinygrad_lite.tensor import Tensor, tensor

if TYPE_CHECKING:
    from tinygrad_lite import data, nn, optim, testing
    from tinygrad_lite.checking import GradientError, check, gradcheck
    from tinygrad_lite.fitting import fit
    from tinygrad_lite.functions import erf, erfc, log_softmax, logsumexp, relu, sigmoid, softmax
    from tinygrad_lite.readings.compile import TracingError, compile
    from tinygrad_lite.readings.derive import derive
    from tinygrad_lite.readings.draw import draw
    from tinygrad_lite.readings.source import source
    from tinygrad_lite.saving import load, save
    from tinygrad_lite.transforms import checkpoint, grad, hessian, hvp, jacobian, jvp, value_and_grad, vjp

__version__ = "0.1.0"

__all__ = [
    "GradientError",
    "GraphError",
    "Primitive",
    "Tensor",
    "TracingError",
    "check",
    "checkpoint",
    "compile",
    "constant",
    "data",
    "derive",
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
    "source",
    "tensor",
    "testing",
    "value_and_grad",
    "vjp",
]

MORE_ANSWERS.append("tinygrad_lite.functions")

# The engine is here at once; the rest is imported when it is first asked for.
__getattr__ = later(
    __name__,
    {name: f"tinygrad_lite.{name}" for name in ("data", "nn", "optim", "testing")}
    | dict.fromkeys(("GradientError", "check", "gradcheck"), "tinygrad_lite.checking")
    | dict.fromkeys(
        ("erf", "erfc", "log_softmax", "logsumexp", "relu", "sigmoid", "softmax"), "tinygrad_lite.functions"
    )
    | dict.fromkeys(
        ("checkpoint", "grad", "hessian", "hvp", "jacobian", "jvp", "value_and_grad", "vjp"),
        "tinygrad_lite.transforms",
    )
    | dict.fromkeys(("TracingError", "compile"), "tinygrad_lite.readings.compile")
    | {
        "derive": "tinygrad_lite.readings.derive",
        "draw": "tinygrad_lite.readings.draw",
        "fit": "tinygrad_lite.fitting",
        "load": "tinygrad_lite.saving",
        "save": "tinygrad_lite.saving",
        "source": "tinygrad_lite.readings.source",
    },
)


def __dir__() -> list[str]:
    return [*globals(), *__all__]
