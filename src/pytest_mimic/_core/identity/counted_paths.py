"""The paths of `ignore=` as they lead into the parts of a client's call."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence


def counted_paths(
    ignore: Iterable[str], names: Iterable[str], implied: Mapping[str, Sequence[str]]
) -> list[str]:
    """Return the paths that do not count in a client's call.

    Args:
        ignore: The paths of `ignore=`. A path that begins with `*` leads into any part,
            except those that `match=` has added, `match headers.accept`.
        names: The names of the parts that count.
        implied: Parts that are left out together with another one.
    """
    ignored = tuple(ignore)
    paths = [*ignored]
    for path in ignored:
        paths += implied.get(path, ())
    expanded: list[str] = []
    for path in paths:
        if path.startswith("*"):
            expanded += [name + path[1:] for name in names if " " not in name]
        else:
            expanded.append(path)
    return expanded
