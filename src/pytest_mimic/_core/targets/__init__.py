"""Targets: lines of mimic_functions, their options, and patterns on calls."""
