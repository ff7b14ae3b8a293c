"""The film: a page that steps through the forward pass, the backward pass and the update, beside the picture.

The page is whole: no network, no other file. Everything on it is made and escaped in Python; its script only shows
and hides, and the page forbids every other script.
"""

from __future__ import annotations

import base64
import hashlib
import os
from collections.abc import Callable, Mapping, Sequence
from html import escape
from importlib.resources import files
from pathlib import Path
from typing import Any

from tinygrad_lite.graph import GraphError, Node, ancestors
from tinygrad_lite.readings.drawing.build import Builder
from tinygrad_lite.readings.drawing.scene import Item, Scene
from tinygrad_lite.readings.drawing.steps import Script, Step
from tinygrad_lite.readings.labels import literal

LONGEST = 2_000  # drawn nodes; a page of more would no longer be quick
KINDS = {
    "given": "Start", "forward": "Forward", "backward": "Backward", "sum": "Backward: paths meet", "update": "Update",
}  # fmt: skip


class Film:
    """The steps of a computation; `.save(path)` writes the page, in Jupyter it plays inline.

    optimizer   steps through its update too, on copies: nothing moves
    Raises: GraphError for more than 2,000 nodes, unless they are folded.
    """

    def __init__(
        self,
        outputs: Sequence[Node],
        cotangents: Mapping[Any, Any],
        settings: Mapping[str, Any],
        *,
        optimizer: Any = None,
        title: str = "Forward and backward, step by step",
        image: Callable[[Scene], str],
    ) -> None:
        most = settings.get("max_nodes", 60)
        if settings.get("depth") is None and most == 60 and len(ancestors(outputs)) <= LONGEST:
            settings = {**settings, "max_nodes": LONGEST}  # a film has time: it need not be taken in at a glance
        builder = Builder(outputs, values=True, cotangents=cotangents, **settings)
        self.scene: Scene = builder.scene()
        if len(self.scene.items) > LONGEST:
            raise GraphError(
                f"a film of {len(self.scene.items):,} nodes would have as many steps. Fold it: "
                "draw(..., depth=1).to_html(...), or draw less."
            )
        self.title = title
        self._image = image
        self.steps = Script(builder, self.scene, cotangents, optimizer).steps

    def html(self) -> str:
        """The page."""
        resources = files("tinygrad_lite.readings.drawing")
        script, style, page = (resources.joinpath(f"film.{kind}").read_text("utf-8") for kind in ("js", "css", "html"))
        digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
        ids = {item: f"n{i}" for i, item in enumerate(self.scene.items)}
        parts = {
            "TITLE": escape(literal(self.title, 200)),
            "DIGEST": digest,
            "STYLE": style,
            "PICTURE": self._image(self.scene),
            "LIST": "".join(
                f'<li><button type="button" class="{step.kind}">{escape(step.title)}</button></li>'
                for step in self.steps
            ),
            "STEPS": "".join(_article(k, step, ids, len(self.steps)) for k, step in enumerate(self.steps)),
            "SCRIPT": script,
        }
        pieces = page.split("%%")  # text, NAME, text, NAME, ...: what is put in is not searched again
        return "".join(parts[piece] if k % 2 else piece for k, piece in enumerate(pieces))

    def save(self, path: str | os.PathLike[str]) -> str:
        """Write the page; return its path."""
        Path(path).write_text(self.html(), encoding="utf-8")
        return str(path)

    def _repr_html_(self) -> str:
        return (
            f'<iframe title="{escape(literal(self.title))}" sandbox="allow-scripts" style="width:100%;height:640px;'
            f'border:1px solid #767676" srcdoc="{escape(self.html())}"></iframe>'
        )


def _article(k: int, step: Step, ids: Mapping[Item, str], n: int) -> str:
    items = " ".join(ids[item] for item in step.items if item in ids)
    edges = " ".join(f"e{edge}" for edge in step.edges)
    return (
        f'<article data-kind="{step.kind}" data-items="{items}" data-edges="{edges}" hidden>'
        f'<p class="kind {step.kind}">{KINDS[step.kind]} · {k + 1} of {n}</p>'
        f"<h2>{escape(step.title)}</h2>{step.html}</article>"
    )
