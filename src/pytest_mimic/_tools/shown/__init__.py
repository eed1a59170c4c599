"""Draws recorded calls, their outcomes and the differences between them, for people.

Nothing is loaded.
"""
