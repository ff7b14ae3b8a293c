"""The component form of each row that has one, and of whole expressions."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from tinygrad_lite.primitives.indexing import ARRAY
from tinygrad_lite.readings.derivation.asking import bare, is_transpose, scalar
from tinygrad_lite.readings.derivation.components import BORDER, Components, Form, Index, NoForm, aligned, as_index
from tinygrad_lite.readings.derivation.expression import Apply, Expression, Quantity, quantities
from tinygrad_lite.readings.derivation.spread import axes_of, einsum, restored, softmax, variance
from tinygrad_lite.readings.derivation.writing import Look
from tinygrad_lite.readings.typeset import (
    ATOM,
    RELATION,
    SUM,
    Formula,
    Layout,
    Leaf,
    added,
    fenced,
    numbered,
    operator,
    row,
    template,
)

BY_SIZE = {1: "j", 2: "nj", 3: "ntj", 4: "ncij"}  # of values: n counts examples, c channels
OF_LEAVES = {1: "j", 2: "jk", 3: "jkl", 4: "ocpq"}


def _matmul(c: Components, e: Apply, at: Sequence[Index]) -> Formula:
    a, b = e.args
    at = list(at)
    if len(b.shape) > 1:
        *lead, column = at
    else:
        lead, column = at, None
    i = lead.pop() if len(a.shape) > 1 else None

    def body(k: list[Index]) -> Formula:
        batch_a = [0 if n == 1 else lead[len(lead) - (len(a.shape) - 2) + p] for p, n in enumerate(a.shape[:-2])]
        batch_b = [0 if n == 1 else lead[len(lead) - (len(b.shape) - 2) + p] for p, n in enumerate(b.shape[:-2])]
        left = c.entry(a, [*batch_a, *([] if i is None else [0 if a.shape[-2] == 1 else i]), *k])
        right = c.entry(b, [*batch_b, *k, *([] if column is None else [0 if b.shape[-1] == 1 else column])])
        return c.product(left, right)

    examples = is_transpose(a) and len(bare(a).shape) > 1 and not is_leaf(a)
    return c.total([a.shape[-1]], body, wanted="n" if examples else "")


def is_leaf(e: Expression) -> bool:
    """Whether all that an expression mentions are values that were given, such as weights."""
    return all(not q.cotangent and q.node.op is None for q in quantities(e))


def _outer(c: Components, e: Apply, at: Sequence[Index]) -> Formula:
    a, b = e.args
    if len(a.shape) > 1 or len(b.shape) > 1:
        raise NoForm
    return c.product(c.entry(a, [at[0]] * len(a.shape)), c.entry(b, [at[1]] * len(b.shape)))


def _transpose(c: Components, e: Apply, at: Sequence[Index]) -> Formula:
    n = len(at)
    axes = e.kwargs.get("axes") or tuple(range(n))[::-1]
    back: list[Index] = [0] * n
    for k, a in enumerate(axes):
        back[a % n] = at[k]
    return c.entry(e.args[0], back)


def _reduced(word: str, mean: bool = False) -> Form:
    def form(c: Components, e: Apply, at: Sequence[Index]) -> Formula:
        x = e.args[0]
        sizes = [x.shape[a] for a in axes_of(e)]
        examples = len(x.shape) > 1 and 0 in axes_of(e)
        found = c.total(sizes, lambda k: c.entry(x, restored(e, at, k)), word, "n" if examples or mean else "")
        count = int(np.prod(sizes))
        return template(r"\frac{1}{#1}\,#2", [numbered(str(count)), found]) if mean and count > 1 else found

    return form


def _logsumexp(c: Components, e: Apply, at: Sequence[Index]) -> Formula:
    x = e.args[0]
    inside = c.total([x.shape[a] for a in axes_of(e)], lambda k: template("e^{#1}", [c.entry(x, restored(e, at, k))]))
    return template(r"\ln #1", [inside])


def _silent(c: Components, e: Apply, at: Sequence[Index]) -> Formula:
    """Axes of size 1 that come or go, and copies along new axes."""
    x = e.args[0]
    if e.op.name == "broadcast_to":
        return c.entry(x, aligned(x, e, at))
    here = [i for i, n in zip(at, e.shape, strict=True) if n != 1]
    if [n for n in e.shape if n != 1] != [n for n in x.shape if n != 1]:
        raise NoForm
    rest = iter(here)
    return c.entry(x, [0 if n == 1 else next(rest) for n in x.shape])


def _relu(c: Components, e: Apply, at: Sequence[Index]) -> Formula:
    return template(r"\mathrm{max}(0, #1)", [c.entry(e.args[0], at)])


def _heads(c: Components, e: Apply, at: Sequence[Index]) -> Formula:
    """Head h has the columns h d to h d + d - 1."""
    *lead, head, t, k = at
    return c.entry(e.args[0], [*lead, t, _tap(head, k, e.shape[-1], 1, 0)])


def _join(c: Components, e: Apply, at: Sequence[Index]) -> Formula:
    *lead, t, k = at
    width = e.args[0].shape[-1]
    return c.entry(e.args[0], [*lead, as_index(k) // width, t, as_index(k) % width])


def _getitem(c: Components, e: Apply, at: Sequence[Index]) -> Formula:
    x, *arrays = e.args
    if arrays:
        raise NoForm
    index = list(e.kwargs["index"])
    if Ellipsis in index:
        k = index.index(Ellipsis)
        index[k : k + 1] = [slice(None)] * (len(x.shape) - sum(p is not None and p is not Ellipsis for p in index))
    index += [slice(None)] * (len(x.shape) - sum(p is not None for p in index))
    rest, inner, axis = list(at), [], 0
    for part in index:
        if part is ARRAY or isinstance(part, (bool, np.bool_)):
            raise NoForm
        if part is None:
            rest.pop(0)
            continue
        n = x.shape[axis]
        axis += 1
        if isinstance(part, slice):
            start, _, step = part.indices(n)
            inner.append(_shifted(rest.pop(0), start, step))
        else:
            inner.append(int(part) % n)
    return c.entry(x, inner)


def _shifted(i: Index, start: int, step: int = 1) -> Index:
    """start + step i."""
    if isinstance(i, int):
        return start + step * i
    if step != 1:
        i = row(numbered(str(step)).layout, i) if step > 0 else row(operator("−"), i)
    if not start:
        return i
    return row(i, operator("+" if start > 0 else "−"), numbered(str(abs(start))).layout)


def _pick(c: Components, e: Apply, at: Sequence[Index]) -> Formula:
    z, labels = e.args
    here = at[0]
    label: Index = int(np.asarray(labels.value)[as_index(here)]) if c.concrete else c.entry(labels, [here]).layout
    return c.entry(z, [at[0], label])


def _unpick(c: Components, e: Apply, at: Sequence[Index]) -> Formula:
    g, labels = e.args
    if c.concrete:
        return c.entry(g, [at[0]]) if _is_label(labels, at) else numbered("0")
    return template(r"#1\,#2", [c.entry(g, [at[0]]), Formula(_label(c, labels, at).layout, RELATION)])


def _onehot(c: Components, e: Apply, at: Sequence[Index]) -> Formula:
    """1[j = labels_n]."""
    labels = e.args[0]
    if c.concrete:
        return numbered("1" if _is_label(labels, at) else "0")
    return Formula(fenced(Formula(_label(c, labels, at).layout, RELATION), SUM), ATOM)


def _is_label(labels: Expression, at: Sequence[Index]) -> bool:
    return int(np.asarray(labels.value)[as_index(at[0])]) == at[1]


def _label(c: Components, labels: Expression, at: Sequence[Index]) -> Formula:
    here = at[1] if not isinstance(at[1], int) else numbered(str(at[1])).layout
    return template("#1 = #2", [Formula(here, ATOM), c.entry(labels, [at[0]])])


def _where(c: Components, e: Apply, at: Sequence[Index]) -> Formula:
    """a 1[condition] + b (1 - 1[condition])."""
    condition, a, b = (c.entry(x, aligned(x, e, at)) for x in e.args)
    mask = condition if c.concrete else Formula(fenced(Formula(condition.layout, RELATION), SUM), ATOM)
    terms = []
    for x, written, factor in ((e.args[1], a, mask), (e.args[2], b, template("(1 - #1)", [mask]))):
        if scalar(x) != 0:
            terms.append(factor if scalar(x) == 1 else c.product(written, factor))
    return added(terms) if terms else numbered("0")


def _tap(i: Index, k: Index, stride: int, dilation: int, pad: int) -> Index:
    """stride i + dilation k - pad: the place of the input that tap k sees from place i of the output."""
    if isinstance(i, int) and isinstance(k, int):
        return stride * i + dilation * k - pad
    first = _shifted(i, 0, stride)
    second = _shifted(k, -pad, dilation)
    if isinstance(second, int):
        return _shifted(first, second) if not isinstance(first, int) else first + second
    if isinstance(first, int):
        return _shifted(second, first)
    return row(first, operator("+"), second)


def _conv2d(c: Components, e: Apply, at: Sequence[Index]) -> Formula:
    """y_noij = sum over channels and taps of w_ocpq x_nc(place seen through the tap)."""
    x, w, *bias = e.args
    if e.kwargs["groups"] != 1:
        raise NoForm
    n, o, i, j = at

    def body(k: list[Index]) -> Formula:
        channel, p, q = k
        seen = _seen(c, e, x, (i, j), (p, q))
        if seen is None:
            return BORDER
        return c.product(c.entry(w, [o, channel, p, q]), c.entry(x, [n, channel, *seen]))

    found = c.total(list(w.shape[1:]), body, wanted="kpq")
    return added([found, c.entry(bias[0], [o])]) if bias and bias[0].value is not None else found


def _place(e: Apply, axis: int, i: Index, k: Index) -> Index:
    how = e.kwargs
    return _tap(i, k, how["stride"][axis], how["dilation"][axis], how["padding"][axis][0])


def _seen(c: Components, e: Apply, x: Expression, at: Sequence[Index], taps: Sequence[Index]) -> list[Index] | None:
    """The place of `x` that is seen from a place of the output through a tap; None in the border of zeros."""
    seen = [_place(e, axis, i, k) for axis, (i, k) in enumerate(zip(at, taps, strict=True))]
    inside = not c.concrete or all(0 <= as_index(s) < m for s, m in zip(seen, x.shape[2:], strict=True))
    return seen if inside else None


def _conv2d_weight(c: Components, e: Apply, at: Sequence[Index]) -> Formula:
    """One kernel entry: the sum over examples and places of what came back times what the tap saw."""
    g, x = e.args
    if e.kwargs["groups"] != 1:
        raise NoForm
    o, channel, p, q = at

    def body(k: list[Index]) -> Formula:
        n, i, j = k
        seen = _seen(c, e, x, (i, j), (p, q))
        if seen is None:
            return BORDER
        return c.product(c.entry(g, [n, o, i, j]), c.entry(x, [n, channel, *seen]))

    return c.total([g.shape[0], *g.shape[2:]], body, wanted="nij")


def _max_pool2d(c: Components, e: Apply, at: Sequence[Index]) -> Formula:
    x = e.args[0]
    n, channel, i, j = at

    def body(k: list[Index]) -> Formula:
        seen = [_place(e, 0, i, k[0]), _place(e, 1, j, k[1])]
        if c.concrete and not all(0 <= as_index(s) < m for s, m in zip(seen, x.shape[2:], strict=True)):
            return BORDER
        return c.entry(x, [n, channel, *seen])

    return c.total(list(e.kwargs["kernel"]), body, "max", wanted="pq")


FORMS: dict[str, Form] = {
    "matmul": _matmul, "outer": _outer, "transpose": _transpose, "sum": _reduced("∑"), "mean": _reduced("∑", True),
    "max": _reduced("max"), "min": _reduced("min"), "logsumexp": _logsumexp, "reshape": _silent, "squeeze": _silent,
    "expand_dims": _silent, "broadcast_to": _silent, "identity": _silent, "astype": _silent, "getitem": _getitem,
    "pick": _pick, "unpick": _unpick, "onehot": _onehot, "where": _where, "conv2d": _conv2d,
    "conv2d_weight": _conv2d_weight, "max_pool2d": _max_pool2d, "relu": _relu, "heads": _heads, "join": _join,
    "einsum": einsum, "softmax": softmax, "var": variance, "std": variance,
}  # fmt: skip


def letters_for(shape: tuple[int, ...], given: bool) -> list[Leaf]:
    """Letters for the axes of a value: those of a weight, if it was `given`, or n for examples and others."""
    return [Leaf("name", c) for c in (OF_LEAVES if given else BY_SIZE).get(len(shape), "abcdefgh"[: len(shape)])]


def component_form(
    e: Expression, look: Look, quantity: Callable[[Quantity, Layout], Layout], letters: Sequence[Leaf]
) -> Formula | None:
    """One entry of `e` in letters; None where a row has no such form."""
    c = Components(look, quantity, FORMS, concrete=False)
    c.used = {leaf.text for leaf, n in zip(letters, e.shape, strict=True) if n > 1}
    try:
        return c.entry(e, [leaf if n > 1 else 0 for leaf, n in zip(letters, e.shape, strict=True)])
    except NoForm:
        return None


def first_entry(e: Expression, look: Look, at: Sequence[int], most: int = 4) -> Formula | None:
    """One entry of `e` in numbers, its sums written out: `1*2 + 1*1 + 0`."""
    c = Components(look, lambda q, i: i, FORMS, concrete=True, most=most)
    try:
        return c.entry(e, list(at))
    except NoForm:
        return None
