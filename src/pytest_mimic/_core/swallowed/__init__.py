"""Errors that must fail the running test even if its code catches them."""
