"""The same step in each library, each as its own manual would write it."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from . import steps_numpy
from .rows import Row, Runner, flat


def load(module: str) -> Any:
    """The imported module; Any, so that the types of this file can be checked without any peer."""
    return importlib.import_module(module)


def build_tinygrad_lite(row: Row) -> Runner:
    """Modules, a loss and SGD, eager."""
    tl = load("tinygrad_lite")
    nn, optim = load("tinygrad_lite.nn"), load("tinygrad_lite.optim")
    rng = np.random.default_rng(0)
    modules: list[Any] = []
    for w, *bias in row.layers():
        linear = nn.Linear(w.shape[1], w.shape[0], bias=bool(bias), dtype=row.dtype, rng=rng)
        for p, value in zip(linear.parameters(), (w, *bias), strict=True):
            p.data = value
        modules += [linear, nn.ReLU()]
    net = nn.Sequential(*modules[:-1])
    criterion = nn.SquaredLoss() if row.loss == "squared" else nn.CrossEntropyLoss()
    opt = optim.SGD(net.parameters(), lr=row.lr)
    inputs, targets = row.data()
    x, y = tl.tensor(inputs), targets if row.loss == "cross-entropy" else tl.tensor(targets)

    def step() -> object:
        opt.zero_grad()
        loss = criterion(net(x), y)
        loss.backward()
        opt.step()
        return loss

    return Runner(step, lambda: [np.array(p.data) for p in net.parameters()])


def build_torch(row: Row) -> Runner:
    """Modules, a loss and SGD, eager."""
    torch = load("torch")
    nn, functional = torch.nn, torch.nn.functional
    modules: list[Any] = []
    for w, *bias in row.layers():
        linear = nn.Linear(w.shape[1], w.shape[0], bias=bool(bias))
        for p, value in zip(linear.parameters(), (w, *bias), strict=True):
            p.data = torch.from_numpy(value)
        modules += [linear, nn.ReLU()]
    net = nn.Sequential(*modules[:-1])
    opt = torch.optim.SGD(net.parameters(), lr=row.lr)
    x, y = map(torch.from_numpy, row.data())

    def step() -> object:
        opt.zero_grad()
        if row.loss == "squared":
            loss = 0.5 * functional.mse_loss(net(x), y, reduction="sum")
        else:
            loss = functional.cross_entropy(net(x), y)
        loss.backward()
        opt.step()
        return loss

    return Runner(step, lambda: [p.detach().numpy().copy() for p in net.parameters()])


def build_jax(row: Row) -> Runner:
    """The whole step under jit, waited for."""
    jax = load("jax")
    jnp = jax.numpy
    jax.config.update("jax_enable_x64", True)  # the first row is float64; float32 inputs stay float32
    params = [[jnp.asarray(p) for p in layer] for layer in row.layers()]
    x, y = map(jnp.asarray, row.data())

    def linear(a: Any, w: Any, b: Any = None) -> Any:
        return a @ w.T if b is None else a @ w.T + b

    def loss_of(params: Any, x: Any, y: Any) -> Any:
        a = x
        for layer in params[:-1]:
            a = jax.nn.relu(linear(a, *layer))
        out = linear(a, *params[-1])
        if row.loss == "squared":
            return 0.5 * jnp.sum((out - y) ** 2)
        return -jnp.mean(jax.nn.log_softmax(out)[jnp.arange(len(y)), y])

    @jax.jit  # type: ignore[untyped-decorator, unused-ignore]
    def update(params: Any, x: Any, y: Any) -> Any:
        loss, grads = jax.value_and_grad(loss_of)(params, x, y)
        return loss, jax.tree_util.tree_map(lambda p, g: p - row.lr * g, params, grads)

    def step() -> object:
        nonlocal params
        loss, params = jax.block_until_ready(update(params, x, y))
        return loss

    return Runner(step, lambda: [np.array(p) for p in flat(params)])


def build_autograd(row: Row) -> Runner:
    """A loss of a list of arrays, differentiated by value_and_grad."""
    anp = load("autograd.numpy")
    params = row.layers()
    x, y = row.data()
    every = np.arange(len(y))

    def linear(a: Any, w: Any, b: Any = None) -> Any:
        return anp.dot(a, w.T) if b is None else anp.dot(a, w.T) + b

    def loss_of(params: Any) -> Any:
        a = x
        for layer in params[:-1]:
            a = anp.maximum(linear(a, *layer), 0)
        out = linear(a, *params[-1])
        if row.loss == "squared":
            return 0.5 * anp.sum((out - y) ** 2)
        shifted = out - anp.max(out, axis=1, keepdims=True)
        return anp.mean(anp.log(anp.sum(anp.exp(shifted), axis=1)) - shifted[every, y])

    value_and_grad = load("autograd").value_and_grad(loss_of)

    def step() -> object:
        loss, grads = value_and_grad(params)
        for p, g in zip(flat(params), flat(grads), strict=True):
            p -= row.lr * g
        return loss

    return Runner(step, lambda: [p.copy() for p in flat(params)])


def build_mygrad(row: Row) -> Runner:
    """Tensors for the parameters, plain arrays for the batch, the fused cross-entropy of mygrad.nnet."""
    mg = load("mygrad")
    relu = load("mygrad.nnet.activations").relu
    cross_entropy = load("mygrad.nnet.losses").softmax_crossentropy
    params = [[mg.tensor(p) for p in layer] for layer in row.layers()]
    x, y = row.data()

    def linear(a: Any, w: Any, b: Any = None) -> Any:
        return mg.matmul(a, w.T) if b is None else mg.matmul(a, w.T) + b

    def step() -> object:
        a = x
        for layer in params[:-1]:
            a = relu(linear(a, *layer))
        out = linear(a, *params[-1])
        loss = 0.5 * mg.sum((out - y) ** 2) if row.loss == "squared" else cross_entropy(out, y)
        loss.backward()
        for p in flat(params):
            p.data -= row.lr * p.grad
            p.null_grad()
        return loss

    return Runner(step, lambda: [p.data.copy() for p in flat(params)])


def build_micrograd(row: Row) -> Runner:
    """Scalars; the first row only, since a scalar engine has no batch."""
    value = load("micrograd.engine").Value
    (w1, b1), (w2,) = [[np.vectorize(value)(p) for p in layer] for layer in row.layers()]
    (x,), ((y,),) = [values.tolist() for values in row.data()]
    params = [v for p in (w1, b1, w2) for v in p.ravel()]

    def step() -> object:
        hidden = [sum((w * xi for w, xi in zip(ws, x, strict=True)), b).relu() for ws, b in zip(w1, b1, strict=True)]
        error = sum((w * h for w, h in zip(w2[0], hidden, strict=True)), -y)
        loss = 0.5 * error**2
        for p in params:
            p.grad = 0.0
        loss.backward()
        for p in params:
            p.data -= row.lr * p.grad
        return loss

    return Runner(step, lambda: [np.vectorize(lambda v: v.data)(p) for p in (w1, b1, w2)])


@dataclass(frozen=True)
class Competitor:
    """A library, how its step is built, and whether it is made for the squared loss only."""

    name: str
    module: str
    build: Callable[[Row], Runner]
    squared_only: bool = False

    def installed(self) -> bool:
        """Told without importing it."""
        return importlib.util.find_spec(self.module) is not None

    def can_run(self, row: Row) -> bool:
        """Installed, and made for this row."""
        return self.installed() and (row.loss == "squared" or not self.squared_only)


BASELINE = "numpy"
COMPETITORS = (
    Competitor(BASELINE, "numpy", steps_numpy.build),
    Competitor("tinygrad_lite", "tinygrad_lite", build_tinygrad_lite),
    Competitor("torch", "torch", build_torch),
    Competitor("jax.jit", "jax", build_jax),
    Competitor("mygrad", "mygrad", build_mygrad),
    Competitor("autograd", "autograd", build_autograd),
    Competitor("micrograd", "micrograd", build_micrograd, squared_only=True),
)
