"""Where a function stands in its file: its definition, the names that it uses, and the expression that it returns."""

from __future__ import annotations

import ast
import builtins
import functools
import linecache
from collections.abc import Callable, Mapping
from types import FunctionType
from typing import Any

import numpy as np

Definition = ast.FunctionDef | ast.Lambda


@functools.lru_cache(256)
def tree_of(filename: str) -> tuple[str, ast.Module]:
    text = "".join(linecache.getlines(filename))
    return text, ast.parse(text)


@functools.lru_cache(256)
def locals_of(filename: str) -> frozenset[str]:
    """Every name that is a variable or a parameter of some function in the file."""
    found = set()
    for function in ast.walk(tree_of(filename)[1]):
        if isinstance(function, ast.FunctionDef):
            for node in ast.walk(function):
                if isinstance(node, ast.arg):
                    found.add(node.arg)
                elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                    found.add(node.id)
    return frozenset(found)


def definition_of(function: FunctionType) -> Definition | None:
    """The `def` or `lambda` that a function was made by, found in its file by where its instructions stand."""
    code = function.__code__
    try:
        _, tree = tree_of(code.co_filename)
    except SyntaxError:
        return None
    inside = [
        (line, column)
        for line, _, column, end in code.co_positions()
        if line and column is not None and end and column != end  # the first instruction stands nowhere
    ]
    found: list[Definition] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            if node.name == code.co_name and min([node.lineno, *(d.lineno for d in node.decorator_list)]) == (
                code.co_firstlineno
            ):
                return node
        elif isinstance(node, ast.Lambda) and code.co_name == "<lambda>" and node.lineno == code.co_firstlineno:
            first, last = (node.body.lineno, node.body.col_offset), (node.body.end_lineno, node.body.end_col_offset)
            if inside and all(first <= place <= last for place in inside):
                found.append(node)
    return min(found, key=lambda node: len(ast.unparse(node)), default=None)


def expression_of(definition: Definition) -> ast.expr | None:
    if isinstance(definition, ast.Lambda):
        return definition.body
    statements = [s for s in definition.body if not (isinstance(s, ast.Expr) and isinstance(s.value, ast.Constant))]
    only = statements[0] if len(statements) == 1 else None
    return only.value if isinstance(only, ast.Return) else None


def single(run: Callable[..., Any]) -> bool:
    """Whether the expression of `run` names nothing but NumPy and Python's own functions."""
    definition = definition_of(run) if isinstance(run, FunctionType) else None
    if definition is None or not isinstance(run, FunctionType):
        return False
    return all(is_known(lookup(run, name)) for name in globals_of(definition))


def is_known(thing: Any) -> bool:
    return thing is np or getattr(builtins, getattr(thing, "__name__", ""), None) is thing


def globals_of(definition: Definition) -> list[str]:
    """The names that a function uses and does not define, in the order in which they occur."""
    local = {a.arg for node in ast.walk(definition) if isinstance(node, ast.arguments) for a in _arguments(node)}
    used: dict[str, None] = {}
    annotations = {id(x) for node in ast.walk(definition) for a in annotations_of(node) for x in ast.walk(a)}
    for node in ast.walk(definition):
        if isinstance(node, ast.Name) and id(node) not in annotations:
            if isinstance(node.ctx, ast.Store):
                local.add(node.id)
            else:
                used[node.id] = None
    return [name for name in used if name not in local]


def _arguments(node: ast.arguments) -> list[ast.arg]:
    more = [a for a in (node.vararg, node.kwarg) if a is not None]
    return [*node.posonlyargs, *node.args, *node.kwonlyargs, *more]


def annotations_of(node: ast.AST) -> list[ast.expr]:
    if isinstance(node, ast.arg) and node.annotation is not None:
        return [node.annotation]
    if isinstance(node, ast.FunctionDef) and node.returns is not None:
        return [node.returns]
    return [node.annotation] if isinstance(node, ast.AnnAssign) else []


def lookup(function: FunctionType, name: str) -> Any:
    free = dict(zip(function.__code__.co_freevars, function.__closure__ or (), strict=True))
    if name in free:
        return free[name].cell_contents
    return function.__globals__.get(name, getattr(builtins, name, None))


def body(run: Any, n: int, kwargs: Mapping[str, Any]) -> str | None:
    """The expression that `run` returns, in `_0 _1 ...` and the keywords' values; None if it is not just one."""
    from tinygrad_lite.readings.code import literal  # which imports this file

    definition = definition_of(run) if isinstance(run, FunctionType) else None
    expression = None if definition is None else expression_of(definition)
    if definition is None or expression is None:
        return None
    if any(isinstance(x, (ast.Lambda, ast.comprehension, ast.NamedExpr)) for x in ast.walk(expression)):
        return None
    bound = _bound(definition.args, n, kwargs)
    if bound is None:
        return None
    values: dict[str, ast.expr] = {}
    for name, value in bound.items():
        if isinstance(value, list):  # positions of operands
            items: list[ast.expr] = [ast.Name(f"_{i}", ast.Load()) for i in value]
            values[name] = ast.Tuple(items, ast.Load())
        elif isinstance(value, ast.expr):
            values[name] = value
        else:
            values[name] = ast.parse(literal(value[0]).text, mode="eval").body

    class Put(ast.NodeTransformer):
        def visit_Name(self, node: ast.Name) -> ast.AST:
            return values.get(node.id, node)

        def visit_Call(self, node: ast.Call) -> ast.AST:
            self.generic_visit(node)
            spread: list[ast.expr] = []
            for a in node.args:
                if isinstance(a, ast.Starred) and isinstance(a.value, ast.Tuple):
                    spread += a.value.elts
                else:
                    spread.append(a)
            node.args = spread
            return node

    return ast.unparse(Put().visit(ast.parse(ast.unparse(expression), mode="eval")))


def _bound(arguments: ast.arguments, n: int, kwargs: Mapping[str, Any]) -> dict[str, Any] | None:
    """What each parameter stands for: `_i` as an expression, [positions] for *args, (value,) for a keyword."""
    plain = [a.arg for a in (*arguments.posonlyargs, *arguments.args)]
    bound: dict[str, Any] = {name: ast.Name(f"_{i}", ast.Load()) for i, name in enumerate(plain[:n])}
    if n > len(plain):
        if arguments.vararg is None:
            return None
        bound[arguments.vararg.arg] = list(range(len(plain), n))
    elif arguments.vararg is not None:
        bound[arguments.vararg.arg] = []
    bound.update((key, (value,)) for key, value in kwargs.items())
    defaults = dict(zip(plain[len(plain) - len(arguments.defaults) :], arguments.defaults, strict=True))
    defaults.update(
        (a.arg, d) for a, d in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True) if d is not None
    )
    for a in _arguments(arguments):
        if a.arg not in bound:
            if a.arg not in defaults:
                return None
            bound[a.arg] = defaults[a.arg]
    return bound
