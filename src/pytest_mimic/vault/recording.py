"""The form of a recording in a file; each kind of damage has its own words."""

from __future__ import annotations

import json
import re
import shlex
from codecs import BOM_UTF8
from collections.abc import Iterable, Mapping, Sequence
from functools import cache, partial
from io import BytesIO
from itertools import repeat
from json.encoder import (  # type: ignore[attr-defined]
    c_make_encoder,
    encode_basestring,
    encode_basestring_ascii,
)
from typing import Any, Literal, TypeAlias, TypeVar

from xxhash import xxh3_64

from pytest_mimic.errors import CorruptRecordingError, Remedy
from pytest_mimic.values.tree import SCALARS, Node, is_deeper
from pytest_mimic.values.walk import deeply
from pytest_mimic.vault.fields import (
    ANSWERS,
    CALL,
    HEAD,
    REQUESTS,
    Kind,
    Steps,
    odd_field,
)

FORMAT = 8
End = Literal["", "waiting", "open", "empty"]
BODIES = ("value", "raised", "items", "answer")
MALFORMED = (ValueError, TypeError, AttributeError, LookupError, ArithmeticError)
"""What code raises when it meets data of another form than it was made for."""

_WIDTH = 100
# A value has at most a thousand levels, and a tag may take one more for each.
_DEEPEST = 2_500
_POINTER = b"version https://git-lfs.github.com/spec/"
_CONFLICT = r"(?m)^(<{7} |={7}$|>{7} )"
_SURROGATE = "[\ud800-\udfff]"
_HEX = frozenset("0123456789abcdef")

_Kind = TypeVar("_Kind")
_Container: TypeAlias = "Node | list[Any] | tuple[Any, ...]"
_BESIDE = ("$gone", "$shared", "$result")
_LAYERS = {"astream", "await", "stream"}
_IN_BODY = frozenset({*BODIES, "last"})
_OF_TEXTS = frozenset({"asked", "layers", "hidden", "unrepeated"})
# A function without arguments is none that was asked nothing.
_TREES = ("arguments", "request")


class _ByFields:
    """Is equal to an object of its class with equal fields.

    A dataclass would make its methods at the start of each run.
    """

    __hash__ = None  # type: ignore[assignment]

    def __eq__(self, other: object) -> bool:
        if type(self) is not type(other):
            return False
        names = vars(self).keys() | vars(other)
        return all(getattr(self, name) == getattr(other, name) for name in names)


