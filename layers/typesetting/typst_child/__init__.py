"""The part of the typesetter that runs in a child process: everything that executes a template.

It imports nothing of `typesetting` or `craftkit`, starts with an empty environment, and exchanges
frames (`typst_child.wire`) on its standard input and output only.
"""
