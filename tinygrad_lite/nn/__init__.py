"""Networks: modules that hold parameters, and losses. The names are PyTorch's."""

from tinygrad_lite.nn.layers import Identity, Linear, ReLU, Sequential
from tinygrad_lite.nn.losses import CrossEntropyLoss, MSELoss, SquaredLoss
from tinygrad_lite.nn.module import Module, Parameter

__all__ = [
    "CrossEntropyLoss",
    "Identity",
    "Linear",
    "MSELoss",
    "Module",
    "Parameter",
    "ReLU",
    "Sequential",
    "SquaredLoss",
]