class Entry(_ByFields):
    """One call with its outcome.

    Attributes:
        target: The target, `shop.api:fetch_rates` or a kind of client, `http`.
        identity: The digest that makes two calls the same, in hex.
        signature: `GET /users/1`; empty for a function.
        line: The options of its line that count, as text.
        python: Whether these were given in Python, so that no ini line has them.
        imported: Whether it was made by another tool, which compares less of a request.
        arguments: The tree of a function's arguments.
        request: The plain data of a client's request.
        body: One of `value`, `raised`, `items` (with `last`, what ended them) or
            `answer`; nothing for a place of which nothing is kept.
        layers: What has to be done to reach the outcome: `await`.
        after: The states of arguments after the call, by the names of their parts. With
            `$gone`, pairs of a part and an attribute that it has no more; `$shared`,
            which tells what stands at several places; and `$result`, the name under
            which the outcome stands among the states, where these are one pickle.
        at: When it began, among the calls of its owner, and when it ended, counted in
            the same row; one number: it did not end. Of what all tests share in
            milliseconds of a clock, where another such call of its test ran beside it.
        end: How it ended, if not with its outcome.
        source: The fingerprint of the target's source.
        inputs: The object that names the code and the files that it reached.
        asked: The clients that the real call has asked: `requests`.
        unrepeated: What a replay leaves out: `wrote out/model.txt`, `drew torch`,
            `gave a graph of gradients`.
        seconds: How long it took.
        hidden: The paths of arguments that are secrets.
        aside: Whether another thread made it than that of its test.
        recorded: The day on which it was recorded. Empty: when its file is written.
        test: Who asked, of what all tests share. Empty: the owner of the file.
    """

    # What its file does not say is as it stands here.
    target: str = ""
    identity: str = ""
    signature: str = ""
    line: str = ""
    python: bool = False
    imported: bool = False
    arguments: Node | None = None
    request: Node | None = None
    body: Node
    layers: tuple[str, ...] = ()
    after: Node
    at: Sequence[int] = ()
    end: End = ""
    source: str = ""
    inputs: str = ""
    asked: tuple[str, ...] = ()
    unrepeated: tuple[str, ...] = ()
    seconds: float = 0.0
    hidden: tuple[str, ...] = ()
    aside: bool = False
    recorded: str = ""
    test: str = ""

    def __init__(self, target: str = "", identity: str = "", **facts: Any) -> None:
        self.target = target
        self.identity = identity
        self.body = {}
        self.after = {}
        vars(self).update(facts)

    @property
    def begin(self) -> int:
        """When it began."""
        return self.at[0] if self.at else 0

    @property
    def ended(self) -> int | None:
        """When it ended. None: it did not."""
        return self.at[1] if len(self.at) > 1 else None

    @property
    def hangs(self) -> bool:
        """Whether it was cut short, so that its replay waits until that happens."""
        return self.end in ("waiting", "open")

    @property
    def states(self) -> Node:
        """The states in `after`, without what stands beside them."""
        return {name: self.after[name] for name in self.after if name not in _BESIDE}


class Recording(_ByFields):
    """What one file holds: a log, a cassette, or a call that all tests share.

    Attributes:
        owner: The test, the fixture or the cassette that asked.
        recorded: The day, as `2026-11-27`.
        entries: Its calls, in the order in which they began. Of a call that all tests
            share, the answer.
        fixtures: The digests of the wider fixtures that were in use, by their owners.
        setup: The digest of what its set-up was asked, of a wider fixture.
        unfinished: Whether it is that of a set-up alone: the tear-down of the wider
            fixture has not been recorded yet.
        clients: The versions of the clients that were imported, by name.
        digest: The digest of the calls that the head names.
    """

    # What its file does not say is as it stands here.
    owner: str = ""
    recorded: str = ""
    entries: list[Entry]
    fixtures: dict[str, str]
    setup: str = ""
    unfinished: bool = False
    clients: dict[str, str]
    digest: str = ""

    def __init__(
        self,
        owner: str = "",
        recorded: str = "",
        entries: Iterable[Entry] = (),
        **facts: Any,
    ) -> None:
        self.owner = owner
        self.recorded = recorded
        self.entries = [*entries]
        self.fixtures = {}
        self.clients = {}
        vars(self).update(facts)

    @property
    def edited(self) -> bool:
        """Whether the calls were changed by hand."""
        return self.digest != digest_of_calls(
            [_plain(entry, self) for entry in self.entries]
        )


_NO_HEAD = Recording()


def copied(one: _Kind, **fields: object) -> _Kind:
    """Return a copy of an entry or a recording with other values in some fields."""
    other = object.__new__(type(one))
    vars(other).update(vars(one), **fields)
    return other


def parse(content: bytes, name: str) -> Recording:
    """Return what a file holds.

    Args:
        content: The bytes of the file.
        name: The path of the file, for errors.

    Raises:
        CorruptRecordingError: The file is damaged, or has another format.
    """
    head = _head_in(content, name)
    if content.count(b'\n  "digest": ') > 1:
        what = ["it was merged by hand: some of its keys appear twice"]
        raise damaged(name, "merged", "has two heads", what)
    calls, number = head.pop("log", None), head.pop("calls", None)
    if not isinstance(calls, list):
        raise shapeless(name, "it has no calls")
    recording = _recording_of(head, calls, name)
    if number != len(calls):
        raise damaged(
            name,
            "merged",
            f"has {len(calls)} calls, and its head says {number}",
            ["it was merged, or a call was taken out by hand"],
            [("if it is as it should be, correct the number", "")],
        )
    return recording


