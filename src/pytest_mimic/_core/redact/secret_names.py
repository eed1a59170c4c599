"""Which names are secret: those of arguments, keys, headers, columns and parameters whose values are hidden."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Literal, TypeAlias

from pytest_mimic._core.words import pattern

# How secret a value is: not at all, whole, or but for the ids of the secrets in it.
Secrecy: TypeAlias = Literal["", "all", "but ids"]

# What is stored and shown instead of a secret value.
PLACEHOLDER = "<redacted>"

# Names whose values are secret. Case, `-` and `_` do not count. A longer name that contains one of them as whole words
# (`openai_api_key`) is secret as well.
DEFAULT_NAMES = tuple(
    """password passwords passwd pwd passphrase passcode secret secrets client_secret secret_key
    secret_access_key token access_token access_tokens auth_token auth_tokens bearer_token id_token
    refresh_token refresh_tokens session_token security_token api_key api_keys api_token api_tokens
    x_api_key access_key access_key_id account_key encryption_key license_key licence_key private_key
    service_key service_role_key shared_key signing_key ssh_key subscription_key auth authorization proxy_authorization bearer
    card_pin client_assertion code_verifier connection_string cookie cookies credential credentials csrf
    csrf_token csrfmiddlewaretoken dsn jwt otp_code set_cookie signature user_pin webhook_url xsrf
    xsrf_token""".split()
)
# Names that are secret only as the last words of a longer name (`card_cvv`).
LAST_NAMES = ("cvc", "cvv", "otp", "psk", "sig")
# Names that are secret only as a whole: in longer ones, they mean something else (`map_pin`, `pin_code`).
WHOLE_NAMES = ("pin",)
# Names, as last words, that are secret only if the value is a text. Otherwise, it is an object or a number for a thing.
TEXT_NAMES = ("session", "session_id", "jsessionid", "phpsessid")

# Names that contain a secret one but are not secret: paging, the vocabulary of language models, RFC 9421, a game, and
# a flag of browsers.
PUBLIC_NAMES = tuple(
    """accept_cookie accept_cookies accept_signature bos_token continuation_token cls_token cursor_token end_token
    eos_token mask_token next_token pad_token page_token pagination_token per_token resume_token secret_santa
    secret_santas sep_token sig1 sig2 signature_agent signature_input special_token start_token stop_token
    sync_token unk_token with_credentials""".split()
)

# A name with one of these as its last word describes a secret without holding it (`token_count`).
_ABOUT = frozenset(
    """accepted age alg algorithm allowed at backend banner budget changed class client consent cost count counts
    created dir disabled domain enabled endpoint error errors expiration expired expires expiry field fields
    file filename flow for format hint hints host httponly id ids in index jar kind len length level limit manager max
    method methods min missing mode name names notice option options path policy position preference
    preferences present price prob probs provider rate required requirement requirements rotation samesite
    scheme scope scopes secure server service setting settings size sizes status store strategy supported time
    ttl type types updated uri url usage user username valid validator verified version""".split()
)
# A name that begins with one of these, or has one before the secret word, asks about a secret (`requires_auth`).
_ASKING = frozenset("allow allowed allows has is needs require required requires supports".split())
# Google's keys, which are sent under the name `key`.
_GOOGLE_KEY = pattern(r"(?<![\w-])AIza[\w-]{35}(?![\w-])")

_NAME = pattern(r"!?[\w.-]+")
# The mark of a text that looks like a key and is none.
_ACCEPTED = pattern(r"!sha256:[0-9a-f]{8}")
_WORD = pattern(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+|[^\W\d_]+")
_PLURAL = pattern(r"[sS][\W\d_]*$")
_FLAG = pattern(r"--?([A-Za-z][\w-]{0,200})")
_LONGEST_NAME = 200
# Between the parts of a key in a database.
_SEPARATOR = pattern(r"[:/.]")
# Answers that are kept: a mapping with a million different keys must not fill the memory.
_KEPT_ANSWERS = 10_000


def read_names(line: str) -> list[str]:
    """Read the names in one line of `mimic_redact`. Names to remove keep their `!`.

    Raises:
        ValueError: A name can match nothing.
    """
    names = line.partition("#")[0].replace(",", " ").split()
    for name in names:
        if not _ACCEPTED.fullmatch(name) and (not _NAME.fullmatch(name) or not normalised(name)):
            if name.startswith("!sha256:"):
                raise ValueError(f"{name}: !sha256: takes the eight digits that pytest-mimic check prints")
            raise ValueError(f"{name} is not a name, write it in letters, digits, - _ and .")
    return names


def hide_google_keys(text: str) -> str:
    """Replace the keys in a text that are known by their look."""
    return _GOOGLE_KEY.sub(PLACEHOLDER, text) if "AIza" in text else text


class SecretNames:
    """The secret names of a run.

    Args:
        names: Names to add to the default ones. `!name` removes one. The last word on a name wins.
        defaults: Whether the default names are secret, and keys that are known by their look.

    Attributes:
        accepted: The marks of texts that look like keys and are none.
        has_any: Whether any name is secret.
    """

    def __init__(self, names: Sequence[str] = (), *, defaults: bool = True) -> None:
        self._looks = defaults
        # Where a name is secret: anywhere in a longer one, as its last words, or as a whole.
        self._secret: dict[str, Literal["any", "last", "whole"]] = {}
        self._texts: frozenset[str] = frozenset()
        self._public: set[str] = set()
        if defaults:
            self._public.update(map(normalised, PUBLIC_NAMES))
            self._texts = frozenset(map(normalised, TEXT_NAMES))
            self._secret.update((normalised(name), "any") for name in DEFAULT_NAMES)
            self._secret.update((normalised(name), "last") for name in (*LAST_NAMES, *TEXT_NAMES))
            self._secret.update((normalised(name), "whole") for name in WHOLE_NAMES)
        self.accepted: set[str] = {name[1:] for name in names if _ACCEPTED.fullmatch(name)}
        for name in names:
            word = normalised(name)
            if name[1:] in self.accepted:
                continue
            self._texts -= {word}
            if name.startswith("!"):
                self._public.add(word)
                self._secret.pop(word, None)
            else:
                self._secret[word] = "any"
                self._public.discard(word)
        self.has_any: bool = bool(self._secret)
        self._has_numbers = any(map(str.isdecimal, self._secret))
        self._answers: dict[str, Literal["never", "text", "always"]] = {}
        self._keys: dict[str, bool] = {}

    def secret(self, name: object) -> bool:
        """Check whether all values of an argument, key, attribute, header or parameter of this name are secret."""
        return self._answer(name) == "always"

    def hides(self, name: object, value: object) -> bool:
        """Check whether a value is secret because of its name, or because of its look.

        None, booleans and empty texts are not. Some names are secret only if the value is a text.
        """
        answer = self._answers.get(name) if type(name) is str else None
        if answer is None:
            answer = self._answer(name)
        if answer == "never" and type(value) is not str:
            return False
        if value is None or value is True or value is False:
            return False
        is_text = isinstance(value, (str, bytes))
        if is_text and not value:
            return False
        if answer != "never":
            return is_text or answer == "always"
        if not self._looks or type(value) is not str or not value.startswith("AIza"):
            return False
        return _GOOGLE_KEY.fullmatch(value) is not None

    def within(self, around: Secrecy, name: object, value: object) -> Secrecy:
        """Return how secret a value of a name is inside of what is `around` it.

        Each secret in a collection (`api_keys`) may have an id, which is none. The id of a single one may be the secret.
        """
        if around == "":
            if not self.hides(name, value):
                return ""
            return "but ids" if isinstance(name, str) and _PLURAL.search(name) else "all"
        is_id = around == "but ids" and isinstance(name, str) and normalised(name) == "id"
        return "" if is_id else around

    def secret_key(self, key: str) -> bool:
        """Check whether a part of a key, as databases have them (`user:1:token`), is a secret name."""
        start, _, end = key.rpartition(":")
        if end.isdecimal() and not self._has_numbers:
            key = start  # most keys that differ in their number alone are judged once
        answer = self._keys.get(key)
        if answer is None:
            answer = any(map(self.secret, _SEPARATOR.split(key)))
            if len(key) <= _LONGEST_NAME:
                if len(self._keys) > _KEPT_ANSWERS:
                    self._keys.clear()
                self._keys[key] = answer
        return answer

    def _answer(self, name: object) -> Literal["never", "text", "always"]:
        if isinstance(name, bytes):
            name = name.decode("latin-1")
        if not isinstance(name, str) or len(name) > _LONGEST_NAME:
            return "never"
        answer = self._answers.get(name)
        if answer is None:
            if name.isdecimal() and not self._has_numbers:
                return "never"  # the numbers in keys are many
            if len(self._answers) > _KEPT_ANSWERS:
                self._answers.clear()
            answer = self._answers[name] = self._judged(name)
        return answer

    def _judged(self, name: str) -> Literal["never", "text", "always"]:
        """Compare the longest secret name that this name contains as whole words with the longest public one."""
        words = _words(name)
        count = len(words)
        while count and words[count - 1].isdigit():  # token_count_1 is a count
            count -= 1
        describes_a_secret = count > 0 and words[count - 1] in _ABOUT
        secret = public = ""
        for start in range(len(words)):
            is_asked = start > 0 and (words[0] in _ASKING or words[start - 1] in _ASKING)
            for end in range(start + 1, len(words) + 1):
                if describes_a_secret and end < count:
                    continue
                part = "".join(words[start:end])
                place = self._secret.get(part)
                is_there = place == "any" or (end >= count and (place == "last" or start == 0))
                if place is not None and is_there and not is_asked:
                    secret = max(secret, part, key=len)
                if part in self._public:
                    public = max(public, part, key=len)
        if len(secret) <= len(public):
            return "never"
        return "text" if secret in self._texts else "always"

    def secret_flag(self, item: object) -> bool:
        """Check whether an item is a command-line option with a secret name, whose value is the next item."""
        flag = _FLAG.fullmatch(item) if isinstance(item, str) else None
        return flag is not None and self.secret(flag[1])


def name_in_pair(items: list[Any], *, in_list: bool) -> str | None:
    """Return the name that the first item of a pair in a list gives to the second one; None if it is no such pair."""
    return items[0] if in_list and len(items) == 2 and isinstance(items[0], str) else None


def normalised(name: str) -> str:
    """Return the form in which names are compared: `X-Api-Key`, `x_api_key` and `xApiKey` are the same."""
    return "".join(_words(name))


def _words(name: str) -> list[str]:
    return [word.lower() for word in _WORD.findall(name)]


def named_places(node: dict[str, Any]) -> Iterator[tuple[list[Any], int, Any]]:
    """Yield the values of a client that stand beside their names: in a command of Redis, in the rows of a statement.

    Each is a list, the place in it, and the name.
    """
    commands, columns, rows = node.get("commands"), node.get("columns"), node.get("rows")
    for words in (node.get("command"), *(commands if type(commands) is list else ())):
        if type(words) is list:
            yield from ((words, place, name) for place, name in enumerate(words[:-1], 1))
    if type(columns) is list and type(rows) is list:
        names = [column[0] if type(column) is list and column else None for column in columns]
        for row in rows:
            if type(row) is list:
                yield from ((row, place, name) for place, name in enumerate(names[: len(row)]))


def holds_text(tree: object, names: SecretNames) -> bool:
    """Check whether plain data of a client holds a text under a secret name: of a mapping, a command of Redis, a column."""

    def hides(name: Any, value: Any) -> bool:
        is_text = type(name) is str and type(value) is str
        return is_text and PLACEHOLDER not in value and names.hides(name, value)

    todo = [tree]
    while todo:
        node = todo.pop()
        if type(node) is dict:
            pairs = [*node.items(), *((name, values[at]) for values, at, name in named_places(node))]
            if any(hides(*pair) for pair in pairs):
                return True
            todo += node.values()
        elif type(node) is list:
            todo += node
    return False
