"""Sphinx's settings: MyST pages, the furo theme, warnings are errors (`tox run -e docs`)."""

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
html_static_path = ["_static"]
html_css_files = ["pages.css"]
