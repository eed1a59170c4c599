"""The secrets of a run: whose they are, and what stands for them in its calls."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from functools import partial
from itertools import count
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from pytest_mimic.secrets import keys, placeholders
from pytest_mimic.secrets.forms import Pieces, decoded_of, in_base64
from pytest_mimic.secrets.known import SHORTEST, KnownValues, map_texts, of_variables
from pytest_mimic.secrets.names import EVERYDAY, HARD, WHOLE, SecretNames
from pytest_mimic.secrets.placeholders import JWT, OWN, Number
from pytest_mimic.secrets.redactor import Redactor
from pytest_mimic.secrets.split import hide_split, split_texts
from pytest_mimic.values.tree import mapped
from pytest_mimic.values.walk import deeply

if TYPE_CHECKING:
    from pytest_mimic.vault.recording import Entry

BY_FORM = "key"
"""In place of the path of a secret that was known by the form of its issuer."""
IN_CLEAR = "(in clear in the file)"
"""What is shown of a secret that a file holds as it is."""

# What stands between the values of a text: in JSON, markup, a URL or a header.
_BETWEEN = re.compile(r"""[\s"'<>=&?;,{}\[\]\\]+""")
# What may be base64 of a token.
# Tried where a word begins, and nowhere inside of it.
_ENCODED = re.compile(r"(?<![\w+/=-])[\w+/=-]{22,}")

Hide = Callable[[Redactor, Any, Callable[[str, str], str]], Any]
"""How a kind of client hides plain data, given what stands in place of a secret."""


class SecretScope:
    """What the calls of one owner, and of the wider fixtures that it uses, have shown.

    Attributes:
        parents: What was shown to the wider fixtures.
        known: The secrets, with what stands for each: `OWN` for one that the
            application has sent before an answer held it.
        sent: The texts of all requests.
        late: What was sent as a key and no answer had issued, with what stands for it:
            an earlier answer may hold it under a harmless name.
    """

    def __init__(self) -> None:
        self.parents: list[SecretScope] = []
        self._counts: dict[str, Iterator[int]] = defaultdict(count)
        self.known = KnownValues()
        self._received = KnownValues()
        self._pieces = Pieces()
        # Few applications send back what an answer gave: most stay unread.
        self._unread: list[Callable[[], Any]] = []
        # The answers as they are stored, and the values in those that were searched.
        self._given: list[Callable[[], Any]] = []
        self._values_given: set[str] = set()
        self.sent: set[str] = set()
        self.late = KnownValues()

    @property
    def received(self) -> KnownValues:
        """What stands for issued secrets in the answers that the application got."""
        for read in list(self._unread):
            # A placeholder needs no escape, so that one look at the whole is enough.
            for placeholder in placeholders.issued_in(json.dumps(read())):
                self._received.add(placeholder, placeholder)
            # Last: meanwhile another thread reads it, too, and does not miss it.
            with suppress(ValueError):
                self._unread.remove(read)
        return self._received

    def receive(self, read: Callable[[], Any]) -> None:
        """Note a recorded answer, which the application has got.

        Args:
            read: Gives the answer.
        """
        self._unread.append(read)
        self.give(read)

    def give(self, read: Callable[[], Any]) -> None:
        """Note an answer that the application has got, as it is stored.

        Args:
            read: Gives the answer.
        """
        self._given.append(read)

    def holds_in_clear(self, value: str) -> bool:
        """Return whether an answer that the application got holds a value in clear."""
        for scope in self.chain():
            while scope._given:
                text = json.dumps(scope._given.pop()(), ensure_ascii=False)
                scope._values_given.update(_BETWEEN.split(unquote(text)))
        ends = {value, value.rstrip("=")}
        return any(ends & scope._values_given for scope in self.chain())

    def count(self, identity: str) -> int:
        """Return the number of a call among equal calls, from 0."""
        # One step of C: threads may begin equal calls at the same moment.
        return next(self._counts[identity])

    def chain(self) -> list[SecretScope]:
        """Return this scope, and the scopes of the wider fixtures."""
        found = [self]
        for parent in self.parents:
            found += parent.chain()
        return found

    def stand_in_for(self, value: str) -> str | None:
        """Return what stands for a secret that is known, or None."""
        for known in (scope.known for scope in self.chain()):
            if value in known:
                return known[value]
        found = (scope.known.issued_form(value) for scope in self.chain())
        return next(filter(None, found), None)

    def pieces(self) -> Pieces:
        """Return what finds parts of the secrets that answers have issued."""
        for scope in self.chain():
            for value, shown in [*scope.known.items()]:
                if shown != OWN:
                    self._pieces.add(value)
        return self._pieces

    def has_sent(self, value: str) -> bool:
        """Return whether the application has sent a value, under any name."""
        if len(value) < SHORTEST:
            return False
        # One look at all texts is quicker than one at each.
        sent = "\n".join(text for scope in self.chain() for text in [*scope.sent])
        return KnownValues({value: OWN}).hide_in(sent) != sent

    def knows(self, placeholder: str) -> bool:
        """Return whether an answer has given this placeholder to the application."""
        return self.has_received(placeholder) or any(
            placeholder in scope.known.values() for scope in self.chain()
        )

    def has_received(self, placeholder: str) -> bool:
        """Return whether a recorded answer has given this placeholder, in any form."""
        return any(scope.received.issued_form(placeholder) for scope in self.chain())


