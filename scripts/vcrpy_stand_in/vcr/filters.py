"""A name that vcrpy's tests import."""

try:
    import brotli
except ImportError:
    brotli = None
