"""A row as NumPy source: the expression that a person would write to run it on named operands.

A form is such an expression with `_0 _1 ...` in the operands' places, such as `_0 @ _1.T + _2`. A row's forms are
tried in this order, and the first that gives the row's own result to the last bit is the one: NumPy's operator,
method or function (`forms`); the body of `run`, if it is one expression; a function of its own, whose source is that
of `run` (`helpers`).
"""

from __future__ import annotations

import ast
import functools
import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from types import FunctionType
from typing import Any, NamedTuple

import numpy as np

from tinygrad_lite.context import EVERYTHING, recording
from tinygrad_lite.graph import Node, ancestors, same_bits
from tinygrad_lite.primitive import Primitive
from tinygrad_lite.primitives.indexing import ARRAY
from tinygrad_lite.readings.coding.definitions import body, definition_of, single
from tinygrad_lite.readings.coding.forms import forms
from tinygrad_lite.readings.coding.helpers import Helpers, Unprintable
from tinygrad_lite.readings.rewriting.numbers import Quotient, Size, bare, plain
from tinygrad_lite.tensor import leaf

__all__ = ["Code", "Helpers", "Unprintable", "filled", "form", "index_text", "literal", "uses", "written"]

# How tightly an expression holds together, and an example of each: see `_needs_brackets`.
ATOM, POWER, UNARY, PRODUCT, SUM, BITAND, BITXOR, BITOR, COMPARISON, LOOSEST = range(10, 0, -1)
EXAMPLES = {
    POWER: "p ** q", UNARY: "-p", PRODUCT: "p * q", SUM: "p + q", BITAND: "p & q", BITXOR: "p ^ q", BITOR: "p | q",
    COMPARISON: "p > q", LOOSEST: "p if q else r",
}  # fmt: skip
OPERATORS: dict[type[ast.AST], int] = {
    ast.Pow: POWER, ast.UnaryOp: UNARY, ast.Mult: PRODUCT, ast.Div: PRODUCT, ast.MatMult: PRODUCT, ast.Mod: PRODUCT,
    ast.FloorDiv: PRODUCT, ast.Add: SUM, ast.Sub: SUM, ast.BitAnd: BITAND, ast.BitXor: BITXOR, ast.BitOr: BITOR,
    ast.Compare: COMPARISON, ast.Name: ATOM, ast.Call: ATOM, ast.Attribute: ATOM, ast.Subscript: ATOM,
    ast.Constant: ATOM, ast.Tuple: ATOM, ast.List: ATOM,
}  # fmt: skip
LONGEST = 400  # characters of an expression that stands for a row
SLOT = re.compile(r"\b_(\d+)\b")


class Code(NamedTuple):
    """An expression and how tightly it holds together, which says where it needs brackets."""

    text: str
    strength: int = ATOM

    def __str__(self) -> str:
        return self.text


def literal(a: Any, strong: bool = False) -> Code:
    """A constant as source that reads back exactly; with `strong` a NumPy scalar keeps its dtype.

    >>> [literal(a).text for a in (0.1, -3, np.inf, None, (1, 2), slice(1, None), np.float32(0.5))]
    ['0.1', '-3', 'np.inf', 'None', '(1, 2)', 'slice(1, None, None)', '0.5']
    >>> literal(np.float32(0.1), strong=True).text
    'np.float32(0.1)'
    """
    if isinstance(a, (Size, Quotient)):
        return Code(a.text, strength_of(a.text))
    if isinstance(a, np.dtype):
        return Code("bool" if a.kind == "b" else f"np.{a.name}")
    if isinstance(a, (np.generic, np.ndarray)):
        if a.ndim:
            dtype = "" if a.dtype in (np.float64, np.int_, np.bool_) and a.size else f", dtype={literal(a.dtype)}"
            return Code(f"np.array({_entries(a.tolist())}{dtype})")
        if strong and a.dtype != bool:
            return Code(f"np.{a.dtype.name}({_number(plain(a))})")
        a = plain(a)
    if isinstance(a, (tuple, list)):
        inner = _entries(a)[1:-1]
        return Code(f"[{inner}]" if isinstance(a, list) else f"({inner}{',' * (len(a) == 1)})")
    text = _number(a)
    return Code(text, UNARY if text[0] == "-" else ATOM)


