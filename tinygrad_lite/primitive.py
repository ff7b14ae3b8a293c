"""What an operation is: one row saying how to run it, how to write it, and its local derivative.

A row is made by one of the constructors below, and it is all that the engine and every reading of a
graph (drawing, derivation, source...) know of an operation:

    tanh   = pointwise(np.tanh, r"\\tanh #1", lambda y, x: 1 - y * y)
    negate = pointwise(np.negative, "-#1", -1)
    matmul = linear(np.matmul, r"#1\\,#2", lambda g, y, a, b: ..., lambda g, y, a, b: ...)
    maxval = general(np.max, ..., lambda g, y, x, axis, keepdims: ...)
    greater = constant(np.greater, "#1 > #2")

In a row, and only there: `y` is the output, `x` (or `a, b`) the inputs, `g` the cotangent of `y`, that is
dL/dy for the scalar L at the end of the graph. Rules are plain NumPy: they run on arrays, and, because a
Tensor answers NumPy's protocols, on Tensors too; that is how a gradient can be differentiated again.
A rule never sums out broadcast axes, accumulates, casts or checks: those are the engine's duties.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any, Literal

import numpy as np

Kind = Literal["pointwise", "linear", "general", "constant"]
Rule = Callable[..., Any] | int | None

# Which row (or function made of rows) answers when NumPy is called with a Tensor: {np.tanh: tanh, ...}.
ANSWERS: dict[Callable[..., Any], Callable[..., Any]] = {}


# Modules that register more answers when they are imported; they are, when a function is not among the first ones.
MORE_ANSWERS: list[str] = []


def answer_to(function: Callable[..., Any]) -> Callable[..., Any] | None:
    """What answers when NumPy's `function` is called with a Tensor; None if nothing does."""
    while function not in ANSWERS and MORE_ANSWERS:
        import_module(MORE_ANSWERS.pop())
    return ANSWERS.get(function)


