"""Optimisers: they move the parameters once the gradients are there."""

from tinygrad_lite.optim.sgd import SGD

__all__ = ["SGD"]
