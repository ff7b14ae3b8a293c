"""A training loop: everything that it does is on this page. Write your own where it does not fit."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from time import perf_counter
from typing import Any

import numpy as np

from tinygrad_lite.context import no_grad
from tinygrad_lite.data import batches
from tinygrad_lite.history import History
from tinygrad_lite.nn.module import Module
from tinygrad_lite.optim.optimizer import Optimizer
from tinygrad_lite.optim.plateau import ReduceLROnPlateau
from tinygrad_lite.tensor import Tensor

Measure = Callable[[Any, Any], Any]  # (prediction, target) -> one number


def fit(
    net: Module,
    loss: Measure,
    optimizer: Optimizer,
    train: tuple[Any, Any] | Iterable[tuple[Any, Any]],
    *,
    epochs: int,
    validation: tuple[Any, Any] | Iterable[tuple[Any, Any]] | None = None,
    batch_size: int = 32,
    metrics: Mapping[str, Measure] | None = None,
    scheduler: Any = None,
    patience: int | None = None,
    callbacks: Iterable[Callable[[dict[str, float]], Any]] = (),
    rng: np.random.Generator | int | None = None,
    progress: bool = True,
    compile: bool = False,
) -> History:
    """Train `net`: for every epoch and batch, forward, loss, backward, step. Returns what each epoch came to.

    `train` is a pair of arrays (x, y), shuffled by `rng` and cut into batches, or a list of batches. After an epoch
    the figures of `validation` are taken, `scheduler` is stepped, and each of `callbacks` is called with the epoch's
    record; one that returns True ends the training. With `patience` it ends after so many epochs without a lower
    (validation) loss, and the parameters go back to those of the best. Ctrl-C keeps what was done. With `compile` the
    steps are compiled (see `tl.compile`): the same numbers, sooner.
    Raises: ArithmeticError where the loss is no longer finite.

    >>> import numpy as np, tinygrad_lite as tl
    >>> x = np.linspace(-1, 1, 20)[:, None]
    >>> net = tl.nn.Linear(1, 1, rng=0)
    >>> opt = tl.optim.SGD(net.parameters(), lr=0.5)
    >>> history = tl.fit(net, tl.nn.MSELoss(), opt, (x, 3 * x + 1), epochs=20, rng=0, progress=False)
    >>> len(history), bool(history["loss"][-1] < 1e-3)
    (20, True)
    """
    if isinstance(loss, type):
        raise TypeError(f"fit: the loss is the class {loss.__name__}; give an object made of it, {loss.__name__}()")
    if isinstance(epochs, bool) or not isinstance(epochs, (int, np.integer)) or epochs < 0:
        raise ValueError(f"fit: epochs is how often to go through the data, a whole number from 0 up, not {epochs!r}")
    if not callable(getattr(optimizer, "step", None)) or isinstance(optimizer, type):
        raise TypeError(
            f"fit: optimizer is one of tl.optim, such as optim.SGD(net.parameters(), lr=0.1), not {optimizer!r}. To "
            "look at a network without training it, from tinygrad_lite.fitting import evaluate"
        )
    moved = {id(p) for group in getattr(optimizer, "param_groups", ()) for p in group["params"]}
    if moved and moved.isdisjoint(map(id, net.parameters())):
        raise ValueError("fit: the optimizer was made for other parameters; make it with those of this network")
    if metrics is not None and not isinstance(metrics, Mapping):
        raise TypeError(
            "fit: metrics is a dict of functions of (prediction, target) by their names, "
            f"{{'accuracy': accuracy}}, not {metrics!r}"
        )
    if scheduler is not None and (isinstance(scheduler, type) or not callable(getattr(scheduler, "step", None))):
        raise TypeError(
            "fit: scheduler is one of optim.lr_scheduler, made with the optimizer, such as StepLR(optimizer, 10), not "
            f"{scheduler!r}"
        )
    rng = np.random.default_rng(rng)
    step = stepper(net, loss, optimizer, compile)
    history, best, kept, waited = History(), math.inf, net.state_dict(), 0
    try:
        for epoch in range(1, epochs + 1):
            start = perf_counter()
            shown = _bar(_batches(train, batch_size, rng), f"epoch {epoch}/{epochs}", progress)
            record: dict[str, float] = {"epoch": epoch, **_pass(net.train(), loss, metrics or {}, shown, step)}
            if validation is not None:
                record |= {f"val_{k}": v for k, v in evaluate(net, loss, validation, metrics, batch_size).items()}
            record["seconds"] = perf_counter() - start
            history.append(record)
            watched = record.get("val_loss", record["loss"])
            if scheduler is not None:
                scheduler.step(*([watched] if isinstance(scheduler, ReduceLROnPlateau) else []))
            if watched < best:
                best, waited = watched, 0
                kept = net.state_dict() if patience is not None else kept
            else:
                waited += 1
            enough = [callback(record) is True for callback in callbacks]
            if any(enough) or (patience is not None and waited >= patience):
                break
    except KeyboardInterrupt:
        history.interrupted = True
    if patience is not None and waited:
        net.load_state_dict(kept)
    net.eval()
    return history


def evaluate(
    net: Module, loss: Measure, data: Any, metrics: Mapping[str, Measure] | None = None, batch_size: int = 256
) -> dict[str, float]:
    """The loss and metrics of `net` on a pair of arrays or a list of batches, in evaluation and without a graph."""
    with no_grad():
        return _pass(net.eval(), loss, metrics or {}, _batches(data, batch_size, None))


def accuracy(prediction: Any, classes: Any) -> float:
    """The share of examples whose largest output is that of the right class: a metric for `fit`."""
    return float((prediction.argmax(-1) == np.asarray(classes)).mean())


def stepper(net: Module, loss: Measure, optimizer: Optimizer, compile: bool = False) -> Measure:
    """One training step, (x, y) -> (loss, prediction), both from before the parameters move; compiled if asked for.

    It moves nothing where the loss is not finite; compiled, it is found out when the parameters have moved.
    """

    def forward(x: Any, y: Any) -> Any:
        prediction = net(x)
        return loss(prediction, y), prediction

    def step(x: Any, y: Any) -> Any:
        cost, prediction = forward(x, y)
        if math.isfinite(cost.item()):
            optimizer.zero_grad()
            cost.backward()
            optimizer.step()
        return cost, prediction

    if not compile:
        return step
    from tinygrad_lite.readings.compile import compile as compiled  # here, for importing it takes its time

    return compiled(forward, optimizer=optimizer)


def _pass(
    net: Module, loss: Measure, metrics: Mapping[str, Measure], data: Iterable[tuple[Any, Any]],
    step: Measure | None = None,
) -> dict[str, float]:  # fmt: skip
    """Once through the data, by training steps if there are any: means over the examples, each at its own turn."""
    totals, examples = dict.fromkeys(("loss", *metrics), 0.0), 0
    if "loss" in metrics:
        raise ValueError("fit: no metric can be called 'loss', for that is the loss; give it another name")
    for x, y in data:
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):  # it ends in an error, which says more
            if step is not None:
                cost, prediction = step(x, y)
            else:
                prediction = net(x)
                cost = loss(prediction, y)
        if not math.isfinite(cost.item()):
            if not all(np.all(np.isfinite(a)) for a in (x, y) if isinstance(a, (np.ndarray, Tensor))):
                raise ArithmeticError(f"fit: the loss is {cost.item()}: nan or infinity is among the data themselves")
            raise ArithmeticError(
                f"fit: the loss is {cost.item()} after {examples} examples of this epoch. A smaller learning rate, "
                "clipped gradients (optim.clip_grad_norm_) or inputs of size 1 usually help."
            )
        for name, value in {"loss": cost.item(), **{k: float(f(prediction, y)) for k, f in metrics.items()}}.items():
            totals[name] += value * len(x)
        examples += len(x)
        if hasattr(data, "set_postfix"):
            data.set_postfix({name: f"{total / examples:.4f}" for name, total in totals.items()}, refresh=False)
    if not examples:
        raise ValueError("fit: there is no example in the data")
    return {name: total / examples for name, total in totals.items()}


def _batches(data: Any, size: int, rng: np.random.Generator | None) -> Iterable[tuple[Any, Any]]:
    """A pair of arrays in batches, shuffled if there is a generator; batches as they are."""
    if isinstance(data, tuple) and len(data) == 2:
        return list(batches(*data, size, shuffle=rng is not None, rng=rng))
    arrays = isinstance(data, (list, tuple)) and bool(data) and not isinstance(data[0], (tuple, list))
    runs = hasattr(data, "__iter__") or hasattr(data, "__getitem__")
    if arrays or not runs or isinstance(data, (dict, str, np.ndarray, Tensor)):
        raise TypeError("fit: data are a pair of arrays in a tuple, (x, y), or a list of batches, each such a pair")
    if iter(data) is data:
        raise TypeError("fit: an iterator is used up after one epoch; give a pair of arrays, or a list of batches")
    return data  # type: ignore[no-any-return]  # any iterable of pairs


def _bar(data: Iterable[tuple[Any, Any]], title: str, progress: bool) -> Any:
    if not progress:
        return data
    from tqdm import tqdm  # here, for importing the package should not wait for it

    return tqdm(data, title, leave=False, disable=None)  # disable=None: only where somebody can watch
