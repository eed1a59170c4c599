"""Finds what the vault holds and the redaction of today would hide: in calls, descriptions and readable outcomes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from pytest_mimic._clients.http.http_secrets import redacted_request, redacted_response
from pytest_mimic._core.ambient import command
from pytest_mimic._core.redact.hiding import holds_text
from pytest_mimic._core.vault.file_names import CASSETTES
from pytest_mimic._tools.shown.checking import Finding
from pytest_mimic.errors import MimicError

if TYPE_CHECKING:
    from pytest_mimic._core.redact.redactor import Redactor
    from pytest_mimic._core.vault import Stored, Vault


def hidden_today(vault: Vault, names: Iterable[str], redactor: Redactor) -> Iterator[Finding]:
    """Yield the recordings and cassettes that the rules of today would change. What is damaged is left out."""
    for name in names:
        try:
            test, calls = _calls(vault, name)
            is_found = any(
                _in_call(target, arguments, redactor)
                or any(_in_outcome(target, one, redactor) for one in outcomes)
                for target, arguments, outcomes in calls
            )
        except MimicError:
            continue
        if is_found:
            what = f"{vault.label}/{name} holds what redaction hides today"
            yield Finding(
                "secret", name, what, f"to hide it: {command('--mimic-rerecord', test)}", name, test
            )


def _calls(
    vault: Vault, name: str
) -> tuple[str | None, list[tuple[str, dict[str, Any] | None, list[Stored]]]]:
    """Return the test that made a file, and its calls: target, arguments and outcomes."""
    if name.startswith(CASSETTES):
        entries = vault.read_cassette(name) or ()
        return vault.test_of(name), [(one.target, one.whole().arguments, [one.stored]) for one in entries]
    found = vault.read(name)
    if found is None:
        return None, []
    return found.test, [(found.target, found.whole().arguments, found.outcomes)]


def _in_call(target: str, arguments: dict[str, Any] | None, redactor: Redactor) -> bool:
    if arguments is None:
        return False
    if ":" in target:
        found = redactor.declared.scrub(redactor.environment.scrub(arguments))
        return bool(found != arguments)
    plain = _plain(arguments)
    found = redactor.environment.scrub(plain)
    if target == "http":
        found = redacted_request(found, redactor)
    return bool(found != plain) or (target != "http" and holds_text(found, redactor.declared))


def _in_outcome(target: str, stored: Stored, redactor: Redactor) -> bool:
    body = stored.readable()
    if body is None:
        return False
    found = redactor.environment.scrub(body)
    if target == "http" and isinstance(found.get("value"), dict):
        found = {**found, "value": redacted_response(found["value"], redactor)}
    return found != body or (":" not in target and target != "http" and holds_text(body, redactor.declared))


def _plain(part: object) -> Any:
    """Return described plain data as it was. Other values stay descriptions."""
    if type(part) is list:
        return [_plain(one) for one in part]
    if type(part) is not dict:
        return part
    pairs = part.get("$dict")
    if pairs and all(type(name) is str for name, _ in pairs):
        return {name: _plain(each) for name, each in pairs}
    return {name: _plain(each) for name, each in part.items()}
