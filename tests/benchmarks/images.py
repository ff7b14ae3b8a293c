"""Convolution and pooling against PyTorch, proven equal first; both in one process, in turns."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from statistics import median
from time import perf_counter, process_time
from typing import Any

import numpy as np

import tinygrad_lite as tl

from .report import table

Step = Callable[[], Any]


@dataclass(frozen=True)
class Image:
    """One layer, called alike in both libraries, and the shape of its input."""

    code: str
    shape: tuple[int, int, int, int]


IMAGES = (
    Image("Conv2d(1, 32, 3)", (32, 1, 28, 28)),
    Image("Conv2d(32, 64, 3)", (32, 32, 13, 13)),
    Image("Conv2d(3, 16, 5)", (16, 3, 32, 32)),
    Image("MaxPool2d(2)", (32, 32, 26, 26)),
    Image("AvgPool2d(2)", (32, 32, 26, 26)),
)
CNN = (  # the network of `tinygrad-lite train --model cnn`, without its dropout: two libraries draw other zeros
    "Sequential(Conv2d(1, 32, 3), ReLU(), MaxPool2d(2), Conv2d(32, 64, 3), ReLU(), MaxPool2d(2), Flatten(), "
    "Linear(1600, 128), ReLU(), Linear(128, 10))"
)
MODES = ("forward", "forward and backward", "the same, x is data")
PUBLIC = {name: getattr(tl.nn, name) for name in tl.nn.__all__}


def steps(image: Image, mode: str) -> dict[str, Step] | None:
    """The step of each library; its results are compared before it is handed out. None where there is nothing to do."""
    import torch

    rng = np.random.default_rng(0)
    x = rng.standard_normal(image.shape).astype(np.float32)
    ours, theirs = eval(image.code, PUBLIC), eval(image.code, vars(torch.nn))
    if isinstance(ours, tl.nn.Conv2d):
        ours.float()
        ours.load_state_dict(theirs.state_dict())
    elif mode == MODES[2]:
        return None
    needed = mode == MODES[1]
    a, t = tl.tensor(x, requires_grad=needed), torch.tensor(x, requires_grad=needed)
    with torch.no_grad():
        y = theirs(t).numpy()
    g = rng.standard_normal(y.shape).astype(np.float32)
    h = torch.tensor(g)
    np.testing.assert_allclose(ours(a).numpy(), y, rtol=1e-3, atol=1e-4)

    def forward_ours() -> None:
        with tl.no_grad():
            ours(a)

    def forward_theirs() -> None:
        with torch.no_grad():
            theirs(t)

    def both_ours() -> None:
        a.grad = None
        ours.zero_grad()
        ours(a).backward(g)

    def both_theirs() -> None:
        t.grad = None
        theirs.zero_grad()
        theirs(t).backward(h)

    if mode == MODES[0]:
        return {"tinygrad_lite": forward_ours, "torch": forward_theirs}
    both_ours()
    both_theirs()
    if a.grad is not None and t.grad is not None:
        np.testing.assert_allclose(a.grad, t.grad.numpy(), rtol=1e-3, atol=1e-3)
    for name, p in ours.named_parameters():
        assert p.grad is not None
        np.testing.assert_allclose(p.grad, getattr(theirs, name).grad.numpy(), rtol=1e-3, atol=1e-2)
    return {"tinygrad_lite": both_ours, "torch": both_theirs}


def products(image: Image, mode: str) -> Step | None:
    """The matrix products that a convolution comes to, alone, into memory that is there: its floor in NumPy.

    The weights times the patches, forward; the cotangent times the patches, and the weights times it, backward.
    """
    layer = eval(image.code, PUBLIC)
    if not isinstance(layer, tl.nn.Conv2d):
        return None
    y = layer(np.zeros(image.shape))
    w = np.ones((layer.out_channels, layer.weight.size // layer.out_channels), np.float32)
    patches = np.ones((w.shape[1], y.size // layer.out_channels), np.float32)
    g, dw = np.ones((len(w), patches.shape[1]), np.float32), np.empty_like(w)
    out, back = np.empty_like(g), np.empty_like(patches)

    def alone() -> None:
        np.matmul(w, patches, out)
        if mode != MODES[0]:
            np.matmul(g, patches.T, dw)
        if mode == MODES[1]:
            np.matmul(w.T, g, back)

    return alone


def training() -> dict[str, Step]:
    """One training step of the course's CNN, batch 32: cross-entropy, Nesterov momentum; equal after three steps."""
    import torch

    rng = np.random.default_rng(0)
    x, y = rng.random((32, 1, 28, 28), np.float32), rng.integers(10, size=32)
    ours, theirs = eval(CNN, PUBLIC), eval(CNN, vars(torch.nn))
    ours.float().load_state_dict(theirs.state_dict())
    settings: dict[str, Any] = {"lr": 0.01, "momentum": 0.9, "nesterov": True}
    a, t = tl.optim.SGD(ours.parameters(), **settings), torch.optim.SGD(theirs.parameters(), **settings)
    loss, criterion = tl.nn.CrossEntropyLoss(), torch.nn.CrossEntropyLoss()
    u, v = torch.tensor(x), torch.tensor(y)

    def step_ours() -> None:
        a.zero_grad()
        loss(ours(x), y).backward()
        a.step()

    def step_theirs() -> None:
        t.zero_grad()
        criterion(theirs(u), v).backward()
        t.step()

    for _ in range(3):
        step_ours()
        step_theirs()
    for (name, p), q in zip(ours.named_parameters(), theirs.parameters(), strict=True):
        np.testing.assert_allclose(p.data, q.detach().numpy(), rtol=1e-3, atol=1e-5, err_msg=name)
    return {"tinygrad_lite": step_ours, "torch": step_theirs}


