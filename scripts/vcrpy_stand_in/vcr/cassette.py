"""A name that vcrpy's tests import."""


class Cassette:
    """Is not supported: files of vcrpy are not written."""
