"""Configuration of Sphinx: MyST pages and the furo theme. `tox run -e docs` turns warnings into errors."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "_extensions"))

project = "pytest-mimic"
author = "The pytest-mimic contributors"
copyright = f"2026, {author}"

extensions = ["myst_parser", "command_output"]
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3
exclude_patterns = ["_build", "_extensions"]
nitpicky = True

html_theme = "furo"
html_title = "pytest-mimic"
html_theme_options = {
    "announcement": "Until 1.0 is on PyPI, <code>pip install pytest-mimic</code> installs 0.2, an older and different plugin. Run <code>pip install .</code> in a clone.",
}
html_static_path = ["_static"]
html_css_files = ["pages.css"]
