"""Recognizes values that look as if they change in every run: times, ids, tokens, ports of this machine."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timezone

from pytest_mimic._core.describe.argument_differences import Difference, described_parts
from pytest_mimic._core.describe.description_form import TAG
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
_UNIX_TIME = re.compile(r"1[5-9]\d{8}(?:\d{3})?(?:\.\d+)?")
RANDOM_UUID = re.compile(
    r"(?<![0-9a-f])[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}(?![0-9a-f])"
)
# How many seconds a time may be away from its call, and how long a text with an id is at most: a longer one says more.
_NEAR, _LONGEST = 10, 80


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
        path = _ignorable(one.path, is_client=is_client)
        if is_client and one.path.endswith(".sha256"):  # of a file that is sent
            return set()
        if not is_volatile or path is None:
            return set()
        paths.add(path)
    return paths


def paths_made_now(
    target: str, arguments: Mapping[str, object], *, began: float, now: float
) -> Iterator[tuple[str, str]]:
    """Yield the path, as `ignore=` takes it, and the text of each part that is a time of this call, or a random UUID.

    The call `began` at the first of two Unix times, and it is `now` the second.
    """
    is_client = ":" not in target
    for step, node in described_parts(arguments):
        leaf = node.get("text") if isinstance(node, dict) and TAG in node else node
        if type(leaf) not in (float, int, str) or (is_client and step == "signature"):
            continue
        text = str(leaf)
        if len(text) > _LONGEST:
            continue
        moments = _moments(text)
        if any(began - _NEAR <= one <= now + _NEAR for one in moments) or RANDOM_UUID.search(text):
            path = _ignorable(step, is_client=is_client)
            if path is not None:
                yield path, text


def _moments(text: str) -> list[float]:
    """Return the Unix times that a text may mean: a number of seconds or milliseconds, or a date with a time of day."""
    try:
        if _UNIX_TIME.fullmatch(text):
            return [float(text), float(text) / 1_000]
        if not _MOMENT.match(text):
            return []
        moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
        return [one.timestamp() for one in (moment, moment.replace(tzinfo=moment.tzinfo or timezone.utc))]
    except (OSError, OverflowError, ValueError):  # another form
        return []


def _ignorable(path: str, *, is_client: bool) -> str | None:
    """Return the path of a part as `ignore=` takes it: `rows[0].id` becomes `rows.*.id`, but `words[2]` is one word."""
    path = re.sub(r"\[\d+\](?=\.)", ".*", _VALUE_TAG.sub("", path))
    path = re.sub(r"\[(\d+)\]", r".\1", path)
    if "," in path or (is_client and path == "url"):  # `url` is no name of a part
        return None
    try:
        parse_path(path)
    except ValueError:
        return None
    return path


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
