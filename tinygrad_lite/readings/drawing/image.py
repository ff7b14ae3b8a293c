"""From DOT text to an image: by the `dot` on the PATH if there is one, else by the renderer that comes along.

The renderer is the program of the package `graphviz-pure`, a port of Graphviz in one file; it knows SVG and PNG
(and JPEG), but not PDF.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import graphviz

from tinygrad_lite.readings.drawing.dot import lines
from tinygrad_lite.readings.drawing.scene import Scene

BUNDLED = "graphviz-pure"
PICTURES = frozenset({"svg", "png", "pdf", "jpg", "jpeg"})  # a file so called is the picture, not graphviz's source
PAGES = frozenset({"html", "htm"})
INSTALL = "apt install graphviz (Debian, Ubuntu), brew install graphviz (macOS), winget install graphviz (Windows)"


class RenderError(RuntimeError):
    """The picture could not be made; the message says what to install or to do."""


class Drawing(graphviz.Digraph):  # type: ignore[misc]  # the library has no type hints
    """A picture of a graph: a `graphviz.Digraph` that can be looked at without Graphviz.

    `.source`, `.save`, `.render` and `.pipe` work as graphviz's users know them, with SVG as the format if none is
    named, but `.render("x.png")` writes just that picture; `.to_html` writes the film, and so does
    `.render("x.html")`. `scene` is what is on the picture, as data.

    Raises: RenderError from `render` and `pipe` for a format that only Graphviz itself can write.
    """

    def __init__(self, scene: Scene | None = None, name: str = "graph", film: Any = None, **more: Any) -> None:
        if scene is not None:
            more = {"body": ["".join(lines(scene))], "format": "svg", **more}
        super().__init__(name, **more)
        self.scene = scene
        self._film = film

    def pipe(self, format: str | None = None, **options: Any) -> Any:
        """The image as bytes, or with `encoding=` as text; the library's options, for those who have Graphviz."""
        if shutil.which("dot"):
            return super().pipe(format, **options)
        made = bundled(self.source, format or self.format, options.get("engine") or self.engine)
        encoding = options.get("encoding")
        return made if encoding is None else made.decode(encoding)

    def render(
        self,
        filename: str | os.PathLike[str] | None = None,
        *,
        directory: str | os.PathLike[str] | None = None,
        view: bool = False,
        cleanup: bool = False,
        format: str | None = None,
        outfile: str | os.PathLike[str] | None = None,
        **options: Any,
    ) -> str:
        """Write the source and the image to files, or the image alone to "x.svg", "x.png"; return the image's path.

        To "x.html" it writes the film: see `to_html`.
        """
        named = Path(filename or "").suffix.lstrip(".").lower()
        if named in PICTURES | PAGES and format is None and outfile is None:
            made = Path(directory or self.directory, filename or "")
            made.parent.mkdir(parents=True, exist_ok=True)
            if named in PAGES:
                self.to_html(made)
            else:
                made.write_bytes(self.pipe(named, engine=options.get("engine")))
            if view or options.get("quiet_view"):
                self._view(str(made), format=named, quiet=bool(options.get("quiet_view")))
            return str(made)
        if shutil.which("dot"):
            options.update(directory=directory, view=view, cleanup=cleanup, format=format, outfile=outfile)
            return str(super().render(filename, **options))
        target = None if outfile is None else Path(directory or self.directory, outfile)
        if target is not None:
            format = format or target.suffix.lstrip(".")
            filename, directory = filename or target.with_suffix(f".{self._default_extension}"), directory or ""
        image = self.pipe(format, engine=options.get("engine"))
        source = Path(self.save(filename, directory=directory))
        target = target or Path(f"{source}.{format or self.format}")
        target.write_bytes(image)
        if cleanup:
            source.unlink()
        if view or options.get("quiet_view"):
            self._view(str(target), format=format or self.format, quiet=bool(options.get("quiet_view")))
        return str(target)

    def _repr_mimebundle_(
        self, include: Iterable[str] | None = None, exclude: Iterable[str] | None = None, **_: Any
    ) -> dict[str, str]:
        try:
            svg = self.svg().replace("<svg ", '<svg style="max-width:100%;height:auto" ', 1)  # a cell is narrow
            return {"image/svg+xml": svg, "text/plain": f"<{type(self).__name__} of {self._size()}>"}
        except RenderError as error:  # nothing to look at, but the text can be drawn elsewhere
            return {"text/plain": f"{error}\n\n{self.source}"}

    def svg(self) -> str:
        """The picture as an `<svg>` element, to be put into a page."""
        text = str(self.pipe("svg", encoding="utf-8"))
        return text[text.index("<svg") :]

    def to_html(self, path: str | os.PathLike[str] | None = None, **options: Any) -> Any:
        """The film of this graph, as a page; see `film`."""
        film = self.film(**options)
        return film.html() if path is None else film.save(path)

    def film(self, **options: Any) -> Any:
        """Step through forward and backward: plays inline in Jupyter, `.save(path)` writes a page.

        Takes `optimizer=`, to step through the update too.
        """
        if self._film is None:
            raise RenderError("this drawing has no film: a film steps through a computation, this shows a module")
        return self._film(**options)

    def _size(self) -> str:
        n = len(self.scene.items) if self.scene else 0
        return f"{n} node{'' if n == 1 else 's'}"

    def _copy_kwargs(self, **keywords: Any) -> Any:
        return super()._copy_kwargs(film=self._film, **keywords)


def bundled(source: str, format: str, engine: str = "dot") -> bytes:
    """The image of DOT text, made by the renderer that comes along."""
    program = _bundled_program()
    if program is None:
        raise RenderError(
            f"Drawing needs a renderer and there is none: neither a `dot` on the PATH nor {BUNDLED}. "
            f"pip install {BUNDLED}, or {INSTALL}. The text of the picture is in `.source`."
        )
    run = subprocess.run(
        [program, f"-K{engine}", f"-T{format}"], input=source.encode("utf-8", "replace"), capture_output=True
    )
    if run.returncode or not run.stdout:
        said = run.stderr.decode("utf-8", "replace").strip()
        if "ormat" in said:
            raise RenderError(
                f"{format}: the renderer that comes along writes svg, png and jpeg. Choose one of them, or, for "
                f"{format}, install Graphviz itself: {INSTALL}."
            )
        raise RenderError(f"{BUNDLED} could not draw this ({said[-400:] or 'no output'}). With Graphviz: {INSTALL}.")
    return run.stdout


def _bundled_program() -> str | None:
    """Where the renderer is: pip puts it beside Python, which need not be on the PATH."""
    name = BUNDLED + (".exe" if sys.platform == "win32" else "")
    places = [Path(sys.executable).parent, Path(sysconfig.get_path("scripts"))]
    with contextlib.suppress(importlib.metadata.PackageNotFoundError):
        found = importlib.metadata.files(BUNDLED) or ()
        places += [Path(str(file.locate())).resolve().parent for file in found if file.name == name]
    for place in places:
        if (place / name).is_file():
            return str(place / name)
    return shutil.which(BUNDLED)
