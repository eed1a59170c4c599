"""A name that vcrpy's tests import."""

from pytest_mimic._vcr.requests import VcrRequest as Request  # noqa: F401
