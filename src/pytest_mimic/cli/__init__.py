"""The command `pytest-mimic` shows, checks and changes what a vault holds.

In: words of a command line. Out: lines, and an exit code.

`main` reads the words, `project` finds the vault that pytest would use, `select` the
calls that selectors name; a file for each subcommand or two. It starts no pytest, and
unpickles nothing: what it shows is proven from its content (`proof`).
"""
