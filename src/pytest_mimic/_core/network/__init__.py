"""Refuses connections that nothing mimics, for runs that must not reach the network."""
