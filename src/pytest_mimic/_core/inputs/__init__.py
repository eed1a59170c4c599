"""Inputs of recorded calls: the functions that their code reaches and the files that they read, noted and compared."""
