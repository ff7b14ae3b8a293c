"""What a report takes from the other readings: the right line of the derivation, a wrong pass as NumPy source."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tinygrad_lite.checking.claims import Claim
from tinygrad_lite.checking.passes import Change
from tinygrad_lite.checking.recognise import Words
from tinygrad_lite.checking.structure import Structure
from tinygrad_lite.graph import GraphError, Node

if TYPE_CHECKING:
    from tinygrad_lite.readings.derivation.derivation import Derivation
    from tinygrad_lite.readings.source import Source

TITLE = "A network with its backward pass, in NumPy alone. There is a mistake in the backward pass: find it."


class RightLines:
    """The lines of the derivation, for a report: called with a point and a quantity, one of them, or nothing.

    >>> from tinygrad_lite import exercise
    >>> s = Structure(exercise.cost(exercise.network(), (2, 1), 10))
    >>> RightLines([Words(s)])(Claim(s, {}), s.activations[0].x)
    'dC/dz1 = (dC/dh1) ⊙ 1[z1 > 0]   (3,1)'
    """

    def __init__(self, words: Sequence[Words]) -> None:
        self.words = {word.structure: word for word in words}
        self._lines: dict[Structure, _Lines | None] = {}

    def __call__(self, claim: Claim, node: Node) -> str:
        s = claim.structure
        if s not in self._lines:
            self._lines[s] = _derived(s, self.words[s])
        lines = self._lines[s]
        key = None if lines is None else lines.keys_of.get(node)
        return "" if lines is None or key is None else _readable(key, lines)


NAMELESS = re.compile(r"\bd\w/dv\d*\b")  # the error of a step that has no name of its own


class _Lines(dict[str, str]):
    """{what stands on the left of a line: what it is equal to}, written when it is looked up."""

    def __init__(self, derivation: Derivation) -> None:
        super().__init__()
        self.derivation = derivation
        self.keys_of: dict[Node, str] = {}
        for step in derivation.steps:
            if step.cotangent:
                self.keys_of.setdefault(step.node, step.key)
        self.known = {step.key for step in derivation.steps}

    def __missing__(self, key: str) -> str:
        lines = str(self.derivation[key]).splitlines() if key in self.known else []
        line = next((line for line in lines if " = " in line), "")
        self[key] = line.partition(" = ")[2].strip()
        return self[key]

    def formula(self, key: str) -> str:
        """The right side without its shapes."""
        return self[key].split("   ")[0]


def _derived(s: Structure, words: Words) -> _Lines | None:
    from tinygrad_lite.readings.derive import derive

    names = words.arrays | {words[n]: n for n in s.forward if n is not s.loss and words[n].isidentifier()}
    try:
        return _Lines(derive(s.loss, level=1, names=names, symbol=words.symbol, verify=False, numbers=False))
    except (GraphError, ValueError, KeyError, TypeError):  # a graph that cannot be derived has been marked all the same
        return None


def _readable(key: str, lines: _Lines) -> str:
    """A line without the errors of nameless steps: dC/dv3 is called dC/dz2 where these are equal, or written out."""
    right = lines[key]
    while NAMELESS.fullmatch(lines.formula(key)) and right and (other := NAMELESS.match(right)):  # dC/dz2 = dC/dv3
        below = lines[other[0]]
        if not below or below == right:
            break
        right = below  # dC/dv3 = 1/5 v3
    if NAMELESS.search(right):
        for other_key in lines.keys_of.values():
            same = lines.formula(other_key)
            if other_key != key and not NAMELESS.fullmatch(other_key) and NAMELESS.fullmatch(same):
                right = re.sub(rf"{re.escape(same)}\b", other_key, right)
    meant = []
    for nameless in dict.fromkeys(NAMELESS.findall(right)):
        formula = lines.formula(nameless)
        if formula and " " not in formula:
            right = re.sub(rf"{re.escape(nameless)}\b", formula, right)
        elif formula:
            meant.append(f"{nameless} = {formula}")
    text = " ".join((right, *meant))
    meant += [f"{v} = {lines.formula(v)}" for v in dict.fromkeys(re.findall(r"(?<!/d)\bv\d*\b", text)) if lines[v]]
    return f"{key} = {right}" + (f", where {', '.join(meant)}" if meant else "") if right else ""


def printed(structure: Structure, changes: tuple[Change, ...], names: Mapping[str, Any] | None) -> Source:
    """The program with a wrong backward pass, as a module of plain NumPy."""
    from tinygrad_lite.checking.mutants import program
    from tinygrad_lite.readings import source
    from tinygrad_lite.readings.sourcing.trace import Run

    words = Words(structure, names)
    called = {words[n]: n for n in structure.forward if n.op is None and words[n].isidentifier()}
    run = Run(program(structure, changes, constants=True), {**called, **(names or {})})
    module, verdict = source._written(run, None, True, None)
    text = module.text(verdict)
    text = re.sub(r'\A""".*?"""', f'"""{TITLE}"""', text, count=1, flags=re.DOTALL)
    made = source.Source(text)
    made._key, made.blanks, made.values, made.loss = text, (), dict(module.values), run.program.loss.value
    made.gradients = {module.names[module.new[x]]: run.program.cotangents[x].value for x in run.program.parameters}
    return made
