"""Readings: what else can be done with a graph than running it. Each interprets the same rows and the same nodes.

draw        a picture, and a film that steps through it
labels      what a node is called: the user's names, attribute names, generated ones
formula     operations and their rules as MathML, printed from the rows that run
numerals    arrays as short text
"""
