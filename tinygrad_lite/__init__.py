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

from tinygrad_lite import nn, optim
from tinygrad_lite.context import no_grad
from tinygrad_lite.graph import GraphError
from tinygrad_lite.numpy_functions import log_softmax, logsumexp, relu, sigmoid, softmax
from tinygrad_lite.primitive import Primitive, constant, general, linear, pointwise
from tinygrad_lite.tensor import Tensor, tensor
from tinygrad_lite.transforms import grad, value_and_grad

__version__ = "0.1.0"

__all__ = [
    "GraphError",
    "Primitive",
    "Tensor",
    "constant",
    "general",
    "grad",
    "linear",
    "log_softmax",
    "logsumexp",
    "nn",
    "no_grad",
    "optim",
    "pointwise",
    "relu",
    "sigmoid",
    "softmax",
    "tensor",
    "value_and_grad",
]
