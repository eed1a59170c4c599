"""Replaces functions wherever they are held, and restores them exactly."""
