"""Gives recordings the identities of today's lines, without a call."""
