"""The secrets that a test has sent to services, and those that they have issued.

A secret that a service issues comes back: the application sends it under another name,
in a path, through another client. In a replay the application has the placeholder of
the recorded answer instead. So a secret has one placeholder in all calls of a test, and
two secrets have two:

    POST /login  ann  →  {"token": "T-1"}     stored: {"token": "<redacted:1a2b3c4d>"}
    POST /login  bob  →  {"token": "T-2"}     stored: {"token": "<redacted:5e6f7a8b>"}
    GET /notes?token=T-2                      stored: /notes?token=<redacted:5e6f7a8b>

A secret of the application itself is `<redacted>` everywhere, since each run may have
another one: a value of the environment, and what a request has sent before an answer
held it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import AbstractContextManager
from hashlib import blake2b
from json import dumps
from threading import RLock
from typing import Any, NamedTuple, Protocol, TypeAlias

from pytest_mimic._core.placeholders import (
    PLACEHOLDER,
    is_placeholder,
    issued_in,
    numbered,
    plain_placeholders,
    with_replaced_placeholders,
)
from pytest_mimic._core.redact.secret_names import JWT
from pytest_mimic._core.redact.secret_values import (
    bare_secret,
    basic_credentials,
    basic_password,
    forms_of,
    hide_values,
    is_distinctive,
)


class _Order:
    """The numbers of the calls of all tests, in the order in which they begin.

    Of two calls whose answers hold one secret, the call that began first has issued it,
    whichever answer came first. So the placeholder is the same in each run.
    """

    def __init__(self) -> None:
        self._last_number = -1

    def next(self) -> int:
        """Return the number of a call that begins."""
        self._last_number += 1
        return self._last_number

    def follow(self, number_elsewhere: int) -> None:
        """Number the calls that follow behind one of another process."""
        self._last_number = max(self._last_number, number_elsewhere)


_ORDER_OF_CALLS = _Order()


class SecretScope(Protocol):
    """A test, or a wider fixture, whose calls share their secrets.

    Attributes:
        name: The name of the fixture; empty for a test.
        outer: Returns the scopes of the wider fixtures that the test or fixture uses.
        answers: The recorded answers that it got, and that nobody has searched for
            placeholders.
        known: The `KnownSecrets` of the scope, once there are any.
        tell: Tells a fact to the processes that share the scope; None before a fork.
    """

    name: str
    outer: Callable[[], Iterable[Any]]
    answers: list[Any]
    known: Any
    tell: Callable[[Any], None] | None


class CallBegun(NamedTuple):
    """A call has begun.

    Attributes:
        call: The client and the identity of the call.
        order: The place of the call among all calls of the run.
    """

    call: str
    order: int


class RequestSent(NamedTuple):
    """A request was sent.

    Attributes:
        values: The secrets in it that no answer has issued.
        request: All that is described of it; as text, where it is told.
    """

    values: list[str]
    request: Any


class SecretIssued(NamedTuple):
    """A secret that an answer has issued.

    Attributes:
        value: The secret.
        placeholder: What stands for it: a text, or a number for a number.
        order: The place of the call among all calls of the run, by its beginning.
    """

    value: str
    placeholder: str
    order: int


class PlaceholderRenamed(NamedTuple):
    """A secret has another placeholder, that of an earlier call.

    Attributes:
        old: The placeholder that stood for the secret before.
        new: The placeholder that stands for it from now on.
    """

    old: str
    new: str


class AnswerSeen(NamedTuple):
    """An answer was recorded, or replayed.

    Attributes:
        tokens: The JSON Web Tokens under names that are not secret.
        placeholders: The placeholders in it that other processes have to know.
    """

    tokens: list[str]
    placeholders: list[str]


SecretFact: TypeAlias = (
    "CallBegun | RequestSent | SecretIssued | PlaceholderRenamed | AnswerSeen"
)
"""What a forked process learns of a test's secrets, and tells the other processes.

