"""The format of recordings and cassettes: the names of recordings, and their JSON.

What a file says is checked here as it is read: its format number, and that no key
stands twice. Another layout is only slower to read. A recording is found by its name
alone: a change of `recording_name` loses all recordings.
"""

from __future__ import annotations

import marshal
import re
from collections.abc import Mapping
from contextlib import suppress
from functools import lru_cache
from json import JSONDecodeError, JSONDecoder, loads
from typing import Any

from xxhash import xxh3_128_hexdigest

from pytest_mimic._core.commands import Remedy, Verb, rerecord
from pytest_mimic.errors import CorruptRecordingError, Damage

# -- names: short, readable, and safe on every file system

#: The folder of all cassettes.
CASSETTES_FOLDER = "cassettes"
#: The folders of recordings and of cassettes.
FOLDERS = ("calls", CASSETTES_FOLDER)
#: The beginning of the name of each recording that is no cassette, and of each
#: cassette.
CALLS_PREFIX = "calls/"
CASSETTES_PREFIX = f"{CASSETTES_FOLDER}/"
# How many characters of a target's part stand in the name of its folder at most.
_LONGEST_FOLDER_NAME = 56
#: The names that Windows keeps for devices, whatever their suffix.
NAMES_OF_DEVICES = {"con", "prn", "aux", "nul"}
for _number in range(10):
    NAMES_OF_DEVICES |= {f"com{_number}", f"lpt{_number}"}


def recording_name(target: str, key: str, owner: str | None = None) -> str:
    """Return the name of a call's recording: `calls/shop.api/fetch_rates/<key>.json`.

    The key is the call's identity, or the hash of it and of the test or scope that is
    the recording's owner.
    """
    if owner is not None:
        # The key of an imported recording has the parts that count behind a dash.
        _, dash, parts_of_key = key.partition("-")
        text = f"{key}\0{owner}".encode("utf-8", "surrogatepass")
        key = f"{xxh3_128_hexdigest(text)}{dash}{parts_of_key}"
    return f"{recording_folder(target)}/{key}.json"


def imported_parts(key: str) -> str:
    """Return the parts that count in the key of an imported recording.

    Of `1a2b…-method-uri`, these are `method-uri`; that of another has none.
    """
    return key.partition("-")[2]


@lru_cache(maxsize=1_000)
def recording_folder(target: str) -> str:
    """Return the folder of a target's recordings: `calls/shop.api/fetch_rates`.

    Two targets never share a folder, even where case does not count. The folder of a
    client has no second part: `calls/http`.
    """
    folders = [_folder_of_part(part) for part in target.split(":", 1)]
    return f"{CALLS_PREFIX}{'/'.join(folders)}"


def _folder_of_part(part_of_target: str) -> str:
    """Return a part of a target as a folder's name.

    It has digits of its hash if it had to change, or has capital letters.
    """
    folder = part_of_target
    is_dotted_name = folder.isascii() and folder.replace(".", "_").isidentifier()
    if not is_dotted_name:
        folder = re.sub(r"[^A-Za-z0-9_.-]+", "_", folder)
    folder = folder[:_LONGEST_FOLDER_NAME].strip(".") or "_"
    if folder.partition(".")[0].lower() in NAMES_OF_DEVICES:
        folder = f"_{folder}"
    is_plain = folder == part_of_target and folder == folder.lower()
    if is_plain and not folder.endswith((".json", ".pkl")):
        return folder
    from hashlib import blake2b

    # Without a digest, another target could have this folder, too.
    digest = blake2b(part_of_target.encode("utf-8", "surrogatepass"), digest_size=3)
    return f"{folder}-{digest.hexdigest()}"


# -- their JSON

#: The format that is written and read; any other one is refused.
FORMAT = 5
# The format of 1.0.0rc3, of which `pytest-mimic rekey` reads the calls of clients. The
# error for such a file offers `rekey`.
_FORMER_FORMAT = 4
_NAME_OF_OBJECT = r"objects/[0-9a-f]{2}/[0-9a-f]{32}\.(?:json|pkl|bin)"
"""The pattern of the name of an object, not compiled: a plain replay needs none."""
_START_OF_LFS_POINTER = b"version https://git-lfs.github.com/spec/"
# Top-level keys are indented by one blank, and a string in JSON holds no line break. So
# only such keys match these texts, by which a file is cut apart before it is parsed.
_KEY_OF_ARGUMENTS = '\n "arguments": '
_KEY_BEHIND_ARGUMENTS = ',\n "source": '
_KEY_OF_OUTCOMES = ',\n "outcomes": '
_KEY_OF_TEST = rb'\n "test": (".*")'
#: From so many bytes of a recording on, no copy of its value is made for further calls,
#: as copying takes long: these parse the text again (`value_in`).
LEAST_PARSED_AGAIN = 1 << 11


