"""Errors that must fail the running test even if its code catches them.

Code that catches a miss often waits and tries again. Here its waits are skipped and its
endless loops ended, too (`retries`).
"""