def _entries(values: Any) -> str:
    if isinstance(values, (list, tuple)):
        return f"[{', '.join(_entries(v) if isinstance(v, list) else literal(v).text for v in values)}]"
    return literal(values).text


def _number(a: Any) -> str:
    if isinstance(a, float) and not np.isfinite(a):
        return "np.nan" if a != a else "np.inf" if a > 0 else "-np.inf"
    return repr(a)


def index_text(index: tuple[Any, ...], arrays: Sequence[str]) -> str:
    """What stands between the brackets of `x[...]`, from a template and the texts of its arrays.

    >>> index_text((slice(None), None, slice(None, None, -2), ARRAY), ["rows"])
    ':, None, ::-2, rows'
    """
    rest = iter(arrays)
    parts = []
    for part in index:
        if isinstance(part, slice):
            ends = ["" if end is None else literal(end).text for end in (part.start, part.stop)]
            parts.append(":".join(ends) + ("" if part.step is None else f":{literal(part.step)}"))
        elif part is ARRAY:
            parts.append(next(rest))
        else:
            parts.append("..." if part is Ellipsis else literal(part).text)
    return ", ".join(parts) or "()"


@functools.lru_cache(4096)
def strength_of(text: str) -> int:
    """How tightly an expression holds together."""
    node = ast.parse(text, mode="eval").body
    kind = type(node.op) if isinstance(node, ast.BinOp) else type(node)
    return OPERATORS.get(kind, LOOSEST)


@functools.lru_cache(4096)
def _needs_brackets(form: str, slot: str, strength: int) -> bool:
    # Python's own grammar knows: put an example of that strength in the slot and see whether it stays one.
    example = ast.parse(EXAMPLES[strength], mode="eval").body
    bare = re.sub(rf"\b{slot}\b", EXAMPLES[strength], form)

    class Fill(ast.NodeTransformer):
        def visit_Name(self, node: ast.Name) -> ast.AST:
            return example if node.id == slot else node

    meant = Fill().visit(ast.parse(form, mode="eval"))
    return ast.dump(meant) != ast.dump(ast.parse(bare, mode="eval"))


def filled(form: str, operands: Sequence[Code]) -> Code:
    """A form with operands in its places, in brackets where they have to be.

    >>> filled("_0 - _1", [Code("a"), Code("b + c", SUM)])
    Code(text='a - (b + c)', strength=6)
    """

    def put(match: re.Match[str]) -> str:
        code = operands[int(match[1])]
        bare = code.strength == ATOM or not _needs_brackets(form, match[0], code.strength)
        # a number is no place for an attribute: 2.T is a syntax error
        dotted = code.text[0].isdigit() and form[match.end() : match.end() + 1] == "."
        return code.text if bare and not dotted else f"({code.text})"

    if form == "_0":
        return operands[0]
    return Code(SLOT.sub(put, form), strength_of(form))


def uses(form: str, i: int) -> int:
    """How often a form mentions operand `i`."""
    return sum(int(match[1]) == i for match in SLOT.finditer(form))


def form(
    op: Primitive,
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    constants: Sequence[bool] | None = None,
    helpers: Helpers | None = None,
    sizes: Mapping[str, int] | None = None,
) -> str:
    """How `op` is written when it runs on `args`: an expression in `_0 _1 ...`, with the constants filled in.

    constants  which of `args` are to stand in the text as numbers; by default those that are no arrays
    helpers    gets the functions that the text calls; without it a row that needs one raises Unprintable
    sizes      what the names of `Size`s among the constants stand for
    """
    if constants is None:
        constants = [not np.ndim(a) and not isinstance(a, (np.ndarray, np.generic)) for a in args]
    expected = _trials(op, args, kwargs, constants)
    made: list[str] = []
    for candidate in _candidates(op, args, kwargs, helpers):
        for strong in (False, True):
            codes = [
                literal(a, strong) if constant else Code(f"_{i}")
                for i, (a, constant) in enumerate(zip(args, constants, strict=True))
            ]
            text = filled(candidate, codes).text if any(constants) else candidate
            if text not in made:
                made.append(text)
                if all(_gives(text, values, y, helpers, sizes) for values, y in expected):
                    return text
    raise Unprintable(
        f"{op.name} cannot be written as NumPy source: its `run` is {op.run!r}, which "
        f"{'gives other numbers than its source' if made else 'has no Python source'}. Write `run` as a function in a "
        "file, of NumPy's functions and of functions in that file."
    )