class Traced:
    """What a row looks for among its arguments: a value that writes down what is done with it."""

    __slots__ = ()

    def record(self, op: Primitive, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Run `op` and remember that it ran."""
        raise NotImplementedError


class Symbolic(Traced):
    """What stands for an array while a program is traced: shape and dtype are known, the numbers are not."""

    __slots__ = ()


class Primitive:
    """One row of the table: an operation that the engine can run, differentiate and write down.

    Array arguments are positional, everything else (axis, shape, index) is a keyword, so that a recorded
    call can be run again with other arrays. `rules[i]` differentiates by argument i: a function, the literal
    1, -1 or 0, or None where there is nothing to differentiate. With `variadic` one rule serves every
    argument and is told which: `rule(i, g, y, *xs)`.
    """

    __slots__ = ("explain", "kind", "multilinear", "name", "rules", "run", "symbol", "tex", "variadic")

    def __init__(
        self,
        run: Callable[..., Any],
        tex: str,
        rules: tuple[Rule, ...],
        *,
        kind: Kind,
        name: str | None = None,
        symbol: str | None = None,
        numpy: Callable[..., Any] | None = None,
        variadic: bool = False,
        explain: Callable[..., str | None] | None = None,
        multilinear: bool = False,
    ) -> None:
        if not isinstance(tex, str):
            raise TypeError(
                f"{kind}: the second argument says how the operation is written, a text of TeX such as r'f(#1)', and "
                f"the rules for its inputs come after it; this is {type(tex).__name__}"
            )
        for rule in rules:
            if not (callable(rule) or rule is None or (rule.__class__ is int and rule in (1, -1, 0))):
                raise TypeError(
                    f"{kind}: the rule for an input is a function, of (y, x, ...) for pointwise and of (g, y, x, ...) "
                    "for the others, or 1, -1 or 0, or None where there is nothing to differentiate; this is "
                    f"{rule!r}. A slope that is the same everywhere is a function too: lambda y, x: 2"
                )
        self.run = run
        self.tex = tex
        self.rules = rules
        self.kind = kind
        self.name: str = name or (numpy or run).__name__
        self.symbol = symbol
        self.variadic = variadic
        self.explain = explain  # on failure: what was wrong with these operands, in the operation's own terms
        self.multilinear = multilinear  # a product: linear in each argument while the others are held fixed
        if numpy is not None:
            ANSWERS[numpy] = self

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        for a in args:
            if isinstance(a, Traced):
                for key, value in kwargs.items():
                    if isinstance(value, Traced):
                        raise TypeError(
                            f"{self.name}: {key}= is a tensor; only positional arguments are differentiated"
                        )
                return a.record(self, args, kwargs)
        return self.run(*args, **kwargs)

    def __repr__(self) -> str:
        return f"<{self.kind} {self.name}>"

    def pull(self, i: int, g: Any, y: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """The cotangent of argument `i`, from the cotangent `g` of the output; None where there is none.

        The only place that knows what the kinds mean: pointwise multiplies by the partial derivative,
        linear and general hand `g` to the rule.
        """
        if self.variadic:
            return self.rules[0](i, g, y, *args, **kwargs)  # type: ignore[operator, misc]  # variadic: a function
        try:
            rule = self.rules[i]
        except IndexError:
            raise TypeError(
                f"{self.name} has no rule for its input {i}, which requires a gradient. A row gives one rule for each "
                "input; None says that there is nothing to differentiate."
            ) from None
        if rule.__class__ is not int:
            if rule is None:
                return None
            if self.kind == "pointwise":
                return g * rule(y, *args, **kwargs)  # type: ignore[operator]  # int and None are gone
            return rule(g, y, *args, **kwargs)  # type: ignore[operator]  # int and None are gone
        return g if rule == 1 else -g if rule == -1 else np.zeros_like(g)

    def push(self, i: int, t: Any, y: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """The tangent of the output, from the tangent `t` of argument `i`; None where only `pull` tells.

        The mirror image of `pull`: pointwise multiplies by the same partial derivative; what is linear in one
        argument is its own derivative, and so is a product in each of its factors.
        """
        if self.kind == "pointwise":
            return self.pull(i, t, y, args, kwargs)
        if self.multilinear or (self.kind == "linear" and len(self.rules) == 1 and not self.variadic):
            return self(*args[:i], t, *args[i + 1 :], **kwargs)
        return None


def pointwise(run: Callable[..., Any], tex: str, *partials: Rule, **more: Any) -> Primitive:
    r"""An operation on each entry by itself; give the partial derivative dy/dx_i by each input.

    `partial(y, *inputs, **keywords)` is an array, or the literal 1, -1 or 0. `tex` is how the operation is
    written, with `#1 #2` for the inputs. Keywords: `name`, `symbol` (an infix), `numpy` (the NumPy function
    that this row answers for).

    >>> import numpy as np, tinygrad_lite as tl
    >>> softsign = tl.pointwise(lambda x: x / (1 + abs(x)), r"\mathrm{softsign}(#1)",
    ...                         lambda y, x: 1 / (1 + np.abs(x)) ** 2, name="softsign")
    >>> x = tl.tensor([-1.0, 3.0], requires_grad=True)
    >>> softsign(x).sum().backward()
    >>> x.grad
    array([0.25  , 0.0625])
    """
    return Primitive(run, tex, partials, kind="pointwise", **more)


def linear(run: Callable[..., Any], tex: str, *adjoints: Rule, **more: Any) -> Primitive:
    """An operation that is linear in each input; give the adjoint by each input.

    `adjoint(g, y, *inputs, **keywords)` satisfies <g, op(u)> = <adjoint(g), u> for every u. The literal 1 is
    the adjoint that hands `g` on as it is. Keywords as for `pointwise`.
    """
    return Primitive(run, tex, adjoints, kind="linear", **more)


def general(run: Callable[..., Any], tex: str, *vjps: Rule, **more: Any) -> Primitive:
    """Any other operation; give the vector-Jacobian product by each input.

    `vjp(g, y, *inputs, **keywords)` is sum over outputs j of g_j dy_j/dx. Keywords as for `pointwise`.
    """
    return Primitive(run, tex, vjps, kind="general", **more)


def constant(run: Callable[..., Any], tex: str, **more: Any) -> Primitive:
    """An operation with no derivative at all, such as a comparison: its output requires no gradient."""
    return Primitive(run, tex, (), kind="constant", **more)