They take it over by `KnownSecrets.follow`.
"""

# The classes of `SecretFact`. A fact is told as plain values, and is made of them again
# by its class.
_CLASSES_OF_FACTS = (
    CallBegun,
    RequestSent,
    SecretIssued,
    PlaceholderRenamed,
    AnswerSeen,
)
#: The classes of facts by the names under which processes tell them.
SECRET_FACTS: dict[str, Any] = {fact.__name__: fact for fact in _CLASSES_OF_FACTS}


class Issuer:
    """A call whose answer may issue secrets.

    Attributes:
        known: The secrets of the test, or the wider fixture, that makes the call.
        order: The place of the call among all calls of the run, by its beginning.
        login: What the placeholders of one log-in have in common, and those of the
            answers to requests that return one of them; empty for other calls.
    """

    def __init__(self, known: KnownSecrets, call: str, order: int) -> None:
        self.known = known
        self.order = order
        self.login = ""
        #: The names that hide numbers in the answer.
        self.names_of_numbers: set[str] = set()
        self._call = call
        # The secrets of the answer so far, by the secret name under which they stand.
        self._values: dict[str, list[str]] = {}

    @property
    def is_of_fixture(self) -> bool:
        """Whether a wider fixture makes the call.

        Several tests may return its secrets then. The summary names those whose
        recordings hold a placeholder that the new answer of the fixture has lost.
        """
        return bool(self.known._scope.name)

    @property
    def own_login(self) -> str:
        """The name that the call gives to its secrets if it logs somebody in."""
        return f"login-{_mark_of(self._call, size=3)}"

    def numbers_in_words(self) -> str:
        """Return in words which numbers are replaced, and what keeps them."""
        names = sorted(self.names_of_numbers)
        lines = ", ".join(f"!{name}" for name in names)
        return (
            f"gave numbers that others stand for ({', '.join(names)}), to keep them:"
            f" mimic_redact = {lines}"
        )

    def placeholder(self, name: str, value: str, *, is_number: bool) -> str:
        """Return the placeholder for a secret that the answer issues.

        It is made from the call, the secret's name, and its number among the secrets of
        this name in the answer. So it is the same when the call is recorded again, with
        other secrets.
        """
        values_of_name = self._values.setdefault(name, [])
        if value not in values_of_name:
            values_of_name.append(value)
        mark = _mark_of(self._call, name, str(values_of_name.index(value)))
        if is_number:
            return numbered(mark)
        if self.login:
            mark = f"{self.login}-{mark}"
        return f"<redacted:{mark}>"


class KnownSecrets:
    """What one test, or one wider fixture, has sent and was issued.

    A `Redactor` asks it what stands for a secret. Each method that looks a secret up
    looks in the wider fixtures as well, see `_with_wider_scopes`.

    The guard keeps out other threads while secrets are learned. Where processes share
    the scope, it keeps those out, too, and learns from them.
    """

    def __init__(self, scope: SecretScope, guard: AbstractContextManager[Any]) -> None:
        self._scope = scope
        self._guard = guard
        # How many equal calls the scope has begun, by client and identity. Each of them
        # issues secrets of its own.
        self._number_of_calls: dict[str, int] = {}
        # What requests have sent under secret names and no answer had issued, and what
        # was described of all requests, as plain data or as text. A secret that stands
        # there before an answer holds it is the application's own.
        self._sent_secrets: set[str] = set()
        self._requests: list[Any] = []
        # By the secret: what is known of an issued one.
        self._issued: dict[str, SecretIssued] = {}
        # The same by each form of the secret, to be found under secret names.
        self._issued_by_form: dict[str, SecretIssued] = {}
        # The distinctive secrets in all their forms, hidden wherever they stand: those
        # that answers have issued, and the application's own that requests have sent.
        self._placeholder_by_issued_form: dict[str, str] = {}
        self._placeholder_by_sent_form: dict[str, str] = {}
        # The placeholders in the answers of a replay. In later requests, these stay:
        # any other placeholder becomes `<redacted>`.
        self._replayed_placeholders: set[str] = set()
        # The JSON Web Tokens that answers have under names that are not secret.
        self._shown_tokens: set[str] = set()
        # The answers recorded in this run that hold placeholders, to record them again
        # with others.
        self._answers: list[_RecordedAnswer] = []
        # The new placeholder by the old one, of each secret that an earlier call turned
        # out to issue. Only recorded answers take the new one: in a request, the old
        # one counts in an identity.
        self._new_placeholder_in_answers: dict[str, str] = {}
        # The placeholders that stand in answers of other processes, which this process
        # cannot record again. They stay.
        self._placeholders_elsewhere: set[str] = set()

    # -- other processes

    def hear_other_processes(self) -> None:
        """Learn what other processes have sent and were issued so far."""
        with self._guard:
            pass

    def follow(self, fact: SecretFact) -> None:
        """Learn a fact from another process, with the guard held."""
        if isinstance(fact, SecretIssued):
            self._placeholders_elsewhere.add(fact.placeholder)
        elif isinstance(fact, AnswerSeen):
            self._placeholders_elsewhere.update(fact.placeholders)
        self._learn(fact)

    def _note(self, fact: SecretFact) -> None:
        """Learn a fact, and tell it to other processes."""
        self._learn(fact)
        if self._scope.tell is not None:
            self._scope.tell(fact)

    def _learn(self, fact: SecretFact) -> None:
        """Learn a fact of this process or of another one, with the guard held."""
        if isinstance(fact, CallBegun):
            self._number_of_calls[fact.call] = (
                self._number_of_calls.get(fact.call, 0) + 1
            )
            _ORDER_OF_CALLS.follow(fact.order)
        elif isinstance(fact, RequestSent):
            self._learn_sent(fact)
        elif isinstance(fact, SecretIssued):
            self._learn_issued(fact)
        elif isinstance(fact, PlaceholderRenamed):
            self._new_placeholder_in_answers[fact.old] = fact.new
        else:
            # The fact is an `AnswerSeen`.
            self._shown_tokens.update(fact.tokens)
            self._replayed_placeholders.update(fact.placeholders)

    def _learn_sent(self, request_sent: RequestSent) -> None:
        """Learn the application's own secrets in a request, and keep what it sent."""
        for own_secret in request_sent.values:
            self._sent_secrets.add(own_secret)
            if is_distinctive(own_secret):
                self._placeholder_by_sent_form.update(
                    dict.fromkeys(forms_of(own_secret), PLACEHOLDER)
                )
        self._requests.append(request_sent.request)

    def _learn_issued(self, secret_issued: SecretIssued) -> None:
        """Learn a secret that an answer has issued, in all its forms."""
        self._issued[secret_issued.value] = secret_issued
        forms = forms_of(secret_issued.value)
        self._issued_by_form.update(dict.fromkeys(forms, secret_issued))
        # A common word, such as `dark`, is found under secret names alone.
        if is_distinctive(secret_issued.value):
            self._placeholder_by_issued_form.update(
                dict.fromkeys(forms, secret_issued.placeholder)
            )

    # -- calls

    def begin(self, kind: str, key: str, *, is_shared: bool = False) -> Issuer:
        """Return the issuer for a call that begins, by its client and its identity.

        The recording of a call that `is_shared` belongs to no test, so the placeholders
        of its answer do not depend on the test, nor on equal calls before.
        """
        call = f"{kind} {key}"
        with self._guard:
            number_of_equal_calls = self._number_of_calls.get(call, 0)
            order = _ORDER_OF_CALLS.next()
            self._note(CallBegun(call, order))
        if not is_shared:
            # Equal calls of a test issue different secrets.
            call = f"{self._scope.name} {call} {number_of_equal_calls}"
        return Issuer(self, call, order)

    def send(self, values: Any, request: Any) -> None:
        """Note the secrets that a request sends, and all that is described of it."""
        with self._guard:
            own_secrets = []
            for value in values:
                if self._find(value) is None and not is_placeholder(value):
                    own_secrets.append(value)
            # Other processes are told a text; here it is made when it is searched.
            if self._scope.tell is not None:
                request = _text_to_search(request)
            self._note(RequestSent(own_secrets, request))

    def issue(
        self, issuer: Issuer, name: str, value: str, *, is_number: bool = False
    ) -> str:
        """Return what stands for a secret in an answer.

        The answer issues the secret unless it is known.
        """
        with self._guard:
            known_secret = self._find(value)
            if known_secret is None:
                # An answer that repeats what the application has sent issues nothing.
                if self.was_sent_by_application(value):
                    return PLACEHOLDER
                placeholder = issuer.placeholder(name, value, is_number=is_number)
                self.stand(value, placeholder, issuer.order)
                return placeholder
            # The answers of a wider fixture are not recorded again with this test.
            is_of_other_scope = known_secret.value not in self._issued
            if known_secret.order <= issuer.order or is_of_other_scope:
                return known_secret.placeholder
            # This call began before the one whose answer came first.
            placeholder = issuer.placeholder(name, value, is_number=is_number)
            return self._replace_placeholder(known_secret, placeholder, issuer.order)

    def stand(self, value: str, placeholder: str, order: int = -1) -> None:
        """Let a placeholder stand for a secret from now on.

        Without `order`, no call can turn out to have issued it earlier: `real_secrets`
        lets recorded placeholders stand for the secrets of a run that verifies.
        """
        with self._guard:
            self._note(SecretIssued(value, placeholder, order))

    def was_sent_by_application(self, value: str) -> bool:
        """Check whether a request has sent a value, under a secret name or in clear.

        Then the value is the application's own, as it had it before any answer.
        """
        for secrets in self._with_wider_scopes():
            if value in secrets._sent_secrets:
                return True
            for text in secrets._texts_of_requests():
                # `hide_values` changes a text only where the value stands by itself,
                # not in a longer word.
                if value in text and hide_values(text, [value]) != text:
                    return True
        return False

    def _texts_of_requests(self) -> Iterator[str]:
        """Yield what was described of each request, as text that is made once."""
        for index, request in enumerate(self._requests):
            if not isinstance(request, str):
                request = self._requests[index] = _text_to_search(request)
            yield request

    # -- what stands for a secret

    def has_any(self, issued_elsewhere: Collection[str]) -> bool:
        """Check whether an answer has issued any secret so far.

        Without any, the body of a request need not be searched for one. An answer may
        have issued it to this test, or to another one (`issued_elsewhere`).
        """
        if issued_elsewhere:
            return True
        for secrets in self._with_wider_scopes():
            if (
                secrets._issued
                or secrets._replayed_placeholders
                or secrets._scope.answers
            ):
                return True
        return False

    def stand_in(self, value: object) -> str:
        """Return what stands for a value under a secret name in a request.

        Of the credentials of basic authentication, the password is looked up.
        """
        text = plain_placeholders(bare_secret(str(value)).strip('"'))
        for secret in (text, basic_password(str(value))):
            if not secret:
                continue
            # In a replay, the application sends back what a recorded answer has.
            if is_placeholder(secret):
                return self._own_placeholder_or_redacted(secret)
            known_secret = self._find(secret)
            if known_secret is not None:
                return known_secret.placeholder
        return PLACEHOLDER

    def stand_in_by_look(self, token: str) -> str:
        """Return what stands for a text that looks like a token.

        One that an answer has shown comes back as it is in a replay, and stays apart
        from others. Another one the application may make anew in each run.
        """
        known_secret = self._find(token)
        if known_secret is not None:
            return known_secret.placeholder
        for secrets in self._with_wider_scopes():
            # This searches the replayed answers, and fills `_shown_tokens`, too.
            secrets._placeholders_of_replays()
            if token in secrets._shown_tokens:
                return f"<redacted:{_mark_of(token)}>"
        return PLACEHOLDER

    def stand_ins_of_issued(self) -> dict[str, str]:
        """Return what stands for each issued secret that is hidden wherever it stands.

        The stand-ins come by the secret, in all its forms.
        """
        stand_ins: dict[str, str] = {}
        for secrets in self._with_wider_scopes():
            # What this test was issued wins over the wider fixtures.
            stand_ins = {**secrets._placeholder_by_issued_form, **stand_ins}
        return stand_ins

    def stand_ins_of_own(self) -> dict[str, str]:
        """Return `<redacted>` for each of the application's own secrets, in all forms.

        An own secret is hidden where an answer or a description repeats it.
        """
        stand_ins: dict[str, str] = {}
        for secrets in self._with_wider_scopes():
            stand_ins.update(secrets._placeholder_by_sent_form)
        return stand_ins

    def has_issued(self, placeholder: str) -> bool:
        """Check whether an answer of this test has issued a placeholder.

        It has in a replay, or in a run that verifies.
        """
        for secrets in self._with_wider_scopes():
            for issued in secrets._issued.values():
                if issued.placeholder == placeholder:
                    return True
            if placeholder in secrets._placeholders_of_replays():
                return True
        return False

    def has_issued_in(self, texts_of_request: Iterable[str]) -> bool:
        """Return whether a request has a placeholder that this test was issued.

        A replayed answer to the test, or to a wider fixture, gave the application the
        placeholder. `Basic` credentials are searched decoded.
        """
        for text in texts_of_request:
            for placeholder in issued_in(f"{text} {basic_credentials(text)}"):
                if self.has_issued(placeholder):
                    return True
        return False

    def settled(self, text: str) -> str:
        """Return a text with `<redacted>` for the placeholders of other tests.

        A redactor asks it of all that it hides. The identity of a call must not hang on
        what another test was issued.
        """
        return with_replaced_placeholders(text, self._own_placeholder_or_redacted)

    def _own_placeholder_or_redacted(self, placeholder: str) -> str:
        """Return a placeholder that this test was issued; `<redacted>` for others."""
        if self.has_issued(placeholder):
            return placeholder
        return PLACEHOLDER

    def value_of(self, placeholder: str) -> str | None:
        """Return the secret for which a placeholder stands.

        `as_recorded` asks it while a call is verified: the recorded placeholder stands
        for the secret from then on, so that another secret is no drift. None: no answer
        of this test has issued a secret with this placeholder.
        """
        for secrets in self._with_wider_scopes():
            for issued in secrets._issued.values():
                if issued.placeholder == placeholder:
                    return issued.value
        return None

    def _with_wider_scopes(self) -> Iterator[KnownSecrets]:
        """Yield the secrets of this test, and of the wider fixtures that it uses.

        A test sends the token that a fixture of the session has got by a log-in.
        """
        yield self
        # The list grows by the scopes around those in it.
        scopes = [self._scope]
        for scope in scopes:
            for wider_scope in scope.outer():
                if wider_scope not in scopes:
                    scopes.append(wider_scope)
                    # A fixture without any secret needs no object for them.
                    if wider_scope.known is not None or wider_scope.answers:
                        yield known_in(wider_scope, self._guard)

    def _find(self, value: str) -> SecretIssued | None:
        """Return what is known of an issued secret, in whatever form it is written.

        None: no answer of this test has issued it.
        """
        for secrets in self._with_wider_scopes():
            if value in secrets._issued_by_form:
                return secrets._issued_by_form[value]
        return None

    def search_replays(self) -> None:
        """Search the recorded answers so far, so that other processes hear of them."""
        with self._guard:
            self._placeholders_of_replays()

    def _placeholders_of_replays(self) -> set[str]:
        """Return the placeholders in the answers that were replayed to this scope.

        An answer is searched when the first secret is looked up after it: most tests
        look up none.
        """
        while self._scope.answers:
            replayed_outcome = self._scope.answers.pop()
            text = _text_to_search(replayed_outcome.readable())
            tokens, placeholders = JWT.findall(text), issued_in(text)
            if tokens or placeholders:
                self._note(AnswerSeen(tokens, placeholders))
        return self._replayed_placeholders

    # -- answers that come in another order than their calls began

    def keep(self, answer_data: Any, amend: Callable[[Any], object]) -> None:
        """Keep an answer that was recorded, and what records it in another form.

        An earlier call may turn out to have issued its secrets. Then `amend` is called
        with the answer that has the placeholders of that call.
        """
        with self._guard:
            answer_text = _text_to_search(answer_data)
            tokens: list[str] = []
            if "eyJ" in answer_text:
                tokens = JWT.findall(answer_text)
            placeholders = issued_in(answer_text)
            # A placeholder of another process that stands here as well may not change
            # there any more.
            shared_placeholders = self._placeholders_elsewhere.intersection(
                placeholders
            )
            if tokens or shared_placeholders:
                self._note(AnswerSeen(tokens, list(shared_placeholders)))
            if placeholders:
                answer = _RecordedAnswer(answer_data, amend)
                # A placeholder may have changed while the answer was being read.
                answer.replace_placeholders(self._new_placeholder_in_answers)
                self._answers.append(answer)

    def _replace_placeholder(
        self, issued: SecretIssued, placeholder: str, order: int
    ) -> str:
        """Return what stands for a secret that an earlier call turns out to issue.

        The answer of a later call came first and has issued the secret. The placeholder
        of the earlier call replaces that of the later one, also in recorded answers.

        Where a request has returned the secret meanwhile, or an answer of another
        process holds it, it keeps its placeholder.
        """
        if issued.placeholder in self._placeholders_elsewhere:
            return issued.placeholder
        # The identity of such a request has the old placeholder in it.
        for request in self._texts_of_requests():
            if issued.placeholder in request:
                return issued.placeholder
        self._note(PlaceholderRenamed(issued.placeholder, placeholder))
        self.stand(issued.value, placeholder, order)
        for answer in self._answers:
            answer.replace_placeholders(self._new_placeholder_in_answers)
        return placeholder


