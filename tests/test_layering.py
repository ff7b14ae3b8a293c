"""Imports run one way, primitives < graph < tensor < {nn, optim, readings, checking, data} < cli, and are cheap."""

from __future__ import annotations

import ast
import graphlib
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import tinygrad_lite

ROOT = Path(tinygrad_lite.__file__).parent
FILES = sorted(path for path in ROOT.rglob("*.py") if path != ROOT / "__init__.py")

# From the bottom up; a unit that is not named here stands on the Tensor and below the command line.
LAYERS = [
    {"primitive", "context", "later"},
    {"primitives", "hooks", "methods"},
    {"graph"},
    {"intake", "leaving"},
    {"writing"},
    {"operators"},
    {"tensor"},
    {"functions"},
    {"transforms"},
]
RANK = {unit: rank for rank, units in enumerate(LAYERS) for unit in units}
BELOW_CLI, CLI = len(LAYERS), {"cli": len(LAYERS) + 1, "__main__": len(LAYERS) + 2}


def rank(unit: str) -> int:
    return CLI.get(unit, RANK.get(unit, BELOW_CLI))


def unit_of(module: str) -> str:
    """`nn` for tinygrad_lite.nn.layers; the empty name for the package itself."""
    return (module + ".").split(".")[1]


@cache
def imports(path: Path) -> tuple[str, ...]:
    """The modules of this package that a file imports when it runs: what is only for the type checker is left out."""
    package = ".".join(path.relative_to(ROOT.parent).with_suffix("").parts[:-1])

    def walk(node: ast.AST) -> Iterator[str]:
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            for statement in node.orelse:
                yield from walk(statement)
            return
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                base = ".".join(
                    [*package.split(".")[: len(package.split(".")) - node.level + 1], *filter(None, [base])]
                )
            for alias in node.names:  # `from tinygrad_lite import nn` is an import of the unit nn
                yield f"{base}.{alias.name}" if base == "tinygrad_lite" else base
        for child in ast.iter_child_nodes(node):
            yield from walk(child)

    return tuple(name for name in walk(ast.parse(path.read_text())) if name.split(".")[0] == "tinygrad_lite")


def unit_in(path: Path) -> str:
    return path.relative_to(ROOT).with_suffix("").parts[0]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_a_file_imports_only_what_lies_below_it(path: Path) -> None:
    unit = unit_in(path)
    for name in imports(path):
        other = unit_of(name)
        if unit in CLI and other not in RANK:
            continue  # the top may look at everything
        allowed = other == unit or rank(other) < rank(unit) or rank(other) == rank(unit) == BELOW_CLI
        assert allowed, f"{path.relative_to(ROOT)} imports {name}, which lies above it or beside it"


def test_no_two_units_import_each_other() -> None:
    graph: dict[str, set[str]] = {}
    for path in FILES:
        graph.setdefault(unit_in(path), set()).update(unit_of(name) for name in imports(path))
    for unit, others in graph.items():
        others -= {unit, ""}
    graphlib.TopologicalSorter(graph).prepare()  # raises CycleError


def test_the_rows_know_no_tensor_and_no_graph() -> None:
    for path in FILES:
        if unit_in(path) in ("primitive", "primitives"):
            assert {unit_of(name) for name in imports(path)} <= {"primitive", "primitives"}, path.name


def test_a_change_in_the_wrong_direction_would_be_seen() -> None:
    assert (
        rank("primitives") < rank("graph") < rank("tensor") < rank("nn") == rank("optim") == rank("data") < rank("cli")
    )
    assert unit_of("tinygrad_lite.nn.layers") == "nn"
    assert "graph" in {unit_of(name) for name in imports(ROOT / "tensor.py")}
    assert "tensor" not in {unit_of(name) for name in imports(ROOT / "operators.py")}  # for the type checker alone


def test_importing_brings_in_nothing_that_numpy_does_not_but_ourselves() -> None:
    code = (
        "import sys, numpy; before = set(sys.modules); import tinygrad_lite;"
        "print(*sorted({m.partition('.')[0] if not m.startswith('numpy.') else m for m in set(sys.modules) - before}))"
    )
    brought = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    unwanted = {
        "tqdm",
        "matplotlib",
        "graphviz",
        "argparse",
        "asyncio",
        "IPython",
        "torch",
        "numpy.random",
        "tkinter",
        "http",
    }
    assert "tinygrad_lite" in brought
    assert unwanted.isdisjoint(brought)
    assert len(brought) <= 20, f"importing has become dearer: {brought}"


def test_the_package_is_typed_and_says_its_version() -> None:
    assert (ROOT / "py.typed").exists()
    assert tinygrad_lite.__version__.count(".") == 2
    assert all(hasattr(tinygrad_lite, name) for name in tinygrad_lite.__all__)
