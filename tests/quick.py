"""Which cases of a long test run every time: `pytest` alone takes some, the thorough run takes all."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import pytest


def some(cases: Iterable[Any], quick: Callable[[Any], bool]) -> list[Any]:
    """The cases as parameters, those that are not quick marked thorough."""
    return [pytest.param(case, marks=() if quick(case) else pytest.mark.thorough) for case in cases]


def one_in(n: int, cases: Iterable[Any], ids: Callable[[Any], str] | None = None) -> list[Any]:
    """The cases as parameters, all but the first, the one n places further and so on marked thorough."""
    return [
        pytest.param(case, marks=pytest.mark.thorough if k % n else (), id=None if ids is None else ids(case))
        for k, case in enumerate(cases)
    ]
