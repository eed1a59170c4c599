"""The remedies that a miss or a drift offers, decided and put into words as a `Remedy`.

A call may differ from its recording in parts that look made anew, see `made_anew`. A
line that leaves them out is offered for the narrowest paths, and never where two
different calls would become one. The errors of `messages` hold the remedies, and
`commands` makes their lines when they are shown.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from pytest_mimic._core.commands import (
    Remedy,
    Verb,
    mimic_command,
    read,
    record,
    rerecord,
)
from pytest_mimic._core.nodes.node_classes import Fields, Items, Node
from pytest_mimic._core.nodes.node_json import node_of
from pytest_mimic._core.nodes.node_parts import items_of, pairs_of
from pytest_mimic._core.seam.base import parts_of_client_calls
from pytest_mimic._core.seam.registry import is_client, names_client
from pytest_mimic._core.target_options import Options
from pytest_mimic._core.tree.differing import Difference, argument_differences
from pytest_mimic._core.tree.drawing import line
from pytest_mimic._core.tree.made_anew import (
    OF_THE_CLOCK,
    RANDOM,
    Kind,
    PartsMadeAnew,
    are_whole_value,
    differs_in_port,
    parts_made_anew,
    pieces,
    text_of_node,
)
from pytest_mimic._core.types.option_paths import option_path, parse_path

# If more parts differ, a line that names them all is no remedy.
_MOST_PATHS = 3
_PURPOSE = "if it changes from run to run"
_CLOCK = read("to stop the clock in tests", "how-to/dates-and-ids#freeze-the-clock")
_IDS = read("to get the same ids in each run", "how-to/dates-and-ids#seed-the-ids")
_SEEDS = read(
    "to seed random numbers in tests", "how-to/dates-and-ids#seed-random-values"
)
_BOTH = read(
    "to make them the same in each run", "how-to/dates-and-ids#the-same-ids-and-times"
)
# The clients of databases. If an id of a call is ignored, the database gives the
# recorded id, while the code looks for the id that it has made.
_DATABASES = ("sqlalchemy", "redis")
# The path by which a line of an HTTP client leaves out the port of a URL.
_PORT = "port"


def ignoring(
    parts: PartsMadeAnew,
    target: str,
    line: str,
    options: Options,
    *,
    arguments: Mapping[str, Any] | None,
    others: Iterable[Mapping[str, Any] | None] = (),
) -> list[Remedy]:
    """Return the remedies for a call of which parts are made anew.

    The remedy is the line that ignores the parts, if no two calls become one and no
    other call loses data. Else the remedies are pages to read.

    Args:
        parts: The parts that are made anew.
        target: The name of the call's target.
        line: The name in the line of the target.
        options: The options of that line.
        arguments: The descriptions of the call's arguments. None: they are not known.
        others: The descriptions of the arguments of the target's recorded calls.
    """
    others = list(others)
    is_ignorable = may_be_ignored(parts, target, options, arguments)
    if (
        is_ignorable
        and not _makes_two_calls_one(parts.paths, arguments, others)
        and not leaves_out_data(parts.paths, target, options, others)
    ):
        ignore = Remedy(
            Verb.IGNORE, _PURPOSE, target=line, paths=parts.paths, options=options
        )
        return [ignore]
    return pages(parts.kinds)


def parts_and_port(
    differences: Sequence[Difference], hashes: Collection[str]
) -> PartsMadeAnew | None:
    """Return the parts that look made anew in a call that differs in its port, too.

    Args:
        differences: How the call differs but for the port.
        hashes: As for `parts_made_anew`.

    Returns:
        The parts with the port. None: the call differs in another part as well.
    """
    if not differences:
        return PartsMadeAnew((_PORT,), frozenset(), are_whole_values=True)
    parts = parts_made_anew(differences, hashes)
    if parts is None:
        return None
    return parts._replace(paths=(_PORT, *parts.paths))


def may_be_ignored(
    parts: PartsMadeAnew,
    target: str,
    options: Options,
    arguments: Mapping[str, Any] | None,
) -> bool:
    """Return whether a line may leave out parts, if that makes no two calls one.

    A miss asks it, and so does the warning of values that a run makes anew. `arguments`
    are the descriptions of the call's arguments. None: they are not known.
    """
    if options.key is not None:
        # `ignore=` does not reach into the value that `key=` returns.
        return False
    if not parts.are_whole_values or Kind.DATE in parts.kinds:
        # The rest of a text tells calls apart, and so does a date, as of a query.
        return False
    if target in _DATABASES and parts.kinds - OF_THE_CLOCK:
        return False
    if len(parts.paths) > _MOST_PATHS:
        return False
    return all(
        _can_be_ignored(path, target) and _leads_to_one_part(path, arguments or {})
        for path in parts.paths
    )


def pages(kinds: frozenset[Kind]) -> list[Remedy]:
    """Return the pages on how tests get the same values in each run."""
    seeds = [_SEEDS] if Kind.GENERATOR in kinds else []
    has_moments = bool(kinds & OF_THE_CLOCK)
    has_ids = bool(kinds & RANDOM)
    if has_ids and has_moments:
        return [_BOTH, *seeds]
    if has_ids:
        return [_IDS, *seeds]
    return [_CLOCK, *seeds] if has_moments else seeds


def _can_be_ignored(path: str, target: str) -> bool:
    """Return whether `ignore=` takes a path, and leaves out only a part of the call."""
    try:
        steps = parse_path(path)
    except ValueError:
        return False
    if not _can_be_written(path, steps):
        return False
    if not names_client(target):
        return True
    if not is_client(target):
        # The adapter of the client is not installed here, so its parts are unknown.
        return False
    if path == _PORT:
        return _PORT in parts_of_client_calls(target)
    # A path of one step is a whole part: `body` is all that a client sends. The name
    # and the key of a Redis command, `command.0` and `command.1`, tell commands apart.
    is_part = len(steps) > 1 and steps[0] in parts_of_client_calls(target)
    return is_part and path not in ("command.0", "command.1")


def _can_be_written(path: str, steps: Sequence[str]) -> bool:
    """Return whether a line can hold a path, so that it means this part alone.

    It cannot hold each character of a key, and the key `*` would be any key.
    """
    return not set(path) & {",", "{", " ", "\\"} and "*" not in steps


def _leads_to_one_part(path: str, arguments: Mapping[str, Any]) -> bool:
    """Return whether a path of `ignore=` means no more than one part of a call.

    A miss, and the warning of a recording run, ask it before they offer the path. If
    the path meant two parts, the pasted line would leave out more than the difference.

    | the path | what it means |
    |---|---|
    | `rates.0` | in `{0: 1, "0": 2}`, two items |
    | `rates.base` | an item and an attribute, if a subclass of dict has both |
    """
    return len(_parts_that_path_leaves_out(path, arguments)) <= 1


def _parts_that_path_leaves_out(path: str, arguments: Mapping[str, Any]) -> list[Node]:
    """Return the parts of a call that a path of `ignore=` leads to.

    They are those up to the first step that leads to several parts, or to none.
    """
    first_step, *later_steps = parse_path(path)
    parts: list[Node] = []
    for name, argument in arguments.items():
        if name.lstrip("*") == first_step:
            parts.append(node_of(argument))
    for step in later_steps:
        if len(parts) != 1:
            break
        parts = _parts_that_step_leaves_out(parts[0], step)
    return parts


def _parts_that_step_leaves_out(node: Node, step: str) -> list[Node]:
    """Return the parts of a node that a line with this step of `ignore=` leaves out."""
    items = items_of(node)
    if items is not None:
        # A step into a list is the number of an item.
        is_index_in_list = step.isdecimal() and int(step) < len(items)
        return [items[int(step)]] if is_index_in_list else []
    parts: list[Node] = []
    if isinstance(node, Items) and node.kind == "dict":
        for key, part in pairs_of(node):
            if step == (key if isinstance(key, str) else line(key)):
                parts.append(part)
    elif isinstance(node, Fields):
        for name, part in node.parts.items():
            if name == "" and node.kind != "dict":
                # The content of an object takes no step of its own.
                parts += _parts_that_step_leaves_out(part, step)
            elif name == step:
                parts.append(part)
    return parts


def _makes_two_calls_one(
    paths: Sequence[str],
    arguments: Mapping[str, Any] | None,
    others: Iterable[Mapping[str, Any] | None],
) -> bool:
    """Return whether two recorded calls of a target become one without some parts.

    They do if they differ from this call in the same way but for these parts.
    """
    if arguments is None:
        return False
    # How each recorded call differs from this one, but for the parts: the paths of the
    # differences, and what the recorded call has there.
    ways_to_differ = set()
    for recorded_arguments in others:
        if recorded_arguments is None:
            continue
        differing = frozenset(
            (difference.path, difference.fact, repr(difference.old))
            for difference in argument_differences(recorded_arguments, arguments)
            if option_path(difference.path) not in (*paths, "signature")
            and not (_PORT in paths and differs_in_port(difference))
        )
        if differing in ways_to_differ:
            # Two recorded calls would have one identity, and one replay for both.
            return True
        ways_to_differ.add(differing)
    return False


def leaves_out_data(
    paths: Sequence[str],
    target: str,
    options: Options,
    others: Iterable[Mapping[str, Any] | None],
) -> bool:
    """Return whether a line would leave data out of other recorded calls of a client.

    A line of a client is for all of its calls. For the moment of an `HSET`, `redis
    ignore=command.3` would leave the second field of each `HMGET` out, too. A line with
    `only=` is for calls that its author has chosen.

    A miss asks it, and so does the warning of values that a run makes anew.
    """
    if options.only or not names_client(target):
        return False
    paths_of_parts = [path for path in paths if path != _PORT]
    for recorded_arguments in others:
        for path in paths_of_parts:
            parts = _parts_that_path_leaves_out(path, recorded_arguments or {})
            if not all(map(_is_no_data, parts)):
                return True
    return False


def _is_no_data(part: Node) -> bool:
    """Return whether a part of a call is `None`, or looks made anew as a whole."""
    if part is None:
        return True
    text = text_of_node(part)
    if text is None:
        return False
    pieces_of_text = pieces(text)
    return bool(pieces_of_text) and are_whole_value(text, pieces_of_text)


def volatile(
    differences: Sequence[Difference], target: str, line: str, options: Options
) -> list[Remedy]:
    """Return the line that leaves what is made anew out of verifying.

    The list is empty if the outcome has drifted in another part, too.
    """
    parts = parts_made_anew(differences)
    if parts is None:
        return []
    if any("['*']" in difference.path for difference in differences):
        # The key `*` would be any key.
        return []
    paths = _paths_with_stars(differences)
    is_named = all(_is_part_of_outcome(path, target) for path in paths)
    if not (parts.are_whole_values and is_named and len(paths) <= _MOST_PATHS):
        return []
    return [
        Remedy(
            Verb.VOLATILE,
            _PURPOSE,
            target=line or target,
            paths=tuple(paths),
            options=options,
        )
    ]


def _is_part_of_outcome(path: str, target: str) -> bool:
    """Return whether `volatile=` takes a path, and leaves out only a part.

    Of a client, a path of one step is a whole answer: `redis volatile=reply` would
    compare no reply of any command.
    """
    try:
        steps = parse_path(path)
    except ValueError:
        return False
    if not path or set(path) & {",", "{", " ", "\\"}:
        return False
    return len(steps) > 1 or not names_client(target)


def _paths_with_stars(differences: Sequence[Difference]) -> list[str]:
    """Return the paths of differences as `volatile=` takes them, with a `*` for a list.

    A `*` stands for all items of a list, so it is given only where all of them differ.

    Examples:
        | the paths | the list | the result |
        |---|---|---|
        | `rows[0].created`, `rows[1].created` | two rows | `rows.*.created` |
        | `rows[0].created`, `rows[1].created` | three rows | both, as they are |
        | `rows[0].created` | one row | `rows.0.created` |
    """
    counts: dict[str, int] = {}
    paths: dict[str, None] = {}
    for difference in differences:
        paths[option_path(difference.path)] = None
        for path_of_list, count in difference.lists:
            counts[option_path(path_of_list)] = count
    # The inner lists come first: the number of their items is known by a whole path.
    for path_of_list in sorted(counts, key=lambda path: path.count("."), reverse=True):
        paths = _with_star(paths, path_of_list, counts[path_of_list])
    return [*paths]


def _with_star(
    paths: Mapping[str, None], path_of_list: str, count: int
) -> dict[str, None]:
    """Return paths with `*` for the items of a list, where all of them differ alike."""
    prefix = f"{path_of_list}."
    # Of `rows.0.created`, `0` is the index and `created` the rest.
    rest_by_path: dict[str, str] = {}
    indices_by_rest: dict[str | None, set[str]] = {}
    for path in paths:
        if path.startswith(prefix):
            index, _, rest = path.removeprefix(prefix).partition(".")
            rest_by_path[path] = rest
            indices_by_rest.setdefault(rest, set()).add(index)
    paths_with_stars: dict[str, None] = {}
    for path in paths:
        rest_of_path = rest_by_path.get(path)
        indices = indices_by_rest.get(rest_of_path, set())
        if count == 1 or len(indices) < count:
            # A star would name items that do not differ.
            paths_with_stars[path] = None
        elif rest_of_path:
            paths_with_stars[f"{prefix}*.{rest_of_path}"] = None
        else:
            paths_with_stars[f"{prefix}*"] = None
    return paths_with_stars


def after_other_redaction(
    test: str | None, *, rekey_may_do: bool
) -> list[Remedy | str]:
    """Return the remedies for a call of which redaction hides other parts than before.

    Args:
        test: The id of the test that made the call. None: it is not known.
        rekey_may_do: Whether the names of today hide the same in the recording.
    """
    purpose = "to record it, since redaction hides other parts now"
    if not rekey_may_do:
        return [rerecord(purpose, test)]
    return [
        mimic_command("to let recordings follow mimic_redact", "rekey"),
        rerecord("to record it", test),
    ]


def recording_remedy(verb: Verb, purpose: str, test: str | None) -> Remedy:
    """Return the remedy that records a test."""
    if verb is Verb.RERECORD:
        return rerecord(purpose, test)
    return record(purpose, test)
