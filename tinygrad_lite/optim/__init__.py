"""Optimisers: they move the parameters once the gradients are there. Schedules are in `optim.lr_scheduler`."""

from tinygrad_lite.nn.utils import clip_grad_norm_, clip_grad_value_
from tinygrad_lite.optim import lr_scheduler
from tinygrad_lite.optim.adam import Adam, AdamW
from tinygrad_lite.optim.adaptive import Adagrad, RMSprop
from tinygrad_lite.optim.optimizer import Optimizer
from tinygrad_lite.optim.sgd import SGD

__all__ = [
    "Adagrad",
    "Adam",
    "AdamW",
    "Optimizer",
    "RMSprop",
    "SGD",
    "clip_grad_norm_",
    "clip_grad_value_",
    "lr_scheduler",
]
