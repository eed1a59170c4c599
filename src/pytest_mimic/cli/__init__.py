"""The command `pytest-mimic` shows, checks and changes what a vault holds."""
