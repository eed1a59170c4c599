"""Finds, checks and draws what a vault holds, for people. Nothing is loaded unless they ask for it."""
