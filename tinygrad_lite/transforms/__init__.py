"""Functions of functions: derivatives in both modes, of every order, and what is made of them."""

from tinygrad_lite.transforms.checkpointing import checkpoint
from tinygrad_lite.transforms.forward import jvp
from tinygrad_lite.transforms.gradients import grad, value_and_grad, vjp
from tinygrad_lite.transforms.matrices import hessian, hvp, jacobian

__all__ = ["checkpoint", "grad", "hessian", "hvp", "jacobian", "jvp", "value_and_grad", "vjp"]
