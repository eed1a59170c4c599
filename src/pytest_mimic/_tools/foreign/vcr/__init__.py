"""Cassettes of vcrpy: their files, and how they replay."""
