"""What the steps of a solution say: its gradients at every point, a second step, and its predictions, in one report."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from tinygrad_lite.checking.claims import Claim, magnitude, roundings, same
from tinygrad_lite.checking.intake import fitted_shape
from tinygrad_lite.checking.marking import mark
from tinygrad_lite.checking.mistakes import CATALOGUE, places
from tinygrad_lite.checking.passes import run_backward
from tinygrad_lite.checking.points import loss_at
from tinygrad_lite.checking.printing import RightLines
from tinygrad_lite.checking.recognise import Words
from tinygrad_lite.checking.report import Report
from tinygrad_lite.checking.rows import FIRST, OK, WRONG, Named, Row
from tinygrad_lite.checking.specs import Spec
from tinygrad_lite.checking.structure import Structure
from tinygrad_lite.graph import Node

SMALLEST, LARGEST = 1e-8, 1e3  # learning rates with which a step still shows the gradient


# NumPy's own words where floats are to be written into an array of integers, by `-=` or out=.
CUT_TO_INTEGERS = re.compile(r"Cannot cast ufunc '\w+' output from dtype\('float\d+'\) to dtype\('u?int\d+'\)")
OF_FLOATS = (
    "The result has decimals, and the array that it is written into is one of integers. Make that one of floats, "
    "np.array(..., dtype=float)."
)


def trouble(text: str) -> Report:
    """The report of what could not be run."""
    return Report([], trouble=_raised(text) or Named("could_not_run", "run", text, ""))


def _raised(text: str) -> Named | None:
    """The mistake behind an exception, if it says which."""
    if not CUT_TO_INTEGERS.search(text):
        return None
    row = CATALOGUE["int_dtype"]
    return Named(row.id, row.kind, f"{text}. {OF_FLOATS}", "", source=row.source)


def judge(found: Mapping[str, Any], spec: Spec) -> Report:
    """The report for what a solution gave at every point."""
    names = spec.point_names()
    results = found["points"]
    failed = [(name, result["error"]) for name, result in zip(names, results, strict=True) if "error" in result]
    if len(failed) == len(results):
        return trouble(failed[0][1])
    claims, words, points, notes = [], [], [], []
    untouched = True
    rates = [result["lr"] for result in results if "lr" in result and "error" not in result]
    if not all(SMALLEST <= rate <= LARGEST for rate in rates):
        return trouble(
            f"the learning rate is {rates[0]:g}: between {SMALLEST:g} and {LARGEST:g} a step shows the gradient"
        )
    for at, name, result in zip(spec.points, names, results, strict=True):
        if "error" in result:
            continue
        claim, word, moved = _claim(at, result, spec)
        if isinstance(claim, str):
            return trouble(claim)
        untouched &= not moved
        claims.append(claim)
        words.append(word)
        points.append(name)
    if untouched:
        return trouble(f"train changed none of {', '.join(spec.parameters.values())}: there is nothing to mark yet")
    report = mark([claims], words, points=points, fix=RightLines(words))
    for row in report.rows:
        if row.status in (FIRST, WRONG) and row.note == "integers" and row.mistake is None:
            row.mistake = Named("int_dtype", "dtype", CATALOGUE["int_dtype"].text, row.label or row.name)
            report.mistakes.append(row.mistake)
    for name, error in failed:
        row = Row(f"train at {name}", "", WRONG, note=error)
        if (raised := _raised(error)) is not None:
            row.mistake = replace(raised, text=OF_FLOATS, line=row.name)
            report.mistakes.append(row.mistake)
        report.rows.append(row)
    report.rows += _second_step(spec, results, report)
    report.rows += _predictions(spec, results, names, report)
    edited = sorted({key for result in results for key in result.get("edited", ())})
    if edited:
        notes.append(f"it writes into its inputs ({', '.join(edited)}); work on copies")
    if any(result.get("predict_writes") for result in results):
        notes.append("predict changes the parameters; only train should")
    report.notes += notes
    return report


def _claim(at: Mapping[str, Any], result: Mapping[str, Any], spec: Spec) -> tuple[Any, Any, bool]:
    loss, tensors = loss_at(spec.loss, at, set(spec.parameters))
    structure = Structure(loss, tensors)
    words = Words(structure, tensors)
    claim = Claim(structure, {})
    moved = False
    pairs = {}
    for name, attribute in spec.parameters.items():
        before, after = _array(result["before"][name]), _array(result["after"][name])
        if after is None or before is None:
            return f"{attribute} is {result['after'][name]['kind']} after a step, not numbers", words, True
        if not _holds(before, at[name]):  # a step of it would show nothing; and what is huge is all rounding
            return f"{attribute} does not keep the numbers that are put into it", words, True
        pairs[name] = before, after
    shapes = [(b.shape, np.shape(at[n])) for n, (b, _) in pairs.items() if b.ndim == 2 == np.ndim(at[n])]
    turned = [b == want[::-1] for b, want in shapes if want[0] != want[1]]
    for name, (before, after) in pairs.items():
        node: Node = tensors[name]
        if after.shape == before.shape:
            gradient = (before - after) / result["lr"]
            moved |= bool(np.any(gradient != 0))
        else:  # it has grown by broadcasting
            moved = True
            try:
                gradient = (before - after) / result["lr"]
            except ValueError:
                gradient = after
        array, note = fitted_shape(gradient, node, bool(turned) and all(turned))
        if (
            after.shape == before.shape
            and array.shape != node.value.shape
            and array.size == node.value.size
            and array.ndim < 2
        ):
            array = array.reshape(node.value.shape)  # its own way to store it, which a step keeps
        claim.given[node] = array
        claim.keys[node] = spec.parameters[name]
        if array.shape == node.value.shape:  # what is left of the digits of a small step of a large number
            claim.steps[node] = 4 * float(np.finfo(float).eps) * magnitude(before) / abs(result["lr"])
        if note:
            claim.notes[node] = note
        if result["after"][name]["dtype"].startswith(("int", "uint")):
            claim.notes[node] = "integers"
    return claim, words, moved


def _holds(held: Any, put: Any) -> bool:
    """Whether an attribute reads back what was put into it: in any arrangement, and to the digits of its own dtype."""
    held, put = np.sort(held, axis=None), np.sort(np.asarray(put, float), axis=None)
    return held.shape == put.shape and bool(np.all(np.abs(held - put) <= 1e-2 * magnitude(put)))


def _second_step(spec: Spec, results: Any, report: Report) -> list[Row]:
    """A row for a step after another one on other data: what is left over from a call shows only then."""
    first = results[0]
    if not report or len(spec.points) < 2:
        return []
    held = {name: _array(first["after"][name]) for name in spec.parameters}
    shapes = {name: np.shape(spec.points[0][name]) for name in spec.parameters}
    at = dict(spec.points[0]) | {name: _placed(held[name], shapes[name]) for name in spec.parameters}
    new = dict(spec.points[1]) | {name: at[name] for name in spec.parameters}
    claim, _, _ = _claim(new, first["second"] | {"lr": first["lr"]}, spec)
    structure = claim.structure
    if all(claim.agrees(q, claim.right(q)) for q in claim.given):
        return []
    worst = next(q for q in structure.quantities if q in claim.given and not claim.agrees(q, claim.right(q)))
    name = spec.parameters[str(worst.name)]
    row = Row(f"{name}, second step", "", FIRST, claim.given[worst], claim.right(worst),
              roundings(claim.given[worst], claim.right(worst)))  # fmt: skip
    before = _claim(spec.points[0], first, spec)[0]
    old = {q.name: before.given[q] for q in before.given}
    text = None
    if all(claim.agrees(q, claim.right(q) + old[q.name]) for q in claim.given):
        text = "stale_grad", "The gradients of the step before are still in those of the second: set them to 0 first."
    elif all(claim.agrees(q, _at_old_data(spec, at, q)) for q in claim.given):
        text = (
            "cache_overwritten",
            "The second step is made with the numbers of the first: something is kept from call to call.",
        )
    if text is not None:
        row.mistake = Named(text[0], "factor" if text[0] == "stale_grad" else "operand", text[1], row.name)
        report.mistakes.append(row.mistake)
    return [row]


def _placed(a: Any, shape: tuple[int, ...]) -> Any:
    return a.T if a.shape == shape[::-1] and a.ndim == 2 else a.reshape(shape)


def _at_old_data(spec: Spec, at: Mapping[str, Any], q: Node) -> Any:
    loss, tensors = loss_at(spec.loss, at, set(spec.parameters))
    return Structure(loss).truth.computed[tensors[str(q.name)]]


def _array(sent: Mapping[str, Any]) -> Any:
    if "numbers" not in sent:
        return None
    return np.frombuffer(base64.b64decode(sent["numbers"]), "<f8").reshape(sent["shape"])


def _predictions(spec: Spec, results: Any, names: list[str], report: Report) -> list[Row]:
    """A row for what the solution predicts, at the first point where that is wrong."""
    if spec.predict is None or spec.answer is None:
        return []
    row = None
    for at, name, result in zip(spec.points, names, results, strict=True):
        if "predict_error" in result:
            return [Row("predict", "", _after(report), note=f"raised {result['predict_error']}")]
        if "predicted" not in result:
            continue
        right = np.asarray(spec.answer(**at), float)
        got = _array(result["predicted"])
        if got is None:
            kind = result["predicted"]["kind"]
            return [
                Row(
                    "predict",
                    "",
                    _after(report),
                    None,
                    right,
                    note="returns nothing" if kind == "NoneType" else f"returns {kind}",
                )
            ]
        if got.size == right.size:
            got = got.reshape(right.shape)
        wrong = not same(got, right, magnitude(right))
        if wrong or row is None:
            row = Row(
                "predict",
                "",
                _after(report) if wrong else OK,
                got,
                right,
                roundings(got, right),
                where=name if wrong else "",
            )
        if wrong and (named := _left_out(spec, at, got, right)) is not None:
            row.mistake = named
            report.mistakes.append(named)
        if wrong:
            break
    return [] if row is None else [row]


def _left_out(spec: Spec, at: Mapping[str, Any], got: Any, right: Any) -> Named | None:
    """What a prediction is without, where that alone makes the difference."""
    assert spec.answer is not None
    without = {key: 0 * np.asarray(value) if key.startswith("b") else value for key, value in at.items()}
    if same(got, np.asarray(spec.answer(**without), float), magnitude(right)):
        return Named("predict_forgets_bias", "missing", "predict leaves the bias out; train has it.", "predict")
    loss, tensors = loss_at(spec.loss, at, set(spec.parameters))
    s = Structure(loss, tensors)
    if s.end is None or np.size(s.end.at.value) != right.size:
        return None
    for _, place in places(s, ["act_not_in_forward"]):
        forward = [change for change in place.changes if change.kind == "value"]
        linear = run_backward(s.forward, s.loss, s.seed, forward).values.get(s.end.at)
        if linear is not None and same(got, np.reshape(linear, right.shape), magnitude(right)):
            return Named("predict_forgets_activation", "missing",
                         "predict leaves the activation out; train has it.", "predict")  # fmt: skip
    return None


def _after(report: Report) -> str:
    return WRONG if any(row.status == FIRST for row in report.rows) else FIRST
