"""How a picture of a graph comes about: places, then a scene (plain data), then DOT text, then an image or a film.

places    the boxes that nodes belong in: calls of modules, nested
scene     what is to be seen, as data: items, edges, groups
folding   which boxes are closed, and runs of equal blocks, so that a picture stays small
build     from nodes to a scene
dot       from a scene to DOT text
image     from DOT text to SVG and PNG, with or without Graphviz installed
film      a page that steps through forward and backward
"""
