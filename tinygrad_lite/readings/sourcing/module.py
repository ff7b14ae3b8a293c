"""The text of the module: what it computes and what was checked, its functions, and an example to run."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tinygrad_lite.graph import Node
from tinygrad_lite.readings.code import Helpers, literal
from tinygrad_lite.readings.coding.layout import WIDTH, apart, filled, items_of, joined, mentions, wrapped
from tinygrad_lite.readings.sourcing.batch import Batch
from tinygrad_lite.readings.sourcing.cautions import cautions, origin
from tinygrad_lite.readings.sourcing.copy import Copy
from tinygrad_lite.readings.sourcing.dependence import Dependence
from tinygrad_lite.readings.sourcing.examples import SMALL, is_long, value_text
from tinygrad_lite.readings.sourcing.lines import Line, Steps, shapes_of
from tinygrad_lite.readings.sourcing.stepping import stepping
from tinygrad_lite.readings.sourcing.trace import Run
from tinygrad_lite.readings.sourcing.verdict import Verdict
from tinygrad_lite.readings.sourcing.worksheet import IMPORTS, worksheet

COMMENT = 56  # the column of the shapes, unless a line is longer
FUNCTION = "loss_and_gradients"
RETURNS = " -> tuple[Any, dict[str, Any]]"  # numbers or arrays: NumPy's stubs do not always tell which


@dataclass
class Module:
    """All that the text is made of; see `source`."""

    run: Run
    batch: Batch | None
    copy: Copy
    new: dict[Node, Node]
    steps: Steps
    names: dict[Node, str]
    values: dict[str, Any]
    helpers: Helpers
    exact: bool
    update: Any
    dependence: Dependence
    shorter: str = ""
    written_out: bool = False  # the numbers of the example: random ones do not suit every program

    def __post_init__(self) -> None:
        self.lines = [*self.steps.forward, *self.steps.backward]
        known: dict[Node, Any] = {}
        if self.batch is not None:
            for node, x in self.copy.new.items():
                known.setdefault(self.new[x], self.batch.shapes.get(node))
            for (node, i), x in self.copy.arrays.items():
                known[x] = self.batch.shape_of(node.args[i])
        known = {x: shape for x, shape in known.items() if shape is not None}
        leaves = [Line(name, "", x) for x, name in self.names.items()]
        shape_of = self.batch.shape_of if self.batch is not None else np.shape
        self.shapes = shapes_of([*leaves, *self.lines], known, shape_of)
        self.parameters = [self.names[self.new[x]] for x in self.steps.gradients]
        self.step = stepping(self.update, {x: self.names[self.new[x]] for x in self.steps.gradients})
        self.data = [name for name in self.names.values() if name not in self.parameters]
        self.size = next(filter(None, map(self._size, [*self.data, *self.parameters])), "")  # what N is read off

    def _size(self, name: str) -> str:
        if self.shapes[name].startswith("(N"):
            return f"len({name})"
        return f"{name}.shape[1]" if self.batch is not None and self.shapes[name].endswith(" N)") else ""

    def blanks(self, wanted: bool | Iterable[str]) -> tuple[str, ...]:
        """The names of the lines to be left blank. Raises: ValueError for a name that has no line."""
        names = [line.name for line in self.steps.backward]
        if wanted is True:
            return tuple(names)
        chosen = (wanted,) if isinstance(wanted, str) else tuple(wanted or ())
        for name in chosen:
            if name not in names:
                raise ValueError(
                    f"source: exercise={name!r} is no line of the backward pass. The lines are {', '.join(names)}."
                )
        return chosen

    def text(self, verdict: Verdict | None, blanks: Sequence[str] = ()) -> str:
        """The whole module, with `...` for the lines named in `blanks`."""
        body = self._function(blanks)
        after = [self._step()] if self.step is not None else []
        helpers = self.helpers.text([line.text for line in self.lines])
        imports = [source for source in helpers if source.startswith("import ")]
        helpers = [source for source in helpers if source not in imports]
        imports = sorted({*imports, *(IMPORTS if blanks else [])})
        head = [
            "\n".join([*imports, "from typing import Any"]),
            "import numpy as np\nfrom numpy.typing import NDArray",
        ]
        alias = f"Array = NDArray[{literal(self._dtype())}]"
        last = worksheet(FUNCTION, self._dtype()) if blanks else [self._main()]
        functions = [body, *after, self._example(), *last]
        return joined([self._docstring(verdict, blanks), *head, alias, *apart(helpers), *apart(functions)])

    # -- the function ------------------------------------------------------------------------------------------

    def _dtype(self) -> Any:
        return np.asarray(self.run.program.loss.value).dtype

    def _annotation(self, name: str) -> str:
        value = np.asarray(self.values[name])
        if not value.ndim and any(f"{name}[" in line.text for line in self.lines):
            return "Any"  # NumPy's stubs know no w[None] of a number
        if not value.ndim:
            return literal(value.dtype).text if value.dtype != bool else "np.bool_"
        return (
            "Array"
            if value.dtype == self._dtype()
            else f"NDArray[{'np.bool_' if value.dtype == bool else literal(value.dtype)}]"
        )

    def _function(self, blanks: Sequence[str]) -> str:
        arguments = [f"{name}: {self._annotation(name)}" for name in (*self.data, *self.parameters)]
        returns = "" if blanks else RETURNS
        lines = [
            wrapped(f"def {FUNCTION}(", arguments, f"){returns}:", ""),
            '    """The loss, and its gradient by each parameter.',
            "",
            *filled([f"{name} {self.shapes[name]}" for name in (*self.data, *self.parameters)], "    "),
            '    """',
        ]
        texts = [line.text for line in self.lines]
        if self.batch is not None and any(mentions(text, "N") for text in texts):
            lines += [f"    N = {self.size}", ""]
        lines += ["    # forward", *self._steps(self.steps.forward, ())]
        lines += [
            "",
            f"    # backward: dz is d{self._loss()}/dz and has the shape of z",
            *self._steps(self.steps.backward, blanks),
        ]
        entries = [f'"{self.names[self.new[x]]}": {g}' for x, g in self.steps.gradients.items()]
        lines += ["", wrapped(f"    return {self._loss()}, {{", entries, "}", "    ")]
        return "\n".join(lines)

    def _loss(self) -> str:
        return self.steps.names[self.new[self.copy.program.loss]]

    def _steps(self, steps: Sequence[Line], blanks: Sequence[str]) -> list[str]:
        texts = [f"    {line.name} = {line.text}" for line in steps if line.name not in blanks]
        column = min(max(map(len, texts), default=0), COMMENT) + 2
        lines = []
        for line in steps:
            shape = self.shapes[line.name]
            if line.name in blanks:
                lines.append(f"    {line.name} = ...  # TODO: {'shape ' * (shape[0] == '(')}{shape}")
            else:
                text = f"    {line.name} = {line.text}"
                lines.append(f"{text.ljust(column - 2)}  # {shape}")
        return lines

    def _step(self) -> str:
        assert self.step is not None
        arguments = {name: self._annotation(name) for name in (*self.data, *self.parameters)}
        return self.step.text(FUNCTION, self.data, arguments, RETURNS)

    # -- the rest ----------------------------------------------------------------------------------------------

    def _docstring(self, verdict: Verdict | None, blanks: Sequence[str]) -> str:
        what = f"`{self.run.title}`" if self.run.title else "a network"
        lines = [f'"""The loss and the gradients of {what}, forward and backward, in NumPy alone.', ""]
        about = origin(self)
        if verdict is not None:
            about = " ".join([about, *verdict.sentences(self, str(self._dtype()), self._fixed())])
        lines += textwrap.wrap(about, WIDTH)
        if self.shorter and not blanks:
            lines += ["", "Shorter, but for rounding, with exact=False:", f"    {self.shorter}"]
        for sentence in cautions(self):
            lines += ["", *textwrap.wrap(sentence, WIDTH)]
        if blanks:
            lines += ["", f"An exercise: fill in the {len(blanks)} lines with a TODO. Run the file to check them."]
        return "\n".join([*lines, '"""'])

    def _fixed(self) -> str:
        """What of the sizes is that of the run, as a sentence."""
        shapes = [np.shape(self.values[name]) for name in self.data]
        rows = [shape[0] for shape in shapes if len(shape) > 1]
        if self.batch is not None or not any(np.ndim(a) for a in self.values.values()):
            return ""
        return f"The batch size is fixed: {rows[0]} row{'s' * (rows[0] != 1)}." if rows else "The shapes are fixed."

    def _example(self) -> str:
        random = [] if self.written_out else [name for name, a in self.values.items() if is_long(np.asarray(a))]
        about = "The numbers of the run."
        if random:
            about = "Numbers to run this on: random ones where those of the run would take much space."
        lines = ["def example() -> dict[str, Any]:", f'    """{about}"""']
        if random:
            lines.append("    rng = np.random.default_rng(0)")
        lines.append("    return {")
        values = [(name, self.values[name]) for name in (*self.data, *self.parameters)]
        lines += [_entry(f'        "{name}": ', value_text(a, self.written_out)) for name, a in values]
        return "\n".join([*lines, "    }"])

    def _main(self) -> str:
        large = sum(np.size(x.value) for x in self.steps.gradients) > 4 * SMALL
        shown = 'print(f"d{name} {np.shape(gradient)}: length {np.linalg.norm(gradient):.6g}")' if large else (
            'print(f"d{name} =", gradient)')  # fmt: skip
        lines = [
            'if __name__ == "__main__":',
            "    values = example()",
            f"    loss, gradients = {FUNCTION}(**values)",
            '    print("loss =", loss)',
            "    for name, gradient in gradients.items():",
            f"        {shown}",
        ]
        if self.step is not None:
            kept = f", {self.step.velocity(self.names.values())}=kept" if self.step.momentum else ""
            lines += ["    kept: dict[str, Any] = {}"] * bool(kept)
            lines += [
                "    for number in range(1, 6):",
                f"        loss, new = step(**values{kept})",
                "        values.update(new)",
                '        print(f"step {number}: loss {loss:.6g}")',
            ]
        return "\n".join(lines)


def _entry(head: str, text: str) -> str:
    """A line of a dict; a long array row by row, or as many numbers in a line as go."""
    if len(head) + len(text) < WIDTH or not text.startswith("np.array(["):
        return f"{head}{text},"
    start, end = text.index("[") + 1, text.rindex("]")
    return wrapped(f"{head}{text[:start]}", items_of(text[start:end]), f"{text[end:]},", " " * 8)
