"""Inputs of recorded calls: the functions that they ran and the files that they read, noted and compared."""
