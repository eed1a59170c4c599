"""How one activation mimics a client, and how the client's edges reach the engine."""

from __future__ import annotations

import os
from functools import partial
from itertools import count
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from pytest_mimic._core.engine.account_events import EqualCalls
from pytest_mimic._core.engine.begin import begin
from pytest_mimic._core.engine.call import Call
from pytest_mimic._core.engine.family_events import NameNumbered
from pytest_mimic._core.engine.function_plan import Plan, descriptions
from pytest_mimic._core.engine.senders import (
    error_of_other_sender,
    remark_on_senders,
    sender_of,
)
from pytest_mimic._core.identity.call_identity import CallIdentity, rest_of_identity
from pytest_mimic._core.nodes.json_tags import may_have_tags
from pytest_mimic._core.outcome.json_layout import exact_text, repeated_parts
from pytest_mimic._core.placeholders import issued_in
from pytest_mimic._core.settings import Mode
from pytest_mimic._core.targets.option_grammar import first_step
from pytest_mimic._core.targets.pattern import Selector
from pytest_mimic._core.types.option_paths import parse_path, uncounted_paths
from pytest_mimic._core.types.reductions import Unstable
from pytest_mimic._core.vault.format import recording_name
from pytest_mimic._core.words import lazy_attribute

if TYPE_CHECKING:
    from collections.abc import Mapping
    from contextlib import AbstractContextManager

    from pytest_mimic._core.engine.function_plan import Cassette
    from pytest_mimic._core.engine.owners import Owner
    from pytest_mimic._core.engine.run import Run
    from pytest_mimic._core.engine.steps import Step
    from pytest_mimic._core.identity.kept_parts import KeptParts
    from pytest_mimic._core.outcome.outcome import Outcome
    from pytest_mimic._core.redact.known_secrets import KnownSecrets
    from pytest_mimic._core.redact.redactor import Redactor
    from pytest_mimic._core.seam.base import Adapter, ClientCall
    from pytest_mimic._core.swallowed.pending_errors import PendingErrors
    from pytest_mimic._core.target_options import Options

# These numbers tell apart what has no name in this process: connections, sessions and
# locks.
_NUMBERS_OF_NAMELESS = count()


