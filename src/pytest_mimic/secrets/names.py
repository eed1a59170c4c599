"""Which names are secret, in whatever spelling, alone or beside other names."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from functools import cache, lru_cache
from itertools import combinations, pairwise
from types import MappingProxyType
from typing import TypeAlias

from pytest_mimic.secrets.keys import SHORTEST, keys_in

HARD = "hard"
"""A name whose values are secrets, whatever they look like."""
SOFT = "soft"
"""A name of secrets, and of much else."""

EVERYDAY = "everyday"
"""A hard name that everyday data has, too: in an answer, plain words stay under it."""

WHOLE = "whole"
"""A name or a path that a line adds: all below it is secret, too."""

# Words of a name, separated by a blank; a name is secret that contains them.
ANYWHERE = {
    HARD: """
        password|passwords|passwd|pwd|passphrase|passcode|secret|secrets|root pass
        access token|refresh token|id token|bearer token|session token|security token
        api token|auth token|oauth token|bot token|app token|user token|device token
        dsn|connection string|webhook url|apikey|access key|access key id|account key
        api key|encryption key|private key|secret key|service key|service role key
        shared key|signing key|ssh key|subscription key|key material|concealed
        code verifier|client assertion|otp code|card pin|user pin|login hint token
        idtoken|id token hint|auth req id|software statement|dpop|d po p|oauth verifier
        saml request|saml response|samlrequest|samlresponse|sam lart|samlart|pgt id
        pgt iou|client data json|clientdatajson|authenticator data|attestation object
        mfa code|totp|totp code|two factor code|verification code|recovery code
        recovery codes|backup code|backup codes|g recaptcha response|h captcha response
        cf turnstile response|secret string|secret binary|secure string
        request verification token
        requirepass|masterauth|auth pass|key file pass
    """,
    SOFT: """
        token|jwt|bearer|auth|authorization|cookie|cookies|credential|credentials|csrf
        xsrf|csrftoken|csrfmiddlewaretoken|signature|licence key|license key
    """,
}
AT_THE_END = {HARD: "cvc|cvv|otp|psk", SOFT: "sig"}
AS_A_WHOLE = "pin"
GLUED = {
    HARD: """
        accesskey|apikey|passphrase|passwd|password|privatekey|secret|secretkey
        authtoken|apptoken|bottoken|devicetoken|oauthtoken|usertoken
        accesstoken|bearertoken|refreshtoken|sessiontoken|connectionstring
    """,
    SOFT: "csrftoken",
}
# Of the hard names, those that everyday data has, too.
_OF_EVERYDAY = """
    totp|otp|cvc|pin|account key|signing key|service key|security key|access key
"""
# Codes of which an answer may say that there are none.
_COUNTED = "recovery code|recovery codes|backup code|backup codes"
# A header, and a field of a query or a form, whose name ends in one of the first is
# secret if its value looks like a key; not where one of the others stands before it: of
# caches, sorting, routing of data, paging, syncing, resuming, locks and repeats, and
# what is public by its name.
ENDINGS_OF_KEYS = "key|token|secret|sign|signature|hmac"
NO_KEYS = """
    cache|surrogate|sort|sorting|order|partition|row|shard|routing|hash|range|start|end
    page|next|prev|previous|cursor|continuation|marker|sync|delta|resume|lock
    idempotency|request|retry|repeat|dedup|deduplication|lookup|object|index|group
    public|site|primary|foreign
"""
# A name that ends in these describes a secret.
ABOUT = """
    accepted|address|again code|algorithm|at|banner|by|changed|complexity|consent|cost
    count|created|date|decimal|decimals|decoder|description|dish|domain|enabled|encoder
    endpoint
    expiration|expires|expiry|field|fingerprint|format|header|hint|hints|host|id|ids|in
    info|issuer|jar|label|length|lifespan|lifetime|limit|method|methods|name|names|object
    options
    param|parameter|path|pattern|policy|port|provider|required|rotation|rule|rules|santa|santas
    scheme|scope|status|strength|supported|symbol|time|timeout|title|ttl|type|types|uri
    url|valid|version|visibility
