"""Which names are secret, in whatever spelling, alone or beside other names."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from functools import cache, lru_cache
from itertools import chain
from types import MappingProxyType

from pytest_mimic.secrets.looks import SHORTEST, keys_in

# Words of a name, separated by a blank; a name is secret that contains them.
_ANYWHERE = """
    password|passwords|passwd|pwd|passphrase|passcode|secret|secrets|token|jwt
    bearer|auth|authorization|cookie|cookies|credential|credentials|csrf|xsrf
    csrftoken|csrfmiddlewaretoken|signature|dsn|connection string|webhook url
    code verifier|client assertion|apikey|access key|access key id|account key
    api key|encryption key|licence key|license key|private key|secret key
    service key|service role key|shared key|signing key|ssh key|subscription key
    otp code|card pin|user pin|login hint token|id token hint|auth req id
    software statement|dpop|d po p|oauth verifier|saml request|saml response
    samlrequest|samlresponse|sam lart|samlart|pgt id|pgt iou|client data json
    clientdatajson|authenticator data|attestation object|mfa code|totp|totp code
    two factor code|verification code|recovery code|recovery codes|backup code
    backup codes|g recaptcha response|h captcha response|cf turnstile response
    device token|user token|secret string|secret binary|secure string
    request verification token
"""
_AT_THE_END = "cvc|cvv|otp|psk|sig"
_AS_A_WHOLE = "pin"
_GLUED = """
    accesskey|apikey|passphrase|passwd|password|privatekey|secret|secretkey|csrftoken
    authtoken|apptoken|bottoken|devicetoken|oauthtoken|usertoken
"""
# A name that ends in these describes a secret.
_ABOUT = """
    accepted|again code|algorithm|at|banner|complexity|consent|count|created|date
    decimals|decoder|dish|domain|enabled|encoder|endpoint|expiration|expires|expiry
    field|format|header|hint|hints|host|ids|in|info|issuer|jar|length|lifetime
    method|methods|name|names|options|param|parameter|path|policy|port|provider
    required|rotation|rule|rules|santa|santas|scheme|scope|status|strength|supported
    symbol|time|title|ttl|type|types|uri|url|valid|version
"""
# A name in which these stand before a secret word asks about a secret.
_QUESTIONS = """
    allow|allows|has|have|hide|is|needs|no|require|requires|show|support|supports
    use|uses|with
"""
# Tokens of paging, of language models and of progress are no secrets.
_OF_TOKENS = """
    bos|cls|continuation|cursor|eos|mask|next|pad|page|progress|resume|sep|special|sub|unk
"""
_PUBLIC = "accept cookies|accept signature|signature input|public key"
# Secret if the value is a text: an object or a number of this name is something else.
_SESSIONS = """
    session|session id|sessionid|session key|sessid|jsessionid|phpsessid
    authentication info
"""
# Secret if the value looks like a token.
_IF_A_TOKEN = "assertion|hmac|sign|tokens"
# Secret if the value has the form of a known issuer.
_IF_A_KEY = "key|keys|pat"
_BY_VALUE = f"{_SESSIONS}|{_IF_A_TOKEN}|{_IF_A_KEY}|ticket"
_ENDINGS_OF_VARIABLES = "_KEY", "_PASS", "_PWD"
_BINARY = "secret binary|plaintext"
# Beside the name on the left, those on the right are secret.
_BESIDE = {
    "grant type": "code|device code|user code|assertion|ticket",
    "response type": "state|nonce|code challenge|request",
    "verification uri": "device code|user code",
    "rp": "challenge",
    "rp id": "challenge",
    "pub key cred params": "challenge",
    "allow credentials": "challenge",
    "key id": "plaintext",
    "kty": "k|d|p|q|dp|dq|qi|oth",
    "user": "pass",
    "username": "pass",
    "login": "pass",
    "email": "pass",
}
_NAMES_OF_PAIRS = """
    name|key|type|setting|variable|header|parameter key|parameter name|option name
