"""Decides about each call, and replays or records it."""