"""
# A name in which these stand before a secret word asks about a secret.
QUESTIONS = """
    allow|allows|has|have|hide|is|needs|no|require|requires|show|support|supports
    use|uses|with
"""
# Tokens of paging, syncing, locks and repeats, of language models, their prices and of
# progress are no secrets.
OF_TOKENS = """
    bos|cls|continuation|cursor|eos|mask|next|pad|page|per|progress|resume|sep|special
    sub|unk|cache|idempotency|lock|repeat|retry|sync
"""
_PUBLIC = "accept cookies|accept signature|signature input|public key"
# Soft if the value is a text: an object or a number of this name is something else.
SESSIONS = """
    session|session id|sessionid|session key|sessid|jsessionid|phpsessid
    authentication info
"""
# Secret if the value looks like a token.
IF_A_TOKEN = "appid|assertion|hmac|sign|tokens|secret id"
# Secret if the value has the form of a known issuer.
IF_A_KEY = "key|keys|pat|value"
_BY_VALUE = f"{SESSIONS}|{IF_A_TOKEN}|{IF_A_KEY}|ticket|routing key"
# A name that says nothing, below one that says it all.
_SAYS_NOTHING = "value|values|data|code|raw|computed|secret|key"
_ENDINGS_OF_VARIABLES = "_KEY", "_PASS", "_PWD"
# Beside the name on the left, that on the right is secret if it looks like a token.
_TOKENS_BY_SIBLING = """
    state: code
    code: state
"""
# Beside the name on the left, those on the right are secret.
SECRET_BY_SIBLING = """
    grant type: code|device code|user code|assertion|ticket
    response type: state|nonce|code challenge|request
    verification uri: device code|user code
    rp: challenge
    rp id: challenge
    pub key cred params: challenge
    allow credentials: challenge
    http only: value
    key id: plaintext
    key name: value
    kty: k|d|p|q|dp|dq|qi|oth
    secondary key: primary key|secondary key
    secondary master key: primary master key|secondary master key
    user: pass
    username: pass
    login: pass
    email: pass
"""
# Beside the name on the left, those on the right are none: tokens of language models,
# groups that were counted, and codes of the post in India.
_NOT_SECRET_BY_SIBLING = """
    logprob: token
    doc count: key
    city: pin
    district: pin
    state: pin
    address: pin
"""
_NAMES_OF_PAIRS = """
    name|key|type|setting|variable|header|parameter key|parameter name|option name