class ClientPlan(Plan):
    """A client as one line of an activation mimics it.

    Its calls are plain data, which is redacted already.

    Args:
        run: The run.
        adapter: The adapter of the client.
        options: Those of the line.
        cassette: The cassette that takes the calls, if a block is open.
        activation: What the line belongs to, such as a covering.
        imported: The parts that count, `method-uri`, where another tool's recordings
            are imported.
    """

    def __init__(
        self,
        run: Run,
        adapter: Adapter,
        options: Options,
        cassette: Cassette | None,
        activation: object = None,
        imported: str = "",
    ) -> None:
        super().__init__(run, adapter.kind, options, cassette)
        self.kind = adapter.kind
        self.client = adapter.name
        self.adapter: Adapter = adapter  # pyright: ignore[reportIncompatibleVariableOverride]
        self.keeps_state = adapter.keeps_state
        # Most lines have no patterns, and take all calls.
        self.selector: Selector | None = None
        if options.only or options.exclude:
            self.selector = Selector(options.only, options.exclude)
        self.activation = activation
        self._parts_of_import = imported
        self._matched_paths = sorted(options.match)
        # What computes the identities of calls, by the names of the parts that count.
        self._identities: dict[tuple[str, ...], CallIdentity] = {}

    def call(self, edge_call: ClientCall) -> Call:
        """Return a call as the engine knows it.

        The parts that count are those of the default identity, and those that `match=`
        adds; in an imported recording, those that the other tool compared.

        Raises:
            UnstableIdentityError: A part has no stable identity.
        """
        # The name of an environment variable counts, and is stored, in place of its
        # value: a replay also matches where the variable has another value.
        environment = self.run.redactor.environment
        if environment.forms:
            data_of_call = [edge_call.signature, edge_call.parts, edge_call.described]
            if environment.may_be_in(data_of_call):
                signature, parts, described = environment.scrub(data_of_call)
                edge_call = edge_call._replace(
                    signature=signature, parts=parts, described=described
                )
        parts = edge_call.parts
        if self._parts_of_import:
            key = self.imported_key(edge_call, self._parts_of_import)
        else:
            names_that_count = edge_call.identity
            if self._matched_paths:
                matched_parts = {}
                for path, value in self._values_of_match(parts).items():
                    matched_parts[f"match {path}"] = value
                parts = {**parts, **matched_parts}
                names_that_count = (*names_that_count, *matched_parts)
            # A call may lack some of these parts, as a request without a body.
            names = tuple(filter(parts.__contains__, names_that_count))
            identity = self._identities.get(names)
            if identity is None:
                identity = self._identities[names] = self._identity_of(names)
            try:
                key = identity.key(tuple(map(parts.__getitem__, names)))
            except Unstable as unstable:
                raise rest_of_identity().error_of_unstable(
                    unstable, self.target, self.options
                ) from None
        is_in_sequence = self.options.sequence is not False and not edge_call.shared
        return Call(
            self,
            key,
            edge_call.signature,
            is_in_sequence=is_in_sequence,
            edge_call=edge_call,
        )

    def is_stale(self, source: str | None, inputs: str | None) -> bool:  # noqa: ARG002 - for functions
        """Return False: a client has no source, and nothing traces its calls."""
        return False

    def failure(self, outcome: Outcome) -> str | None:
        """Return how a call failed, in words of the adapter; None: it did not."""
        if outcome.error is not None:
            return super().failure(outcome)
        return self.adapter.failure(outcome.content)

    def imported_key(self, edge_call: ClientCall | None, match: str) -> str:
        """Return the identity that a call has in an import: `1a2b…-method-uri`.

        Only the parts in `match` count.
        """
        assert edge_call is not None
        counted_parts = self.adapter.matched(
            edge_call.parts, match.split("-"), self.run.redactor
        )
        identity = self._identity_of(tuple(counted_parts))
        return f"{identity.key(tuple(counted_parts.values()))}-{match}"

    def _identity_of(self, names: tuple[str, ...]) -> CallIdentity:
        """Return the identity of calls of which these parts count.

        Each part is one argument.
        """
        # By a path that is left out of the identity: the path of `ignore=` for which it
        # is. `ignore=headers` leaves out each header, and an adapter may add paths.
        option_paths: dict[str, str] = {}
        for path in self.options.ignore:
            for uncounted_path in uncounted_paths([path], names, self.adapter.implied):
                option_paths.setdefault(uncounted_path, path)
        note_path = None
        if self._inner_paths:
            note_path = partial(self._note_path, option_paths)
        return CallIdentity(
            self.kind,
            names,
            ignore=list(option_paths),
            places=self.places,
            note_path=note_path,
        )

    @lazy_attribute
    def _inner_paths(self) -> frozenset[str]:
        """The paths of `ignore=` that lead into a part of a call.

        Of these, the summary names those that met nothing. A path of a whole part means
        something where calls lack the part, too, and most headers are no parts by
        themselves.
        """
        inner_paths = set()
        for path in self.options.ignore:
            part = first_step(path)
            if part not in ("headers", path):
                inner_paths.add(path)
        return frozenset(inner_paths)

    def _note_path(
        self, option_paths: Mapping[str, str], path: str, is_met: bool
    ) -> None:
        """Note a path of `ignore=`, and whether it has met something in a call.

        The summary of a complete run names those that never did.
        """
        option_path = option_paths[path]
        if option_path not in self._inner_paths:
            return
        option = f"{self.client} ignore={option_path}"
        if is_met:
            self.run.account.met_paths.add(option)
        else:
            self.run.account.ignored_paths.add(option)

    def _values_of_match(self, parts: dict[str, Any]) -> dict[str, Any]:
        """Return the values at the paths that `match=` names.

        They count in the identity, and stand in the description. The value is None
        where the call has no such part.
        """
        ignored_paths = [parse_path(path) for path in self.options.ignore]
        parts_that_count = rest_of_identity().prune(parts, ignored_paths)
        matched: dict[str, Any] = {}
        for path in self._matched_paths:
            value: Any = parts_that_count
            for step in path.split("."):
                if not isinstance(value, dict):
                    value = None
                    break
                value = value.get(step)
            matched[path] = value
        return matched

    def key_under(self, call: Call, options: Options) -> str:
        """Return the identity that a call has under other options.

        A miss asks it, to find what the call has recorded before its line changed. It
        is asked, too, where a recording was found that has other options: it may be
        that of another call.
        """
        assert call.edge_call is not None
        other = ClientPlan(self.run, self.adapter, options, self.cassette)
        return other.call(call.edge_call).key

    def kept_parts(self, call: Call) -> KeptParts | None:
        """Return what a recording keeps of the parts that count by default.

        By them, `rekey` identifies the call under another line. None: the recording was
        imported, and keeps its description alone.
        """
        if self._parts_of_import:
            return None
        edge_call = call.edge_call
        assert edge_call is not None
        names = [name for name in edge_call.identity if name in edge_call.parts]
        without_secrets = _parts_as_they_are
        if call.secrets is not None:
            without_secrets = call.secrets.without
        layer = descriptions()
        return layer.client_parts(
            names, edge_call.parts, call.arguments, without_secrets
        )

    def described(self, call: Call) -> dict[str, Any]:
        """Return the description of a call.

        Messages show it, and it is stored beside the recording.
        """
        edge_call = call.edge_call
        assert edge_call is not None
        parts: dict[str, Any] = {"signature": call.signature}
        if self._matched_paths:
            matched = self._values_of_match(edge_call.parts).items()
            parts |= {path: value for path, value in matched if value is not None}
        parts |= edge_call.described
        if call.secrets is not None:
            parts = call.secrets.without(parts)
        # Plain data is its own description, but for keys that would be tags, texts that
        # JSON does not keep, and paths.
        text = None
        if repeated_parts(parts) is not None:
            text = exact_text(parts)
        if text is not None and not may_have_tags(text):
            has_folders = self.places.temporary_folders
            if not has_folders or not call.paths.are_mentioned_in_text(text):
                return parts
        return descriptions().described_parts(parts, self.places)


