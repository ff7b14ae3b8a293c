"""Rows written with the source of their own `run`: its expression, if it is one, or a function that goes along.

A function goes along with whatever it needs of its own module, under its name without underscores. Its annotations,
which may name types of this package, become Any.
"""

from __future__ import annotations

import ast
import builtins
import itertools
import keyword
import re
from collections.abc import Iterable, Mapping
from types import FunctionType, ModuleType
from typing import Any

import numpy as np

from tinygrad_lite.primitive import Primitive
from tinygrad_lite.readings.coding.definitions import (
    Definition,
    annotations_of,
    definition_of,
    globals_of,
    is_known,
    locals_of,
    lookup,
    tree_of,
)
from tinygrad_lite.readings.coding.layout import WIDTH, items_of, wrapped


class Unprintable(TypeError):
    """A row that cannot be written as source; the message says what to do."""


# What a keyword is unless something else is asked for: a function says so, and its calls leave it out.
USUAL = {"stride": "(1, 1)", "dilation": "(1, 1)", "groups": "1", "padding": "((0, 0), (0, 0))"}

# Operations that write into an array: `forms` knows how to call them.
OWN = {
    "scatter_add": """\
def scatter_add(g: Any, index: Any, shape: Any) -> Any:
    out = np.zeros(shape, g.dtype)
    np.add.at(out, index, g)  # an entry that was read twice gets both: out[index] += g would keep one
    return out""",
    "placed": """\
def placed(g: Any, index: Any, shape: Any) -> Any:
    out = np.zeros(shape, g.dtype)
    out[index] = g
    return out""",
    "replaced": """\
def replaced(x: Any, index: Any, v: Any) -> Any:
    out = np.array(x)
    out[index] = v
    return out""",
    "logsumexp": """\
def logsumexp(x: Any, axis: Any) -> Any:
    m = x.max(axis=axis, keepdims=True)  # without it exp could overflow
    return (np.log(np.exp(x - m).sum(axis=axis, keepdims=True)) + m).squeeze(axis)""",
    "sigmoid": """\
def sigmoid(x: Any) -> Any:
    e = np.exp(-np.abs(x))  # which cannot overflow
    return np.where(x >= 0, 1, e) / (1 + e)""",
}


