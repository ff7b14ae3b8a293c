"""Networks: modules that hold parameters, and losses. The names are PyTorch's.

What a first network needs is imported with the package, the other families when they are first asked for.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from tinygrad_lite.nn.activations import (
    ELU,
    GELU,
    SELU,
    LeakyReLU,
    LogSoftmax,
    ReLU,
    Sigmoid,
    SiLU,
    Softmax,
    Softplus,
    Tanh,
)
from tinygrad_lite.nn.class_losses import CrossEntropyLoss, NLLLoss
from tinygrad_lite.nn.containers import ModuleDict, ModuleList, Sequential
from tinygrad_lite.nn.layers import Dropout, Embedding, Flatten, Identity, Linear, Unflatten
from tinygrad_lite.nn.losses import HuberLoss, L1Loss, MSELoss, SmoothL1Loss, SquaredLoss
from tinygrad_lite.nn.module import Buffer, Module, Parameter

if TYPE_CHECKING:
    from tinygrad_lite.nn import init, utils
    from tinygrad_lite.nn.attention import MultiheadAttention
    from tinygrad_lite.nn.convolution import Conv1d, Conv2d, ConvTranspose2d
    from tinygrad_lite.nn.margin_losses import (
        HingeEmbeddingLoss,
        MultiLabelMarginLoss,
        MultiLabelSoftMarginLoss,
        MultiMarginLoss,
        SoftMarginLoss,
    )
    from tinygrad_lite.nn.more_activations import (
        GLU,
        Hardsigmoid,
        Hardswish,
        Hardtanh,
        LogSigmoid,
        Mish,
        PReLU,
        ReLU6,
        Softmin,
        Softsign,
    )
    from tinygrad_lite.nn.normalisation import BatchNorm1d, BatchNorm2d, GroupNorm, LayerNorm
    from tinygrad_lite.nn.pooling import AdaptiveAvgPool2d, AvgPool2d, MaxPool2d
    from tinygrad_lite.nn.probability_losses import BCELoss, BCEWithLogitsLoss, KLDivLoss
    from tinygrad_lite.nn.recurrent import GRU, LSTM, RNN
    from tinygrad_lite.nn.recurrent_cells import GRUCell, LSTMCell, RNNCell

__all__ = [
    "AdaptiveAvgPool2d",
    "AvgPool2d",
    "BCELoss",
    "BCEWithLogitsLoss",
    "BatchNorm1d",
    "BatchNorm2d",
    "Buffer",
    "Conv1d",
    "Conv2d",
    "ConvTranspose2d",
    "CrossEntropyLoss",
    "Dropout",
    "ELU",
    "Embedding",
    "Flatten",
    "GELU",
    "GLU",
    "GRU",
    "GRUCell",
    "GroupNorm",
    "Hardsigmoid",
    "Hardswish",
    "Hardtanh",
    "HingeEmbeddingLoss",
    "HuberLoss",
    "Identity",
    "KLDivLoss",
    "L1Loss",
    "LSTM",
    "LSTMCell",
    "LayerNorm",
    "LeakyReLU",
    "Linear",
    "LogSigmoid",
    "LogSoftmax",
    "MSELoss",
    "MaxPool2d",
    "Mish",
    "Module",
    "ModuleDict",
    "ModuleList",
    "MultiLabelMarginLoss",
    "MultiLabelSoftMarginLoss",
    "MultiMarginLoss",
    "MultiheadAttention",
    "NLLLoss",
    "PReLU",
    "Parameter",
    "RNN",
    "RNNCell",
    "ReLU",
    "ReLU6",
    "SELU",
    "Sequential",
    "SiLU",
    "Sigmoid",
    "SmoothL1Loss",
    "SoftMarginLoss",
    "Softmax",
    "Softmin",
    "Softplus",
    "Softsign",
    "SquaredLoss",
    "Tanh",
    "Unflatten",
    "init",
    "utils",
]

LATER = {
    "attention": ("MultiheadAttention",),
    "convolution": ("Conv1d", "Conv2d", "ConvTranspose2d"),
    "margin_losses": (
        "HingeEmbeddingLoss",
        "MultiLabelMarginLoss",
        "MultiLabelSoftMarginLoss",
        "MultiMarginLoss",
        "SoftMarginLoss",
    ),
    "more_activations": (
        "GLU",
        "Hardsigmoid",
        "Hardswish",
        "Hardtanh",
        "LogSigmoid",
        "Mish",
        "PReLU",
        "ReLU6",
        "Softmin",
        "Softsign",
    ),
    "normalisation": ("BatchNorm1d", "BatchNorm2d", "GroupNorm", "LayerNorm"),
    "pooling": ("AdaptiveAvgPool2d", "AvgPool2d", "MaxPool2d"),
    "probability_losses": ("BCELoss", "BCEWithLogitsLoss", "KLDivLoss"),
    "recurrent": ("GRU", "LSTM", "RNN"),
    "recurrent_cells": ("GRUCell", "LSTMCell", "RNNCell"),
}
HOME = {name: module for module, names in LATER.items() for name in names}


def __getattr__(name: str) -> Any:
    if name in HOME:
        value = getattr(import_module(f"tinygrad_lite.nn.{HOME[name]}"), name)
    elif name in ("init", "utils"):
        value = import_module(f"tinygrad_lite.nn.{name}")
    else:
        elsewhere = import_module("tinygrad_lite.nn.familiar").ELSEWHERE
        advice = f"; write {elsewhere[name]}" if name in elsewhere else ""
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}{advice}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
