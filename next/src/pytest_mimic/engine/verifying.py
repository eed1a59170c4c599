"""Compares a real outcome with the recorded one, and says what has drifted."""