def document_of(recording: Recording) -> bytes:
    """Return the file of a recording: a head with a new digest, then its calls."""
    calls = [_plain(entry, recording) for entry in recording.entries]
    recording.digest = digest_of_calls(calls)
    facts = vars(recording)
    head = _head_of(recording) | {"calls": len(calls)}
    head |= {key: facts[key] for key in HEAD if facts.get(key)}
    content = BytesIO()
    head_in_lines = _in_lines(head).removesuffix("\n}")
    content.write(_encoded(f'{head_in_lines},\n  "log": ['))
    before = "\n"
    for call in calls:
        in_list = deeply(partial(_in_lines, [call], "  "))
        content.write(_encoded(before + in_list[2:-4]))  # Without `[` and `]`.
        before = ",\n"
    content.write(b"\n  ]\n}\n")
    return content.getvalue()


def end_of(entries: Iterable[Entry]) -> int:
    """Return the first place behind all calls."""
    return 1 + max((max(one.at, default=0) for one in entries), default=-1)


def line_of(entry: Entry) -> bytes:
    """Return all that stands in a call, in one line."""
    return _encoded(deeply(lambda: _dumped(_plain(entry))))


# -- damage


def damaged(
    name: str,
    damage: str,
    words: str,
    facts: Iterable[str] = (),
    remedies: Iterable[Remedy] = (),
) -> CorruptRecordingError:
    """Return the error for a file: `NAME has a merge conflict, line 3`."""
    return CorruptRecordingError(
        f"{name} {words}", facts, remedies, file=name, damage=damage
    )


def shapeless(name: str, why: str) -> CorruptRecordingError:
    """Return the error for a file of which nothing can be made."""
    return damaged(name, "content", f"is not what was recorded ({why})")


def refuse_pointer(content: bytes, name: str) -> None:
    """Refuse what Git LFS puts in the place of a file.

    Raises:
        CorruptRecordingError: The content is a pointer.
    """
    if content.startswith(_POINTER):
        what = "is a Git LFS pointer, its content was not pulled"
        raise damaged(name, "pointer", what, remedies=[("to pull it", "git lfs pull")])


# -- reading


def _sides(text: str, name: str) -> list[Remedy]:
    """Return the command that keeps each side of a conflict, by the label of its mark.

    In a rebase, what Git calls ours is not the side of the branch that is rebased.
    """
    ways = []
    for mark, option in (("<", "--ours"), (">", "--theirs")):
        label = re.search(rf"(?m)^{mark}{{7}} (.{{1,60}})", text)
        if label:
            command = f"git checkout {option} {shlex.quote(name)}"
            ways.append((f"to keep the side of {label[1].strip()}", command))
    return ways


def _json_of(content: bytes, name: str) -> Any:
    try:
        text = content.removeprefix(BOM_UTF8).decode()
    except UnicodeDecodeError:
        raise damaged(name, "half", "is not text in UTF-8") from None
    try:
        plain = deeply(lambda: _decoded(text))
    except json.JSONDecodeError as reason:
        refuse_pointer(content, name)
        conflict = re.search(_CONFLICT, text)
        if conflict:
            line = text.count("\n", 0, conflict.start()) + 1
            what = f"has a merge conflict, line {line}"
            raise damaged(name, "conflict", what, remedies=_sides(text, name)) from None
        what = f"is not valid JSON, line {reason.lineno}"
        raise damaged(name, "half", what, [reason.msg]) from None
    except RecursionError:
        raise _too_deep(name) from None
    except ValueError as reason:
        raise shapeless(name, str(reason)) from None
    may_be_deep = text.count("[") + text.count("{") > _DEEPEST
    if may_be_deep and is_deeper(plain, _DEEPEST):  # Nobody could walk through it.
        raise _too_deep(name)
    return plain


