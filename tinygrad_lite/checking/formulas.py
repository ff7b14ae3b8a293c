"""A formula typed as NumPy text, evaluated without running anybody's code, and within bounds.

Arithmetic, comparisons, `@`, `.T`, indexing and a few of NumPy's functions are all there is. What a step would cost is
reckoned from the shapes before it is done, so that no text takes long or fills the memory.
"""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

LONGEST, DEEPEST = 500, 40
LARGEST = 10_000_000  # numbers in one array
WORK = 100_000_000  # numbers made, and multiplications in products, in all of a formula
GREATEST = 10**15  # of whole numbers, which grow without an overflow
SLOW = 8  # what a power or an exponential costs, in additions

BINARY: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv,
    ast.MatMult: operator.matmul, ast.Pow: operator.pow, ast.BitAnd: operator.and_, ast.BitOr: operator.or_,
}  # fmt: skip
UNARY: dict[type[ast.unaryop], Callable[[Any], Any]] = {
    ast.USub: operator.neg, ast.UAdd: operator.pos, ast.Invert: np.logical_not,
}  # fmt: skip
COMPARE: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Gt: operator.gt, ast.GtE: operator.ge, ast.Lt: operator.lt, ast.LtE: operator.le, ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}  # fmt: skip
EXPENSIVE: dict[str, Callable[..., Any]] = {
    "exp": np.exp, "log": np.log, "tanh": np.tanh, "sqrt": np.sqrt, "cosh": np.cosh, "sinh": np.sinh, "sin": np.sin,
    "cos": np.cos, "power": np.power,
}  # fmt: skip
POINTWISE: dict[str, Callable[..., Any]] = EXPENSIVE | {
    "abs": np.abs, "sign": np.sign, "square": np.square, "maximum": np.maximum, "minimum": np.minimum,
    "where": np.where, "add": np.add, "subtract": np.subtract, "multiply": np.multiply, "divide": np.divide,
    "negative": np.negative, "ones_like": np.ones_like, "zeros_like": np.zeros_like,
}  # fmt: skip
REDUCTIONS: dict[str, Callable[..., Any]] = {"sum": np.sum, "mean": np.mean, "max": np.max, "min": np.min}
SHAPING: dict[str, Callable[..., Any]] = {"transpose": np.transpose, "reshape": np.reshape}
PRODUCTS: dict[str, Callable[..., Any]] = {"dot": np.dot, "matmul": np.matmul, "outer": np.outer}
FUNCTIONS = POINTWISE | REDUCTIONS | SHAPING | PRODUCTS
METHODS = REDUCTIONS | SHAPING | {"dot": np.dot}
PLAIN: dict[str, Callable[..., Any]] = {"abs": np.abs, "len": len, "float": float}
CONSTANTS = {"np.pi": np.pi, "np.e": np.e}
DTYPES = {"float": float, "int": int, "bool": bool, "np.float64": np.float64, "np.float32": np.float32}


class FormulaError(ValueError):
    """The text is no formula that can be evaluated; the message says why."""


def evaluate(text: str, names: Mapping[str, Any]) -> Any:
    """The value of a formula in terms of the arrays `names`.

    Raises: FormulaError for anything but arithmetic, comparisons, indexing, `.T`, `.sum()`, `.shape[k]` and the like,
    and a short list of NumPy's functions; and for what would grow too large or take too long.

    >>> import numpy as np
    >>> evaluate("dz.T @ x / 2", {"dz": np.array([[2.0]]), "x": np.array([[3.0, 4.0]])})
    array([[3., 4.]])
    >>> evaluate("__import__('os').getcwd()", {})
    Traceback (most recent call last):
        ...
    tinygrad_lite.checking.formulas.FormulaError: a formula has no call of __import__('os').getcwd
    """
    if len(text) > LONGEST:
        raise FormulaError(f"a formula has at most {LONGEST} characters; this one has {len(text)}")
    try:
        tree = ast.parse(text.strip(), mode="eval")
    except (SyntaxError, ValueError, MemoryError, RecursionError) as error:
        raise FormulaError(f"{text!r} is not a formula: {getattr(error, 'msg', error)}") from None
    try:
        with np.errstate(all="ignore"):
            array = _number(_Evaluation(names).value(tree.body, 0))
    except OverflowError:
        raise FormulaError(f"{text}: a number grows too large") from None
    except (ValueError, TypeError, IndexError, ZeroDivisionError, MemoryError, np.exceptions.AxisError) as error:
        if isinstance(error, FormulaError):
            raise
        raise FormulaError(f"{text}: {error}") from None
    if array.dtype.kind not in "fiub":
        raise FormulaError(f"{text} gives {array.dtype}, not numbers")
    return array


