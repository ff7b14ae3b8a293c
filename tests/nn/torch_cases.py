"""One table of modules and losses, each built by the same code from PyTorch's names and from ours.

That the code is the same proves names, argument order and defaults; `observe` then compares what they compute. The
parameters are drawn here, by name and shape, and loaded into both with `load_state_dict`, which proves those.
`python -m tests.nn.torch_cases` stores PyTorch's numbers for machines without it.
"""

from __future__ import annotations

import json
import math
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

import tinygrad_lite as tl
from tests.nn.cases import CASES, Case

Array = npt.NDArray[Any]
STORED = Path(__file__).with_name("torch_numbers.npz")
PUBLIC = {name: getattr(tl.nn, name) for name in tl.nn.__all__}


class Draws:
    """Inputs that are the same on every machine: all from one seeded generator, in order."""

    def __init__(self, name: str) -> None:
        self.rng = np.random.default_rng(zlib.crc32(name.encode()))

    def normal(self, *shape: int) -> Array:
        return self.rng.standard_normal(shape)

    def uniform(self, *shape: int) -> Array:
        return self.rng.uniform(0.05, 0.95, shape)

    def signs(self, *shape: int) -> Array:
        return np.asarray(self.rng.choice([-1.0, 1.0], shape))

    def whole(self, high: int, *shape: int) -> Array:
        return self.rng.integers(high, size=shape)

    def logp(self, *shape: int) -> Array:
        z = self.rng.standard_normal(shape)
        return z - np.log(np.exp(z).sum(1 if len(shape) > 1 else 0, keepdims=True))  # type: ignore[no-any-return]

    def simplex(self, *shape: int) -> Array:
        return np.exp(self.logp(*shape))

    def distinct(self, *shape: int) -> Array:
        n = int(np.prod(shape))
        return self.rng.permutation(n).reshape(shape) / n * 4 - 2  # no two alike: for maxima

    def state(self, shapes: dict[str, tuple[int, ...]]) -> dict[str, Array]:
        made = {}
        for name in sorted(shapes):
            if name.endswith("num_batches_tracked"):
                made[name] = np.array(3)
            elif name.endswith("running_var"):
                made[name] = self.uniform(*shapes[name])
            else:
                made[name] = 0.5 * self.normal(*shapes[name])
        return made


def observe(case: Case, library: str) -> dict[str, Array]:
    """Outputs, gradients of inputs and parameters, and the state afterwards, for `library` "torch" or "ours"."""
    draws = Draws(case.name)
    return (_torch if library == "torch" else _ours)(case, draws, *inputs_of(case, draws))


def inputs_of(case: Case, draws: Draws) -> tuple[list[Any], dict[str, Any]]:
    """What the module of a case is called with."""
    names = {name: getattr(draws, name) for name in ("normal", "uniform", "signs", "whole", "logp", "simplex",
                                                     "distinct")} | {"array": np.array}  # fmt: skip
    return eval(f"[{case.inputs}]", names), eval(f"dict({case.keywords})", names)


def outputs_of(outputs: Any) -> list[Any]:
    """All arrays and tensors of what a module gives, in order."""
    if isinstance(outputs, (tuple, list)):
        return [x for part in outputs for x in outputs_of(part)]
    return [] if outputs is None else [outputs]


def _ours(case: Case, draws: Draws, arrays: list[Any], keywords: dict[str, Any]) -> dict[str, Array]:
    module = eval(case.code, {**PUBLIC, "array": np.array})
    module.train(case.train)
    module.load_state_dict(draws.state({k: v.shape for k, v in module.state_dict().items()}))
    inputs = [tl.tensor(a, requires_grad=True) if _is_float(a) and i < case.differentiated else a
              for i, a in enumerate(arrays)]  # fmt: skip
    for _ in range(case.calls):
        outputs = outputs_of(module(*inputs, **keywords))
    total = sum(((y * _cotangent(y.shape)).sum() for y in outputs), tl.tensor(0.0))
    total.backward()
    found = {f"output {i}": y.numpy() if isinstance(y, tl.Tensor) else y for i, y in enumerate(outputs)}
    found |= {f"input {i}": _or_zeros(x.grad, x) for i, x in enumerate(inputs) if isinstance(x, tl.Tensor)}
    found |= {f"gradient {name}": _or_zeros(p.grad, p) for name, p in module.named_parameters()}
    return found | {f"state {name}": b.numpy() for name, b in module.named_buffers()}


def _torch(case: Case, draws: Draws, arrays: list[Any], keywords: dict[str, Any]) -> dict[str, Array]:
    import torch

    default = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        module = eval(case.code, {**vars(torch.nn), "array": torch.tensor})
        module.train(case.train)
        state = draws.state({k: tuple(v.shape) for k, v in module.state_dict().items()})
        module.load_state_dict({name: torch.tensor(array) for name, array in state.items()})
        inputs = [torch.tensor(a, requires_grad=_is_float(a) and i < case.differentiated)
                  if isinstance(a, np.ndarray) else a for i, a in enumerate(arrays)]  # fmt: skip
        keywords = {k: torch.tensor(v) if isinstance(v, np.ndarray) else v for k, v in keywords.items()}
        for _ in range(case.calls):
            outputs = outputs_of(module(*inputs, **keywords))
        sum((y * torch.tensor(_cotangent(tuple(y.shape)))).sum() for y in outputs).backward()
    finally:
        torch.set_default_dtype(default)
    found = {f"output {i}": y.detach().numpy() for i, y in enumerate(outputs)}
    tensors = [(i, x) for i, x in enumerate(inputs) if isinstance(x, torch.Tensor) and x.requires_grad]
    found |= {f"input {i}": _or_zeros(x.grad, x) for i, x in tensors}
    found |= {f"gradient {name}": _or_zeros(p.grad, p) for name, p in module.named_parameters()}
    return found | {f"state {name}": b.numpy() for name, b in module.named_buffers()}


def _is_float(a: Any) -> bool:
    return isinstance(a, np.ndarray) and a.dtype.kind == "f"


def _or_zeros(grad: Any, x: Any) -> Array:
    return np.zeros(tuple(x.shape)) if grad is None else np.asarray(grad)


def _cotangent(shape: tuple[int, ...]) -> Array:
    """A fixed weight for every output, so that no two gradients can cancel unseen."""
    return np.cos(np.arange(1.0, 1 + np.prod(shape, dtype=int)).reshape(shape))


def stored() -> dict[str, dict[str, Array]]:
    """PyTorch's numbers, by the case's name."""
    with np.load(STORED) as archive:
        numbers, index = archive["numbers"], json.loads(str(archive["index"]))
    return {
        name: {what: numbers[at : at + math.prod(shape)].reshape(shape) for what, (at, shape) in parts.items()}
        for name, parts in index.items()
    }


def main() -> None:
    """Store what PyTorch gives for every case: all numbers end to end, and an index of what is where."""
    numbers: list[Array] = []
    index: dict[str, dict[str, Any]] = {}
    at = 0
    for case in CASES:
        for what, array in observe(case, "torch").items():
            index.setdefault(case.name, {})[what] = (at, array.shape)
            numbers.append(array.ravel().astype(float))
            at += array.size
    np.savez_compressed(STORED, numbers=np.concatenate(numbers), index=np.array(json.dumps(index)))
    print(f"{len(index)} cases, {at} numbers, {STORED.stat().st_size} bytes in {STORED.name}")


if __name__ == "__main__":
    main()
