"""Saving a network and everything that its training needs to go on, in one safetensors file: numbers, no code.

The parameters and buffers stand under their own names, so that any reader of the format finds them. What else a
resumed run needs is in the same file: an optimiser's arrays as "optimizer/0/exp_avg", its options, the schedule and
the states of random generators as JSON in the header.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from tinygrad_lite.intake import Array
from tinygrad_lite.nn.module import Module
from tinygrad_lite.optim.optimizer import Optimizer

OPTIMIZER = "optimizer/"
HEADER = "tinygrad_lite"


class Stateful(Protocol):
    """What can say where it is and be put there, such as a schedule."""

    def state_dict(self) -> dict[str, Any]: ...
    def load_state_dict(self, state: Mapping[str, Any], /) -> None: ...


def save(
    net: Module,
    path: str | os.PathLike[str],
    *,
    optimizer: Optimizer | None = None,
    scheduler: Stateful | None = None,
    rng: np.random.Generator | None = None,
    extra: Mapping[str, Any] | None = None,
) -> None:
    """Write a network's parameters and buffers to a safetensors file, and what else a run needs in order to resume.

    That is the state of the optimiser, of the schedule, of `rng` (the one that shuffles, say) and of the generators
    that modules hold (Dropout's), and whatever `extra` holds that JSON can (the epoch, say). The file is written
    beside `path`, flushed to the disk and renamed: a kill at any moment leaves the old file or the new one, whole. What
    a killed save left beside it is removed by a later one.

    >>> import tempfile, tinygrad_lite as tl
    >>> net, other = tl.nn.Linear(2, 1), tl.nn.Linear(2, 1)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     tl.save(net, f"{folder}/net.safetensors", extra={"epoch": 3})
    ...     tl.load(other, f"{folder}/net.safetensors")
    {'epoch': 3}
    >>> bool((net.weight.data == other.weight.data).all())
    True
    """
    if not isinstance(net, Module):
        raise TypeError(f"save takes the network first and then the path, save(net, path); got {type(net).__name__}")
    arrays = net.state_dict()
    if reserved := [name for name in arrays if name.startswith(OPTIMIZER)]:
        raise ValueError(f"save: no parameter can be called {reserved[0]!r}: {OPTIMIZER} is the optimiser's")
    header: dict[str, Any] = {"generators": {name: _state(g) for name, g in _generators(net, rng)}}
    if extra is not None:
        header["extra"] = dict(extra)
    if scheduler is not None:
        header["scheduler"] = scheduler.state_dict()
    if optimizer is not None:
        saved = optimizer.state_dict()
        numbers: dict[str, dict[str, Any]] = {}
        for i, kept in saved["state"].items():
            numbers[str(i)] = {name: value for name, value in kept.items() if not isinstance(value, np.ndarray)}
            arrays |= {f"{OPTIMIZER}{i}/{name}": v for name, v in kept.items() if isinstance(v, np.ndarray)}
        header["optimizer"] = {"kind": type(optimizer).__name__, "state": numbers, "groups": saved["param_groups"]}
    from safetensors.numpy import save as to_bytes  # here, for importing the package should not wait for it

    try:
        text = json.dumps(header)
    except TypeError as error:
        raise TypeError(f"save: extra holds what JSON cannot: {error}") from None
    write_whole(path, to_bytes({name: np.ascontiguousarray(a).reshape(a.shape) for name, a in arrays.items()},
                               {HEADER: text}))  # fmt: skip


def load(
    net: Module,
    path: str | os.PathLike[str],
    *,
    optimizer: Optimizer | None = None,
    scheduler: Stateful | None = None,
    rng: np.random.Generator | None = None,
    strict: bool = True,
) -> dict[str, Any]:
    """Set a network, and what else is given, to what `save` (or any other writer of safetensors) wrote; return `extra`.

    Raises: ValueError for a damaged file, for one that lacks what is asked for, or whose names and shapes are not the
    network's; then nothing has changed. `strict` as in `load_state_dict`.
    """
    arrays, header = _read(Path(path))
    for what, wanted in (("optimizer", optimizer), ("scheduler", scheduler)):
        if wanted is not None and what not in header:
            raise ValueError(f"load: {path} holds no {what}; it was saved without {what}=")
    generators = {name: (g, header.get("generators", {}).get(name)) for name, g in _generators(net, rng)}
    if rng is not None and generators["rng"][1] is None:
        raise ValueError(f"load: {path} holds no state of rng; it was saved without rng=")
    for name, (g, state) in generators.items():
        if state is not None and state["bit_generator"] != type(g.bit_generator).__name__:
            raise ValueError(
                f"load: {name} is a {type(g.bit_generator).__name__}, but the state that was saved is that of a "
                f"{state['bit_generator']}"
            )
    before = net.state_dict(), optimizer.state_dict() if optimizer else None
    try:
        net.load_state_dict({n: a for n, a in arrays.items() if not n.startswith(OPTIMIZER)}, strict)
        if optimizer is not None:
            _resume(optimizer, arrays, header["optimizer"])
        if scheduler is not None:
            scheduler.load_state_dict(header["scheduler"])
    except Exception:
        net.load_state_dict(before[0])
        if optimizer is not None and before[1] is not None:
            optimizer.load_state_dict(before[1])
        raise
    for g, state in generators.values():
        if state is not None:
            g.bit_generator.state = state
    extra: dict[str, Any] = header.get("extra", {})
    return extra


def write_whole(path: str | os.PathLike[str], data: bytes) -> None:
    """Put `data` at `path` so that whoever reads there, after whatever happens, finds the old file or all of this."""
    target = Path(os.path.realpath(path))
    if target.is_dir():
        raise IsADirectoryError(f"save: {path} is a folder. Give the name of a file in it.")
    if not target.parent.is_dir():
        raise FileNotFoundError(f"save: there is no folder {target.parent}. Make it first.")
    sweep(target)
    beside = target.with_name(f".{target.name}.{secrets.token_hex(4)}.part")
    try:
        with open(beside, "xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, target)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
    if os.name == "posix":  # the new name, too, has to reach the disk
        folder = os.open(target.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def sweep(target: Path) -> None:
    """Remove what killed writers of this file left beside it: parts that nobody has written to lately."""
    part = re.compile(rf"\.{re.escape(target.name)}\.[0-9a-f]+\.part")
    for left in target.parent.iterdir():
        if part.fullmatch(left.name):
            with contextlib.suppress(OSError):  # gone already, or not ours to remove
                if time.time() - left.stat().st_mtime > ABANDONED:
                    left.unlink()


ABANDONED = 600.0  # seconds, in which a writer that lives has written something


def _read(path: Path) -> tuple[dict[str, Array], dict[str, Any]]:
    from safetensors import SafetensorError, safe_open

    if not path.is_file():
        raise FileNotFoundError(f"load: there is no file {path}")
    try:
        with safe_open(path, framework="numpy") as file:
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  # it is no mapping
            header = json.loads((file.metadata() or {}).get(HEADER, "{}"))
    except (SafetensorError, json.JSONDecodeError, TypeError) as error:
        raise ValueError(f"load: {path} is damaged, or no safetensors file: {error}") from None
    return arrays, header


def _resume(optimizer: Optimizer, arrays: Mapping[str, Array], saved: Mapping[str, Any]) -> None:
    kind = type(optimizer).__name__
    if saved["kind"] != kind:
        raise ValueError(f"load: the optimiser is {kind}, but the one that was saved is {saved['kind']}")
    state: dict[int, dict[str, Any]] = {int(i): dict(numbers) for i, numbers in saved["state"].items()}
    for name, array in arrays.items():
        if name.startswith(OPTIMIZER):
            i, what = name.removeprefix(OPTIMIZER).split("/")
            state.setdefault(int(i), {})[what] = array
    optimizer.load_state_dict({"state": state, "param_groups": saved["groups"]})


def _generators(net: Module, rng: np.random.Generator | None) -> Iterator[tuple[str, np.random.Generator]]:
    """The generators that a run draws from: those of modules by dotted name, and `rng`."""
    if rng is not None:
        yield "rng", rng
    for path, module in net.named_modules():
        for name, value in vars(module).items():
            if isinstance(value, np.random.Generator):
                yield f"module {path}.{name}" if path else f"module {name}", value


def _state(g: np.random.Generator) -> dict[str, Any]:
    state: dict[str, Any] = json.loads(json.dumps(dict(g.bit_generator.state), default=lambda a: a.tolist()))
    return state