def written(
    op: Primitive,
    operands: Sequence[Code],
    kwargs: Mapping[str, Any],
    args: Sequence[Any],
    helpers: Helpers | None = None,
) -> Code:
    """`op` on the operands, as source: see `form`. `args` are the arrays and constants that the operands stand for.

    >>> from tinygrad_lite.primitives import TABLE
    >>> x, W, b = np.ones((4, 2)), np.ones((3, 2)), np.ones(3)
    >>> written(TABLE["affine"], [Code("x"), Code("W"), Code("b")], {}, [x, W, b]).text
    'x @ W.T + b'
    """
    return filled(form(op, args, kwargs, [False] * len(args), helpers), operands)


def _candidates(
    op: Primitive, args: Sequence[Any], kwargs: Mapping[str, Any], helpers: Helpers | None
) -> Iterator[str]:
    yield from forms(op, args, kwargs)
    if (expression := body(op.run, len(args), kwargs)) is not None:
        if helpers is not None:
            yield helpers.resolve(op.run, expression)
        elif single(op.run):
            yield expression
    if (expression := _traced(op, args, kwargs, helpers)) is not None:
        yield expression
    if helpers is not None:
        yield helpers.call(op, len(args), kwargs)


def _traced(op: Primitive, args: Sequence[Any], kwargs: Mapping[str, Any], helpers: Helpers | None) -> str | None:
    """For a row without source: `run` on Tensors leaves the simpler rows that it is made of, and they are written."""
    if not isinstance(op.run, FunctionType) or definition_of(op.run) is not None:
        return None
    leaves = [leaf(a) if isinstance(a, (np.ndarray, np.generic)) else a for a in args]
    try:
        with recording(EVERYTHING), np.errstate(all="ignore"):
            y = op.run(*leaves, **kwargs)
    except Exception:  # it does not take Tensors
        return None
    if not isinstance(y, Node) or y.op is op:
        return None
    texts = {x: Code(f"_{i}") for i, x in enumerate(leaves) if isinstance(x, Node)}
    for node in ancestors([y]):
        if node.op is None:
            texts.setdefault(node, literal(node.value))
            continue
        inner = form(node.op, node.args, node.kwargs, [x is None for x in node.inputs], helpers)
        texts[node] = filled(inner, [Code("") if x is None else texts[x] for x in node.inputs])
        if len(texts[node].text) > LONGEST:
            return None
    return texts[y].text


def _trials(
    op: Primitive, args: Sequence[Any], kwargs: Mapping[str, Any], constants: Sequence[bool]
) -> list[tuple[list[Any], Any]]:
    """The operands as they are and others of the same shapes, each with the row's result: luck is not enough."""
    rng = np.random.default_rng(0)
    others = [
        _random_like(rng, a) if not constant and isinstance(a, (np.ndarray, np.generic)) and a.dtype.kind == "f" else a
        for a, constant in zip(args, constants, strict=True)
    ]
    trials = []
    for values in (list(args), others):
        try:
            with np.errstate(all="ignore"):
                trials.append((values, op.run(*map(bare, values), **kwargs)))
        except (ValueError, ArithmeticError):  # random numbers need not be in the domain
            continue
    return trials


def _random_like(rng: np.random.Generator, a: Any) -> Any:
    if not a.ndim:
        return a.dtype.type(rng.standard_normal())
    out = np.empty_like(a)  # in the same memory order, which decides the order of sums
    out[...] = rng.standard_normal(a.shape)
    return out


@functools.lru_cache(4096)
def _compiled(text: str) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SyntaxWarning)  # 1.0[c], which does not suit: the next candidate is tried
        return compile(text, "<form>", "eval")


def _gives(text: str, values: Sequence[Any], y: Any, helpers: Helpers | None, sizes: Mapping[str, int] | None) -> bool:
    space = {"np": np, **(helpers.functions if helpers is not None else {}), **(sizes or {})}
    space.update((f"_{i}", a) for i, a in enumerate(values))
    try:
        with np.errstate(all="ignore"):
            found = eval(_compiled(text), space)
    except Exception:  # a form that does not suit these operands
        return False
    return same_bits(np.asarray(found), np.asarray(y))
