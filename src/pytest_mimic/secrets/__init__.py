"""Secrets: which names and texts are secret, and what stands in their place."""