"""
_VALUES_OF_PAIRS = "value|parameter value"

# One with other signs may be an address, and below `properties` stand JSON schemas.
_PLAIN_NAME = re.compile(r"(?!properties$|apiVersion$)\w+(?:[.-]\w+)*")
_TOKEN = re.compile(r"(?=.*[A-Za-z])(?=.*\d)[!-~]{16,}")
_TICKET = re.compile(r"(?:ST|PT|PGT|TGT)-[\w.-]+")
# A line of `mimic_redact`: words, dots and hyphens, or the mark of one text.
_LINE = re.compile(r"!?[A-Za-z0-9_.-]*[A-Za-z0-9][A-Za-z0-9_.-]*|!sha256:[0-9a-f]{8}")
_LONGEST = 200
"""Longer names are texts."""


@cache
def _table(text: str) -> frozenset[str]:
    return frozenset(part.strip() for part in re.split(r"[|\n]", text) if part.strip())


_ENDINGS = tuple(_table(_GLUED))
_BESIDE_SETS = {name: _table(others) for name, others in _BESIDE.items()}


def read_names(line: str) -> list[str]:
    """Return the names in a line of `mimic_redact`: `city, member  # as on cards`.

    Raises:
        ValueError: One of them is no name, and would hide nothing.
    """
    names = re.split(r"[\s,]+", line.partition("#")[0].strip())
    for name in filter(None, names):
        if name.startswith("!sha256:") and not _LINE.fullmatch(name):
            raise ValueError(
                f"{name} is not ! and a name, or !sha256: and eight digits"
            )
        if not _LINE.fullmatch(name):
            raise ValueError(f"{name} is not a name")
    return [name for name in names if name]


@lru_cache(maxsize=4096)
def words_of(name: str) -> str:
    """Return the words of a name in lower case: of `X-Api-Key`, `x api key`."""
    split = re.sub(r"(?<=[a-z\d])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", name)
    return " ".join(re.findall(r"[^\W\d_]+|\d+", split.lower()))


@lru_cache(maxsize=1024)
def _by_words(names: tuple[str, ...]) -> Mapping[str, str]:
    return {words_of(name): name for name in names}


@lru_cache(maxsize=1024)
def _beside(names: tuple[str, ...]) -> Mapping[str, bool]:
    by_words = _by_words(names)
    found: dict[str, bool] = {}
    if {"code", "state"} <= by_words.keys():
        found = {by_words["code"]: True, by_words["state"]: True}
    for other in by_words.keys() & _BESIDE_SETS.keys():
        for words in _BESIDE_SETS[other] & by_words.keys():
            found[by_words[words]] = False
    return found


class Names:
    """The secret names of a run.

    Args:
        lines: The lines of `mimic_redact`; see `read_names`.

    Attributes:
        accepted: The marks of texts that look like keys and are none.
        hide_nothing: Says of all names of a mapping that none of them hides a value,
            whatever the values are.
    """

    def __init__(self, lines: Iterable[str] = ()) -> None:
        self._declared: dict[str, bool] = {}
        accepted = set()
        for name in chain.from_iterable(map(read_names, lines)):
            if name.startswith("!sha256:"):
                accepted.add(name[1:])
            else:
                self._declared[words_of(name)] = not name.startswith("!")
        self.accepted = frozenset(accepted)
        self._verdict: Callable[[str], bool] = lru_cache(maxsize=4096)(self._judge)
        self.hide_nothing: Callable[[tuple[str, ...]], bool] = lru_cache(maxsize=1024)(
            self._hide_nothing
        )

    @property
    def takes_out(self) -> bool:
        """Whether a line takes out one of the usual names."""
        return False in self._declared.values()

    def secret(self, name: object) -> bool:
        """Return whether any value under a name is secret."""
        if isinstance(name, bytes):
            name = name.decode("latin-1")
        return isinstance(name, str) and len(name) <= _LONGEST and self._verdict(name)

    def secret_variable(self, name: str) -> bool:
        """Return whether the value of an environment variable is secret."""
        is_key = name.upper().endswith(_ENDINGS_OF_VARIABLES)
        is_taken_out = self._declared.get(words_of(name)) is False
        return self.secret(name) or (is_key and not is_taken_out)

    def beside(self, names: Iterable[str]) -> dict[str, bool]:
        """Return the names that hide a value because of the others.

        For each, whether the value must look like a token.
        """
        return dict(_beside(tuple(names)))

    def is_binary(self, name: str) -> bool:
        """Return whether clients decode what stands under a secret name, as base64."""
        return _ends_in(words_of(name), _table(_BINARY))

    def may_hide(self, name: str) -> bool:
        """Return whether a name hides some values, alone."""
        return self.secret(name) or _ends_in(words_of(name), _table(_BY_VALUE))

    def hides(
        self,
        name: object,
        value: object,
        beside: Mapping[str, bool] = MappingProxyType({}),
    ) -> bool:
        """Return whether a value is secret under a name.

        Args:
            name: The name.
            value: The value.
            beside: What `beside` gives of all names.
        """
        if self.secret(name):
            return True
        if not isinstance(name, str) or len(name) > _LONGEST:
            return False
        words = words_of(name)
        if self._declared.get(words) is False:
            return False
        if name in beside:
            return not beside[name] or looks_like_a_token(value)
        if _ends_in(words, _table(_SESSIONS)):
            return isinstance(value, str)
        if words == "ticket" and isinstance(value, str):
            return _TICKET.fullmatch(value) is not None
        if words in _table(_IF_A_TOKEN):
            return looks_like_a_token(value)
        return _ends_in(words, _table(_IF_A_KEY)) and _each(value, _looks_like_a_key)

    def beside_in(self, mapping: Mapping[str, object]) -> dict[str, bool]:
        """Return the names of a mapping that hide a value because of the others.

        Among them are the values of a pair, `{"name": "password", "value": "x"}`, of a
        change of a document, `{"op": "add", "path": "/user/password", "value": "x"}`
        (RFC 6902), and of a secret of Kubernetes.
        """
        names = tuple(mapping)
        found = self.beside(names)
        by_words = _by_words(names)
        for words in _table(_VALUES_OF_PAIRS) & by_words.keys():
            key = by_words[words]
            if self._is_pair(mapping, by_words, mapping[key]):
                found[key] = False
        is_manifest = mapping.get("kind") == "Secret" and "apiVersion" in mapping
        if is_manifest and self.secret("secret"):
            found |= {"data": False, "stringData": False}
        return found

    def _hide_nothing(self, names: tuple[str, ...]) -> bool:
        has_pair = not _table(_VALUES_OF_PAIRS).isdisjoint(_by_words(names))
        if has_pair or self.beside(names):
            return False
        if not all(map(_PLAIN_NAME.fullmatch, names)):
            return False
        return not any(map(self.may_hide, names))

    def _is_pair(
        self, mapping: Mapping[str, object], by_words: Mapping[str, str], value: object
    ) -> bool:
        """Return whether another value of a mapping is a name that hides this one."""
        keys = _table(_NAMES_OF_PAIRS) & by_words.keys()
        names = [mapping[by_words[words]] for words in keys]
        path = mapping.get("path")
        if "op" in mapping and isinstance(path, str):
            names.append(re.split(r"[/.:]", path.removesuffix("/-"))[-1])
        return any(isinstance(name, str) and self.hides(name, value) for name in names)

    def _judge(self, name: str) -> bool:
        words = re.sub(r" \d+\b", "", words_of(name))
        declared = self._declared.get(words_of(name), self._declared.get(words))
        if declared is not None:
            return declared
        if any(f" {known} " in f" {words} " for known in self._added()):
            return True
        if words in _table(_PUBLIC) or not words:
            return False
        return _is_secret_by_table(words)

    def _added(self) -> list[str]:
        return [words for words, is_secret in self._declared.items() if is_secret]


def looks_like_a_token(value: object) -> bool:
    """Return whether a value, or each item of a list, looks like a random token.

    It is a text of 16 characters or more, with letters, digits and no blank.
    """
    return _each(value, lambda text: _TOKEN.fullmatch(text) is not None)


def _looks_like_a_key(text: str) -> bool:
    return len(text) >= SHORTEST and any(keys_in(text))


def _each(value: object, is_so: Callable[[str], bool]) -> bool:
    """Return whether a text, or each item of a list, is so."""
    if isinstance(value, list):
        return bool(value) and all(_each(item, is_so) for item in value)
    return isinstance(value, str) and is_so(value)


def _is_secret_by_table(words: str) -> bool:
    if words in _table(_AS_A_WHOLE) or _ends_in(words, _table(_AT_THE_END)):
        return True
    all_words = words.split()
    for start in range(len(all_words)):
        for end in range(start + 1, min(start + 5, len(all_words)) + 1):
            phrase = " ".join(all_words[start:end])
            if _is_secret_phrase(phrase) and not _is_about(
                phrase, all_words[:start], all_words[end:]
            ):
                return True
    return False


def _is_secret_phrase(phrase: str) -> bool:
    singular = phrase.removesuffix("s") if phrase.endswith(" keys") else phrase
    return singular in _table(_ANYWHERE) or _is_glued(phrase)


def _is_glued(word: str) -> bool:
    if " " in word or not word.endswith(_ENDINGS):
        return False
    ending = next(end for end in _ENDINGS if word.endswith(end))
    return word.removesuffix(ending) not in _table(_QUESTIONS)


def _is_about(phrase: str, before: list[str], after: list[str]) -> bool:
    if _table(_QUESTIONS) & {*before[:1], *before[-1:]}:
        return True
    if phrase == "token" and _table(_OF_TOKENS) & {*before[-1:]}:
        return True
    return bool(after) and after[-1] in _table(_ABOUT)


@lru_cache(maxsize=4096)
def _ends_in(words: str, endings: frozenset[str]) -> bool:
    return any(words == end or words.endswith(f" {end}") for end in endings)
