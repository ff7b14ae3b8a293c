"""A compiled function on the graph: one node, whose cotangents a second compiled program computes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tinygrad_lite.graph import GraphError, Node, sweep
from tinygrad_lite.primitive import Primitive
from tinygrad_lite.tensor import Tensor, as_tensor, record


def pulled(f: Callable[..., Any], leaves: list[Node]) -> Callable[..., Any]:
    """(g, args, kwargs) -> the cotangents of the Tensors among the arguments, then those of `leaves`."""

    def pull(g: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[Any]:
        y = f(*args, **kwargs)
        found = sweep({y: as_tensor(g).current()})
        given = [*_tensors(args), *_tensors(tuple(kwargs[k] for k in sorted(kwargs)))]
        return [found.get(x) for x in (*(t for t in dict.fromkeys(given) if t.requires_grad), *leaves)]

    return pull


def on_graph(name: str, value: Any, inputs: list[Tensor], pull: Callable[[Any], list[Any]]) -> Tensor:
    """`value` as a tensor that was computed from `inputs`; `pull` gives their cotangents from that of the value."""
    latest: list[Any] = [None, {}]  # the cotangent of the sweep under way, and the shares not yet handed out

    def rule(i: int, g: Any, y: Any, *xs: Any) -> Any:
        if isinstance(g, Node):
            raise GraphError(
                f"compile({name}): its gradient is a program too, which can neither be differentiated again nor be "
                "written out as formulas or source. If the first derivative is all that is wanted, ask for it under "
                "tl.no_grad(): where f reads what requires a gradient, another could follow. If not, compile the "
                "derivative that you want, such as tl.compile(tl.hessian(f)), or call the function itself, .f."
            )
        if latest[0] is not g or i not in latest[1]:
            for x, seen in zip(inputs, xs, strict=True):
                if x.current() is not seen:
                    raise GraphError(f"compile({name}): {x.name or 'an input'} was changed before the backward sweep")
            latest[:] = g, dict(enumerate(pull(np.asarray(g))))
        return latest[1].pop(i)

    row = Primitive(
        lambda *_: value, r"\mathrm{compiled}(#1)", (rule,), kind="general", name=f"compiled {name}", variadic=True
    )
    return record(row, tuple(inputs), {})


def _tensors(args: Any) -> list[Tensor]:
    if isinstance(args, Tensor):
        return [args]
    if isinstance(args, dict):
        return [t for part in args.values() for t in _tensors(part)]
    return [t for part in args for t in _tensors(part)] if isinstance(args, (tuple, list)) else []