def _refuse_constant(word: str) -> object:
    """Refuse `NaN` and the infinities, which Python reads and JSON does not have.

    Raises:
        ValueError: Always.
    """
    raise ValueError(f"{word} is no number of JSON")


# How the duration of an outcome begins in the text of a file: on a line of its own, or
# behind a brace. Durations differ in any two recordings of a call. So where a merge has
# put the lines of two outcomes into one, a duration stands there twice, of which a
# parser of JSON silently keeps the last.
_STARTS_OF_DURATIONS = ('\n   "duration": ', '\n  {"duration": ')
_STARTS_OF_DURATIONS_IN_CASSETTES = (
    '\n    "duration": ',
    '\n   "outcome": {"duration": ',
)


# `json.loads` without its checks around the value: half the time for small recordings.
_decoder = JSONDecoder(parse_constant=_refuse_constant)
scan_json: Any = _decoder.scan_once  # type: ignore[attr-defined]


def changed_file_error(
    path: str, detail: object = "", *, test: str | None = None
) -> CorruptRecordingError:
    """Return the error for a file of another content or shape than was recorded.

    `detail` may be the exception that shows it.
    """
    if isinstance(detail, KeyError):
        detail = f"{detail} is missing"
    return corrupt_file_error(path, Damage.CHANGED, str(detail), test=test)


def corrupt_file_error(
    path: str, damage: Damage, detail: str = "", *, test: str | None = None
) -> CorruptRecordingError:
    """Return the error for a file that must be restored or recorded again.

    The `test` is that of the recording, which the remedy then names.
    """
    again = rerecord("restore it from version control, or record again")
    return CorruptRecordingError(
        remedies=[again], file=path, damage=damage, detail=detail, recorder=test
    )


def check_pulled(content: bytes | memoryview, path: str) -> None:
    """Check that a file is no pointer that Git LFS leaves in place of its content.

    Raises:
        CorruptRecordingError: The file is such a pointer.
    """
    if content[: len(_START_OF_LFS_POINTER)] == _START_OF_LFS_POINTER:
        pull = Remedy(Verb.RUN, words=("git", "lfs", "pull"))
        raise CorruptRecordingError(remedies=[pull], file=path, damage=Damage.POINTER)


def parse_recording(
    content: bytes, label: str, name: str, *, skim: bool = False
) -> dict[str, Any]:
    """Return the facts of a recording or a cassette, of which the format is checked.

    Args:
        content: The content of the file.
        label: The vault, for messages.
        name: The name of the file.
        skim: Whether the description of the arguments is skipped, which a replay does
            not need.

    Raises:
        CorruptRecordingError: The file is damaged, or of another format.
    """
    try:
        facts: dict[str, Any]
        outcomes = None
        # The outcomes, which are most of the text, are parsed apart: what follows looks
        # at the rest alone.
        text, key_of_outcomes, behind_key = content.decode().partition(_KEY_OF_OUTCOMES)
        if key_of_outcomes:
            outcomes, end = scan_json(behind_key, 0)
            number_of_durations = 0
            for start_of_duration in _STARTS_OF_DURATIONS:
                number_of_durations += behind_key.count(start_of_duration, 0, end)
            if number_of_durations != len(outcomes):
                raise ValueError("an outcome has two durations, or another layout")
            text = f"{text}{key_of_outcomes}null{behind_key[end:]}"
        number_of_keys = text.count('\n "')
        if skim:
            # The description of the arguments is cut out, and None is parsed there.
            start = text.find(_KEY_OF_ARGUMENTS)
            end = text.find(_KEY_BEHIND_ARGUMENTS, start)
            if start > 0 and end > 0:
                text = f"{text[:start]}{_KEY_OF_ARGUMENTS}null{text[end:]}"
        facts, end = scan_json(text, 0)
        if "calls" in facts:
            # The file is a cassette.
            number_of_durations = 0
            for start_of_duration in _STARTS_OF_DURATIONS_IN_CASSETTES:
                number_of_durations += text.count(start_of_duration)
            if number_of_durations != len(facts["calls"]):
                raise ValueError("an outcome has two durations, or another layout")
        # As written by this plugin, each top-level key has a line. Any other layout may
        # hold a key twice, which only the slow parser sees.
        if text[end:] == "\n" and number_of_keys == len(facts):
            if key_of_outcomes:
                facts["outcomes"] = outcomes
            format_number = facts["format"]
            if format_number == FORMAT and type(format_number) is int:
                return facts
    except (ValueError, StopIteration, RecursionError, LookupError, TypeError):
        # The slow parser below accepts the file, or says what is wrong with it.
        pass
    return _parse_odd_recording(content, f"{label}/{name}")


