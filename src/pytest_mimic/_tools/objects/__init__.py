"""Vaults in an object store."""
