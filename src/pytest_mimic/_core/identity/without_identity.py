"""Values without an identity: the error for a call that holds one, and its remedies.

The error names the part of the call that has none. For a stream or a generator of
random numbers, it says how the test can name the content of the stream in its place: a
`mimic(…, key=…)` with what the stream would give.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from types import FunctionType
from typing import Any

from pytest_mimic._core.commands import Remedy, Verb, do
from pytest_mimic._core.files.places import Places
from pytest_mimic._core.identity.rules import reduction_of
from pytest_mimic._core.identity.short_scalars import SCALARS
from pytest_mimic._core.target_options import Options
from pytest_mimic._core.types.attributes_and_parts import all_attributes
from pytest_mimic._core.types.reductions import Raw, Unstable
from pytest_mimic._core.types.type_names import is_stdlib, lineage
from pytest_mimic._core.types.words_for_types import words_for
from pytest_mimic.errors import UnstableIdentityError

# The argument at the beginning of a path: `batch` of `batch.files[0]`.
_ARGUMENT = re.compile(r"\w+")
# The path to an item or an attribute, as `ignore=` can name it.
_PATH_FOR_IGNORE = re.compile(r"\w+(\.\w+|\[\d+\]|\['[^'.,*\s\[\]{}\"#\\]+'\])*")
# The words of those types that have words and whose objects hold data, or lead to it:
# `ignore=` alone would make one call of calls with different data.
_WORDS_OF_TYPES_WITH_DATA = frozenset({"a database connection", "a syntax tree"})
# Before a line whose `key=` the user has to write.
_SAY_BY_KEY = "or say by key= in the test what stands for it"


def error_of_unstable(
    unstable: Unstable, target: str = "", options: Options | None = None
) -> UnstableIdentityError:
    """Return the error for a call, or a value by itself, that has no identity.

    Args:
        unstable: The part that has no identity.
        target: The target of the call. Empty: the part is in a value by itself.
        options: The options of the target's line. None: no line is known.
    """
    headline = "the value has no stable identity"
    if target:
        headline = f"{target} has an argument without a stable identity"
    remedies = _remedies(unstable.kind, target, unstable.path, options)
    if unstable.remedy:
        remedies.append(do(unstable.remedy))
    return UnstableIdentityError(
        headline,
        facts=[f"{unstable.path}: {unstable.type_name}"],
        remedies=remedies,
        target=target,
        path=unstable.path,
    )


def _remedies(
    type_: type, target: str, path: str, options: Options | None
) -> list[Remedy]:
    """Return what a user can do about a part of a call that has no identity.

    For a stream, an iterator or a generator of random numbers, `ignore=` alone is no
    remedy: calls that differ only in what it gives would become one call. So it may be
    for an object of a library, such as the reader of a file.

    Args:
        type_: The class of the part.
        target: The target of the call. Empty: the part is a value by itself.
        path: Where the part is: an argument, or a part of it, `batch.files[0]`.
        options: The options of the target's line. None: no line is known.
    """
    # A value by itself has no line that could have `ignore=` or `key=`.
    if not target and is_stdlib(str(type_.__module__)):
        return [do("replace it by data")]
    if not target:
        name = type_.__name__
        return [
            do(
                f"teach it: give {name} a __mimic_identity__(),"
                f" or register_fingerprint({name}, ...)"
            )
        ]
    if hasattr(type_, "read") or _is_wrapped_file(type_):
        content = stream_content(path, type_, options)
        line = stream_line(target, path, content, options)
        if content is not None:
            # The line can be pasted: it says what the stream gives.
            say = "in the test, say what stands for it"
            return [Remedy(Verb.DO, say, words=(line,))]
        return [
            do("name a function inside, which gets what is read"),
            Remedy(Verb.DO, _SAY_BY_KEY, words=(line,)),
        ]
    if hasattr(type_, "__next__") or hasattr(type_, "__anext__"):
        line = stream_line(target, path, None, options)
        return [
            do("pass a list or a tuple of its items"),
            do("or name a function inside, which gets the items"),
            Remedy(Verb.DO, _SAY_BY_KEY, words=(line,)),
        ]
    if "random.Random" in lineage(type_):
        # One that the system feeds has no state, which a recording could keep.
        return [
            do("pass a random.Random with a seed"),
            do("or name a function inside, which gets the numbers"),
        ]
    if type_ in (FunctionType, type):
        # An outcome depends on what it does.
        return [do("define it at the top of a module, with a name of its own")]
    leave_out = Remedy(
        Verb.IGNORE,
        "leave it out",
        target=target,
        paths=(_path_to_ignore(path),),
        options=options,
    )
    if is_stdlib(str(type_.__module__)) and not _holds_data(type_):
        # A lock, a thread, a socket: no outcome depends on which one it is.
        return [leave_out]
    return [
        do("pass what it is made of, such as a path or data"),
        leave_out._replace(purpose="or leave it out, if no outcome depends on it"),
    ]


def _holds_data(type_: type) -> bool:
    """Return whether two objects of a class may hold other data, or lead to it.

    Only types that have words, such as a lock, are known not to. Others may be a row
    of a table, a hash, or a handle of `ctypes` to the memory of a library.
    """
    words = words_for(type_)
    return words is None or words in _WORDS_OF_TYPES_WITH_DATA


def _path_to_ignore(path: str) -> str:
    """Return the path by which `ignore=` leaves a part out, its steps behind dots.

    `ignore=` cannot name every part, such as an item whose key is an object. The path
    is then that of the whole argument:

        batch.files[0]         batch.files.0
        order['client']        order.client
        order{...}.client      order
    """
    if not _PATH_FOR_IGNORE.fullmatch(path):
        # The first piece is the name of the argument.
        return re.split(r"[.\[{]", path)[0]
    steps = re.sub(r"\['?|'?\]|\.", " ", path).split()
    return ".".join(steps)


def refusal_with_path(
    unstable: Unstable, value: object, places: Places, name: str
) -> Unstable:
    """Return the same refusal with the path of the first part that is refused.

    The value is opened as its identity does it, which is not always by the parts that
    people see: an attribute that a `__reduce__` leaves out cannot be the reason.

    Args:
        unstable: The refusal without a path.
        value: The value that was refused.
        places: The folders of the run.
        name: The name of the value, with which the path begins.
    """
    opened_objects: dict[int, object] = {}
    pending: list[tuple[str, Any]] = [(name, value)]
    while pending:
        path, part = pending.pop()
        if type(part) in SCALARS or type(part) is Raw or id(part) in opened_objects:
            continue
        # Kept alive, as the id of data that was only made for the identity could
        # return.
        opened_objects[id(part)] = part
        try:
            parts_with_steps = _parts_with_steps(part, places)
        except Unstable as error:
            return Unstable(error.type_name, error.kind, path, remedy=error.remedy)
        for step, item in reversed(parts_with_steps):
            pending.append((path + step, item))
    # This search has not found the part that was refused before: code of the value's
    # class answers differently each time, or a text is a path.
    return Unstable(unstable.type_name, unstable.kind, name, remedy=unstable.remedy)


def _parts_with_steps(part: Any, places: Places) -> list[tuple[str, Any]]:
    """Return the parts of a value that count, each behind the step that leads to it.

    The step to data that is only made for the identity is empty.
    """
    type_ = type(part)
    if type_ in (list, tuple, set, frozenset):
        return [(f"[{place}]", item) for place, item in enumerate(part)]
    if type_ is dict:
        keys = [(f".keys()[{place}]", key) for place, key in enumerate(part)]
        items = []
        for key, item in part.items():
            # An object has no text by which a path could name it as a key.
            step = "{...}"
            if type(key) in SCALARS:
                step = f"[{key!r}]"
            items.append((step, item))
        return [*keys, *items]
    if issubclass(type_, OrderedDict):
        # The order of its items counts, but a path names an item by its key.
        return _parts_with_steps(dict(OrderedDict.items(part)), places)
    reduced_form: Any = reduction_of(type_, places, is_outcome=False).reduce(part)
    if type(reduced_form) is dict:
        # The attributes of an object.
        return [(f".{name}", item) for name, item in reduced_form.items()]
    if type(reduced_form) is not tuple:
        return [("", reduced_form)]
    parts_with_steps = _attributes_with_steps(part, reduced_form)
    for item in reduced_form:
        parts_with_steps.append(("", item))
    return parts_with_steps


def _attributes_with_steps(
    part: Any, pickled_parts: tuple[Any, ...]
) -> list[tuple[str, Any]]:
    """Return the attributes of an object among what it is pickled as, by their names.

    They come before the parts of the tuple, so that a refusal names the attribute and
    not a place in the tuple.
    """
    # The ids of the items, and of those in a tuple among them, as the arguments are.
    ids_of_pickled = set(map(id, pickled_parts))
    for item in pickled_parts:
        if type(item) is tuple:
            ids_of_pickled.update(map(id, item))
    attributes_with_steps = []
    for name, attribute in all_attributes(part).items():
        if id(attribute) in ids_of_pickled and type(attribute) not in SCALARS:
            attributes_with_steps.append((f".{name}", attribute))
    return attributes_with_steps


# Streams, which a `mimic(…, key=…)` can name by their content


def stream_content(path: str, type_: type, options: Options | None) -> str | None:
    """Return the expression of Python that stands for a stream by its content.

    It is printed in the `key=` of a remedy, for an argument without an identity and for
    one that a call has changed. None: the user has to say what stands for it, in one of
    these cases:

    - The class of the stream has no content that can be told.
    - The stream is a part of an argument. Its content would stand for the whole
      argument, and calls that differ in the rest would become one.
    - The line has an option about parts that `key=` would let count again.

    Args:
        path: Where the stream is: an argument, or a part of it, `batch.files[0]`.
        type_: The class of the stream.
        options: The options of the target's line. None: no line is known.
    """
    is_part = not path.isidentifier()
    options_so_far = options or Options()
    ignores_parts = any(not path.isidentifier() for path in options_so_far.ignore)
    if is_part or ignores_parts or options_so_far.content:
        return None
    return expression_of_content(type_, f'call["{path}"]')


def stream_line(
    target: str, path: str, content: str | None, options: Options | None = None
) -> str:
    """Return the line of Python in which a user says what stands for a stream.

    The line takes the place of the target's line, so it has the options of that line
    too.

    Args:
        target: The target of the call.
        path: Where the stream is: an argument, or a part of it, `batch.files[0]`.
        content: The expression for the stream, of `stream_content`. None: the line has
            `key=...`, which is an error until the user has filled it in.
        options: The options of the target's line. None: no line is known.

    Example:
        For the argument `file` of `shop:load`, a `BytesIO`:

            mimic("shop:load", ignore="file", key=lambda call: {**call, "file":
                (call["file"].getvalue(), call["file"].tell())})
    """
    match = _ARGUMENT.match(path)
    assert match is not None, "a path begins with an argument"
    argument_with_stream = match[0]
    options_so_far = options or Options()
    ignored = tuple(dict.fromkeys([*options_so_far.ignore, argument_with_stream]))
    arguments = [f'"{target}"', f"ignore={_keyword_value(ignored)}"]
    for name, value in options_so_far._asdict().items():
        is_default = value == Options._field_defaults[name]
        if name not in ("ignore", "key") and not is_default:
            arguments.append(f"{name}={_keyword_value(value)}")
    key = "..."
    if content is not None:
        # What the target's line leaves out must not count by way of `key`.
        left_out = [f'"{name}": None' for name in options_so_far.ignore]
        entry_of_stream = f'"{argument_with_stream}": {content}'
        entries = ", ".join(["**call", *left_out, entry_of_stream])
        key = f"lambda call: {{{entries}}}"
    return f"mimic({', '.join(arguments)}, key={key})"


def _keyword_value(value: object) -> str:
    """Return an option as `mimic(…)` takes it in Python: `"a,b"`, `True`, `0.01`."""
    if isinstance(value, tuple):
        value = ",".join(value)
    if isinstance(value, str) and '"' not in value and "\\" not in value:
        return f'"{value}"'
    return repr(value)


def _is_wrapped_file(type_: type) -> bool:
    """Return whether objects of a class wrap a file, as `NamedTemporaryFile` does."""
    return "tempfile._TemporaryFileWrapper" in lineage(type_)


def expression_of_content(type_: type, part: str) -> str | None:
    """Return the expression of Python that gives what a stream would give next.

    Args:
        type_: The class of the stream, or of a generator of random numbers.
        part: The expression that leads to the stream, `call["file"]`.

    | the class has | the expression gives |
    |---|---|
    | `getvalue()` | the content and the position |
    | `read()`, `seek()` | the position and the rest; the position stays |
    | `getstate()`, `get_state()` | the state of a generator |
    | `bit_generator` | the state of numpy's generators |

    None: the class has none of these.
    """
    if hasattr(type_, "getvalue"):
        return f"({part}.getvalue(), {part}.tell())"
    if _is_wrapped_file(type_) or (hasattr(type_, "read") and hasattr(type_, "seek")):
        return f"(at := {part}.tell(), {part}.read(), {part}.seek(at))"
    if hasattr(type_, "getstate"):
        return f"{part}.getstate()"
    if hasattr(type_, "get_state"):
        return f"{part}.get_state()"
    if hasattr(type_, "bit_generator"):
        return f"{part}.bit_generator.state"
    return None
