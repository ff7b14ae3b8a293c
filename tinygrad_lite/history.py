"""What a training run came to, epoch by epoch; in a notebook it shows itself as a plot."""

from __future__ import annotations

import math
from collections.abc import Iterator
from html import escape

WIDTH, HEIGHT, EDGE = 320, 200, 40
COLOURS = {"": "#1f5fa8", "val_": "#d1691a"}  # training, validation; told apart by dashes too


class History:
    """A list of epochs, each a dict of figures by name; `history["loss"]` is one figure over all epochs.

    >>> history = History()
    >>> history.append({"epoch": 1, "loss": 0.5}); history.append({"epoch": 2, "loss": 0.25})
    >>> history["loss"], history[-1], history
    ([0.5, 0.25], {'epoch': 2, 'loss': 0.25}, History(2 epochs, loss 0.5 -> 0.25))
    """

    def __init__(self) -> None:
        self.epochs: list[dict[str, float]] = []
        self.interrupted = False

    def append(self, record: dict[str, float]) -> None:
        """Add an epoch."""
        self.epochs.append(record)

    def __len__(self) -> int:
        return len(self.epochs)

    def __iter__(self) -> Iterator[dict[str, float]]:
        return iter(self.epochs)

    def __getitem__(self, key: str | int) -> list[float] | dict[str, float]:
        return [record[key] for record in self.epochs] if isinstance(key, str) else self.epochs[key]

    def __repr__(self) -> str:
        parts = [f"{len(self)} epochs"]
        for name in self._names():
            shown = [n for n in (name, f"val_{name}") if n in self.epochs[-1]]
            parts += [f"{n} {self.epochs[0][n]:.4g} -> {self.epochs[-1][n]:.4g}" for n in shown]
        return f"History({', '.join(parts)}{', interrupted' if self.interrupted else ''})"

    def _names(self) -> list[str]:
        """The figures that are plotted: all but the epoch, the time, and those of validation, which join theirs."""
        if not self.epochs:
            return []
        return [n for n in self.epochs[0] if n not in ("epoch", "seconds") and not n.startswith("val_")]

    def _repr_svg_(self) -> str:
        """One plot for each figure, side by side: training solid, validation dashed."""
        names = self._names()
        panels = "".join(self._panel(name, i * WIDTH) for i, name in enumerate(names))
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH * max(1, len(names))}" height="{HEIGHT}" '
            f'font-family="sans-serif" font-size="11">{panels}</svg>'
        )

    def _panel(self, name: str, left: int) -> str:
        curves = {p: [record.get(p + name, math.nan) for record in self.epochs] for p in COLOURS}
        finite = [v for values in curves.values() for v in values if math.isfinite(v)] or [0.0]
        low, high = min(finite), max(finite)
        high = high if high > low else low + 1

        def at(i: int, v: float) -> str:
            x = left + EDGE + i * (WIDTH - 2 * EDGE) / max(1, len(self) - 1)
            return f"{x:.1f},{EDGE + (HEIGHT - 2 * EDGE) * (high - v) / (high - low):.1f}"

        right, bottom = left + WIDTH - EDGE, HEIGHT - EDGE
        parts = [
            f'<path d="M{left + EDGE},{EDGE} V{bottom} H{right}" fill="none" stroke="#888"/>',
            f'<text x="{left + EDGE}" y="{EDGE - 12}" font-weight="bold">{escape(name)}</text>',
            f'<text x="{left + EDGE - 4}" y="{EDGE + 4}" text-anchor="end">{high:.3g}</text>',
            f'<text x="{left + EDGE - 4}" y="{bottom + 4}" text-anchor="end">{low:.3g}</text>',
            f'<text x="{right}" y="{bottom + 16}" text-anchor="end">epoch {len(self)}</text>',
        ]
        for prefix, values in curves.items():
            points = " ".join(at(i, v) for i, v in enumerate(values) if math.isfinite(v))
            if points:
                dashes = ' stroke-dasharray="5 3"' if prefix else ""
                parts.append(f'<polyline points="{points}" fill="none" stroke="{COLOURS[prefix]}" stroke-width="2"'
                             f'{dashes}/>')  # fmt: skip
        return "".join(parts)
