"""The half of the typesetter that runs in a child process: all that touches a template's code.

It imports nothing of `typesetting` or `craftkit`, is started with an empty environment, and
speaks only frames (`typst_child.wire`) on its standard input and output.
"""
