"""Names that vcrpy's tests import."""
