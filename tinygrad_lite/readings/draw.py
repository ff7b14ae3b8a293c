"""Pictures of a graph that people want to look at: `draw`."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from tinygrad_lite.context import recording
from tinygrad_lite.graph import Node, sweep
from tinygrad_lite.nn import Module
from tinygrad_lite.readings.drawing.build import Builder
from tinygrad_lite.readings.drawing.image import Drawing
from tinygrad_lite.tensor import Tensor, leaf

MANY = 2_000  # nodes beyond which a notebook shows a tensor without its picture


def draw(
    target: Any,
    *inputs: Any,
    values: bool = False,
    grads: bool = False,
    backward: bool = False,
    depth: int | None = None,
    max_nodes: float = 60,
    names: Mapping[str, Any] | None = None,
) -> Drawing:
    """A picture of how something is computed; it shows itself in Jupyter, and `.render("x.svg")` writes a file.

    target     a Tensor, several in a list or dict, or a module or function, which is called on `inputs`;
               a module without inputs is drawn as the tree of its parts
    values     show the numbers; grads the cotangent of every node, whether or not `backward()` was called
    backward   draw the backward pass too, as the graph that it is
    depth      open so many levels of modules; max_nodes folds what is more than that
    names      what your code calls things: `names=locals()`

    >>> import tinygrad_lite as tl
    >>> w = tl.tensor([1.0, 2.0], requires_grad=True, name="w")
    >>> picture = tl.draw((w * w).sum(), grads=True)
    >>> [item.name for item in picture.scene.items]
    ['w', 'v', 'out']
    """
    settings: dict[str, Any] = {"depth": depth, "max_nodes": max_nodes}
    if isinstance(target, Module) and not inputs:
        from tinygrad_lite.readings.drawing.tree import tree

        return Drawing(tree(target, names=names, **settings), name="module")
    outputs, settings["names"], settings["inputs"] = _run(target, inputs, names)
    cotangents = _cotangents(outputs) if grads else None
    back = _cotangents(outputs, on_nodes=True) if backward else None
    scene = Builder(outputs, values=values, cotangents=cotangents, backward=back, **settings).scene()
    return Drawing(scene, film=lambda **options: _film(outputs, settings, options))


def mimebundle(shown: Any) -> dict[str, str]:
    """What a notebook shows of a Tensor or a Module: its text, and a picture if there is something to see."""
    bundle = {"text/plain": repr(shown)}
    if isinstance(shown, Node) and (shown.op is None or _more_than(MANY, shown)):
        return bundle
    picture = draw(shown, values=True) if isinstance(shown, Node) else draw(shown)
    drawn = picture._repr_mimebundle_().get("image/svg+xml")
    if drawn is not None:
        from html import escape

        bundle["text/html"] = f"<pre>{escape(bundle['text/plain'])}</pre>{drawn}"
    return bundle


def _film(outputs: list[Tensor], settings: dict[str, Any], options: dict[str, Any]) -> Any:
    """The film of a drawing; see `Film`."""
    from tinygrad_lite.readings.drawing.film import Film

    return Film(outputs, _cotangents(outputs), settings, image=lambda scene: Drawing(scene).svg(), **options)


def _run(
    target: Any, inputs: tuple[Any, ...], names: Mapping[str, Any] | None
) -> tuple[list[Tensor], dict[str, Any], list[Tensor]]:
    """The outputs to be drawn, the names given, and the inputs of a function."""
    given = dict(names or {})
    leaves: list[Tensor] = []
    if isinstance(target, Tensor):
        if inputs:
            raise TypeError("draw: a Tensor is drawn as it is; inputs are for a module or a function")
        return [target], given, leaves
    if callable(target):
        if not inputs:
            raise TypeError(f"draw: give {_name(target)} inputs to be called on: draw({_name(target)}, x)")
        leaves = [_input(x, isinstance(target, Module)) for x in inputs]
        for name, x in zip(_parameters(target, len(inputs)), leaves, strict=True):
            given.setdefault(name, x) if x.name is None else None
        with recording(True):
            target = target(*leaves)
    elif inputs:
        raise TypeError("draw: inputs are for a module or a function")
    if isinstance(target, Mapping):
        given.update({str(name): value for name, value in target.items()})
        target = list(target.values())
    outputs = list(target) if isinstance(target, (list, tuple)) else [target]
    for i, output in enumerate(outputs):
        if not isinstance(output, Tensor):
            what = f"output {i} is" if len(outputs) > 1 else "this is"
            raise TypeError(
                f"draw: {what} {type(output).__name__}, not a Tensor. Draw a Tensor, a list of them, or a module or "
                "function with inputs; NumPy arrays have no graph."
            )
    if not outputs:
        raise TypeError("draw: nothing to draw; the list is empty")
    return list(dict.fromkeys(outputs)), given, leaves


def _input(x: Any, plain: bool) -> Tensor:
    """An input of a function as a leaf that its operations are recorded from; a module has parameters for that."""
    if isinstance(x, Tensor):
        if plain or x.requires_grad or x.dtype.kind != "f":
            return x
        t = leaf(x.current(), requires_grad=True)
        t.name = x.name
        return t
    t = Tensor(x)
    return t if plain or t.dtype.kind != "f" else leaf(t.value, requires_grad=True)


def _parameters(f: Callable[..., Any], n: int) -> list[str]:
    """What a function calls its first `n` arguments."""
    try:
        parameters = inspect.signature(f.forward if isinstance(f, Module) else f).parameters.values()
    except (TypeError, ValueError):
        return [f"x{i + 1}" for i in range(n)]
    named = [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    return named[:n] + [f"x{i + 1}" for i in range(len(named), n)]


def _cotangents(outputs: list[Tensor], on_nodes: bool = False) -> dict[Any, Any]:
    """The cotangent of every node, for the sum of all entries of all outputs."""
    seen: dict[Any, Any] = {}
    seeds: dict[Any, Any] = {}
    for y in outputs:
        if y.requires_grad:
            ones = np.ones(y.shape, y.dtype)[()]
            # A seed that requires a gradient, so that every operation after it is recorded.
            seeds[y] = leaf(ones, requires_grad=True) if on_nodes else ones
    with recording(True):
        sweep(seeds, on_nodes=on_nodes, seen=seen)
    return seen


def _more_than(n: int, node: Node) -> bool:
    """Whether a node has more than `n` ancestors, found out in at most `n` steps."""
    found = {node}
    stack = [node]
    while stack and len(found) <= n:
        for x in stack.pop().inputs:
            if x is not None and x not in found:
                found.add(x)
                stack.append(x)
    return len(found) > n


def _name(f: Callable[..., Any]) -> str:
    return getattr(f, "__name__", type(f).__name__)