class Secrets:
    """Hides what is secret in the calls of a run.

    Args:
        lines: The lines of `mimic_redact`.
        environment: The variables of the process.
    """

    def __init__(self, lines: Iterable[str], environment: Mapping[str, str]) -> None:
        self.names = SecretNames(lines)
        self.redactor = Redactor(self.names)
        self.environment = KnownValues(of_variables(self.names, environment))
        # The real secrets that answers have issued in this run.
        self._issued: dict[str, str] = {}

        self._in_clear = KnownValues(dict.fromkeys(self.environment, IN_CLEAR))

    def masked(self, tree: Any) -> Any:
        """Return a tree to be shown, without secrets and what looks like a key."""
        return map_texts(self.redactor.of_trees.hide(tree, _as_own), self.masked_text)

    def masked_text(self, text: str) -> str:
        """Return a text to be shown, without keys and values of the environment."""
        return self.environment.hide_in(keys.masked(text, self.names.accepted))

    def shown(self, tree: Any) -> Any:
        """Return what a file holds, to be shown: a secret in it is said to be there."""
        hidden = self.redactor.of_trees.hide(tree, _as_kept)
        return map_texts(hidden, self.shown_text)

    def shown_text(self, text: str) -> str:
        """Return a text of a file, to be shown; see `shown`."""
        return self._in_clear.hide_in(keys.masked(text, self.names.accepted))

    def pattern_of(self, signature: str) -> str:
        """Return the pattern that selects calls by their signature, without its keys.

        What is secret there is any text, and so is a sign of the grammar any sign.
        """
        shown = re.sub(placeholders.ANY, "*", self.masked_text(signature))
        return re.sub(r"[\[\]?,]", "?", shown.replace("…", "*"))

    def label_of(self, entry: Entry) -> str:
        """Return a recorded call on one line, to be shown."""
        asked = deeply(lambda: self.shown(entry.arguments or entry.request or {}))
        return self._label(entry.target, asked, self.shown_text(entry.signature))

    def label(self, target: str, asked: Any, signature: str) -> str:
        """Return a call on one line, to be shown; see `call_label`."""
        # What was cut would no longer look like a key.
        shown = deeply(lambda: self.masked(asked))
        return self._label(target, shown, self.masked_text(signature))

    def _label(self, target: str, shown: Any, signature: str) -> str:
        from pytest_mimic.values.labels import call_label  # a replay names no call

        return call_label(target, shown, signature=signature)

    def hide_request(
        self,
        plain: Any,
        scope: SecretScope,
        *,
        hide: Hide = Redactor.hide,
        own: dict[str, str] | None = None,
        pieces: set[str] | None = None,
        stands: set[str] | None = None,
    ) -> Any:
        """Return a request as it is stored and counted, and note what it has sent.

        Args:
            plain: The request.
            scope: What the calls of its owner have shown.
            hide: How its kind of client hides.
            own: Is filled with the application's own secrets in it, and their paths.
            pieces: Is filled with what it holds of a token that no replay can send:
                `a part of a token`.
            stands: Is filled with what is no secret only since an answer held it.
        """

        def stand_in(value: str, path: str) -> str:
            shown: str | None = OWN
            if placeholders.may_be_issued(value) and scope.has_received(value):
                shown = value
            elif placeholders.is_issued(value):
                shown = OWN
            elif value not in self.environment:
                shown = scope.stand_in_for(value)
                if shown is None and self._stands(value, path, scope):
                    if stands is not None:
                        stands.add(value)
                    return value
            if shown is None:
                shown = OWN
                scope.known.add(value, OWN)
                if self._is_sent_as_key(value, path):
                    scope.late.add(value, OWN)
            if own is not None and shown == OWN:
                own[value] = path
            return shown

        hidden = hide(self.redactor, plain, stand_in)
        texts = texts_in(plain)
        scope.sent.update(texts)
        issued = scope.pieces()

        def without_values(text: str) -> str:
            text = self._without_values(text, scope, in_encoded=True)
            text = self._without_keys(self._without_tokens(text, scope), scope, own)
            text, found = issued.hide_in(text, OWN)
            if found and pieces is not None:
                pieces.add(found)
            return text

        if hidden != plain:
            texts = texts_in(hidden)
        return _with_texts(hidden, texts, without_values)

    def _stands(self, value: str, path: str, scope: SecretScope) -> bool:
        """Return whether a value is no secret where it is sent back.

        It has no hard name, does not look like a key, and an answer holds it in clear.
        """
        is_key = self._is_sent_as_key(value, path)
        return not is_key and scope.holds_in_clear(value)

    def _is_sent_as_key(self, value: str, path: str) -> bool:
        """Return whether a value is a key where it is sent, or looks like one."""
        name = path.rpartition(".")[2].lower()
        is_hard = self.names.strength(name, value) in (HARD, EVERYDAY, WHOLE)
        is_key = is_hard or "authorization" in name or "cookie" in path.lower()
        return is_key or keys.could_be_secret(value)

    def _without_keys(
        self, text: str, scope: SecretScope, own: dict[str, str] | None
    ) -> str:
        """Return a request's text without what has the form of an issuer's key."""

        def stand_in(key: str) -> str:
            scope.known.add(key, OWN)
            if own is not None:
                own[key] = BY_FORM
            return OWN

        return keys.without_keys(text, self.names.accepted, stand_in)

    def knows_none_in(self, text: str, scope: SecretScope) -> bool:
        """Return whether a text holds no value that is hidden wherever it stands."""
        return self._without_values(text, scope) == text

    def hide_answer(
        self,
        plain: Any,
        scope: SecretScope,
        mark: str,
        *,
        hide: Hide = Redactor.hide,
        recorded: Any = None,
        stays: Callable[[str], object] = lambda _: False,
    ) -> Any:
        """Return an answer as it is stored, and note the secrets that it issues.

        Args:
            plain: The answer.
            scope: What the calls of its owner have shown.
            mark: What its placeholders have in common.
            hide: How its kind of client hides.
            recorded: A recorded answer, whose placeholders stay: its test may have been
                renamed, or its line may have changed.
            stays: Whether a value stands for a secret already.
        """
        text = json.dumps(recorded)

        def stand_in(value: str, path: str) -> str:
            if stays(value):
                return value
            if value in self.environment or placeholders.is_placeholder(value):
                return OWN
            known = scope.stand_in_for(value)
            if known is not None:
                return known
            if scope.has_sent(value):
                return OWN
            placeholder = placeholders.issued_at(path, text)
            if not placeholder or scope.knows(placeholder):
                placeholder = placeholders.issued(mark, path)
            if isinstance(value, Number):
                # It is sent as a number, or as the text of one.
                placeholder = str(placeholders.number_of(placeholder))
            shown = self._readable_jwt(value, placeholder) or placeholder
            scope.known.add(value, shown)
            self._issued[shown] = value
            return shown

        redactor = self.redactor.of_answers

        def without_values(text: str) -> str:
            return self._without_values(text, scope, in_encoded=True)

        def hide_in(text: str) -> str:
            return without_values(redactor.hide(text, stand_in, "body"))

        hidden = hide(redactor, plain, stand_in)
        hidden = _with_texts(hidden, texts_in(hidden), without_values)
        hide_split(hidden, hide_in)
        return hidden

    def with_real(self, answer: Any, scope: SecretScope) -> Any:
        """Return a recorded answer with the real secrets that this run was given."""
        text = json.dumps(answer)
        real = {shown: value for shown, value in self._issued.items() if shown in text}
        for shown, value in real.items():
            scope.known.add(value, shown)
        numbers = {placeholders.number_of(key): value for key, value in real.items()}
        in_texts = KnownValues(real)

        def real_part(plain: Any) -> Any:
            if isinstance(plain, str):
                return in_texts.hide_in(plain)
            if not placeholders.is_placeholder(plain) or plain not in numbers:
                return plain
            value = numbers[plain]
            return int(value) if value.lstrip("-").isdecimal() else float(value)

        return mapped(answer, real_part, in_texts.hide_in)

    def tokens_in(self, plain: Any) -> list[str]:
        """Return what stands for issued secrets in plain data."""
        found: list[str] = []
        for text in texts_in(plain):
            found += placeholders.issued_in(text.lower())
            for encoded in _ENCODED.findall(text):
                found += placeholders.issued_in(decoded_of(encoded))
            scheme, _, credentials = text.partition(" ")
            if scheme.lower() == "basic":
                found += placeholders.issued_in(keys.basic_credentials(credentials))
        return found

    def keys_in(self, call: Any, body: Any) -> list[tuple[str, str]]:
        """Return what looks like a key, as its first letters and its mark.

        Args:
            call: The arguments or the request.
            body: The outcome.
        """
        split = split_texts(body.get("answer")).values()
        joined = ["".join(part[step] for part, step in pieces) for pieces in split]
        texts = [*texts_in([call, body]), *joined]
        # No key goes on behind this sign. One look is quicker than one at each text.
        together = "\0".join(text for text in texts if len(text) >= keys.SHORTEST)
        return [*keys.keys_in(together, self.names.accepted)]

    def hard_names_in(self, tree: Any) -> list[str]:
        """Return the hard names under which a tree holds values in clear."""
        names: dict[str, None] = {}

        def note(value: str, path: str) -> str:
            if not placeholders.is_placeholder(value) and value not in ("0", "0.0"):
                steps = re.sub(r"\[\d+\]", "", path).split(".")
                names[steps[-1]] = None
            return ""  # A text that stays as it is counts as one without secrets.

        self.redactor.of_outcomes.hide(tree, note)
        return [*names]

    def variable_in(self, text: str) -> str:
        """Return the variable whose value stands in a text; empty: none does."""
        hidden = self.environment.hide_in(text)
        return (
            "" if hidden == text else "".join(placeholders.variables_in([hidden])[:1])
        )

    def variable_in_bytes(
        self, chunks: Callable[[], Iterable[bytes | memoryview]]
    ) -> str:
        """Return the variable whose value stands in some bytes; empty: none does.

        It is looked for in UTF-8, and in the UTF-32 of arrays of numpy.
        """
        pieces = list(chunks()) if self.environment else []
        for value, placeholder in self.environment.items():
            for encoding in ("utf-8", "utf-32-le"):
                form = re.compile(re.escape(value.encode(encoding)))
                if any(form.search(piece) for piece in pieces):
                    return "".join(placeholders.variables_in([placeholder])[:1])
        return ""

    def hidden_names(self, plain: Any) -> list[str]:
        """Return the names under which placeholders stand in plain data.

        For each, that is the name, or the variable, that `mimic_redact = !name` would
        take out; there is none for what a name or path of `mimic_redact` hides, or in
        this run a pattern.
        """
        names: dict[str, None] = {}
        parts: list[tuple[tuple[str, ...], Any]] = [((), plain)]
        for steps, part in parts:  # It grows.
            if isinstance(part, dict):
                parts += [((*steps, key), inner) for key, inner in part.items()]
            elif isinstance(part, list):
                parts += [((*steps, "*"), inner) for inner in part]
            elif placeholders.is_placeholder(part) or OWN in str(part):
                text = str(part)
                variables = [one for one in self.environment.values() if one in text]
                for shown in variables:
                    names[shown.removeprefix(f"{OWN}-")] = None
                    text = text.replace(shown, "")
                if variables and OWN not in text:
                    continue
                in_text = re.findall(rf"([\w-]+)\W{{1,6}}{OWN}", text)
                named = [*filter(self.names.secret, [*steps, *in_text])]
                is_at_path = self.names.hides_path(".".join(steps))
                if not (named or is_at_path or self._is_of_pattern(text)):
                    named = [step for step in reversed(steps) if step != "*"]
                names.update(dict.fromkeys(named[:1]))
        return [name for name in names if not self.names.adds(name)]

    def _is_of_pattern(self, text: str) -> bool:
        """Return whether a pattern has hidden, in this run, all that a text lacks."""
        patterns = self.names.patterns
        real = [self._issued.get(one, "") for one in re.findall(placeholders.ANY, text)]
        return bool(patterns) and all(
            any(pattern.fullmatch(one) for pattern in patterns) for one in real
        )

    def _without_values(
        self, text: str, scope: SecretScope, *, in_encoded: bool = False
    ) -> str:
        """Return a text without the values that are hidden wherever they stand.

        Args:
            text: The text.
            scope: What the calls of its owner have shown.
            in_encoded: Whether base64 in it is searched, too.
        """
        for known in (*(one.known for one in scope.chain()), self.environment):
            text = known.hide_in(text)
        if in_encoded and _ENCODED.search(text):
            text = in_base64(text, partial(self._without_values, scope=scope))
        return text

    def _without_tokens(self, text: str, scope: SecretScope) -> str:
        """Return a request's text without its JWT, and what other owners were given."""
        for placeholder in placeholders.issued_in(text):
            if not scope.knows(placeholder):
                text = text.replace(placeholder, OWN)
        if "eyJ" not in text or not self.names.secret("jwt"):
            return text

        def hidden(match: re.Match[str]) -> str:
            if placeholders.is_issued(match[0]):
                return match[0]
            scope.known.add(match[0], OWN)
            return OWN

        return re.sub(JWT, hidden, text)

    def _readable_jwt(self, value: str, placeholder: str) -> str | None:
        claims = placeholders.claims_of(value) if re.fullmatch(JWT, value) else None
        if claims is None:
            return None
        hidden = self.redactor.hide(claims, _as_own)
        return placeholders.jwt_of(value, placeholder, hidden)


def _with_texts(plain: Any, texts: Iterable[str], change: Callable[[str], str]) -> Any:
    """Return plain data with each of its texts changed."""
    # One look at all texts is quicker than one at each.
    together = "\n".join(texts)
    return plain if change(together) == together else map_texts(plain, change)


def _as_kept(value: str, _path: str) -> str:
    return value if placeholders.is_placeholder(value) else IN_CLEAR


def _as_own(value: str, _path: str) -> str:
    # What stands for an issued secret tells which of two it is.
    return value if placeholders.is_placeholder(value) else OWN


def texts_in(plain: Any) -> list[str]:
    """Return all texts in plain data, and the numbers that stand for secrets."""
    found: list[str] = []
    parts = [plain]
    for part in parts:  # It grows.
        if isinstance(part, str):
            found.append(part)
        elif isinstance(part, dict):
            found += part
            parts += part.values()
        elif isinstance(part, list):
            if not {float}.issuperset(map(type, part)):
                parts += part
        elif placeholders.is_placeholder(part):
            found.append(str(part))
    return found