class _Evaluation:
    """One formula under way: the names that it may use, and what it has cost."""

    def __init__(self, names: Mapping[str, Any]) -> None:
        self.names = names
        self.spent = 0

    def _pay(self, numbers: int, work: int = 0) -> None:
        if numbers > LARGEST:
            raise FormulaError(f"an array of {numbers:,} numbers is too large for a formula")
        self.spent += max(numbers, work)
        if self.spent > WORK:
            raise FormulaError("the formula would take too long")

    def _pay_product(self, f: Callable[..., Any], left: Any, right: Any) -> None:
        a, b = np.shape(left), np.shape(right)
        if f is np.dot and max(len(a), len(b)) > 2:
            raise FormulaError("np.dot of arrays with more than two axes is not known here; use @")
        if f is np.outer or not a or not b:
            self._pay(math.prod(a) * math.prod(b))
            return
        rows, inner = (a[-2] if len(a) > 1 else 1), a[-1]
        columns = b[-1] if len(b) > 1 else 1
        made = math.prod(np.broadcast_shapes(a[:-2], b[:-2])) * rows * columns
        self._pay(made, made * inner // 4)  # multiplications in a product are several times as fast

    def value(self, node: ast.AST, depth: int) -> Any:
        if depth > DEEPEST:
            raise FormulaError("the formula is nested too deeply")

        def of(part: ast.AST) -> Any:
            return self.value(part, depth + 1)

        if isinstance(node, ast.Constant):
            return _constant(node.value)
        if isinstance(node, ast.Name):
            if node.id not in self.names:
                raise FormulaError(f"nothing is called {node.id} here. There is: {', '.join(sorted(self.names))}")
            return self.names[node.id]
        if isinstance(node, ast.BinOp) and type(node.op) in BINARY:
            return self._binary(BINARY[type(node.op)], of(node.left), of(node.right))
        if isinstance(node, ast.UnaryOp) and type(node.op) in UNARY:
            value = of(node.operand)
            self._pay(_number(value).size)
            return UNARY[type(node.op)](value)
        if isinstance(node, ast.Compare) and len(node.ops) == 1 and type(node.ops[0]) in COMPARE:
            return self._binary(COMPARE[type(node.ops[0])], of(node.left), of(node.comparators[0]))
        if isinstance(node, ast.Attribute):
            return _attribute(node, of)
        if isinstance(node, ast.Subscript):
            return self._subscript(of(node.value), _index(node.slice, of))
        if isinstance(node, ast.Call):
            return self._call(node, of)
        if isinstance(node, ast.Tuple):
            return tuple(of(part) for part in node.elts)
        raise FormulaError(f"a formula has no {ast.unparse(node)}")

    def _binary(self, f: Callable[[Any, Any], Any], left: Any, right: Any) -> Any:
        if f is operator.matmul:
            left, right = _number(left), _number(right)
            self._pay_product(f, left, right)
            return f(left, right)
        if f is operator.pow:  # in floating point, so that 9**9**9 overflows and takes no time
            left, right = _number(left).astype(float), _number(right)
            right = float(right) if right.ndim == 0 else right
        for value in (left, right):
            _number(value)
        numbers = math.prod(np.broadcast_shapes(np.shape(left), np.shape(right)))
        self._pay(numbers, numbers * (SLOW if f is operator.pow else 1))
        return _limited(f(left, right))

    def _subscript(self, value: Any, index: Any) -> Any:
        arrays = [i for i in (index if isinstance(index, tuple) else (index,)) if isinstance(i, np.ndarray)]
        if arrays and not isinstance(value, tuple):  # each entry of an index array brings a row along
            self._pay(math.prod(np.broadcast_shapes(*(a.shape for a in arrays))) * _row(np.shape(value), len(arrays)))
        return value[index]

    def _call(self, node: ast.Call, of: Callable[[ast.AST], Any]) -> Any:
        f: Callable[..., Any] | None = None
        arguments: list[Any] = []
        if isinstance(node.func, ast.Attribute):
            if isinstance(node.func.value, ast.Name) and node.func.value.id in ("np", "numpy"):
                f = FUNCTIONS.get(node.func.attr)
            elif node.func.attr in METHODS:
                f, arguments = METHODS[node.func.attr], [of(node.func.value)]
            elif node.func.attr == "astype" and len(node.args) == 1 and ast.unparse(node.args[0]) in DTYPES:
                value = _number(of(node.func.value))
                self._pay(value.size)
                return value.astype(DTYPES[ast.unparse(node.args[0])])
        elif isinstance(node.func, ast.Name) and node.func.id in PLAIN:
            f = PLAIN[node.func.id]
        if f is None:
            raise FormulaError(f"a formula has no call of {ast.unparse(node.func)}")
        keywords = {}
        for keyword in node.keywords:
            if keyword.arg not in ("axis", "keepdims"):
                raise FormulaError(f"a formula has no {keyword.arg or '**'}=")
            keywords[keyword.arg] = of(keyword.value)
        arguments += [of(a) for a in node.args]
        least, most = _takes(f)
        if not least <= len(arguments) <= most:  # one more would be out=, an array to write into
            raise FormulaError(f"{ast.unparse(node)}: {ast.unparse(node.func)} takes {least} of them here")
        if f in SHAPING.values():  # a view; the axes or sizes come as a tuple or one by one
            return f(_number(arguments[0]), _axes(arguments[1:])) if arguments[1:] else f(_number(arguments[0]))
        if f in (len, *REDUCTIONS.values()):  # the second argument is the axis
            self._pay(np.size(_number(arguments[0])))
            return f(*arguments, **keywords)
        for a in arguments:
            _number(a)
        if f in PRODUCTS.values():
            self._pay_product(f, *arguments)
        else:
            numbers = math.prod(np.broadcast_shapes(*map(np.shape, arguments)))
            self._pay(numbers, numbers * (SLOW if f in EXPENSIVE.values() else 1))
        return _limited(f(*arguments, **keywords))


def _takes(f: Callable[..., Any]) -> tuple[int, int]:
    """How many arguments a function may have here, at least and at most."""
    if isinstance(f, np.ufunc):
        return f.nin, f.nin
    if f is np.where:
        return 3, 3
    if f in PRODUCTS.values():
        return 2, 2
    if f in REDUCTIONS.values():
        return 1, 2
    return (1, 9) if f in SHAPING.values() else (1, 1)


def _constant(value: Any) -> Any:
    if value is None or isinstance(value, (bool, int, float)):
        return _limited(value)
    raise FormulaError(f"a formula has no {type(value).__name__} such as {value!r}")


def _attribute(node: ast.Attribute, of: Callable[[ast.AST], Any]) -> Any:
    if ast.unparse(node) in CONSTANTS:
        return CONSTANTS[ast.unparse(node)]
    if node.attr in ("T", "shape", "size"):
        value = _number(of(node.value))
        return value.T if node.attr == "T" else value.shape if node.attr == "shape" else value.size
    raise FormulaError(f"a formula has no .{node.attr}")


def _index(node: ast.AST, of: Callable[[ast.AST], Any]) -> Any:
    if isinstance(node, ast.Slice):
        return slice(*(None if part is None else of(part) for part in (node.lower, node.upper, node.step)))
    if isinstance(node, ast.Tuple):
        return tuple(_index(part, of) for part in node.elts)
    return of(node)


def _row(shape: tuple[int, ...], axes: int) -> int:
    """The most that one entry of an index into `axes` axes can bring along."""
    return math.prod(sorted(shape, reverse=True)[: max(len(shape) - axes, 0)])


def _axes(arguments: list[Any]) -> Any:
    axes = arguments[0] if len(arguments) == 1 else tuple(arguments)
    if not all(isinstance(k, int) for k in (axes if isinstance(axes, tuple) else (axes,))):
        raise FormulaError(f"sizes and axes are whole numbers, not {axes}")
    return axes


def _number(value: Any) -> Any:
    """An array or a number, as an array: a tuple times a million would be no formula."""
    if value is None or isinstance(value, tuple):
        raise FormulaError(f"{'None' if value is None else 'a tuple'} stands where a number or an array belongs")
    return np.asarray(value)


def _limited(value: Any) -> Any:
    if isinstance(value, int) and abs(value) > GREATEST:
        raise FormulaError("a number grew too large")
    return value
