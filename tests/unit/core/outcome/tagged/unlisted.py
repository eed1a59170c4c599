"""A module that no recording may import."""
