"""Keeps secret values out of recordings and messages."""
