"""Outcomes that are pickles, as the page shows them: the head of a frame, an image.

They are loaded as a replay loads them, so that `mimic_pickle = forbid` holds here, too.
"""

from __future__ import annotations

import sys
from base64 import b64encode
from collections.abc import Callable
from io import BytesIO
from typing import TYPE_CHECKING, Any

from pytest_mimic._core.tree.outcome_trees import without_secrets
from pytest_mimic._tools.page.blocks import (
    MOST_CHARACTERS_OF_TEXT,
    PageBlock,
    image_block,
    table_block,
)
from pytest_mimic.errors import MimicError

if TYPE_CHECKING:
    from pytest_mimic._core.redact.redactor import Redactor
    from pytest_mimic._core.vault.recording_facts import StoredOutcome

# The largest pickle that is loaded, in bytes: a larger one takes too long for a page.
_MOST_BYTES = 1_000_000
# The rows of a frame that are shown.
_MOST_ROWS = 8
# The longer side of the copy of an image, in pixels.
_MOST_PIXELS = 240
# A copy of an image that has more characters as base64 is left out.
_LONGEST_IMAGE = 30 * MOST_CHARACTERS_OF_TEXT


# A pickle that raises one of these when it is loaded or shown has no preview that is
# made from its value.
_ERRORS_OF_PREVIEWS = (
    MimicError,
    ArithmeticError,
    AttributeError,
    LookupError,
    OSError,
    TypeError,
    ValueError,
)


def preview_blocks(
    stored_outcome: StoredOutcome, redactor: Redactor
) -> list[PageBlock]:
    """Return a pickled outcome as a table or an image, or nothing if it is neither.

    Only a small pickle is loaded, and only of a library that the run has loaded.
    """
    # The names that the pickle imports, which tell its library before it is loaded.
    imports: object
    if (
        stored_outcome.encoded is not None
        and stored_outcome.encoded.pickled is not None
    ):
        # The outcome was made in this run, and its pickle is at hand.
        imports = stored_outcome.encoded.pickled.imports
    elif "pickle" in stored_outcome.entry:
        imports = stored_outcome.entry.get("imports", ())
    else:
        return []
    make_preview = None
    for library, make_preview_of_library in _PREVIEWS_OF_LIBRARIES.items():
        if library in sys.modules and _names_library(imports, library):
            make_preview = make_preview_of_library
            break
    size = stored_outcome.size or 0
    if make_preview is None or stored_outcome.kind != "value" or size > _MOST_BYTES:
        return []
    try:
        return make_preview(stored_outcome.load().content, redactor)
    except _ERRORS_OF_PREVIEWS:
        # The page shows the preview in the recording instead.
        return []


def _names_library(imports: object, library: str) -> bool:
    """Check whether a pickle imports a name of a library, `pandas.core.frame:X`."""
    if not isinstance(imports, list | tuple | set | frozenset):
        return False
    for name in imports:
        module = str(name).partition(":")[0]
        if module.partition(".")[0] == library:
            return True
    return False


def _frame_blocks(value: Any, redactor: Redactor) -> list[PageBlock]:
    """Return the head of a pandas or polars frame, or of a series, with its dtypes."""
    if hasattr(value, "to_frame") and not hasattr(value, "columns"):
        # A series is a column.
        value = value.to_frame()
    if not hasattr(value, "columns") or not hasattr(value, "head"):
        return []
    head = value.head(_MOST_ROWS)
    if hasattr(head, "reset_index") and _labels_rows(head):
        # The labels say what the rows are about.
        head = head.reset_index()
    names = list(map(str, head.columns))
    types = map(str, head.dtypes)
    # polars has rows as tuples, pandas makes them.
    if hasattr(head, "rows"):
        head_rows = head.rows()
    else:
        head_rows = head.itertuples(index=False)
    # Rows become mappings, so that a column with a secret name is hidden.
    preview_rows = []
    for head_row in head_rows:
        cell_texts = map(str, head_row)
        preview_rows.append(dict(zip(names, cell_texts)))
    hidden_rows = without_secrets({"value": preview_rows}, redactor)["value"]
    cells = [[row[name] for name in names] for row in hidden_rows]
    columns = list(zip(names, types))
    # The table says how many rows the whole frame has.
    return [table_block(columns, cells, count=len(value))]


def _labels_rows(frame: Any) -> bool:
    """Check whether the index of a frame of pandas says what no column says.

    An index that just counts the rows, or that has the name of a column, does not.
    """
    index = frame.index
    counts_rows = type(index).__name__ == "RangeIndex" and index.name is None
    return not counts_rows and {*index.names}.isdisjoint(frame.columns)


def _image_blocks(value: Any, _redactor: Redactor) -> list[PageBlock]:
    """Return a small copy of an image of PIL."""
    if not hasattr(value, "thumbnail"):
        return []
    small = value.copy()
    small.thumbnail((_MOST_PIXELS, _MOST_PIXELS))
    if small.mode not in ("1", "L", "LA", "P", "RGB", "RGBA"):
        small = small.convert("RGB")
    png_bytes = BytesIO()
    small.save(png_bytes, "PNG")
    png_in_base64 = b64encode(png_bytes.getvalue()).decode()
    if len(png_in_base64) > _LONGEST_IMAGE:
        return []
    width, height = value.size
    title = f"{width} × {height} {value.mode}"
    return [{**image_block(png_in_base64, "image/png"), "title": title}]


# By the library of a pickled value: the function that makes its preview. A function
# gets the loaded value, and returns nothing for one that it cannot show.
_PREVIEWS_OF_LIBRARIES: dict[str, Callable[[Any, Redactor], list[PageBlock]]] = {
    "pandas": _frame_blocks,
    "polars": _frame_blocks,
    "PIL": _image_blocks,
}
