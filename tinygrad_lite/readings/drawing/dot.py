"""From a scene to DOT text.

Every label is HTML-like, so that the only characters with a meaning are those that XML escapes; no name can leave
its label. Kinds are told apart by shape and by a word, and only then by colour (Okabe and Ito's palette, lightened).
Boxes are filled and everything between them is a grey of 4.5:1 against white and against black, so that the same
picture can be read on a light page and on a dark one.
"""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from tinygrad_lite.readings.drawing.scene import Edge, Group, Item, Scene
from tinygrad_lite.readings.labels import literal

INK, QUIET, BETWEEN = "#1a1a1a", "#555555", "#767676"
FILL = {
    "input": "#dceefb", "parameter": "#fdebc8", "constant": "#ececec",
    "operation": "#ffffff", "module": "#e3e6f5", "elided": "#ffffff",
}  # fmt: skip
EDGE = {
    "input": "#00598c", "parameter": "#7a4d00", "constant": "#595959",
    "operation": "#444444", "module": "#4b55a0", "elided": "#767676",
}  # fmt: skip
SHAPE = {
    "input": 'shape=cds style=filled margin="0.18,0.11"',
    "parameter": 'shape=box3d style=filled margin="0.10,0.07"',
    "constant": 'shape=note style=filled margin="0.12,0.07"',
    "operation": 'shape=box style="rounded,filled" margin="0.12,0.06"',
    "module": 'shape=component style=filled margin="0.16,0.10"',
    "elided": 'shape=box style="rounded,dashed,filled" margin="0.12,0.08"',
}
GRADIENT, GRADIENT_INK, ALARM = "#fbe0d3", "#9a3400", "#8b005a"
PATIENCE = 600  # at 800 passed ranks the bundled renderer takes 0.5 s, at 3,200 5 s, at 12,800 minutes
MONO = "Courier New"  # one name only: the bundled renderer measures by name, and knows no lists


def lines(scene: Scene) -> Iterator[str]:
    """The body of the DOT file, line by line."""
    yield f'\tgraph [rankdir={scene.direction} bgcolor=transparent pad=0.2 nodesep=0.28 ranksep="0.45" '
    yield f'fontname="Arial" fontsize=11 fontcolor="{BETWEEN}" labeljust=l'
    if scene.passed > PATIENCE:  # straight edges, and fewer rounds of moving things: seconds instead of minutes
        yield " splines=line nslimit=0.5 nslimit1=0.5 mclimit=0.1"
    if scene.notes:
        notes = "".join(f'{_text(note, 200)}<BR ALIGN="LEFT"/>' for note in scene.notes)
        yield f" labelloc=b label=<{notes}>"
    yield "]\n"
    yield f'\tnode [fontname="Arial" fontsize=12 fontcolor="{INK}" penwidth=1.2]\n'
    yield f'\tedge [fontname="Arial" fontsize=10 color="{BETWEEN}" fontcolor="{BETWEEN}" '
    yield "arrowsize=0.7]\n"
    ids = {item: f"n{i}" for i, item in enumerate(scene.items)}
    yield from _grouped(scene, ids)
    for k, edge in enumerate(scene.edges):
        yield _edge(k, edge, ids)


def _grouped(scene: Scene, ids: dict[Item, str]) -> Iterator[str]:
    """The items, those of each box inside its `subgraph`; boxes within boxes without recursion."""
    inside: dict[Group | None, list[Item | Group]] = {None: []}
    for item in scene.items:
        content: Item | Group = item
        group = item.group
        while group is not None and group not in inside:
            inside[group] = [content]
            content, group = group, group.parent
        inside[group].append(content)
    number = 0
    todo = [("", iter(inside[None]))]
    while todo:
        indent, contents = todo[-1]
        for content in contents:
            if isinstance(content, Item):
                yield f"{indent}\t{_node(content, ids[content])}\n"
            else:
                yield f"{indent}\tsubgraph cluster_{number} {{\n{indent}\t\t{_box(content)}\n"
                number += 1
                todo.append((f"{indent}\t", iter(inside[content])))
                break
        else:
            todo.pop()
            if todo:
                yield f"{indent}}}\n"


def _box(group: Group) -> str:
    note = f"  <I>{_text(group.note)}</I>" if group.note else ""
    return f'graph [label=<<B>{_text(group.label, 90)}</B>{note}> labelloc=t style=rounded color="{BETWEEN}" margin=10]'


