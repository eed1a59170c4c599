"""Recognizes values that look as if they change in every run: times, ids, tokens, ports of this machine."""

from __future__ import annotations

import re
from collections.abc import Sequence

from pytest_mimic._core.describe.argument_differences import Difference
from pytest_mimic._core.identity.ignore import parse_path

_MOMENT = re.compile(r"'?\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}|'?1[5-9]\d{8}(\d{3})?(\.\d+)?'?\Z")
_DATE = re.compile(r"'?\d{4}-\d{2}-\d{2}'?\Z")
# The last step into a value that is written with its type, `{"$datetime": "2026-11-02T10:00:00"}`, as databases'
# values are (_core/seam/database_values.py): `ignore=` has to leave out the type as well.
_VALUE_TAG = re.compile(r"\['\$(?:date|datetime|time|uuid)'\]\Z")
# An id or token: a UUID or 16 hexadecimal digits and more, or 20 characters of base64 and more.
_ID = re.compile(
    r"(?<![0-9A-Za-z])(?:[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}|(?=\d*[a-fA-F])[0-9a-fA-F]{16,}"
    r"|(?=[\w-]*[a-z])(?=[\w-]*[A-Z])(?=[\w-]*\d)[\w-]{20,})(?![0-9A-Za-z])",
    re.ASCII,
)
# A server of this machine in a URL, with its port, which is often another one in each run.
_LOCAL_PORT = re.compile(r"(?<=//)(localhost|127(?:\.\d+){3}|\[::1\]):\d+(?=[/?#']|\Z)")


def changing_paths(target: str, found: Sequence[Difference], recorded: str | None) -> set[str]:
    """Return the paths of values that change from run to run, if all differences look like that."""
    paths: set[str] = set()
    is_client = ":" not in target
    for one in found:
        if is_client and one.path == "signature":  # it is made from the other parts
            continue
        old, new = one.old or "", one.new or ""
        if is_client and one.path == "url" and _differ_in(_LOCAL_PORT, old, new):
            paths.add("port")
            continue
        if recorded is not None and old.strip("'") == recorded[:10]:
            is_volatile = bool(_DATE.match(new))
        else:
            is_volatile = bool(_MOMENT.match(old) and _MOMENT.match(new)) or _differ_in(_ID, old, new)
        # For `ignore=`, `rows[0].id` becomes `rows.*.id`, but `words[2]` is the third word only.
        path = re.sub(r"\[\d+\](?=\.)", ".*", _VALUE_TAG.sub("", one.path))
        path = re.sub(r"\[(\d+)\]", r".\1", path)
        try:
            parse_path(path)
        except ValueError:
            return set()
        if not is_volatile or "," in path or (is_client and path == "url"):  # `url` is no name of a part
            return set()
        paths.add(path)
    return paths


def changes_always(line: str) -> bool:
    """Check whether a difference between two outcomes, as a line, is one of dates, times or ids."""
    sides = re.search(r"(\w*)\W*: (.+) recorded, (.+) now\Z", line)
    if sides is None:
        return False
    name, old, new = sides.groups()
    return (
        bool(re.search(r"(?:^|_)(?i:u?u?id)\Z|Id\Z", name))
        or any(one.match(old) and one.match(new) for one in (_MOMENT, _DATE))
        or _differ_in(_ID, old, new)
    )


def _differ_in(pattern: re.Pattern[str], old: str, new: str) -> bool:
    """Check whether two texts are the same but for what a pattern finds in them, as ids in `session:<token>`.

    What the groups of the pattern match counts. Texts of which only a stretch is shown may differ elsewhere, too.
    """

    def rest(text: str) -> str:
        return pattern.sub(lambda found: "".join(found.groups()) or "*", text)

    is_whole = not any(text.startswith("...") or text.endswith("...") for text in (old, new))
    return is_whole and bool(pattern.search(old)) and rest(old) == rest(new)