"""
_VALUES_OF_PAIRS = "value|parameter value"
# What a store of secrets calls a secret.
_FIELDS_OF_STORES = "data|string data|payload|value"

# One with other signs may be an address, and below `properties` stand JSON schemas.
_PLAIN_NAME = r"(?!properties$|apiVersion$)\w+(?:[.-]\w+)*"
_TOKEN = r"(?=.*[A-Za-z])(?=.*\d)[!-~]{16,}"
_TICKET = r"(?:ST|PT|PGT|TGT)-[\w.-]+"
_ROUTING_KEY = "[0-9a-f]{32}"
# One word, words joined by hyphens, or a sentence.
_WORD = "[A-Z]?[a-z]{0,11}"
_PLAIN_WORDS = rf"{_WORD}(?:-{_WORD})*|\S+(?: \S+)+"
_KEY_OF_HEADER = r"(?=.*[A-Za-z])(?=.*\d)\S{16,}"
_KEY_OF_FIELD = r"(?=.*[A-Za-z])(?=.*\d)[\w-]{20,}"
_MIXED_KEY = r"(?=.*[a-z])(?=.*[A-Z])(?=.*\d)[\w+/=-]{20,}"
_UUID = r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
_MANY_CHANGES = 10
# What a line of `mimic_redact` may hold: a name, the mark of one text, a path, or, for
# itself, a pattern.
_LINE = r"!?[A-Za-z0-9_-]*[A-Za-z0-9][A-Za-z0-9_-]*|!sha256:[0-9a-f]{8}"
_PATH = r"[\w$-]+(\.([\w$-]+|\*))+"
_PATTERN = r"/(?P<pattern>.+?)/\s*(#.*)?"
# Below it, the body of a recorded request or answer names its form.
_BODY = r"body(\.(json|form|text|events\.\d+\.data|lines\.\d+))?"
_LONGEST = 200
"""Longer names are texts."""

BySiblings: TypeAlias = str
"""What a name is beside others: `HARD`, empty for none, `a token` if it is like one."""


@cache
def _table(text: str) -> frozenset[str]:
    return frozenset(part.strip() for part in re.split(r"[|\n]", text) if part.strip())


_CAPITALS = r"[A-Z][A-Z0-9]*(_[A-Z0-9]+)+"


def _compiled(pattern: str) -> re.Pattern[str]:
    try:
        compiled = re.compile(pattern)
    except re.error as error:
        raise ValueError(f"/{pattern}/ is not a pattern: {error}") from None
    if compiled.search(""):
        raise ValueError(f"/{pattern}/ matches an empty text, and would hide nothing")
    return compiled


def _pattern_of_path(path: str) -> str:
    first, *steps = path.split(".")
    found = [_BODY if first == "body" else re.escape(first)]
    found += ["[^.]+" if step == "*" else re.escape(step) for step in steps]
    return r"(?:.*\.)?" + r"\.".join(found)


@lru_cache(maxsize=4096)
def words_of(name: str) -> str:
    """Return the words of a name in lower case: of `X-Api-Key`, `x api key`."""
    split = re.sub(r"(?<=[a-z\d])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", name)
    return " ".join(re.findall(r"[^\W\d_]+|\d+", split.lower()))


@lru_cache(maxsize=1024)
def _by_words(names: tuple[str, ...]) -> Mapping[str, str]:
    return {words_of(name): name for name in names}


@lru_cache(maxsize=1024)
def _by_siblings(names: tuple[str, ...]) -> Mapping[str, BySiblings]:
    by_words = _by_words(names)
    found: dict[str, BySiblings] = {}
    for table, said in (
        (_TOKENS_BY_SIBLING, "a token"),
        (SECRET_BY_SIBLING, HARD),
        (_NOT_SECRET_BY_SIBLING, ""),
    ):
        for line in table.strip().split("\n"):
            other, _, others = line.partition(":")
            if other.strip() in by_words:
                for words in _table(others) & by_words.keys():
                    found[by_words[words]] = said
    return found


class SecretNames:
    """The secret names of a run.

    Args:
        lines: The lines of `mimic_redact`: `city, member  # as on cards`.

    Attributes:
        accepted: The marks of texts that look like keys and are none.
        patterns: They find in a text what the lines hide wherever it stands.
        path: Finds the paths at which the lines hide everything.
        hide_nothing: Whether none of some names can hide a value, whatever the value
            is. The mapping with these names then needs no closer look.

    Raises:
        ValueError: A part of a line is nothing that could hide anything.
    """

    def __init__(self, lines: Iterable[str] = ()) -> None:
        self._declared: dict[str, bool] = {}
        self.accepted: set[str] = set()
        self.patterns: list[re.Pattern[str]] = []
        paths = []
        for line in lines:
            pattern = re.fullmatch(_PATTERN, line.strip())
            if pattern is not None:
                self.patterns.append(_compiled(pattern["pattern"]))
                continue
            for part in filter(None, re.split(r"[\s,]+", line.partition("#")[0])):
                if re.fullmatch(_PATH, part):
                    paths.append(_pattern_of_path(part))
                else:
                    self._declare(part)
        self.path = re.compile("|".join(paths)) if paths else None
        self._strength: Callable[[str], str] = lru_cache(maxsize=4096)(self._judge)
        self.hide_nothing: Callable[[tuple[str, ...]], bool] = lru_cache(maxsize=1024)(
            self._hide_nothing
        )

    def _declare(self, part: str) -> None:
        """Note a name, or the mark of a text."""
        is_mark = part.startswith("!sha256:")
        if not re.fullmatch(_LINE, part):
            known = "! and a name, or !sha256: and eight digits"
            if not is_mark:
                known = "a name, a path or a /pattern/"
            raise ValueError(f"{part} is not {known}")
        if is_mark:
            self.accepted.add(part[1:])
        else:
            self._declared[words_of(part)] = not part.startswith("!")

    def secret(self, name: str) -> bool:
        """Return whether a name is secret whatever stands under it, hard or soft."""
        return bool(self._strength(name))

    def adds(self, name: str) -> bool:
        """Return whether a line of the project makes a name secret."""
        return self._declared.get(words_of(name)) is True

    def takes_out(self, name: str) -> bool:
        """Return whether a line of the project says that a name is not secret."""
        return self._declared.get(words_of(name)) is False

    def secret_variable(self, name: str) -> bool:
        """Return whether the value of an environment variable is secret."""
        is_key = name.upper().endswith(_ENDINGS_OF_VARIABLES)
        return self.secret(name) or (is_key and not self.takes_out(name))

    def is_sent_key(self, name: str, value: str, *, in_header: bool) -> bool:
        """Return whether a header or a field is a key by its ending and its look."""
        if not ends_as_key(name) or self.takes_out(name):
            return False
        return _looks_sent_as_key(value, in_header=in_header)

    def hides_path(self, path: str) -> bool:
        """Return whether a line hides what stands at a path: `body.json[0].email`."""
        if self.path is None:
            return False
        steps = re.sub(r"\[(\d+)\]", r".\1", path)
        return self.path.fullmatch(steps) is not None

    def by_siblings(self, names: Iterable[str]) -> dict[str, BySiblings]:
        """Return the names that are judged by the others beside them."""
        return dict(_by_siblings(tuple(names)))

    def may_hide(self, name: str) -> bool:
        """Return whether a name hides some values, alone."""
        return self.secret(name) or _ends_in(words_of(name), _table(_BY_VALUE))

    def strength(
        self,
        name: str,
        value: object,
        by_siblings: Mapping[str, BySiblings] = MappingProxyType({}),
    ) -> str:
        """Return how secret a value is under a name; an empty text if it is not.

        Args:
            name: The name.
            value: The value.
            by_siblings: What `by_siblings` gives of all names.
        """
        words = words_of(name)
        if len(name) > _LONGEST or self.takes_out(name):
            return ""
        said = None if words in self._declared else by_siblings.get(name)
        if said == "a token":
            return HARD if looks_like_a_token(value) else ""
        if said is not None:
            return said
        return self._strength(name) or _strength_by_value(words, value)

    def by_siblings_in(self, mapping: Mapping[str, object]) -> dict[str, BySiblings]:
        """Return the names of a mapping that are judged by what stands beside them.

        Among them are the values of a pair, `{"name": "password", "value": "x"}`, of a
        change of a document, `{"op": "add", "path": "/user/password", "value": "x"}`
        (RFC 6902), and what a store of secrets gives.
        """
        names = tuple(mapping)
        found = self.by_siblings(names)
        by_words = _by_words(names)
        for words in _table(_VALUES_OF_PAIRS) & by_words.keys():
            key = by_words[words]
            strength = self._strength_of_pair(mapping, by_words, mapping[key])
            if strength:
                found[key] = strength
        if _is_of_a_store(mapping) and self.secret("secret"):
            for words in _table(_FIELDS_OF_STORES) & by_words.keys():
                found[by_words[words]] = HARD
        return found

    def _hide_nothing(self, names: tuple[str, ...]) -> bool:
        asks_for_values = _table(f"{_VALUES_OF_PAIRS}|{_FIELDS_OF_STORES}")
        if not asks_for_values.isdisjoint(_by_words(names)) or self.by_siblings(names):
            return False
        if not all(map(re.compile(_PLAIN_NAME).fullmatch, names)):
            return False
        return not any(map(self.may_hide, names))

    def _strength_of_pair(
        self, mapping: Mapping[str, object], by_words: Mapping[str, str], value: object
    ) -> str:
        """Return how secret a value is by another value of its mapping: a name."""
        keys = _table(_NAMES_OF_PAIRS) & by_words.keys()
        names = [mapping[by_words[words]] for words in keys]
        path = mapping.get("path")
        if "op" in mapping and isinstance(path, str):
            names.append(re.split(r"[/.:]", path.removesuffix("/-"))[-1])
        found = {self.strength(name, value) for name in names if isinstance(name, str)}
        return next((one for one in (WHOLE, HARD, SOFT) if one in found), "")

    def _judge(self, name: str) -> str:
        if len(name) > _LONGEST:
            return ""
        words = re.sub(r" \d+\b", "", words_of(name))
        declared = self._declared.get(words_of(name), self._declared.get(words))
        if declared is not None:
            return WHOLE if declared else ""
        for known, is_secret in self._declared.items():
            if is_secret and f" {known} " in f" {words} ":
                return WHOLE
        return "" if words in _table(_PUBLIC) else _strength_by_table(words)


def _looks_sent_as_key(value: str, *, in_header: bool) -> bool:
    if in_header:
        return re.fullmatch(_KEY_OF_HEADER, value) is not None
    if re.fullmatch(_KEY_OF_FIELD, value, re.ASCII) is None:
        return False
    if value.isalnum():
        return True
    return not re.fullmatch(_UUID, value) and _changes(value) >= _MANY_CHANGES


def is_random_key(value: str) -> bool:
    """Return whether a text mixes small letters, capitals and digits as a key does."""
    return bool(re.fullmatch(_MIXED_KEY, value)) and _changes(value) >= _MANY_CHANGES


def _changes(value: str) -> int:
    """Count how often small letters, capitals and digits follow one another."""
    kinds = ["aA1"[one.isupper() + 2 * one.isdigit()] for one in value if one.isalnum()]
    return sum(one != other for one, other in pairwise(kinds))


def is_everyday(value: str) -> bool:
    """Return whether a value is what everyday data has under a hard name."""
    return re.fullmatch(_PLAIN_WORDS, value) is not None


def leaves_zero(name: str, strength: str) -> bool:
    """Return whether zero says under a name that there is no secret."""
    return strength == EVERYDAY or words_of(name) in _table(_COUNTED)


def own_or_below(name: str, value: object, own: str, above: str, others: str) -> str:
    """Return how secret a part is that stands below a secret name.

    Args:
        name: Its own name.
        value: The part.
        own: How secret its own name is.
        above: How secret the name above it is.
        others: How secret a part is whose name may be one that the user gave.
    """
    if WHOLE in (above, own):
        return WHOLE
    if own in (HARD, EVERYDAY):
        return own
    words = words_of(name)
    if words in _table(_SAYS_NOTHING) or re.fullmatch(_CAPITALS, name):
        return above
    if not own and _ends_in(words, _table(ABOUT)):
        return ""
    return SOFT if isinstance(value, (int, float)) else others


def _strength_by_value(words: str, value: object) -> str:
    if _ends_in(words, _table(SESSIONS)):
        return SOFT if isinstance(value, str) else ""
    is_secret = False
    if words == "ticket" and isinstance(value, str):
        is_secret = re.fullmatch(_TICKET, value) is not None
    elif words == "routing key" and isinstance(value, str):
        is_secret = re.fullmatch(_ROUTING_KEY, value) is not None
    elif words in _table(IF_A_TOKEN):
        is_secret = looks_like_a_token(value)
    elif _ends_in(words, _table(IF_A_KEY)):
        is_secret = _each(value, _looks_like_a_key)
    return HARD if is_secret else ""


def _is_of_a_store(mapping: Mapping[str, object]) -> bool:
    """Return whether a mapping is a secret, as a store of secrets shows it.

    Kubernetes tells its kind or type, HashiCorp Vault when its version was made, or a
    lease; of Azure and Google, the full name leads through `/secrets/`.
    """
    if mapping.get("kind") == "Secret" and "apiVersion" in mapping:
        return True
    type_, metadata, data = (mapping.get(key) for key in ("type", "metadata", "data"))
    if isinstance(type_, str) and isinstance(metadata, dict):
        return type_ == "Opaque" or type_.startswith("kubernetes.io/")
    if isinstance(data, dict) and "metadata" not in data:
        is_version = isinstance(metadata, dict) and "created_time" in metadata
        return is_version or "lease_id" in mapping
    full_names = (mapping.get("id"), mapping.get("name"))
    return any(isinstance(one, str) and "/secrets/" in one for one in full_names)


def looks_like_a_token(value: object) -> bool:
    """Return whether a value, or each item of a list, looks like a random token.

    It is a text of 16 characters or more, with letters, digits and no blank.
    """
    return _each(value, lambda text: re.fullmatch(_TOKEN, text) is not None)


def _looks_like_a_key(text: str) -> bool:
    return len(text) >= SHORTEST and any(keys_in(text))


def _each(value: object, is_so: Callable[[str], bool]) -> bool:
    """Return whether a text, or each item of a list, is so."""
    if isinstance(value, list):
        return bool(value) and all(_each(item, is_so) for item in value)
    return isinstance(value, str) and is_so(value)


def _strength_by_table(words: str) -> str:
    found = _hard_or_soft(words)
    is_of_everyday = found == HARD and _ends_in(words, _table(_OF_EVERYDAY))
    return EVERYDAY if is_of_everyday else found


def _hard_or_soft(words: str) -> str:
    if words == AS_A_WHOLE:
        return HARD
    parts = words.split()
    for strength in (HARD, SOFT):
        if _ends_in(words, _table(AT_THE_END[strength])):
            return strength
        for start, end in combinations(range(len(parts) + 1), 2):
            phrase = " ".join(parts[start:end])
            is_secret = _is_secret_phrase(phrase, strength)
            if is_secret and not _is_about(phrase, parts[:start], parts[end:]):
                return strength
    return ""


def _is_secret_phrase(phrase: str, strength: str) -> bool:
    singular = phrase.removesuffix("s") if phrase.endswith(" keys") else phrase
    if singular in _table(ANYWHERE[strength]):
        return True
    endings = filter(phrase.endswith, _table(GLUED[strength]))
    asked = [phrase.removesuffix(ending) for ending in endings]
    return " " not in phrase and bool(asked) and _table(QUESTIONS).isdisjoint(asked)


def _is_about(phrase: str, before: list[str], after: list[str]) -> bool:
    if _table(QUESTIONS) & {*before[:1], *before[-1:]}:
        return True
    if phrase == "token" and _table(OF_TOKENS) & {*before[-1:]}:
        return True
    return bool(after) and after[-1] in _table(ABOUT)


@lru_cache(maxsize=4096)
def ends_as_key(name: str) -> bool:
    """Return whether a name ends as that of a key, and means one."""
    words = words_of(name)
    glued = words.replace(" ", "")
    endings = filter(glued.endswith, _table(ENDINGS_OF_KEYS))
    before = {glued.removesuffix(ending) for ending in endings}
    return bool(before) and _table(NO_KEYS).isdisjoint({*before, *words.split()})


@lru_cache(maxsize=4096)
def _ends_in(words: str, endings: frozenset[str]) -> bool:
    return any(words == end or words.endswith(f" {end}") for end in endings)
