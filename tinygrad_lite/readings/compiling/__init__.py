"""What `tl.compile` is made of: tracing, passes over the traced calls, buffers, printing, running.

In the order in which they act: `tracing` runs the function on `symbols` and gets a program of `calls`; `passes` make it
shorter; `buffers` says where each value is kept; `spelling` and `printing` write the text, `heading` what comes before
the calls and `ending` what comes after; `updates` adds the optimiser's move; `guards` tells whether a program fits a
call; `running` binds all that and runs it, large arrays in several `threads` where a user has asked for them.
"""