def _parts_as_they_are(parts: dict[str, Any]) -> dict[str, Any]:
    """Return the parts of a call whose adapter has hidden its secrets itself."""
    return parts


class Port:
    """The engine as the edges of one client see it.

    Attributes:
        plans: The lines of the open activations, those of the innermost one last.
        redactor: The rules for secrets, which must not enter a recording.
        noting: A block whose `MimicError` fails the running test, even if the code
            under test catches it.
    """

    def __init__(self, run: Run, ports: Mapping[str, Port] | None = None) -> None:
        self._run = run
        self._run_replays: bool = run.settings.mode is Mode.REPLAY
        # The ports of the run, by the names of their clients, for `takes_kind`.
        self._ports: Mapping[str, Port] = {}
        if ports is not None:
            self._ports = ports
        self.plans: list[ClientPlan] = []
        self.redactor: Redactor = run.redactor
        self.noting: PendingErrors = run.current.pending

    def taking(self) -> bool:
        """Return whether calls of this client are mimicked at the moment.

        Each request asks, so the answer takes no look at the vault.
        """
        return bool(self.plans) and not self._run.real_calls.inside.is_nested

    @property
    def is_replaying(self) -> bool:
        """Whether no call runs for real, except those that are excluded."""
        if self.plans:
            cassette = self.plans[-1].cassette
            if cassette is not None:
                return cassette.run_mode is Mode.REPLAY
        return self._run_replays

    def unmimicked(self) -> AbstractContextManager[None]:
        """Return a context manager in which no client and no function is mimicked.

        An edge enters it for code whose calls are not recorded by themselves: a plugin
        of gRPC that asks for a token, or a real session of MCP.
        """
        # It stands for a real call that has not ended: all calls inside of it are real.
        open_call = SimpleNamespace(active=True)
        return self._run.real_calls.inside.entered(open_call)

    def takes_kind(self, kind: str) -> bool:
        """Return whether a line takes calls of this kind of client.

        An adapter whose sessions may go over another client asks it: without a line for
        that one, nothing would be recorded.
        """
        for port in self._ports.values():
            if any(plan.kind == kind for plan in port.plans):
                return True
        return False

    def takes(self, call: ClientCall) -> bool:
        """Return whether this call is mimicked, as `begin` would find.

        An edge asks it before it refuses a call, or describes the rest of it.
        """
        return self.taking() and self._line(call) is not None

    def _line(self, call: ClientCall) -> ClientPlan | None:
        """Return the line that takes a call: the first of the innermost activation.

        Its patterns must select the call. None: no line does, and the call is left out.

        The calls by which a client sets up its connections are always taken.
        """
        plans = self.plans
        last = plans[-1]
        if call.shared or (last.selector is None and last is plans[0]):
            return last
        for plan in plans:
            if plan.activation is not last.activation:
                continue
            if plan.selector is None or plan.selector.takes(call.signature, call.host):
                return plan
        return None

    def is_recorded(self, call: ClientCall) -> bool:
        """Return whether a call that is mimicked has a recording, without making it.

        Calls that are recorded only where they fail, such as connecting, ask this.
        """
        if not self.taking():
            return False
        line = self._line(call)
        if line is None:
            return False
        call_of_plan = line.call(call)
        if line.cassette is not None:
            return line.cassette.holds(call_of_plan)
        owner_name = None
        if call_of_plan.is_in_sequence:
            owner_name = self._run.current.owner.name
        name = recording_name(line.target, call_of_plan.key, owner_name)
        return self._run.recordings.find(name) is not None

    def opens(self) -> bool:
        """Return whether what a client opens now is opened for real at once.

        It is where the calls that follow run for real. A test that has recordings of
        this client opens nothing before a call needs it: the edge that connects keeps
        its arguments, and the first call that runs for real connects.
        """
        if not self.taking():
            return False
        line = self.plans[-1]
        mode = self._run.settings.mode
        cassette = line.cassette
        if cassette is not None:
            mode = cassette.run_mode
        if not mode.writes or line.options.sequence is False:
            # With `sequence=no`, each call is replayed or real by itself.
            return False
        owner = self._owner
        if mode is Mode.RERECORD or line.target in owner.clients_run_for_real:
            return True
        if line.target in owner.clients_replayed:
            return False
        # No call has decided about the conversation. It is replayed if it is recorded.
        if cassette is not None:
            return not cassette.recorded_calls()
        return not self._run.recordings.not_made_by(owner, line.target)

    def begin(self, call: ClientCall) -> Step | None:
        """Return what is to be done with a call.

        None: it is left out, and the original is to be called as if nothing was here.

        Raises:
            MimicError: The call has no recording, and the mode does not run it, or a
                stale or damaged one.
        """
        if not self.taking():
            return None
        line = self._line(call)
        if line is None:
            return None
        call_of_plan = line.call(call)
        # A replay sends nothing, so that no secret is issued for it.
        if not self.is_replaying:
            with self._run.recordings.turns:
                self._note_request(call_of_plan)
        step = begin(self._run, call_of_plan)
        if step.mode == "replay":
            self._note_recorded_answer(step)
        return step

    def _note_request(self, call: Call) -> None:
        """Note what a call sends that may not be replayed, and who sends it."""
        known_secrets = self.secrets
        is_shared = not call.is_in_sequence
        # The placeholders of secrets in its answer are made from the call.
        call.issuer = known_secrets.begin(call.plan.kind, call.key, is_shared=is_shared)
        assert call.edge_call is not None
        secrets = call.secrets
        sent = call.edge_call.sent_secrets
        if secrets is not None:
            call.issuer.login = secrets.login_of(call.signature, call.issuer.own_login)
            known_secrets.send(secrets.sent, call.edge_call.parts)
            sent = secrets.sent
            if any(value in call.signature for value in secrets.stand_in_by_secret):
                # The path holds a secret that this or an earlier request has sent.
                call.signature = secrets.path(call.signature)
        if sent and self._run.settings.mode.writes:
            self._compare_senders(call)

    def _note_recorded_answer(self, step: Step) -> None:
        """Note an answer whose placeholders the application may send back."""
        scope = self._run.current.secret_scope
        # The answers are searched for placeholders when a request may hold one.
        scope.answers.append(step.stored)
        if scope.tell is not None:
            # Forked processes are told of them at once.
            self.secrets.search_replays()

    def _credentials_of(self, call: Call) -> Mapping[str, str]:
        """Return the application's own secrets in a call, by their names.

        Equal calls that differ in these have different senders.
        """
        if call.secrets is not None:
            return call.secrets.credentials()
        from pytest_mimic._core.seam.sender_credentials import credentials_in

        assert call.edge_call is not None
        return credentials_in(call.edge_call.sent_secrets, self.secrets.stand_in)

    def _compare_senders(self, call: Call) -> None:
        """Name, or refuse, a call that equals another one but for an own secret.

        Raises:
            UnstableIdentityError: One recording would serve both calls, though the
                secrets may choose the answer.
        """
        run = self._run
        owner = ""
        if call.is_in_sequence:
            owner = run.current.owner.name
        assert call.edge_call is not None
        sender = sender_of(self._credentials_of(call), call.edge_call.parts)
        key = (owner, call.plan.kind, call.key)
        secret_names, ways = run.senders.differing(key, sender)
        if secret_names and not call.is_in_sequence:
            error = error_of_other_sender(
                call.label, call.plan.target, secret_names, ways
            )
            raise run.current.pending.note(error)
        # Calls with places of their own get their own answers, and are only named.
        if secret_names:
            remark = remark_on_senders(secret_names, ways)
            test = run.current.test_to_run_again
            if test:
                remark = f"{remark}, {test}"
            run.account.equal_calls.add(EqualCalls(call.label, remark))

    @property
    def secrets(self) -> KnownSecrets:
        """The secrets of the running test, or of the wider fixture that is set up now.

        They include what other processes have sent and were issued so far.
        """
        from pytest_mimic._core.redact.known_secrets import known_in

        current = self._run.current
        current.hear_other_processes()
        return known_in(current.secret_scope, self._run.recordings.turns)

    def secrets_for(self, request: Any) -> KnownSecrets | None:
        """Return the secrets of the test, by which an edge hides those in a request.

        None: the request is replayed, and its identity needs none of them.
        """
        if self.is_replaying and not _returns_issued_secret(request):
            return None
        return self.secrets

    def report(self, note: str) -> None:
        """Add a line to the summary, with the running test."""
        test = self._run.current.test_to_run_again
        if test:
            note = f"{note}, {test}"
        self._run.account.notes.add(note)

    def ordinal(self, space: str, name: str) -> int:
        """Return the number of a name among those that this test or cassette used.

        The first one in its `space`, such as `redis` or `mcp server`, is 0.

        Names that change from run to run, such as ports and random ids, are recorded by
        their numbers.
        """
        owner = self._owner
        numbers: dict[str, int] = owner.ordinals.setdefault(space, {})
        if name not in numbers:
            self._give_number(owner, space, name)
        return numbers[name]

    def next_ordinal(self, space: str) -> int:
        """Return the next number of a space, for what has no name of its own.

        No random bytes are taken for it. A test may have replaced their source, and
        would get other bytes than without mimicking.
        """
        # Forked processes share the numbers of an owner by names, so no two of their
        # names may be equal.
        return self.ordinal(space, f"{os.getpid()} {next(_NUMBERS_OF_NAMELESS)}")

    @property
    def _owner(self) -> Owner:
        """The owner of what the innermost line takes: its cassette's, or the test."""
        if self.plans:
            cassette = self.plans[-1].cassette
            if cassette is not None:
                return cassette.block_owner
        return self._run.current.owner

    def _give_number(self, owner: Owner, space: str, name: str) -> None:
        """Give a name the next number.

        The forked processes that share its owner are told.
        """
        run = self._run
        # `turns` is a lock that all processes of the run share.
        with run.recordings.turns:
            numbers = owner.ordinals[space]
            if name in numbers:
                return
            numbers[name] = len(numbers)
            if run.current.family is not None and run.current.family.shares(owner):
                run.current.family.tell(NameNumbered(owner.token, space, name))


def _returns_issued_secret(replayed_request: Any) -> bool:
    """Return whether a replayed request has the placeholder of an issued secret.

    A recorded answer gave it to the application. Only such a request needs the secrets
    of its test, to count as when it was recorded; a replay is faster without them.
    """
    # The list grows by the parts of each container in it.
    parts_of_request = [replayed_request]
    for part in parts_of_request:
        if isinstance(part, dict):
            parts_of_request += part.values()
        elif isinstance(part, (list, tuple)):
            parts_of_request += part
        elif type(part) in (str, int, float) and issued_in(str(part)):
            return True
    return False
