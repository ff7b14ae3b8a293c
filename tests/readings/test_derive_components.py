"""Component form: one entry of a line, in numbers evaluated as it is printed, in letters held to how it reads."""

from __future__ import annotations

import math
import re
from typing import Any

import numpy as np
import pytest

import tinygrad_lite as tl
from tests.readings.test_derive_truth import CASES
from tinygrad_lite.readings.derivation.expression import Apply
from tinygrad_lite.readings.derivation.forms import first_entry
from tinygrad_lite.readings.derivation.writing import Look
from tinygrad_lite.readings.derive import derive
from tinygrad_lite.readings.dialects import text
from tinygrad_lite.readings.typeset import Leaf

NAMES: dict[str, Any] = {
    "tanh": math.tanh, "sin": math.sin, "cos": math.cos, "ln": math.log, "sqrt": math.sqrt, "erf": math.erf,
    "e": math.e, "max": max, "min": min, "abs": abs, "one": float, "σ": lambda x: 1 / (1 + math.exp(-x)),
    "sign": lambda x: (x > 0) - (x < 0), "softplus": lambda x: math.log1p(math.exp(x)),
    "relu": lambda x: max(x, 0), "clip": lambda x, a, b: min(max(x, a), b), "exp": math.exp,
}  # fmt: skip


def evaluated(printed: str) -> float:
    """What a line of text comes to, read by Python: `2 (3 - 1)` is a product, `1[a > b]` is 1 or 0."""
    code = printed.replace("^", "**").replace("·", "*").replace("≤", "<=").replace("≥", ">=").replace("≠", "!=")
    code = code.replace("∧", "and").replace("∨", "or").replace("1[", "one(").replace("]", ")")
    code = re.sub(r"(?<![<>=!]) = ", " == ", re.sub(r"\|([^|]*)\|", r"abs(\1)", code))
    code = re.sub(r"\b(tanh|sin|cos|ln|erf) (-?[\d.]+(?:e[-+]?\d+)?)", r"\1(\2)", code)
    code = re.sub(r"(\d|\)) (?=\(|\d|(?!and|or)[a-zσ])", r"\1*", code)
    return float(eval(code, NAMES))


@pytest.mark.parametrize("name", [name if len(name) % 4 == 0 else pytest.param(name, marks=pytest.mark.thorough)
                                  for name in CASES])  # fmt: skip
def test_an_entry_in_numbers_comes_to_the_value_of_the_line(name: str) -> None:
    look = Look(lambda q: Leaf("name", "q"), 17, "⊙")
    rng = np.random.default_rng(0)
    judged = 0
    for step in derive(CASES[name](), verify=False):
        value = np.asarray(step.value)
        if not isinstance(step.expression, Apply) or step.expression.shape != value.shape:
            continue
        for k in rng.choice(value.size, min(value.size, 12), replace=False):
            at = tuple(int(i) for i in np.unravel_index(k, value.shape))
            form = first_entry(step.expression, look, at, 10**6)
            if form is None or "elu" in text(form):  # no function of Python's
                continue
            assert evaluated(text(form)) == pytest.approx(float(value[at]), rel=1e-9, abs=1e-9), text(form)
            judged += 1
    assert judged


@pytest.mark.parametrize("classes", [3, 4])
def test_a_label_belongs_to_its_example(classes: int) -> None:
    """With as many examples as classes it once read onehot(labels_j), as if labels were one for each class."""
    rng = np.random.default_rng(0)
    w = tl.tensor(rng.normal(size=(classes, 2)), requires_grad=True, name="w")
    z = rng.normal(size=(3, 2)) @ w.T
    page = str(tl.derive(tl.nn.CrossEntropyLoss()(z, np.array([0, 2, 1]))))
    assert "dL/dz_nj = (e^(z_nj)/(∑_k e^(z_nk)) - 1[j = labels_n])/3" in page


def test_a_mask_in_a_sum_is_one_or_zero() -> None:
    z = tl.tensor([[0.5, -1.0]], requires_grad=True, name="z")
    page = str(derive(np.sum(tl.nn.LeakyReLU(0.01)(z) ** 2), names={"z": z}))
    assert "(1[z_k > 0] + 1/100 (1 - 1[z_k > 0]))" in page
    assert "= 1 * (1 + (1/100)*(1 - 1)) = 1" in page
    assert "1[z_k ≥ -1.5 ∧ z_k ≤ 0.7]" in str(derive(np.sum(np.clip(z, -1.5, 0.7) ** 2)))
    page = str(derive(np.max(np.sin(np.stack([z[0], z[0] * 0.5])), axis=0).sum()))
    assert "1[v2_nj = max_k v2_kj]/(∑_l 1[v2_lj = max_m v2_mj])" in page


def test_every_letter_of_an_entry_is_on_its_left_or_summed_over() -> None:
    a, b = (tl.tensor(np.ones(s), requires_grad=True, name=n) for n, s in (("a", (2, 3)), ("b", (2, 1))))
    page = str(derive(np.sum(np.sin(np.concatenate([a, b], axis=1)))))
    assert "dL/db_j = dL/dv1_(j,3)" in page
    x = tl.tensor(np.ones((2, 3, 4)), requires_grad=True, name="x")
    assert "= x_(j,n,1)" in str(derive(np.sum(np.sin(np.swapaxes(x, 0, 1)[:, :, 1]))))


def test_what_takes_in_a_whole_axis_has_its_entries_too() -> None:
    a, b = (tl.tensor(np.cos(np.arange(6.0)).reshape(s), requires_grad=True, name=n)
            for n, s in (("a", (2, 3)), ("b", (3, 2))))  # fmt: skip
    page = str(derive(np.sum(np.sin(np.einsum("ij,jk->ik", a, b)))))
    assert "v1 = einsum_(ij,jk → ik)(a, b)" in page
    assert "v1_nj = ∑_k a_nk b_kj" in page
    assert "dL/da_jk = ∑_l (dL/dv1_jl) b_kl" in page
    page = str(derive(np.sum(tl.softmax(a) ** 2)))
    assert "p_nj = e^(a_nj)/(∑_k e^(a_nk))" in page
    page = str(derive(np.sum(np.std(a, axis=0)) + np.linalg.norm(b)))
    assert "v1_j = sqrt(1/2 ∑_n (a_nj - 1/2 ∑_k a_kj)^2)" in page
    assert "dL/db = b/v3" in page  # which is 0 nowhere


def test_a_sum_of_one_entry_is_no_step() -> None:
    w = tl.tensor([[2.0, 1.0]], requires_grad=True, name="W")
    page = str(derive(np.sum((w @ np.ones(2) - 3) ** 2) / 2))
    assert "v = (z - 3)^2 (1,1) → L = v/2" in page
