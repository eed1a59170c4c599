"""Tests with torch and other large libraries: `tox -e science` has them all, and skips none."""

import os

collect_ignore_glob = [] if os.environ.get("MIMIC_SCIENCE") else ["test_*.py"]
# A project that a test copies.
collect_ignore = ["lab"]
