"""The settings of one cassette of vcrpy: those of the marks, of `vcr_config` and of the command line, checked."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from pytest_mimic._core.words import did_you_mean
from pytest_mimic._tools.foreign.vcr.entry_changes import LoadHook, load_hooks, sensitive_values
from pytest_mimic._tools.foreign.vcr.vcr_requests import (
    Filter,
    VcrRequest,
    header_filter,
    host_filter,
    post_filter,
    query_filter,
)
from pytest_mimic.errors import CassetteError

# Clients over urllib3 that retry by means of it, or send again. vcrpy has recorded each of these requests, as the client
# of urllib3 sees them.
ABOVE = ("requests", "botocore")
RECORD_MODES = ("none", "once", "new_episodes", "all", "any", "rewrite")
_URI = ("scheme", "host", "port", "path", "query")
# The parts of a call that each matcher of vcrpy compares.
MATCHERS: dict[str, tuple[str, ...]] = {
    **{name: (name,) for name in ("method", *_URI, "headers", "body", "raw_body")},
    "uri": _URI,
    "url": _URI,
}
_DEFAULT_MATCHERS = ("method", *_URI)
_LOCAL = ("localhost", "0.0.0.0", "127.0.0.1", "::1")
# vcrpy's names of the clients that it patches, where they differ from those of clients.
_CLIENTS = {"httplib": "http.client", "boto3": "botocore"}
# Options that change what vcrpy writes or plays. Our own recordings would keep what these may hide.
_HIDING = (
    *("before_record_response", "filter_sensitive_data"),
    *("before_save_interaction", "after_load_interaction"),
)
# Options that have no meaning in a replay, or whose work is done anyway.
_WITHOUT_MEANING = ("record_on_exception", "drop_unused_requests", "inject_cassette", "func_path_generator")
_READ_ELSEWHERE = (
    "path",
    "path_transformer",
    "cassette_library_dir",
    "allowed_hosts",
    "with_current_defaults",
)
_OPTIONS = (
    *("record_mode", "match_on", "additional_matchers", "serializer", "custom_patches"),
    *("filter_headers", "filter_query_parameters", "filter_post_data_parameters"),
    *("ignore_hosts", "ignore_localhost", "allow_playback_repeats", "decode_compressed_response"),
    *("filter_nested_post_data_parameters", "skip_patchers", "persister"),
    *("before_record", "before_record_request", *_HIDING),
    *(*_WITHOUT_MEANING, *_READ_ELSEWHERE),
)
# The longest name of a file on most file systems.
_LONGEST = 255
# Headers that clients add themselves, with values that change with their version, the server or the body.
VOLATILE_HEADERS = ("host", "user-agent", "accept-encoding", "connection", "content-length")


Matcher = Callable[[VcrRequest, VcrRequest], Any]
"""A matcher as a function: false or an `AssertionError` if two requests differ. None counts as true."""


class VcrSettings(NamedTuple):
    """The settings of one cassette.

    Attributes:
        paths: Its files. The first is the default one, the others are those that marks name.
        matchers: The names of the matchers, those of vcrpy.
        functions: The matchers that the suite registered, by name. Each takes the live and the recorded request.
        record_mode: As vcrpy has it. None if nothing sets it.
        repeats: An answer may be played several times.
        decodes: Responses are decompressed, and lose the header that says that they were not.
        filters: What is done to each request before it is compared.
        load_hooks: What is done to each entry when it is loaded.
        response_filters: What is done to each recorded response, in vcrpy's form of it.
        hiding: The options that are given and may hide what our own recordings would keep.
        sensitive: Values that no message may show.
        skipped: The clients whose requests are sent.
        deserialize: The function of the suite's own serializer that reads the text of a file.
        options: The options of a target line with which our own recordings compare the same parts.
        notes: What is given and has no effect, as sentences.
    """

    paths: list[Path]
    matchers: tuple[str, ...]
    functions: dict[str, Matcher]
    record_mode: str | None
    repeats: bool
    decodes: bool
    filters: list[Filter]
    load_hooks: list[LoadHook]
    response_filters: list[Callable[[Any], Any]]
    hiding: tuple[str, ...]
    sensitive: set[str]
    skipped: frozenset[str]
    deserialize: Callable[[str], Any] | None
    options: dict[str, list[str]]
    notes: list[str]

    @property
    def changes_entries(self) -> bool:
        """Whether the entries of a file are changed before they are used."""
        return bool(self.filters or self.load_hooks or self.response_filters or self.decodes)

    @property
    def parts(self) -> tuple[str, ...]:
        """The parts of a call that are compared."""
        return tuple(dict.fromkeys(part for name in self.matchers for part in MATCHERS[name]))

    def __repr__(self) -> str:
        # pytest's --showlocals must not show secrets.
        return f"<settings of {self.paths[0].name}>"

    @property
    def named_functions(self) -> str:
        """The matchers of the suite, for messages."""
        return f"match_on names {', '.join(self.functions)}, of the suite"

    def apply(self, request: VcrRequest) -> VcrRequest | None:
        """Return a copy of a request with all filters applied; None if it is not mimicked."""
        found: VcrRequest | None = request.copy()
        for one in self.filters:
            if found is None:
                return None
            found = one(found)
        return found


def read_settings(
    given: Mapping[str, Any],
    *,
    name: str,
    folder: str,
    extra: Sequence[str],
    registered: Mapping[str, Mapping[str, Any]],
) -> VcrSettings:
    """Return the settings of a cassette.

    Args:
        given: The options of `vcr_config`, and over them those of the marks.
        name: The default name of the cassette.
        folder: The folder of cassettes.
        extra: The further cassettes that marks name.
        registered: What the suite registered, by kind and name: `matcher`, `serializer`, `persister`.

    Raises:
        CassetteError: An option has a value that cannot be used.
    """
    option = given.get
    notes = [
        f"{name} of vcrpy has no effect: {_remedy(name)}" for name in ("custom_patches",) if given.get(name)
    ]
    persisters = {"register_persister": registered.get("persister"), "persister": option("persister")}
    notes += [
        f"{one} of vcrpy has no effect: cassettes are read from files"
        for one, persister in persisters.items()
        if persister
    ]
    notes += [
        f"{name} is not an option of vcrpy{did_you_mean(name, _OPTIONS)}"
        for name in given
        if name not in _OPTIONS
    ]
    serializer = _serializer(given, name, registered["serializer"])
    matchers, functions = _matchers(given, registered["matcher"])
    return VcrSettings(
        _paths(given, name, folder, extra, serializer),
        matchers,
        functions,
        _record_mode(option("record_mode")),
        bool(option("allow_playback_repeats")),
        bool(option("decode_compressed_response")),
        _filters(given),
        load_hooks(given),
        _functions(option("before_record_response")),
        tuple(one for one in _HIDING if given.get(one)),
        sensitive_values(given),
        _clients(option("skip_patchers") or ()),
        _deserialize(serializer, registered["serializer"]),
        _options(given),
        notes,
    )


def _clients(patchers: Iterable[str]) -> frozenset[str]:
    return frozenset(_CLIENTS.get(one, one) for one in patchers)


def _serializer(given: Mapping[str, Any], name: str, registered: Mapping[str, Any]) -> str:
    serializer = given.get("serializer", "yaml")
    known = {"yaml", "json", *registered}
    if serializer not in known:
        hint = did_you_mean(str(serializer), known)
        what = f"mimic_vcr cannot read a cassette: the serializer {serializer!r} does not exist{hint}"
        remedy = "register it in pytest_recording_configure, or save the cassettes as yaml or json"
        raise CassetteError(what, remedies=[remedy], cassette=name)
    return str(serializer)


def _deserialize(serializer: str, registered: Mapping[str, Any]) -> Callable[[str], Any] | None:
    """Return the function that reads a file in place of ours: the suite may register `yaml`, too."""
    found: Callable[[str], Any] | None = getattr(registered.get(serializer), "deserialize", None)
    if serializer in registered and found is None:
        what = f"the serializer {serializer!r} has no function deserialize"
        raise CassetteError(what, remedies=["write one, as vcrpy asks for it"], serializer=serializer)
    return found


def _paths(
    given: Mapping[str, Any],
    name: str,
    folder: str,
    extra: Sequence[str],
    serializer: str,
) -> list[Path]:
    suffix = f".{serializer}"
    if len(name) + len(suffix) > _LONGEST:
        digest = hashlib.md5(name.encode(), usedforsecurity=False).hexdigest()
        name = f"{name[: _LONGEST - len(suffix) - len(digest) - 3]}...{digest}"
    transform = given.get("path_transformer")
    if callable(transform):
        name = str(transform(name))
    elif not name.endswith(suffix):
        name += suffix
    folder = str(given.get("cassette_library_dir") or folder)
    default = name if name.startswith(folder) else os.path.join(folder, name)  # noqa: PTH118 - as vcrpy does
    found = [default, *(os.path.join(folder, path) for path in extra)]  # noqa: PTH118 - as pytest-recording does
    return [Path(os.path.abspath(path)) for path in dict.fromkeys(found)]  # noqa: PTH100 - links stay


def _matchers(
    given: Mapping[str, Any], registered: Mapping[str, Matcher]
) -> tuple[tuple[str, ...], dict[str, Matcher]]:
    """Return the names of the matchers of vcrpy, and the suite's own ones, which may have the names of vcrpy's."""
    names = (*(given.get("match_on") or _DEFAULT_MATCHERS), *given.get("additional_matchers", ()))
    known = f"it may name {', '.join({**MATCHERS, **registered})}"
    for name in names:
        if name not in MATCHERS and name not in registered:
            hint = did_you_mean(str(name), {*MATCHERS, *registered})
            what = f"match_on names {getattr(name, '__name__', repr(name))}, which is no matcher{hint}"
            raise CassetteError(what, remedies=[known], matcher=str(name))
    own = {name: registered[name] for name in names if name in registered}
    return tuple(name for name in dict.fromkeys(names) if name not in own), own


def _record_mode(given: Any) -> str | None:
    if given is None:
        return None
    mode = str(getattr(given, "value", given))  # vcrpy's may be an Enum
    if mode not in RECORD_MODES:
        hint = did_you_mean(mode, RECORD_MODES) or f": there are {', '.join(RECORD_MODES)}"
        raise CassetteError(f"{mode!r} is not a record mode{hint}", record_mode=mode)
    return mode


def _filters(given: Mapping[str, Any]) -> list[Filter]:
    found: list[Filter] = []
    for name, make in (("filter_headers", header_filter), ("filter_query_parameters", query_filter)):
        if given.get(name):
            found.append(make(given[name]))
    if fields := given.get("filter_post_data_parameters"):
        found.append(post_filter(fields, nested=bool(given.get("filter_nested_post_data_parameters"))))
    hosts = {*(given.get("ignore_hosts") or ()), *(_LOCAL if given.get("ignore_localhost") else ())}
    if hosts:
        found.append(host_filter(hosts))
    return [*found, *_functions(given.get("before_record_request", given.get("before_record")))]


def _functions(given: Any) -> list[Callable[[Any], Any]]:
    if given is None:
        return []
    return list(given) if isinstance(given, Iterable) else [given]


def _options(given: Mapping[str, Any]) -> dict[str, list[str]]:
    """Return the options with which our own recordings compare what the matchers compare.

    A parameter that a filter replaces by what a function returns still counts.
    """
    names = (*(given.get("match_on") or _DEFAULT_MATCHERS), *given.get("additional_matchers", ()))
    counted = {part for name in names for part in MATCHERS.get(name, ())}
    if "raw_body" in counted:
        counted.add("body")
    ignore = [part for part in ("method", *_URI, "body") if part not in counted]
    match = ["headers"] if "headers" in counted else []
    ignore += [f"headers.{name}" for name in VOLATILE_HEADERS if match]
    for option, part in (
        ("filter_query_parameters", "query"),
        ("filter_post_data_parameters", "body"),
        ("filter_headers", "headers"),
    ):
        if part in ignore or (part == "headers" and not match):
            continue
        for one in given.get(option) or ():
            name, replacement = (one, None) if isinstance(one, str) else one
            if re.fullmatch(r"[\w-]+", name) and not callable(replacement):
                ignore.append(f"{part}.{name.lower() if part == 'headers' else name}")
    return {"ignore": ignore, "match": match}


def _remedy(_name: str) -> str:
    return "name the functions that are to be recorded in mimic_functions"
