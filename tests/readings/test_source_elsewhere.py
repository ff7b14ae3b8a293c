"""The printed module is right on other data than that of the run it was written from: nothing of the run is in it.

Each program is written down from one run, and the text is run on fresh random arguments and parameters of the same
shapes, where the engine says what is right.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given

import tinygrad_lite as tl
from tests.quick import one_in
from tests.test_random_programs import Program, programs
from tinygrad_lite import nn

RNG = np.random.default_rng(0)
X, IMAGE, SEQUENCE = RNG.normal(size=(3, 5)), RNG.normal(size=(2, 4, 6, 6)), RNG.normal(size=(3, 5, 4))
WEIGHTS = RNG.normal(size=(5, 4))
LABELS = np.array([0, 3, 1])


def same_elsewhere(f: Callable[..., Any], *inputs: Any, parameters: list[Any] = (), draws: int = 3) -> None:  # type: ignore[assignment]  # no parameters
    """Compare the module's numbers with the engine's on `draws` sets of fresh numbers."""
    source = tl.source(f, *inputs)
    doc = " ".join(source.split('"""')[1].split())
    assert "made or drawn" not in doc
    assert "THIS RUN ONLY" not in doc
    run = source.exec()["loss_and_gradients"]
    old = [p.data.copy() for p in parameters]
    for draw in range(draws):
        rng = np.random.default_rng(draw + 1)
        fresh = [_fresh(a, rng) for a in map(np.asarray, inputs)]
        leaves = [tl.tensor(a, requires_grad=not parameters) if a.dtype.kind == "f" else a for a in fresh]
        given = dict(source.values)
        taken: list[Any] = []
        means: dict[str, Any] = {}  # {name: the tensor that it stands for}
        for p, before in zip(parameters, old, strict=True):
            p.data = rng.normal(size=before.shape).astype(before.dtype)
        for name, value in source.values.items():
            for before, thing in [*zip(inputs, leaves, strict=True), *zip(old, parameters, strict=True)]:
                if not any(before is t for t in taken) and np.array_equal(np.asarray(before), value):
                    taken.append(before)
                    given[name] = thing.numpy() if isinstance(thing, tl.Tensor) else thing
                    means[name] = thing
                    break
        loss = f(*leaves)
        for p in parameters:
            p.grad = None
        loss.backward()
        got, gradients = run(**given)
        np.testing.assert_allclose(got, loss.item(), rtol=1e-12)
        assert gradients
        for name, g in gradients.items():
            want = means[name].grad
            np.testing.assert_allclose(g, want, rtol=1e-11, atol=1e-12 * (1 + np.max(np.abs(want), initial=0.0)))
    for p, before in zip(parameters, old, strict=True):
        p.data = before


def _fresh(a: Any, rng: np.random.Generator) -> Any:
    if a.dtype.kind != "f":
        return rng.permutation(a.reshape(-1)).reshape(a.shape)
    found: Any = 1.5 * rng.normal(size=a.shape)
    return np.abs(found) + 0.1 if (a > 0).all() else found


def _first(out: Any) -> Any:
    while isinstance(out, tuple):
        out = out[0]
    return out


