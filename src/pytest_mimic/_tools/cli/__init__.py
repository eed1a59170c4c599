"""The command `pytest-mimic`: one module for each subcommand, loaded when it is called, and what they select and check."""