def _parse_odd_recording(content: bytes, path: str) -> dict[str, Any]:
    """Parse a file that was edited, converted or damaged.

    Raises:
        CorruptRecordingError: The file is damaged, or of another format.
    """
    # The test that has recorded it, which an error names, is read of the text.
    test = None
    line_of_test = re.search(_KEY_OF_TEST, content)
    if line_of_test is not None:
        with suppress(ValueError):
            test = loads(line_of_test[1])
    facts: dict[str, Any] = parse_without_duplicates(content, path, test=test)
    format_number = None
    if type(facts) is dict:
        format_number = facts.get("format")
    if type(format_number) is not int:
        raise changed_file_error(path, "no format number", test=test)
    if format_number == FORMAT:
        return facts
    # Another version of pytest-mimic has written the file. The remedy depends on which.
    detail = f"format {format_number}, this pytest-mimic reads format {FORMAT}"
    damage = Damage.OLDER_FORMAT
    remedies = [rerecord("record again")]
    if format_number == _FORMER_FORMAT and _is_of_clients(facts):
        damage = Damage.FORMER_FORMAT
        remedies.insert(0, Remedy(Verb.MIMIC, "read it", words=("rekey",)))
    if format_number > FORMAT:
        damage = Damage.NEWER_FORMAT
        words = ("pip", "install", "--upgrade", "pytest-mimic")
        remedies = [Remedy(Verb.RUN, words=words)]
    raise CorruptRecordingError(
        remedies=remedies, file=path, damage=damage, detail=detail, recorder=test
    )


def _is_of_clients(facts: dict[str, Any]) -> bool:
    """Return whether a file holds calls of clients alone, not of functions.

    `rekey` reads only those in the former format.
    """
    # A recording has one call, whose facts stand in its file.
    calls = facts.get("calls")
    if type(calls) is not list or not calls:
        calls = [facts]
    for call in calls:
        if type(call) is not dict:
            continue
        target = call.get("target")
        if type(target) is not str or ":" in target:
            return False
    return True


def is_object_name(name: str) -> bool:
    """Return whether a name is that of an object of the vault."""
    return re.fullmatch(_NAME_OF_OBJECT, name) is not None


def names_of_objects_in(content: bytes) -> set[str]:
    """Return the names of all objects that the bytes of a recording hold.

    An object that no recording names is deleted. The bytes are searched and not parsed,
    so that a damaged recording keeps its objects as well.
    """
    names = re.findall(_NAME_OF_OBJECT.encode(), content)
    return {name.decode() for name in names}


# The values of `end` in the outcome of a body or stream that was not read to its end.
_ENDS_OF_VALUES = ("open", "waiting")


def is_just_a_value(outcome_entry: Any) -> bool:
    """Return whether the entry of an outcome is just a duration and a value.

    Such an entry needs no other check, so that most replays skip `check_entry`. It may
    have an `end`, which is checked here, and a text in place of the name of its
    `inputs`, which is checked when they are read.
    """
    if type(outcome_entry) is not dict or "value" not in outcome_entry:
        return False
    duration = outcome_entry.get("duration")
    # A duration that is infinite or NaN is not zero less itself.
    if type(duration) is not float or duration - duration != 0:
        return False
    if type(outcome_entry.get("inputs", "")) is not str:
        return False
    if type(outcome_entry.get("number", 0)) is not int:
        return False
    key_count_of_value = 2 + ("inputs" in outcome_entry) + ("number" in outcome_entry)
    # Most entries have no other key than these.
    if len(outcome_entry) == key_count_of_value:
        return True
    has_end = "end" in outcome_entry
    # An entry with a further key is more than a value.
    if len(outcome_entry) != key_count_of_value + has_end + ("beside" in outcome_entry):
        return False
    if has_end and outcome_entry["end"] not in _ENDS_OF_VALUES:
        return False
    beside = outcome_entry.get("beside", 0.0)
    return type(beside) is float and 0 <= beside <= duration


