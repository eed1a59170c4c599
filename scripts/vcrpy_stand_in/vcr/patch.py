"""A name that vcrpy's tests import."""

from contextlib import nullcontext

force_reset = nullcontext
