"""Networks: modules that hold parameters, and losses. The names are PyTorch's."""

from tinygrad_lite.nn import init, utils
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
from tinygrad_lite.nn.attention import MultiheadAttention
from tinygrad_lite.nn.class_losses import CrossEntropyLoss, NLLLoss
from tinygrad_lite.nn.containers import ModuleDict, ModuleList, Sequential
from tinygrad_lite.nn.convolution import Conv1d, Conv2d, ConvTranspose2d
from tinygrad_lite.nn.layers import Dropout, Embedding, Flatten, Identity, Linear, Unflatten
from tinygrad_lite.nn.losses import HuberLoss, L1Loss, MSELoss, SmoothL1Loss, SquaredLoss
from tinygrad_lite.nn.margin_losses import (
    HingeEmbeddingLoss,
    MultiLabelMarginLoss,
    MultiLabelSoftMarginLoss,
    MultiMarginLoss,
    SoftMarginLoss,
)
from tinygrad_lite.nn.module import Buffer, Module, Parameter
from tinygrad_lite.nn.normalisation import BatchNorm1d, BatchNorm2d, GroupNorm, LayerNorm
from tinygrad_lite.nn.pooling import AdaptiveAvgPool2d, AvgPool2d, MaxPool2d
from tinygrad_lite.nn.probability_losses import BCELoss, BCEWithLogitsLoss, KLDivLoss
from tinygrad_lite.nn.recurrent import GRU, LSTM, RNN, GRUCell, LSTMCell, RNNCell

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
    "GRU",
    "GRUCell",
    "GroupNorm",
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
    "LogSoftmax",
    "MSELoss",
    "MaxPool2d",
    "Module",
    "ModuleDict",
    "ModuleList",
    "MultiLabelMarginLoss",
    "MultiLabelSoftMarginLoss",
    "MultiMarginLoss",
    "MultiheadAttention",
    "NLLLoss",
    "Parameter",
    "RNN",
    "RNNCell",
    "ReLU",
    "SELU",
    "Sequential",
    "SiLU",
    "Sigmoid",
    "SmoothL1Loss",
    "SoftMarginLoss",
    "Softmax",
    "Softplus",
    "SquaredLoss",
    "Tanh",
    "Unflatten",
    "init",
    "utils",
]
