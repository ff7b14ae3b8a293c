"""`derive`: the worked derivation of the gradients of any network, from the rules that ran, each line checked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from numbers import Real
from typing import Any

import numpy as np

from tinygrad_lite.graph import Node, describe
from tinygrad_lite.optim.optimizer import Optimizer
from tinygrad_lite.readings.derivation.compose import Options
from tinygrad_lite.readings.derivation.derivation import Derivation
from tinygrad_lite.readings.derivation.folding import Folding
from tinygrad_lite.readings.derivation.lines import Builder
from tinygrad_lite.readings.derivation.means import examples
from tinygrad_lite.readings.derivation.naming import DELTAS, PRESETS, check_names, named
from tinygrad_lite.readings.derivation.report import VerificationError
from tinygrad_lite.readings.derivation.update import update
from tinygrad_lite.readings.derivation.writing import PRODUCTS
from tinygrad_lite.readings.labels import Names
from tinygrad_lite.readings.program import backward, whole

__all__ = ["Derivation", "VerificationError", "derive"]


def derive(
    loss: Node,
    wrt: Node | Iterable[Node] | None = None,
    *,
    level: int = 3,
    entry: str | None = None,
    names: Mapping[str, Any] | str | None = None,
    preset: str | None = None,
    symbol: str | None = None,
    delta: str | None = None,
    product: str = "⊙",
    layout: str = "shape",
    mean: str = "in_loss",
    digits: int = 4,
    numbers: bool = True,
    fuse: bool = True,
    lr: float | None = None,
    optimizer: Any = None,
    verify: bool = True,
) -> Derivation:
    """The worked derivation of d loss / d parameters: every line by rule, symbols, shapes and numbers, and checked.

    level   0 one line for each parameter, 1 matrix form, 2 and numbers, 3 and components and reasons, 4 and `entry`
    entry   `"W1[2,0]"`: the product of scalars along every path to that entry
    names   {name: tensor}, `locals()` or the name of a preset; `preset` is textbook, nielsen, bishop, goodfellow,
            cs231n or mitx; `symbol` is what the loss is called
    look    delta (full, delta, bar, code), product (⊙, ∘, *, diag), layout (shape, numerator), digits, numbers, and
            mean (in_loss, at_params): where the 1/N of a batch comes in
    fuse    the inside of a loss in one line; lr or optimizer shows an update and the decrease that it predicts
    Raises: GraphError where there is no graph, or a checkpoint; ValueError for no scalar, nan or inf, and odd names.

    >>> import tinygrad_lite as tl
    >>> x = tl.tensor([3.0, 4.0], requires_grad=True, name="x")
    >>> d = derive((x * 5).sum())
    >>> print(d["dL/dx"])
    1  dL/dx = 5   (2,)   = [5 5]   ok
             Every entry went into the sum with weight 1, so each gets a copy of the cotangent.
             A constant factor stays in front.
    """
    given, preset = _named(names, preset)
    _check(loss, level, delta, product, layout, mean)
    _check_numbers(digits, symbol, lr, optimizer)
    _check_kinds(entry, {"numbers": numbers, "fuse": fuse, "verify": verify})
    look = PRESETS[preset]
    delta = delta or ("code" if mean == "at_params" and look.delta == "full" else look.delta)
    options = Options(4 if entry and level < 4 else level, delta, product, layout, digits, numbers)
    program = backward(loss, _wanted(wrt))
    if verify:
        whole(program, "derive", "its lines cannot be checked")
    _check_finite(program.forward, given)
    own = Names((), given=given)
    folding = Folding(program, {n: own[n] for n in program.forward if n in own}, fuse)
    names_found = named(program.forward, folding.shown, loss, given, look, symbol)
    builder = Builder(program, folding, names_found, exact=False)
    if mean == "at_params":
        options.mean = examples(program)
    step = update(program, optimizer, lr) if lr is not None or optimizer is not None else None
    derivation = Derivation(builder, names_found, look, options, entry, step)
    if verify:
        derivation.verify()
    return derivation


def _named(names: Mapping[str, Any] | str | None, preset: str | None) -> tuple[dict[str, Any], str]:
    if isinstance(names, str):
        names, preset = None, names
    if names is not None and not isinstance(names, Mapping):
        raise TypeError(f"derive: names is a dict, locals() or the name of a preset, not {type(names).__name__}")
    preset = preset or "textbook"
    if preset not in PRESETS:
        raise ValueError(f"derive: there is no preset {preset!r}; there are {', '.join(PRESETS)}")
    return check_names(names or {}), preset


def _wanted(wrt: Any) -> list[Node] | None:
    """The values that the derivatives are by."""
    if wrt is None:
        return None
    alone = isinstance(wrt, (Node, str, Mapping, np.ndarray)) or not isinstance(wrt, Iterable)
    wanted: list[Any] = [wrt] if alone else list(wrt)
    odd = next((x for x in wanted if not isinstance(x, Node)), None)
    if odd is not None or not wanted:
        raise TypeError(
            f"derive: wrt is a Tensor or a list of some, not {type(odd).__name__ if wanted else 'an empty list'}. Name "
            "what the derivatives are by, wrt=[net[0].weight], or leave it out for all parameters."
        )
    return wanted


def _check_numbers(digits: Any, symbol: Any, lr: Any, optimizer: Any) -> None:
    if isinstance(digits, bool) or not isinstance(digits, int) or not 1 <= digits <= 17:
        raise ValueError(f"derive: digits is a whole number from 1 to 17, of significant digits, not {digits!r}")
    if symbol is not None and not (isinstance(symbol, str) and symbol.isidentifier()):
        raise ValueError(f"derive: symbol is what the loss is called, a name such as C, L or J, not {symbol!r}")
    if lr is not None and (isinstance(lr, bool) or not isinstance(lr, Real)):
        raise TypeError(f"derive: lr is a learning rate, a number such as 0.01, not {lr!r}")
    if lr is not None and not 0 < float(lr) < np.inf:
        raise ValueError(f"derive: lr is a learning rate, a finite number above 0, not {lr!r}")
    if lr is not None and optimizer is not None:
        raise TypeError("derive: give lr, for plain gradient descent, or an optimizer, which has its own; not both")
    if optimizer is not None and not isinstance(optimizer, Optimizer):
        raise TypeError(
            f"derive: optimizer is one of tl.optim, such as optim.SGD(net.parameters(), lr=0.01), not {optimizer!r}"
        )


def _check_kinds(entry: Any, switches: Mapping[str, Any]) -> None:
    if entry is not None and (not isinstance(entry, str) or not entry.strip()):
        raise TypeError(f"derive: entry is text such as 'W1[2,0]', not {entry!r}")
    for name, value in switches.items():
        if not isinstance(value, (bool, np.bool_)):
            raise TypeError(f"derive: {name} is True or False, not {value!r}")


def _check(loss: Any, level: int, delta: str | None, product: str, layout: str, mean: str) -> None:
    if not isinstance(loss, Node):
        raise TypeError(
            f"derive takes the Tensor that a loss is, not {type(loss).__name__}: compute it first, "
            "loss = nn.SquaredLoss()(net(x), y)"
        )
    for what, value, allowed in (
        ("level", level, (0, 1, 2, 3, 4)), ("delta", delta, (None, *DELTAS)), ("product", product, tuple(PRODUCTS)),
        ("layout", layout, ("shape", "numerator", "denominator")), ("mean", mean, ("in_loss", "at_params")),
    ):  # fmt: skip
        if value not in allowed or type(value) not in {type(a) for a in allowed}:
            raise ValueError(
                f"derive: {what} is one of {', '.join(str(a) for a in allowed if a is not None)}, not {value!r}"
            )

    if mean == "at_params" and (delta == "full" or layout == "numerator"):
        raise ValueError(
            "derive: mean='at_params' gives the derivatives on the way another meaning, so they need a name of their "
            "own: delta='code', 'delta' or 'bar', in layout='shape'."
        )


def _check_finite(forward: list[Node], given: Mapping[str, Any]) -> None:
    """Refuse a run with nan or inf in it: no difference can be taken there, and no line be checked."""
    if all(np.isfinite(node.value).all() for node in forward if node.requires_grad):
        return  # what is not finite, if anything, was only data to be asked about
    for node in forward:
        value = np.asarray(node.value)
        if value.dtype.kind == "f" and not np.isfinite(value).all():
            where = np.argwhere(~np.isfinite(value))[0]
            name = next((k for k, v in given.items() if v is node), None)
            raise ValueError(
                f"derive: {name + ', ' if name else ''}{describe(node)} is the first value of the run that is not "
                f"finite: {value[tuple(where)]} at index {tuple(int(i) for i in where)}. Correct that first; "
                "no derivative can be checked there."
            )