def _too_deep(name: str) -> CorruptRecordingError:
    return shapeless(name, f"it is nested deeper than {_DEEPEST:,} levels")


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no number of JSON")


# Made once, before a test can replace `json.loads`.
_decoder: Any = json.JSONDecoder(parse_constant=_refuse_constant)


def _decoded(text: str) -> Any:
    try:
        # The decoder itself looks for blanks first, which takes as long as the rest.
        plain, end = _decoder.scan_once(text, 0)
    except StopIteration:
        return _decoder.decode(text)
    return plain if text[end:] in ("\n", "") else _decoder.decode(text)


def _head_in(content: bytes, name: str) -> Node:
    """Return what stands in a file or line of this format."""
    head = _json_of(content, name)
    number = head.pop("format", None) if isinstance(head, dict) else None
    if not isinstance(number, int):
        raise damaged(name, "foreign", "is not what was recorded (it has no format)")
    if number != FORMAT:
        raise damaged(
            name,
            "newer" if number > FORMAT else "format",
            f"is of format {number}, this pytest-mimic reads format {FORMAT}",
        )
    return dict(head)


def _recording_of(head: Node, calls: list[Any], name: str) -> Recording:
    head = _known_fields(head, HEAD, name)
    day = head.get("recorded", "")
    entries = [_entry_of(call, day, name) for call in calls]
    return Recording(entries=entries, **head)


def _entry_of(call: Any, day: str, name: str) -> Entry:
    if not isinstance(call, dict):
        raise shapeless(name, "a call is not a mapping")
    facts = _known_fields(call, CALL, name)
    body: Node = {}
    for key in sorted(_IN_BODY.intersection(facts)):
        body[key] = facts.pop(key)
    facts.setdefault("recorded", day)
    facts.setdefault("after", {})
    for key in _OF_TEXTS.intersection(facts):
        facts[key] = tuple(facts[key])
    facts["body"] = body
    entry = object.__new__(Entry)
    entry.__dict__ = facts  # Nobody else holds the call.
    _check_call(entry, name)
    return entry


def _known_fields(plain: Node, kinds: Mapping[str, Kind], name: str) -> Node:
    """Return the fields that this format knows; others are left alone."""
    facts = {key: plain[key] for key in plain if key in kinds}
    for key, part in facts.items():
        if type(part) is not kinds[key]:
            steps = odd_field(part, kinds[key])
            if steps is not None:
                raise _odd(key, steps, name)
    return facts


def _odd(field: str, steps: Steps, name: str) -> CorruptRecordingError:
    place = ".".join((field, *steps))
    return shapeless(name, f"{place!r} has the wrong type, or is out of range")


def check_exchange(
    target: str, request: object, answer: object, name: str, *, in_objects: bool = False
) -> None:
    """Refuse what no client of a kind can have asked, or been answered.

    Args:
        target: The kind of client.
        request: What was asked.
        answer: What it was answered; None: nothing is kept.
        name: The file, for errors.
        in_objects: Whether parts may stand in objects.

    Raises:
        CorruptRecordingError: A field has another type, or is missing.
    """
    if target not in REQUESTS:
        return
    steps = odd_field(request, REQUESTS[target], in_objects=in_objects)
    if steps is not None:
        raise _odd("request", steps, name)
    if answer is not None:
        steps = odd_field(answer, ANSWERS[target], in_objects=in_objects)
        if steps is not None:
            raise _odd("answer", steps, name)


