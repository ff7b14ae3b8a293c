"""How a program becomes source: its run, its batch size, its steps as lines, and the module around them.

trace   what ran: the loss of a tensor, or of a function and its inputs
batch   which numbers of the program are the batch size, found by running it at another one
taken   whether a recorded loss may owe numbers to its batch size without saying so
copy    the graph again, with every array from outside as an input and the batch size by its name
names   identifiers
lines   which values get a line of their own, and in which order
module  the text: docstring, functions, example
layout  lines no wider than a page
verdict the text run, and compared with the engine
"""