class _RecordedAnswer:
    """An answer that was recorded and holds placeholders.

    Args:
        answer_data: The answer as it stands in its recording.
        amend: Records it in another form.
    """

    def __init__(self, answer_data: Any, amend: Callable[[Any], object]) -> None:
        self._answer_data = answer_data
        self._amend = amend

    def replace_placeholders(self, new_by_old: dict[str, str]) -> None:
        """Record the answer again, if it holds a placeholder that has changed since.

        A secret gets the placeholder of an earlier call when the answer to that call
        comes late.

        Args:
            new_by_old: What stands for the secrets now, by the placeholders that stood
                for them before.
        """
        new_data = _with_new_placeholders(self._answer_data, new_by_old)
        if new_data != self._answer_data:
            self._answer_data = new_data
            self._amend(new_data)


def known_in(
    scope: SecretScope, guard: AbstractContextManager[Any] | None = None
) -> KnownSecrets:
    """Return the secrets of a test or of a wider fixture, made on first use.

    The guard is that of the run: the turns of its threads and processes.
    """
    if scope.known is None:
        if guard is None:
            guard = RLock()
        scope.known = KnownSecrets(scope, guard)
    secrets: KnownSecrets = scope.known
    return secrets


def _with_new_placeholders(plain: Any, new_by_old: dict[str, str]) -> Any:
    """Return plain data with new placeholders in place of old ones."""
    # Most runs change no placeholder, and copy no answer.
    if not new_by_old:
        return plain
    if isinstance(plain, dict):
        parts_of_answer = {}
        for name, part in plain.items():
            parts_of_answer[name] = _with_new_placeholders(part, new_by_old)
        return parts_of_answer
    if isinstance(plain, list):
        return [_with_new_placeholders(part, new_by_old) for part in plain]
    if isinstance(plain, str):
        return with_replaced_placeholders(plain, lambda old: new_by_old.get(old, old))
    # A number stands for a secret that is a number.
    if type(plain) in (int, float) and str(plain) in new_by_old:
        return type(plain)(new_by_old[str(plain)])
    return plain


def _mark_of(*parts: str, size: int = 4) -> str:
    """Return what tells one placeholder from others: a short digest of these parts.

    The parts say where a secret came from, or are a token that an answer has shown. No
    hidden secret is among them, as a short digest of it could be guessed.
    """
    return blake2b("\0".join(parts).encode(), digest_size=size).hexdigest()


def _text_to_search(plain: Any) -> str:
    """Return plain data as one text, to search it for secrets and placeholders.

    It is no JSON to be parsed again.
    """
    try:
        return dumps(plain, ensure_ascii=False, default=repr)
    except (RecursionError, TypeError, ValueError):
        return repr(plain)