def _check_call(entry: Entry, name: str) -> None:
    if entry.end not in ("", "waiting", "open", "empty"):
        raise shapeless(name, f"a call cannot end {entry.end!r}")
    count = len(entry.body) - ("last" in entry.body)
    if count > 1 or (count == 0 and not entry.end):
        raise shapeless(name, f"a call needs one of {', '.join(BODIES)}")
    if not _LAYERS.issuperset(entry.layers):
        raise shapeless(name, f"'layers' are {', '.join(sorted(_LAYERS))}")
    if entry.end == "empty":
        return
    if count and ("answer" in entry.body) != (entry.request is not None):
        raise shapeless(name, "'request' and 'answer' are of one call")
    if entry.request is not None:
        answer = entry.body.get("answer")
        check_exchange(entry.target, entry.request, answer, name, in_objects=True)
    # A call that is not found would let the next equal one answer in its place.
    is_digest = len(entry.identity) == 32 and _HEX.issuperset(entry.identity)
    if not entry.target or not is_digest:
        raise shapeless(name, "a call needs 'target' and 'identity'")


# -- writing


def _head_of(recording: Recording) -> Node:
    return {
        "format": FORMAT,
        "owner": recording.owner,
        "recorded": recording.recorded,
    }


def _plain(entry: Entry, head: Recording = _NO_HEAD) -> Node:
    """Return a call as it stands below a head; what is empty or usual is left out."""
    facts = {**vars(entry), "seconds": round(entry.seconds, 6)}
    usual = {"recorded": head.recorded, "test": head.owner}
    plain = {
        key: fact
        for key, fact in facts.items()
        if (fact and fact != usual.get(key)) or (key in _TREES and fact is not None)
    }
    plain |= entry.body
    return {key: plain[key] for key in CALL if key in plain}


def digest_of_calls(calls: list[Node]) -> str:
    """Return a digest of all that stands in calls but how long they took."""
    hasher, between = xxh3_64(b"["), b""
    for call in calls:
        timeless = {key: value for key, value in call.items() if key != "seconds"}
        hasher.update(between + _sorted_json(timeless))
        between = b", "
    hasher.update(b"]")
    return hasher.hexdigest()[:8]


def _sorted_json(plain: Node) -> bytes:
    return deeply(lambda: _dumped(plain, _encode_sorted)).encode()


@cache
def _encoder(between: str) -> Any:
    """Return what encodes plain data in C, with a text between its parts."""
    # Letters stand as people read them; NaN would be no JSON.
    form = encode_basestring, None, ": ", between
    return c_make_encoder(None, None, *form, False, False, False)


# Each is made once: an encoder of Python makes one in C at each call.
_encode = _encoder(", ")
_encode_sorted = c_make_encoder(
    None, None, encode_basestring_ascii, None, ": ", ", ", True, False, True
)


def _dumped(tree: object, encode: Any = _encode) -> str:
    return "".join(encode(tree, 0))


def _encoded(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError:
        # Half of a pair of surrogates is no UTF-8, but JSON has an escape for it.
        escaped = re.sub(_SURROGATE, lambda half: f"\\u{ord(half[0]):04x}", text)
        return escaped.encode()


def _in_lines(tree: _Container, indent: str = "") -> str:
    """Return JSON with a part a line; what of it does not fit there is laid out, too.

    Args:
        tree: A mapping or a list.
        indent: The blanks at the begin of its last line.
    """
    deeper = f"{indent}  "
    parts = [*tree.values()] if isinstance(tree, dict) else tree
    if SCALARS.issuperset(map(type, parts)):
        inner = deeper + _dumped(tree, _encoder(f",\n{deeper}"))[1:-1]
    else:
        starts = [deeper] * len(tree)
        if isinstance(tree, dict):
            starts = [f"{deeper}{name}: " for name in map(encode_basestring, tree)]
        lines = []
        texts = map("".join, map(_encode, parts, repeat(0)))
        for start, part, text in zip(starts, parts, texts, strict=True):
            is_short = len(start) + len(text) < _WIDTH or len(deeper) > _WIDTH // 2
            if not is_short and part and isinstance(part, (dict, list, tuple)):
                text = _in_lines(part, deeper)
            lines.append(start + text)
        inner = ",\n".join(lines)
    brackets = "{}" if isinstance(tree, dict) else "[]"
    return f"{brackets[0]}\n{inner}\n{indent}{brackets[1]}"
