"""What students write by hand: right work is right; of wrong work the first wrong line is found and named."""

from __future__ import annotations

import numpy as np
import pytest

import tinygrad_lite as tl
from tests.checking.by_hand import NETWORKS
from tests.checking.slips import SLIPS
from tinygrad_lite.checking.report import Report

IDS = [f"{network}-{'+'.join(named) or 'unknown'}-{k}" for k, (network, _, named, _) in enumerate(SLIPS)]


@pytest.mark.parametrize("name", NETWORKS)
def test_right_work_is_right(name: str) -> None:
    network = NETWORKS[name]
    work = network.written()
    for handed_in in (work, network.gradients(work)):
        report = tl.check(handed_in, against=network.reference())
        assert report, str(report)
        assert report.mistakes == []
        assert {row.status for row in report.rows} <= {"ok", "convention"}


def told(report: Report, named: tuple[str, ...]) -> None:
    assert not report
    ids = {m.id for m in report.mistakes} | {id for m in report.mistakes for id, _ in m.alternatives}
    assert set(named) <= ids, str(report)
    assert len(report.mistakes) == len(named), str(report)


@pytest.mark.parametrize(
    ("name", "lines", "named", "first"),
    [
        pytest.param(*slip, id=id, marks=[] if k % 16 == 0 else [pytest.mark.thorough])
        for k, (slip, id) in enumerate(zip(SLIPS, IDS, strict=True))
    ],
)
def test_a_slip_is_found_and_named(
    name: str, lines: tuple[tuple[str, str], ...], named: tuple[str, ...], first: str
) -> None:
    network = NETWORKS[name]
    work = network.written(*lines)
    report = tl.check(work, against=network.reference())
    assert report.first_wrong == first, str(report)
    told(report, named)
    if len(named) == 1:  # all else is right, or follows
        assert [row.name for row in report.rows if row.status not in ("ok", "convention", "carried")] == [first]

    right, gradients = network.gradients(network.written()), network.gradients(work)
    report = tl.check(gradients, against=network.reference())
    told(report, named)
    wrong = {k for k, g in gradients.items() if np.shape(g) != np.shape(right[k]) or not np.allclose(g, right[k])}
    assert report.first_wrong == next(row.name for row in report.rows if row.name in wrong)
