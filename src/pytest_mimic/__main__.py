"""`python -m pytest_mimic` is the command `pytest-mimic`."""

import sys

from pytest_mimic.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