def measure(rounds: int, calls: int = 3) -> list[dict[str, Any]]:
    """Medians in milliseconds, by the clock on the wall and by that of the processor, and their ratios."""
    if find_spec("torch") is None:
        return []
    rows = [(f"{image.code} on {image.shape}", mode, steps(image, mode)) for image in IMAGES for mode in MODES]
    rows.append(("the course's CNN, batch 32", "a training step", training()))
    results = []
    for layer, mode, competitors in rows:
        if competitors is None:
            continue
        floor = next((products(image, mode) for image in IMAGES if layer.startswith(image.code)), None)
        if floor is not None:
            competitors = {**competitors, "products": floor}
        wall: dict[str, list[float]] = {name: [] for name in competitors}
        busy: dict[str, list[float]] = {name: [] for name in competitors}
        for _ in range(rounds):
            for name, step in competitors.items():
                step()  # outside the clock: its data back into the caches
                start, cpu = perf_counter(), process_time()
                for _ in range(calls):
                    step()
                busy[name].append((process_time() - cpu) / calls * 1e3)
                wall[name].append((perf_counter() - start) / calls * 1e3)
        result: dict[str, Any] = {"layer": layer, "mode": mode, "rounds": rounds}
        for clock, taken in (("wall", wall), ("cpu", busy)):
            medians = {name: median(values) for name, values in taken.items()}
            result[clock] = {"ms": medians, "ratio": medians["tinygrad_lite"] / medians["torch"]}
        results.append(result)
    return results


def report(results: list[dict[str, Any]]) -> str:
    """A row for each layer and mode."""
    if not results:
        return "Images: torch is not installed\n"
    lines = [
        [
            r["layer"], r["mode"],
            *(f"{r['wall']['ms'][name]:.2f}" for name in ("tinygrad_lite", "torch")),
            f"{r['wall']['ms']['products']:.2f}" if "products" in r["wall"]["ms"] else "-",
            *(f"{r[clock]['ratio']:.2f}x" for clock in ("wall", "cpu")),
        ]
        for r in results
    ]  # fmt: skip
    title = "Images, float32, milliseconds; reference: torch. NumPy's products alone: the floor of a convolution here"
    heads = ["layer", "mode", "tinygrad_lite", "torch", "products alone", "ratio", "ratio of cpu time"]
    return table(title, heads, lines)
