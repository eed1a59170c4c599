"""The marks in a description of what JSON has no form for."""

from __future__ import annotations

#: The key that marks the form of a value for which JSON has no form; the entry names its type.
TAG = "$"
#: The tags of a string that is a path below the base temporary folder, and of a path that `content=` names.
PATH_TEXT, CONTENT = "path", "content"