MODULES: dict[str, tuple[nn.Module, Any]] = {
    "Linear": (nn.Linear(5, 3, rng=0), X),
    "Flatten": (nn.Sequential(nn.Flatten(), nn.Linear(20, 2, rng=0)), SEQUENCE),
    "Unflatten": (nn.Sequential(nn.Linear(5, 6, rng=0), nn.Unflatten(1, (2, 3))), X),
    "Conv1d": (nn.Conv1d(5, 2, 3, rng=0), SEQUENCE),
    "Conv2d": (nn.Conv2d(4, 2, 3, padding=1, stride=2, rng=0), IMAGE),
    "ConvTranspose2d": (nn.ConvTranspose2d(4, 2, 3, stride=2, rng=0), IMAGE),
    "MaxPool2d": (nn.Sequential(nn.Conv2d(4, 2, 3, rng=0), nn.MaxPool2d(2)), IMAGE),
    "MaxPool2d, windows that overlap": (nn.Sequential(nn.Conv2d(4, 2, 3, rng=0), nn.MaxPool2d(3, stride=1)), IMAGE),
    "AvgPool2d": (nn.Sequential(nn.Conv2d(4, 2, 3, rng=0), nn.AvgPool2d(2)), IMAGE),
    "AdaptiveAvgPool2d": (nn.Sequential(nn.Conv2d(4, 2, 3, rng=0), nn.AdaptiveAvgPool2d((2, 2))), IMAGE),
    "BatchNorm1d": (nn.Sequential(nn.Linear(5, 3, rng=0), nn.BatchNorm1d(3)), X),
    "BatchNorm2d": (nn.BatchNorm2d(4), IMAGE),
    "LayerNorm": (nn.Sequential(nn.Linear(5, 4, rng=0), nn.LayerNorm(4)), X),
    "GroupNorm": (nn.GroupNorm(2, 4), IMAGE),
    "RNN": (nn.RNN(4, 3, batch_first=True, rng=0), SEQUENCE),
    "LSTM": (nn.LSTM(4, 3, batch_first=True, rng=0), SEQUENCE),
    "GRU": (nn.GRU(4, 3, batch_first=True, rng=0), SEQUENCE),
    "RNNCell": (nn.RNNCell(5, 3, rng=0), X),
    "LSTMCell": (nn.LSTMCell(5, 3, rng=0), X),
    "GRUCell": (nn.GRUCell(5, 3, rng=0), X),
}
ACTIVATIONS = (
    "ReLU", "LeakyReLU", "ELU", "SELU", "GELU", "SiLU", "Softplus", "Tanh", "Sigmoid", "Softmax", "LogSoftmax",
    "Hardtanh", "ReLU6", "Hardsigmoid", "Hardswish", "Mish", "Softsign", "LogSigmoid", "Softmin", "PReLU", "GLU",
)  # fmt: skip
for kind in ACTIVATIONS:
    activation = getattr(nn, kind)(*((-1,) if kind in ("Softmax", "LogSoftmax", "Softmin") else ()))
    MODULES[kind] = (nn.Sequential(nn.Linear(5, 4, rng=0), activation), X)


@pytest.mark.parametrize("kind", one_in(3, MODULES))
def test_modules(kind: str) -> None:
    net, x = MODULES[kind]
    same_elsewhere(lambda x: np.sum(np.sin(_first(net(x))) * 1.3), x, parameters=list(net.parameters()))


@pytest.mark.parametrize("mask", [None, np.triu(np.ones((5, 5), bool), 1)], ids=["all", "causal"])
def test_attention(mask: Any) -> None:
    layer = nn.MultiheadAttention(4, 2, batch_first=True, rng=0)
    same_elsewhere(lambda x: np.sum(np.sin(layer(x, x, x, attn_mask=mask)[0])), SEQUENCE,
                   parameters=list(layer.parameters()))  # fmt: skip


REAL = RNG.normal(size=(3, 4))
LOSSES: dict[str, tuple[nn.Module, Any]] = {
    **{kind: (getattr(nn, kind)(), REAL) for kind in ("SquaredLoss", "MSELoss", "L1Loss", "HuberLoss", "SmoothL1Loss")},
    "SoftMarginLoss": (nn.SoftMarginLoss(), np.where(REAL > 0, 1, -1)),
    "HingeEmbeddingLoss": (nn.HingeEmbeddingLoss(), np.where(REAL > 0, 1, -1)),
    "BCEWithLogitsLoss": (nn.BCEWithLogitsLoss(), (REAL > 0).astype(int)),
    "MultiLabelSoftMarginLoss": (nn.MultiLabelSoftMarginLoss(), (REAL > 0).astype(int)),
    "MultiMarginLoss": (nn.MultiMarginLoss(), LABELS),
    "CrossEntropyLoss": (nn.CrossEntropyLoss(), LABELS),
    "CrossEntropyLoss, smoothed": (nn.CrossEntropyLoss(label_smoothing=0.1), LABELS),
    "CrossEntropyLoss, weighted": (nn.CrossEntropyLoss(weight=[1.0, 2.0, 3.0, 4.0]), LABELS),
    "NLLLoss": (nn.NLLLoss(), LABELS),
}