def wall_seconds(outcome_entry: Mapping[str, Any]) -> float:
    """Return the seconds of a call in which no call that ended before it was running.

    The summary adds them up for the time that replays save. So the seconds of calls at
    the same time count once: two calls of 3.0 seconds, the second of which began 1.0
    second later, have 3.0 and 1.0.
    """
    seconds: float = outcome_entry["duration"] - outcome_entry.get("beside", 0.0)
    return seconds


def copy_of_plain(value: Any) -> Any:
    """Return a new copy of plain data, so that a test changes only its own."""
    # marshal copies it faster than JSON parses it. Its format depends on the Python, so
    # it is never stored.
    return marshal.loads(marshal.dumps(value))


def value_in(content: bytes) -> Any:
    """Return a new copy of the value in a recording, which was parsed before.

    Each replay of a large value but the first calls it, see `LEAST_PARSED_AGAIN`.
    """
    return parse_recording(content, "", "", skim=True)["outcomes"][0]["value"]


def parse_object(content: bytes, path: str, *, test: str | None = None) -> Any:
    """Return the JSON value in an object of the vault.

    Raises:
        CorruptRecordingError: The text is not JSON, or goes on behind the value.
    """
    text = ""
    value, end = None, 0
    try:
        text = content.decode()
        value, end = scan_json(text, 0)
    except (ValueError, StopIteration, RecursionError):
        text = ""
    if not text:
        # This stands behind the block above: inside of it, each traceback would begin
        # with the error of the fast parser.
        return parse_without_duplicates(content, path, test=test)
    if text[end:].strip():
        raise changed_file_error(path, "text behind its end", test=test)
    return value


def parse_without_duplicates(
    content: bytes, path: str, *, test: str | None = None
) -> Any:
    """Parse a JSON text; accept a byte order mark and refuse duplicate keys.

    This is the slow parser, for files that are not as this plugin writes them. It says
    what is wrong with such a file: a merge conflict, for example.

    Raises:
        CorruptRecordingError: The text is not JSON, or a key stands twice.
    """
    check_pulled(content, path)
    try:
        return loads(
            content.decode("utf-8-sig"),
            object_pairs_hook=_without_duplicates,
            parse_constant=_refuse_constant,
        )
    except RecursionError:
        raise changed_file_error(path, "nested too deeply", test=test) from None
    except ValueError as reason:
        # The markers of a merge are no JSON, and have a remedy of their own.
        conflict = re.search(rb"^<{7,} ", content, re.MULTILINE)
        if conflict is not None:
            line = content.count(b"\n", 0, conflict.start()) + 1
            ours = Remedy(
                Verb.RUN,
                "take our side (or --theirs)",
                words=("git", "checkout", "--ours", path),
            )
            raise CorruptRecordingError(
                remedies=[ours, rerecord("or record again")],
                file=path,
                damage=Damage.CONFLICT,
                detail=f"line {line}",
                recorder=test,
            ) from None
        if isinstance(reason, JSONDecodeError) and content:
            detail = f"valid JSON, line {reason.lineno}"
            raise corrupt_file_error(
                path, Damage.MALFORMED, detail, test=test
            ) from None
        if isinstance(reason, UnicodeDecodeError):
            detail = "text in UTF-8"
            raise corrupt_file_error(
                path, Damage.MALFORMED, detail, test=test
            ) from None
        # What is left is an empty file, a key that stands twice, or a number that JSON
        # lacks.
        detail = "empty"
        if content:
            detail = str(reason)
        raise changed_file_error(path, detail, test=test) from None


def _without_duplicates(json_members: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return the mapping of a recording's JSON that has these keys and values.

    A merge by hand may leave a key twice, of which `dict` would keep the last one.

    Raises:
        ValueError: A key occurs twice.
    """
    mapping = dict(json_members)
    if len(mapping) != len(json_members):
        raise ValueError("a key occurs twice")
    return mapping
