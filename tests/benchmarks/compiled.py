"""`tl.compile` beside hand-written NumPy, jax.jit and torch: training steps, convolutions, elementwise chains."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

import numpy as np

from . import steps_numpy
from .children import run
from .compiled_chains import Chain, chain_compiled, chain_eager, chain_jax, chain_numpy, chain_quick, chain_threads
from .peers import build_jax, build_tinygrad_lite, build_torch, load
from .report import table
from .rows import ROWS, Row, Runner
from .training import STEPS, assert_agree
from .workers import Worker, interleave

Build = Callable[[Any], Runner]
BASE = "numpy"


def compiled_step(row: Row, exact: bool = True) -> tuple[Any, Any, tuple[Any, Any]]:
    """Modules, a loss and SGD as in eager; the compiled step, the network and the batch."""
    tl = load("tinygrad_lite")
    nn, optim = load("tinygrad_lite.nn"), load("tinygrad_lite.optim")
    modules: list[Any] = []
    for w, *bias in row.layers():
        linear = nn.Linear(w.shape[1], w.shape[0], bias=bool(bias), dtype=row.dtype, rng=0)
        for p, value in zip(linear.parameters(), (w, *bias), strict=True):
            p.data = value
        modules += [linear, nn.ReLU()]
    net = nn.Sequential(*modules[:-1])
    criterion = nn.SquaredLoss() if row.loss == "squared" else nn.CrossEntropyLoss()
    inputs, targets = row.data()
    x, y = tl.tensor(inputs), targets if row.loss == "cross-entropy" else tl.tensor(targets)
    fast = tl.compile(lambda x, y: criterion(net(x), y), optimizer=optim.SGD(net.parameters(), lr=row.lr), exact=exact)
    return fast, net, (x, y)


def build_compiled(row: Row, exact: bool = True) -> Runner:
    """The compiled step."""
    fast, net, (x, y) = compiled_step(row, exact)
    return Runner(lambda: fast(x, y), lambda: [np.array(p.data) for p in net.parameters()])


def build_quick(row: Row) -> Runner:
    """The same, with sums in any order."""
    return build_compiled(row, exact=False)


# -- a convolutional net ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Images:
    """conv 32 - pool - conv 64 - pool - 128 - 10 on (batch, 1, 28, 28), float32, cross-entropy, SGD."""

    name: str = "conv 32 - pool - conv 64 - pool - 128 - 10, batch 32, f32"
    batch: int = 32
    dtype: type[np.floating[Any]] = np.float32
    lr: float = 0.05

    def data(self) -> tuple[Any, Any]:
        """Images and classes."""
        rng = np.random.default_rng(1)
        return rng.random((self.batch, 1, 28, 28), np.float32), rng.integers(10, size=self.batch)

    def weights(self) -> list[Any]:
        """W1, b1, ... in PyTorch's shapes."""
        rng = np.random.default_rng(2)
        shapes = [(32, 1, 3, 3), (64, 32, 3, 3), (128, 1600), (10, 128)]
        made = []
        for shape in shapes:
            fan = int(np.prod(shape[1:]))
            made += [(rng.standard_normal(shape) * np.sqrt(2 / fan)).astype(np.float32),
                     (0.1 * rng.random(shape[0])).astype(np.float32)]  # fmt: skip
        return made


CODE = (
    "Sequential(Conv2d(1, 32, 3), ReLU(), MaxPool2d(2), Conv2d(32, 64, 3), ReLU(), MaxPool2d(2), Flatten(), "
    "Linear(1600, 128), ReLU(), Linear(128, 10))"
)


def _ours(row: Images, compiled: bool) -> Runner:
    tl = load("tinygrad_lite")
    net = eval(CODE, {name: getattr(tl.nn, name) for name in tl.nn.__all__}).float()
    for p, w in zip(net.parameters(), row.weights(), strict=True):
        p.data = w
    criterion, opt = tl.nn.CrossEntropyLoss(), tl.optim.SGD(net.parameters(), lr=row.lr)
    x, y = row.data()

    def eager() -> object:
        opt.zero_grad()
        loss = criterion(net(x), y)
        loss.backward()
        opt.step()
        return loss

    fast = tl.compile(lambda x, y: criterion(net(x), y), optimizer=opt)
    return Runner((lambda: fast(x, y)) if compiled else eager, lambda: [np.array(p.data) for p in net.parameters()])


def images_eager(row: Images) -> Runner:
    """Eager."""
    return _ours(row, compiled=False)


def images_compiled(row: Images) -> Runner:
    """Compiled."""
    return _ours(row, compiled=True)


def images_torch(row: Images) -> Runner:
    """PyTorch, eager."""
    torch = load("torch")
    net = eval(CODE, vars(torch.nn))
    for p, w in zip(net.parameters(), row.weights(), strict=True):
        p.data = torch.from_numpy(w)
    opt = torch.optim.SGD(net.parameters(), lr=row.lr)
    x, y = map(torch.from_numpy, row.data())

    def step() -> object:
        opt.zero_grad()
        loss = torch.nn.functional.cross_entropy(net(x), y)
        loss.backward()
        opt.step()
        return loss

    return Runner(step, lambda: [p.detach().numpy().copy() for p in net.parameters()])


