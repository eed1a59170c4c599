"""Functions: how they are replaced, what their calls reach, give and do."""
