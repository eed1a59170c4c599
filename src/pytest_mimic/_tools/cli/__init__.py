"""The command `pytest-mimic`: one module for each subcommand, loaded when it is called.

The other modules are what several subcommands share.
"""