def _node(item: Item, name: str) -> str:
    kind = _kind(item)
    rows = [_row(f'<FONT POINT-SIZE="8" COLOR="{EDGE[item.kind]}"><B>{kind}</B></FONT>')] if kind else []
    if item.text and item.kind == "operation":
        rows.append(_row(f"<B>{_text(item.name)}</B> = {_text(item.text, 90)}"))
    elif item.name:
        rows.append(_row(f"<B>{_text(item.name)}</B>"))
    if item.text and item.kind != "operation":
        rows.append(_row(_text(item.text, 90)))
    if item.shape:
        rows.append(_row(f'<FONT POINT-SIZE="10" COLOR="{QUIET}">{_text(item.shape, 60)}</FONT>'))
    rows += [_row(f'<FONT POINT-SIZE="10">{_text(note, 90)}</FONT>') for note in item.notes]
    if item.alarm:
        rows.append(_row(f'<FONT COLOR="{ALARM}"><B>! {_text(item.alarm, 60)}</B></FONT>'))
    if item.value:
        rows.append(_pair(f'<FONT POINT-SIZE="10" COLOR="{QUIET}">value</FONT>', item.value, INK))
    if item.cotangent:
        symbol = f'<FONT POINT-SIZE="11" COLOR="{GRADIENT_INK}"><B>{_text(item.symbol, 40)}</B></FONT>'
        rows.append(_pair(symbol, item.cotangent, GRADIENT_INK, f' BGCOLOR="{GRADIENT}"'))
    table = f'<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="0" CELLPADDING="2">{"".join(rows)}</TABLE>'
    look = SHAPE[item.kind] + (" peripheries=2" if item.is_output and item.kind == "operation" else "")
    color, width = (ALARM, 2.5) if item.alarm else (EDGE[item.kind], 1.2)
    where = f"{item.path}: " if item.path and item.path != item.name else ""
    tip = _quoted(f"{where}{item.name}{f' = {item.text}' if item.text else ''} {item.shape}")
    return (
        f'{name} [id={name} class="{item.kind}" {look} fillcolor="{FILL[item.kind]}" color="{color}" '
        f"penwidth={width} tooltip={tip} label=<{table}>]"
    )


def _kind(item: Item) -> str:
    # An operation says so by itself: it is the one that reads `name = ...`.
    kind = {"operation": "", "elided": "folded"}.get(item.kind, item.kind)
    return " ".join(filter(None, (kind, "output" if item.is_output else ""))).upper()


def _row(content: str) -> str:
    return f'<TR><TD COLSPAN="2">{content}</TD></TR>'


def _pair(title: str, numbers: list[str], color: str, look: str = "") -> str:
    """A row of two cells: what the numbers are, and the numbers in columns."""
    # No-break spaces: two blanks between columns would be drawn as one.
    text = "<BR/>".join(escape(line).replace(" ", "\N{NO-BREAK SPACE}") for line in numbers)
    text = f'<FONT FACE="{MONO}" POINT-SIZE="11" COLOR="{color}">{text}</FONT>'
    return f'<TR><TD{look} ALIGN="RIGHT">{title}</TD><TD{look}>{text}</TD></TR>'


def _edge(k: int, edge: Edge, ids: dict[Item, str]) -> str:
    attributes = [f"id=e{k}"]
    if edge.label:
        attributes.append(f"label=<{_text(edge.label)}>")
    source, target = ids[edge.source], ids[edge.target]
    if edge.into_backward:  # for information: it may not pull the two passes out of step
        attributes.append("style=dashed constraint=false")
    elif edge.is_backward:  # laid out from the end to the start, so that the pass climbs beside the forward one
        attributes.append("dir=back")
        source, target = target, source
    elif edge.source.kind in ("parameter", "constant"):
        attributes.append(f'color="{EDGE[edge.source.kind]}"')
    return f"\t{source} -> {target} [{' '.join(attributes)}]\n"


def _text(text: str, most: int = 48) -> str:
    # Even in an HTML-like label \N would become the node's name; two backslashes are one.
    return escape(literal(text, most)).replace("\\", "\\\\")


def _quoted(text: str) -> str:
    # Inside quotes DOT knows \" and, in tooltips, \N and its kin; and it decodes entities, hence the escape.
    return '"' + escape(literal(text, 300)).replace("\\", "\\\\") + '"'