def images_jax(row: Images) -> Runner:
    """The whole step under jit, waited for."""
    jax = load("jax")
    jnp, lax = jax.numpy, jax.lax
    params = [jnp.asarray(w) for w in row.weights()]
    x, y = map(jnp.asarray, row.data())

    def conv(a: Any, w: Any, b: Any) -> Any:
        return jax.nn.relu(lax.conv_general_dilated(a, w, (1, 1), "VALID") + b[:, None, None])

    def pool(a: Any) -> Any:
        return lax.reduce_window(a, -jnp.inf, lax.max, (1, 1, 2, 2), (1, 1, 2, 2), "VALID")

    def loss_of(p: Any, x: Any, y: Any) -> Any:
        h = pool(conv(pool(conv(x, p[0], p[1])), p[2], p[3])).reshape(len(x), -1)
        out = jax.nn.relu(h @ p[4].T + p[5]) @ p[6].T + p[7]
        return -jnp.mean(jax.nn.log_softmax(out)[jnp.arange(len(y)), y])

    @jax.jit  # type: ignore[untyped-decorator, unused-ignore]
    def update(p: Any, x: Any, y: Any) -> Any:
        loss, grads = jax.value_and_grad(loss_of)(p, x, y)
        return loss, [w - row.lr * g for w, g in zip(p, grads, strict=True)]

    def step() -> object:
        nonlocal params
        loss, params = jax.block_until_ready(update(params, x, y))
        return loss

    return Runner(step, lambda: [np.array(p) for p in params])


# -- all of them -----------------------------------------------------------------------------------------------

STEP: dict[str, Build] = {
    BASE: steps_numpy.build, "eager": build_tinygrad_lite, "compiled": build_compiled, "exact=False": build_quick,
    "jax.jit": build_jax, "torch": build_torch,
}  # fmt: skip
IMAGE: dict[str, Build] = {
    "eager": images_eager, "compiled": images_compiled, "jax.jit": images_jax, "torch": images_torch,
}  # fmt: skip
CHAIN: dict[str, Build] = {
    BASE: chain_numpy, "eager": chain_eager, "compiled": chain_compiled, "exact=False": chain_quick,
    "threads=2": chain_threads, "jax.jit": chain_jax,
}  # fmt: skip
NAMES = (BASE, "eager", "compiled", "exact=False", "threads=2", "jax.jit", "torch")
OURS = ("compiled", "exact=False", "threads=2")
ALL: list[tuple[Any, dict[str, Build]]] = [
    *((row, STEP) for row in ROWS), (Images(), IMAGE), (Chain(10**6), CHAIN), (Chain(10**7), CHAIN),
]  # fmt: skip


def measure_row(row: Any, builds: dict[str, Build], rounds: int) -> dict[str, Any]:
    """The quickest turn of each, the median within it, in microseconds; all are proven to do the same first.

    The quickest turn, not the median of turns: on a machine that others use too it is the one they disturbed least.
    """
    module = {"jax.jit": "jax", "torch": "torch"}
    with ExitStack() as stack:
        there = {n: b for n, b in builds.items() if n not in module or find_spec(module[n])}
        workers = {n: stack.enter_context(Worker(b, row)) for n, b in there.items()}
        start = next(iter(workers.values())).ask("parameters")
        for worker in workers.values():
            worker.ask("train", STEPS)
        trained = {n: worker.ask("parameters") for n, worker in workers.items()}
        if isinstance(row, Row):
            assert_agree(row, start, trained)
        else:
            for name, got in trained.items():
                for a, b in zip(got, trained["eager"], strict=True):
                    np.testing.assert_allclose(a, b, rtol=1e-2, atol=1e-4, err_msg=name)
        turns = interleave(workers, rounds)
    return {"row": row.name, "us": {n: min(s for s, _ in taken) * 1e6 for n, taken in turns.items()}}


def measure(rounds: int) -> list[dict[str, Any]]:
    """One result per row, and what the parts of the step cost alone."""
    return [
        measure_row(row, builds, rounds) | {"floor": run(["-m", "tests.benchmarks.compiled_floors", str(k)])}
        for k, (row, builds) in enumerate(ALL)
    ]


def report(results: list[dict[str, Any]]) -> str:
    """Microseconds, and the compiled step's ratio to each other."""

    def ratio(us: dict[str, float], to: str) -> str:
        return " ".join(f"{us[n] / us[to]:.2f}x" for n in OURS if n in us) if to in us else "-"

    lines = [
        [
            r["row"], *(f"{r['us'][n]:,.1f}" if n in r["us"] else "-" for n in NAMES),
            *(ratio(r["us"], to) for to in (BASE, "eager", "jax.jit", "torch")),
        ]
        for r in results
    ]  # fmt: skip
    header = ["step", *(f"{n}, us" for n in NAMES), "/ numpy", "/ eager", "/ jax.jit", "/ torch"]
    floors = [
        [r["row"], *(f"{r['floor'][what]:,.1f}" for what in ("products", "calls", "entries")),
         f"{r['floor']['calls made']}", f"{r['us']['compiled']:,.1f}",
         f"{r['us']['compiled'] / sum(r['floor'][what] for what in ('products', 'calls', 'entries')):.2f}x"]
        for r in results
    ]  # fmt: skip
    return "\n".join(
        [
            table(f"Compiled steps: microseconds, quickest turn of each; {', '.join(OURS)} over each", header, lines),
            table(
                "What its parts cost alone, microseconds: matrix products as eager asks for them; other calls x the "
                "cost of a call on 3 entries; their entries, at the rate in the cache. Compiled over the sum",
                ["step", "products", "calls", "entries", "calls made", "compiled", "/ sum"], floors,
            ),
        ]
    )  # fmt: skip