@pytest.mark.parametrize("kind", LOSSES)
def test_losses(kind: str) -> None:
    net, (loss, y) = nn.Linear(5, 4, rng=0), LOSSES[kind]
    same_elsewhere(lambda x, y: loss(net(x), y), X, y, parameters=list(net.parameters()))


FUNCTIONS: dict[str, Callable[[Any], Any]] = {
    "softmax": lambda x: np.sum(tl.softmax(x, 0) * WEIGHTS),
    "log softmax": lambda x: np.sum(np.tanh(tl.log_softmax(x)) * WEIGHTS),
    "sort": lambda x: np.sum(np.sort(x, axis=0) * WEIGHTS),
    "the largest of a sort": lambda x: np.sum(np.sort(x, axis=1)[:, -2:] ** 2),
    "partition": lambda x: np.sum(np.partition(x, 2, axis=0)[0]),
    "median": lambda x: np.sum(np.median(x, axis=0) ** 2),
    "quantile": lambda x: np.sum(np.quantile(x, 0.3, axis=0) ** 2),
    "argmax as an index": lambda x: np.sum(x[np.arange(5), np.argmax(x, axis=1)] * np.arange(5.0)),
    "argsort as an index": lambda x: np.sum(np.take_along_axis(x, np.argsort(x, axis=1), 1) * WEIGHTS),
    "searchsorted": lambda x: np.sum(x * np.searchsorted(np.array([-1.0, 0.0, 1.0]), x)),
    "where": lambda x: np.sum(np.where((x > 0) & (x < 1), x * x, np.sin(x))),
    "any": lambda x: np.sum(np.where(np.any(x > 1, axis=1, keepdims=True), x, 0) * WEIGHTS),
    "a mask as an index": lambda x: np.sum(x[x > 0] ** 2),
    "max and min": lambda x: np.sum(np.max(x, axis=1) ** 2) + np.min(x),
    "clip": lambda x: np.sum(np.clip(x, -0.5, 0.5) * WEIGHTS),
    "detached": lambda x: np.sum((np.sin(x) - np.sin(x).detach().mean()) ** 2 * np.cos(x).detach()),
    "a scale from the data": lambda x: np.sum(np.sin(x / np.max(np.abs(x)))),
    "data transposed": lambda x: np.sum(np.tanh(WEIGHTS.T @ x) ** 2),
    "duplicates": lambda x: np.sum(x[[0, 0, 2, -1]] ** 3),
    "a gradient inside": lambda x: np.sum(tl.grad(lambda v: np.sum(np.tanh(v @ WEIGHTS[:4])))(x) ** 2),
}


@pytest.mark.parametrize("what", FUNCTIONS)
def test_functions(what: str) -> None:
    same_elsewhere(FUNCTIONS[what], RNG.normal(size=(5, 4)))


@given(programs())
def test_random_programs(program: Program) -> None:
    leaves = [np.asarray(a) for a in program.leaves]
    if len({a.tobytes() for a in leaves}) == len(leaves) and program.at(*map(_leaf, leaves)).requires_grad:
        same_elsewhere(lambda *xs: program.at(*xs), *leaves, draws=1)


def _leaf(a: Any) -> tl.Tensor:
    return tl.tensor(a, requires_grad=True)


def test_a_loss_that_is_there_keeps_data_as_data() -> None:
    """Arrays that are no tensors are inputs of the text, and their transposes are computed from them."""
    x, w = RNG.normal(size=(5, 4)), tl.tensor(RNG.normal(size=4), requires_grad=True, name="w")
    source = tl.source(np.sum(np.tanh(x @ w)), names={"x": x})
    other = RNG.normal(size=(5, 4))
    _, gradients = source.exec()["loss_and_gradients"](**{**source.values, "x": other})
    np.tanh(other @ w).sum().backward()
    assert w.grad is not None
    np.testing.assert_allclose(gradients["w"], w.grad, rtol=1e-13)


def test_labels_keep_their_name() -> None:
    source = tl.source(lambda x, y: nn.NLLLoss()(x, y), RNG.normal(size=(3, 4)), LABELS)
    assert "np.arange(len(y)), y" in source
