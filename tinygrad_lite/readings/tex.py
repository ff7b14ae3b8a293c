"""A formula printed as LaTeX, and any text made safe for it."""

from __future__ import annotations

import re
import unicodedata

from tinygrad_lite.readings import typeset
from tinygrad_lite.readings.dialects import NAME, flat, is_power, letter, split_name, turned
from tinygrad_lite.readings.signs import GREEK, SYMBOLS
from tinygrad_lite.readings.typeset import Formula, Layout

TO_TEX = {symbol: "\\" + word for word, symbol in (SYMBOLS | GREEK).items()} | {
    "−": "-", "*": r"\cdot", "|": r"\lvert ", "←": r"\leftarrow", "≈": r"\approx", "…": r"\dots", "⋮": r"\vdots",
    "ᵀ": r"^{\mathsf T}",
}  # fmt: skip
SPECIAL = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#", "%": r"\%", "_": r"\_",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"\textless{}", ">": r"\textgreater{}",
    "|": r"\textbar{}", '"': r"\textquotedbl{}", "`": r"\textasciigrave{}", "'": r"\textquotesingle{}",
    "–": "--", "—": "---", "…": r"\dots{}", "½": r"$\tfrac12$", "⊙": r"$\odot$", "·": r"$\cdot$", "×": r"$\times$",
    "∂": r"$\partial$", "Σ": r"$\Sigma$", "≤": r"$\le$", "≥": r"$\ge$", "≠": r"$\ne$", "→": r"$\to$", "√": r"$\surd$",
    "−": r"$-$", "∞": r"$\infty$", "ᵀ": r"$^{\mathsf T}$", "≈": r"$\approx$",
}  # fmt: skip


def latex(layout: Layout | Formula) -> str:
    """LaTeX for mathematics mode, with amsmath.

    >>> from tinygrad_lite.readings.typeset import name, template
    >>> latex(template(r"\\frac{#1}{#2}", [name("g"), name("running_var")]))
    '\\\\frac{g}{\\\\mathrm{running\\\\_var}}'
    """
    layout = layout.layout if isinstance(layout, Formula) else layout
    return re.sub(r" +", " ", _latex(layout)).strip()


def _latex(x: Layout) -> str:
    match x:
        case typeset.Leaf(kind="space"):
            return r"\, "
        case typeset.Leaf(kind="operator", text=symbol):
            shown = TO_TEX.get(symbol) or "".join(SPECIAL.get(c, c) if c in "#$%&_{}~^" else c for c in symbol)
            return f" {shown} " if shown[:1] == "\\" or symbol in "+−=<>" else shown
        case typeset.Leaf(kind="number", text=words):
            mantissa, e, exponent = words.partition("e")
            if e and re.fullmatch(r"[-+]?\d+", exponent):
                factor = "" if mantissa == "1" else rf"{mantissa} \cdot "
                return rf"{factor}10^{{{int(exponent)}}}"
            return words if re.fullmatch(r"[\d.,]+", words) else TO_TEX.get(words) or rf"\text{{{tex_escaped(words)}}}"
        case typeset.Leaf(kind="word", text=words):
            return (
                rf"\operatorname{{{tex_escaped(words)}}}" if words.isalpha() and words.isascii() else _latex_name(words)
            )
        case typeset.Leaf(text=words):
            return _latex_name(words)
        case typeset.Row(parts=parts):
            pieces = [_latex(part) for part in parts]
            if any("bmatrix" in piece for piece in pieces):  # brackets as high as the matrix between them
                pieces = [rf"\left{p}" if p == "(" else rf"\right{p}" if p == ")" else p for p in pieces]
            return "".join(pieces)
        case typeset.Script(base=base, sub=sub, sup=sup, over=over):
            shown = rf"\bar{{{_latex(base)}}}" if over else _latex_base(base, sub)
            if sub is not None:
                shown += _latex_sub(base, sub)
            return shown + (f"^{{{latex(sup)}}}" if sup is not None else "")
        case typeset.Fraction(above=above, below=below):
            return rf"\frac{{{latex(above)}}}{{{latex(below)}}}"
        case typeset.Root(inside=inside, index=index):
            return rf"\sqrt{f'[{index}]' if index else ''}{{{latex(inside)}}}"
        case typeset.Fence(left="1[", inside=inside):
            return rf"\mathbf{{1}}\left[{latex(inside)}\right]"
        case typeset.Fence(left=left, inside=inside, right=right):
            return rf"\left{left}{latex(inside)}\right{right}"
        case typeset.Matrix(rows=rows, column=column):
            rows = turned(rows, column)
            body = r" \\ ".join(" & ".join(_latex_entry(entry) for entry in entries) for entries in rows)
            return rf"\begin{{bmatrix}} {body} \end{{bmatrix}}"
        case typeset.Blank(width=width):
            return rf"\underline{{\hspace{{{width / 2:g}em}}}}"
    raise TypeError(f"not a layout: {x!r}")


def _latex_entry(entry: str) -> str:
    sign = "-" if entry.startswith("-") else ""
    return sign + _latex(typeset.Leaf("number", entry.removeprefix("-")))


def _latex_base(base: Layout, sub: Layout | None) -> str:
    found = split_name(base) if sub is not None else None
    shown = _latex_letter(found[1]) if found else latex(base)
    if is_power(base):
        return rf"\left({shown}\right)"
    return (
        f"{{{shown}}}"
        if isinstance(base, (typeset.Fraction, typeset.Script, typeset.Root)) or len(flat((base,))) > 1
        else shown
    )


def _latex_sub(base: Layout, sub: Layout) -> str:
    found = split_name(base)
    return f"_{{{found[2]},{latex(sub)}}}" if found else f"_{{{latex(sub)}}}"


def _latex_letter(word: str) -> str:
    return TO_TEX[GREEK[word]] if word in GREEK else word


def _latex_name(words: str) -> str:
    found = NAME.fullmatch(words)
    if found:
        return f"{_latex_letter(found[1])}_{{{found[2]}}}"
    if words in TO_TEX or words in GREEK:
        return TO_TEX[letter(words)]
    if len(words) == 1 and words.isascii() and words.isalpha():
        return words
    return rf"\mathrm{{{tex_escaped(words, mathematics=True)}}}"


def tex_escaped(words: str, mathematics: bool = False) -> str:
    """Any text for LaTeX, which has a meaning of its own for ten characters and none for most of Unicode.

    >>> tex_escaped("50% of {x}_1")
    '50\\\\% of \\\\{x\\\\}\\\\_1'
    """
    shown = []
    for c in words:
        if mathematics and c in " ":
            shown.append(r"\ ")
        elif mathematics and c in "^~<>|\"`'\\":
            shown.append(rf"\text{{{SPECIAL[c]}}}")
        elif c in SPECIAL:
            shown.append(rf"\text{{{SPECIAL[c]}}}" if mathematics and "$" in SPECIAL[c] and c != "$" else SPECIAL[c])
        elif c in TO_TEX and c in GREEK.values():
            shown.append(TO_TEX[c] + " " if mathematics else f"${TO_TEX[c]}$")
        elif c.isascii():
            shown.append(c if c.isprintable() else " ")
        else:
            plain = unicodedata.normalize("NFKD", c).encode("ascii", "ignore").decode()
            shown.append(tex_escaped(plain) if plain.strip() else f"[U+{ord(c):04X}]")
    return "".join(shown)
