"""Configuration of Sphinx: MyST pages and the furo theme. `tox run -e docs` turns warnings into errors."""

from __future__ import annotations

project = "pytest-mimic"
author = "The pytest-mimic contributors"
copyright = f"2026, {author}"

extensions = ["myst_parser"]
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3
exclude_patterns = ["_build"]
nitpicky = True

html_theme = "furo"
html_title = "pytest-mimic"
html_theme_options = {}
html_static_path = ["_static"]
html_css_files = ["pages.css"]
