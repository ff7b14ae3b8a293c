"""What the checks of a derivation found, as a table and as an error."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from tinygrad_lite.readings.derivation.lines import Check, Step

KINDS = ("value", "adjoint", "differences")


class VerificationError(AssertionError):
    """A line of a derivation does not hold; the message names it and what failed."""


class Report:
    """What the checks of a derivation found, line by line; it prints as a table."""

    def __init__(self, steps: Iterable[Step]) -> None:
        self.rows = [(step.key, check) for step in steps for check in step.checks]
        asked = [step for step in steps if step.cotangent and np.size(step.value)]
        self.unchecked = [s.key for s in asked if not any(c.kind == "differences" for c in s.checks)]

    @property
    def ok(self) -> bool:
        """Whether nothing failed."""
        return all(check.ok for _, check in self.rows)

    def __bool__(self) -> bool:
        return self.ok

    @property
    def failures(self) -> list[tuple[str, Check]]:
        """The lines that failed, and the checks that say so."""
        return [(key, check) for key, check in self.rows if not check.ok]

    def counts(self) -> list[tuple[str, int, int, float]]:
        """For each kind of check: its name, how many held, how many there were, the largest error."""
        found = []
        for kind in KINDS:
            checks = [check for _, check in self.rows if check.kind == kind]
            if checks:
                found.append((kind, sum(c.ok for c in checks), len(checks), max(c.error for c in checks)))
        return found

    def assert_ok(self) -> None:
        """Raise VerificationError if a line failed."""
        if not self.ok:
            lines = "; ".join(f"{key}: {c.kind}, {c.note} (off by {c.error:.2g})" for key, c in self.failures)
            raise VerificationError(f"{len(self.failures)} checks of this derivation fail. {lines}")

    def __str__(self) -> str:
        width = max([len(key) for key, _ in self.rows], default=0)
        return "\n".join(
            f"{key:<{width}}  {c.kind:<11}  {'ok  ' if c.ok else 'FAIL'}  {c.error:.1e}  {c.note}".rstrip()
            for key, c in self.rows
        )

    __repr__ = __str__
