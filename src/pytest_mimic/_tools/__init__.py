"""The tools that people use on a vault."""
