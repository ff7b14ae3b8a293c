"""What every page can be printed as: text, Markdown, LaTeX, HTML; in a notebook it shows itself."""

from __future__ import annotations

from tinygrad_lite.readings.derivation.html import fragment, to_html
from tinygrad_lite.readings.derivation.latex import to_latex
from tinygrad_lite.readings.derivation.markdown import to_markdown
from tinygrad_lite.readings.derivation.page import Page
from tinygrad_lite.readings.derivation.text import WIDTH, to_text


class Printed:
    """Something with a page."""

    def page(self) -> Page:
        """The page, before it is printed in a dialect."""
        raise NotImplementedError

    def to_text(self, width: int = WIDTH) -> str:
        """The page as text for a terminal, in lines of about `width` characters."""
        return to_text(self.page(), width)

    def to_markdown(self) -> str:
        """The page as Markdown, with formulas between dollar signs."""
        return to_markdown(self.page())

    def to_latex(self) -> str:
        """The page as a LaTeX document, which needs amsmath and nothing else that is not in every installation."""
        return to_latex(self.page())

    def to_html(self) -> str:
        """The page as an HTML document of its own: MathML, no script, nothing from the network."""
        return to_html(self.page())

    def __str__(self) -> str:
        return self.to_text()

    def _repr_html_(self) -> str:
        return fragment(self.page())
