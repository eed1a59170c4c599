"""Draws recorded calls and their outcomes as text, for people.

Nothing is loaded.
"""
