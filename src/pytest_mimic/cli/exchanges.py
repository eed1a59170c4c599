"""What a recording run of today would keep of a client's call that was made before."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from pytest_mimic.cli.project import Project
from pytest_mimic.client import Adapter, Plain, parts_that_count
from pytest_mimic.patch.targets import Options
from pytest_mimic.secrets.issued import SecretScope
from pytest_mimic.secrets.placeholders import is_placeholder, mark_of
from pytest_mimic.values.identity import identity_of


def identity_under(adapter: Adapter, request: Plain, options: Options) -> str:
    """Return the identity of a request without secrets under a line."""
    return identity_of(adapter.kind, parts_that_count(adapter, request, options))


def hides_more(
    project: Project, adapter: Adapter | None, call: Plain, body: Plain
) -> bool:
    """Return whether a recording run of today would hide a part of a recorded call.

    Args:
        project: The project.
        adapter: That of a client; None: a function, whose outcome is not searched.
        call: The arguments or the request, with what stands in objects.
        body: The outcome, in the same way.
    """
    secrets = project.secrets
    redactor = secrets.redactor
    found: list[str] = []

    def note(value: str, _path: str) -> str:
        found.append(value)
        return ""  # A text that stays as it is counts as one without secrets.

    if adapter is None:
        redactor.of_trees.hide(call, note)
    else:
        adapter.hide_request(redactor, call, note)
        adapter.hide_answer(redactor.of_answers, body.get("answer") or {}, note, call)
    # In place of a number of the application's own stands 0.
    if any(value not in ("0", "0.0") and not is_placeholder(value) for value in found):
        return True
    recorded = [call, body]
    return bool(secrets.environment.hide(recorded) != recorded)


class Exchanges:
    """The calls of one owner in their order, without what is secret in them.

    Args:
        project: The project.
        stays: Whether a value in an answer stands for a secret already.
    """

    def __init__(self, project: Project, stays: Callable[[str], object]) -> None:
        self._secrets = project.secrets
        self._stays = stays
        self._scope = SecretScope()

    def request(self, adapter: Adapter, plain: Plain) -> Plain:
        """Return a request without secrets. A placeholder in it stays."""
        self._scope.receive(lambda: plain)
        hidden: Plain = self._secrets.hide_request(
            plain, self._scope, hide=adapter.hide_request
        )
        return hidden

    def answer(
        self, adapter: Adapter, plain: Plain, request: Plain, owner: str, identity: str
    ) -> Plain:
        """Return an answer without secrets.

        Args:
            adapter: That of the client.
            plain: The answer.
            request: Its request, without secrets.
            owner: Whose call it is; empty: all tests share it.
            identity: The identity of the call.
        """
        mark = mark_of(owner, identity, self._scope.count(identity))
        hidden: Plain = self._secrets.hide_answer(
            plain,
            self._scope,
            mark,
            hide=partial(adapter.hide_answer, request=request),
            stays=self._stays,
        )
        self._scope.give(lambda: hidden)
        return hidden