class Helpers:
    """The functions and constants that printed expressions need beside NumPy, each with its source.

    sources    {name: source}, what is needed before what needs it
    functions  the same, run: for trying an expression out
    """

    def __init__(self, reserved: Iterable[str] = ()) -> None:
        self.sources: dict[str, str] = {}
        self.functions: dict[str, Any] = {"np": np, "Any": Any}
        for name, source in OWN.items():
            self._define(name, source)
        self._names: dict[int, str] = {}
        self._kept: list[Any] = []  # so that no two things share an id
        self._reserved = {*reserved, *keyword.kwlist, *dir(builtins), "np", "N"}

    def call(self, op: Primitive, n: int, kwargs: Mapping[str, Any]) -> str:
        """A call of the row's `run`, which becomes one of the functions."""
        from tinygrad_lite.readings.code import literal  # which imports this file

        name = self._function(op.run, op.name)
        definition = definition_of(op.run) if isinstance(op.run, FunctionType) else None
        optional = {a.arg for a in definition.args.kwonlyargs} if definition is not None else set()
        keywords = [
            f"{key}={literal(value).text}"
            for key, value in kwargs.items()
            if key not in optional or repr(value) != USUAL.get(key)
        ]
        return f"{name}({', '.join([*(f'_{i}' for i in range(n)), *keywords])})"

    def resolve(self, run: Any, expression: str) -> str:
        """An expression from the body of `run`, with what it names of its module among the functions."""
        tree = ast.parse(expression, mode="eval")
        names = {x.id for x in ast.walk(tree) if isinstance(x, ast.Name) and not re.fullmatch(r"_\d+", x.id)}
        new = {name: self._name_for(run, name) for name in sorted(names)}

        class Rename(ast.NodeTransformer):
            def visit_Name(self, node: ast.Name) -> ast.AST:
                text = new.get(node.id, node.id)
                return ast.parse(text, mode="eval").body if text != node.id else node

        return ast.unparse(Rename().visit(tree))

    def text(self, used: Iterable[str]) -> list[str]:
        """The sources of those functions that the texts `used` mention, and of what they need."""
        wanted: set[str] = set()
        texts = list(used)
        while texts:
            for name in set(re.findall(r"[A-Za-z_]\w*", texts.pop())) & self.sources.keys() - wanted:
                wanted.add(name)
                texts.append(self.sources[name])
        return [source for name, source in self.sources.items() if name in wanted]

    def _free(self, wanted: str, filename: str = "") -> str:
        """A name that nothing has, and no variable in a function of that file either."""
        plain = wanted.lstrip("_") or "f"
        local = locals_of(filename) if filename else frozenset()
        names = itertools.chain((plain, wanted), (f"{plain}{number}" for number in itertools.count(2)))
        name = next(name for name in names if name not in self._reserved | local and name not in self.sources)
        self._reserved.add(name)
        return name

    def _function(self, function: Any, wanted: str) -> str:
        if isinstance(function, Primitive):
            return self._function(function.run, function.name)
        if id(function) in self._names:
            return self._names[id(function)]
        definition = definition_of(function) if isinstance(function, FunctionType) else None
        if definition is None:
            raise Unprintable(
                f"{wanted} cannot be written as NumPy source: {function!r} has no Python source. Write it as a "
                "function in a file, of NumPy's functions and of functions in that file."
            )
        name = self._free(wanted, function.__code__.co_filename)
        self._names[id(function)] = name
        self._kept.append(function)
        source = self._source(function, definition, name)
        self._define(name, source)
        return name

    def _define(self, name: str, source: str) -> None:
        self.sources[name] = source
        exec(source, self.functions)

    def _name_for(self, function: FunctionType, name: str) -> str:
        """What a name in `function` is to be called in the printed text; what it stands for goes along."""
        thing = lookup(function, name)
        if thing is np or is_known(thing):
            return "np" if thing is np else name
        if isinstance(thing, ModuleType):
            if thing.__name__ not in self.sources:
                self._define(thing.__name__, f"import {thing.__name__}")
            return thing.__name__
        if getattr(thing, "__module__", "").startswith("numpy") and hasattr(thing, "__name__"):
            place = thing.__module__.replace("numpy", "np", 1)
            return f"{re.sub(r'[.]_[a-z_]+(_impl)?$', '', place)}.{thing.__name__}"
        if isinstance(thing, (FunctionType, Primitive)):
            return self._function(thing, name)
        return self._constant(function, name, thing)

    def _constant(self, function: FunctionType, name: str, thing: Any) -> str:
        from tinygrad_lite.readings.code import literal  # which imports this file

        if id(thing) in self._names and self._names[id(thing)].lstrip("_").startswith(name.lstrip("_")):
            return self._names[id(thing)]
        if name not in function.__globals__:  # from the function around it: a number of this row's own
            return f"({literal(thing).text})"
        tree = tree_of(function.__code__.co_filename)[1]
        for statement in tree.body:
            if isinstance(thing, (int, float)) or not isinstance(statement, ast.Assign):
                continue
            if [name] == [target.id for target in statement.targets if isinstance(target, ast.Name)]:
                new = self._free(name, function.__code__.co_filename)
                source = _broken(ast.unparse(self._renamed(function, statement.value)), len(f"{new} = "))
                self._names[id(thing)] = new
                self._kept.append(thing)
                self._define(new, f"{new} = {source}")
                return new
        new = self._free(name, function.__code__.co_filename)
        self._names[id(thing)] = new
        self._kept.append(thing)
        self._define(new, f"{new} = {_broken(literal(thing).text, len(f'{new} = '))}")
        return new

    def _renamed(self, function: FunctionType, expression: ast.expr) -> ast.expr:
        names = {x.id for x in ast.walk(expression) if isinstance(x, ast.Name)}
        new = {name: self._name_for(function, name) for name in sorted(names)}
        copy = ast.parse(ast.unparse(expression), mode="eval")
        for x in ast.walk(copy):
            if isinstance(x, ast.Name):
                x.id = new.get(x.id, x.id)
        return copy.body

    def _source(self, function: FunctionType, definition: Definition, name: str) -> str:
        """The definition as it stands in its file, comments and all, with other names and without annotations."""
        new = {name: self._name_for(function, name) for name in globals_of(definition)}
        if isinstance(definition, ast.Lambda):
            text = ast.unparse(_any(definition.args))
            value = ast.parse(ast.unparse(definition.body), mode="eval")
            for x in ast.walk(value):
                if isinstance(x, ast.Name):
                    x.id = new.get(x.id, x.id)
            return f"def {name}({text}) -> Any:\n    return {ast.unparse(value)}"
        whole = tree_of(function.__code__.co_filename)[0]
        lines = whole.splitlines()
        annotations = {id(x) for node in ast.walk(definition) for a in annotations_of(node) for x in ast.walk(a)}
        edits: list[tuple[int, int, int, int, str]] = []  # from line, column to line, column: another text
        for node in ast.walk(definition):
            if isinstance(node, ast.Name) and id(node) not in annotations and new.get(node.id, node.id) != node.id:
                edits.append((node.lineno, node.col_offset, node.lineno, node.end_col_offset or 0, new[node.id]))
            elif isinstance(node, ast.arg) and (a := node.annotation) is not None:
                start = node.col_offset + len(node.arg)
                edits.append((node.lineno, start, a.end_lineno or 0, a.end_col_offset or 0, ": Any"))
            elif isinstance(node, ast.AnnAssign):
                t, a = node.target, node.annotation
                edits.append(
                    (t.end_lineno or 0, t.end_col_offset or 0, a.end_lineno or 0, a.end_col_offset or 0, ": Any")
                )
        for keyword_only, default in zip(definition.args.kwonlyargs, definition.args.kw_defaults, strict=True):
            if default is None and keyword_only.arg in USUAL:
                end = keyword_only.end_lineno or 0, keyword_only.end_col_offset or 0
                edits.append((*end, *end, f"={USUAL[keyword_only.arg]}"))
        for line, column, end_line, end_column, text in sorted(edits, reverse=True):
            head, tail = _cut(lines[line - 1], column)[0], _cut(lines[end_line - 1], end_column)[1]
            lines[line - 1 : end_line] = [head + text + tail, *[""] * (end_line - line)]
        first = definition.body[0].lineno - 1
        header = " ".join(" ".join(lines[definition.lineno - 1 : first]).split())
        header = re.sub(r"\)\s*(->.*)?:(\s*#.*)?$", ") -> Any:", header)
        header = re.sub(r"^def \w+", f"def {name}", header).replace("( ", "(").replace(", )", ")")
        header = re.sub(r"(: Any)? ?= ?", lambda match: f"{match[1]} = " if match[1] else "=", header)
        if len(header) > WIDTH:
            head, _, rest = header.partition("(")
            header = wrapped(f"{head}(", items_of(rest.removesuffix(") -> Any:")), ") -> Any:", "")
        text = "\n".join([header, *lines[first : definition.end_lineno]])
        return re.sub(r"\s*#\s*(type: ignore|fmt: skip|noqa).*", "", text)


def _any(arguments: ast.arguments) -> ast.arguments:
    """Arguments with an annotation each."""
    whole = ast.parse(f"def f({ast.unparse(arguments)}): pass").body[0]
    for x in ast.walk(whole):
        if isinstance(x, ast.arg):
            x.annotation = ast.Name("Any", ast.Load())
    assert isinstance(whole, ast.FunctionDef)
    return whole.args


def _broken(text: str, before: int) -> str:
    """A long tuple or list on lines of its own; `before` characters stand before it."""
    whole = ast.parse(text, mode="eval").body
    if before + len(text) <= WIDTH or not isinstance(whole, (ast.Tuple, ast.List)) or len(whole.elts) < 2:
        return text
    return wrapped(text[0], items_of(text[1:-1]), text[-1], "")


def _cut(line: str, column: int) -> tuple[str, str]:
    """A line before and after a column, which Python counts in bytes."""
    data = line.encode()
    return data[:column].decode(), data[column:].decode()
