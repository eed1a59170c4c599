"""Which names are secret, and which values in plain data have one.

Names are those of arguments, keys, headers, columns and parameters. Requests are
redacted before they count in an identity: another verdict on a name makes recorded
calls with such a name miss.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import cache, lru_cache
from typing import Any, NamedTuple

from pytest_mimic._core.named_fields import NamedFields
from pytest_mimic._core.placeholders import PLACEHOLDER_START, is_placeholder
from pytest_mimic._core.words import pattern

# Where a name is secret, in whatever case, with `-` or `_`:
# - `any`: as whole words anywhere in a longer name (`openai_api_key`),
# - `last`: as the last words of one (`card_cvv`); `text`: so, but only a text is secret
# (an object is a thing),
# - `look`: alone, if the value is a text that looks like a token (`assertion`, `sign`),
# - `behind`: as the last words of a longer one, if the value looks like a key: of a
# service (`github_pat`), and not of a person called Pat,
# - `whole`: alone; in longer names it means something else (`map_pin`, `pin_code`),
# - `public`: not at all, though it contains a secret name: paging, the vocabulary of
# language models, the progress of a request of MCP, the names of what holds a token in
# a page of Spring or Rails, RFC 9421, a game.
_NAMES_BY_RULE = {
    "any": """
    password passwords passwd pwd passphrase passcode secret secrets client_secret
    secret_key secret_access_key token access_token access_tokens auth_token auth_tokens
    bearer_token id_token refresh_token refresh_tokens session_token security_token
    api_key api_keys api_token api_tokens x_api_key access_key access_key_id account_key
    encryption_key license_key licence_key private_key service_key service_role_key
    shared_key signing_key ssh_key subscription_key auth authorization
    proxy_authorization bearer attestation_object auth_req_id authenticator_data
    app_token backup_code backup_codes bot_token captcha_response card_pin
    cf_turnstile_response client_assertion client_data_json code_verifier
    connection_string cookie cookies credential credentials csrf csrf_token
    csrfmiddlewaretoken device_token dpop dsn g_recaptcha_response h_captcha_response
    id_token_hint jwt login_hint_token mfa_code oauth_token oauth_verifier otp_code
    pgt_id pgt_iou pgtid pgtiou recovery_code recovery_codes saml_art saml_request
    saml_response samlart samlrequest samlresponse set_cookie signature
    software_statement totp_code two_factor_code user_pin user_token verification_code
    webhook_url xsrf xsrf_token
    """,
    "last": "cvc cvv otp psk sig totp",
    "text": """
    session session_id sessid session_key jsessionid phpsessid authentication_info
    proxy_authentication_info
    """,
    "look": "assertion assertions hmac sign ticket tokens",
    "behind": "pat",
    "whole": "pin",
    "public": """
    accept_cookie accept_cookies accept_signature bos_token continuation_token cls_token
    csrf_header csrf_param csrf_parameter cursor_token end_token eos_token mask_token
    next_token pad_token page_token pagination_token per_token progress_token
    resume_token secret_santa secret_santas sep_token sig1 sig2 signature_agent
    signature_input special_token start_token stop_token sync_token unk_token
    with_credentials
    """,
}


class _SecretBeside(NamedFields):
    """Names that are secret beside others, in the same mapping, query or form.

    Attributes:
        company: Beside any of these names, as they are written,
        secret: these are secret, in their normal form (`normalised_name`).
    """

    company: tuple[str, ...]
    secret: tuple[str, ...]


_SECRET_BESIDE_OTHERS = (
    # OAuth (RFC 6749, 7521, 7636, 8628, 9126) and OpenID Connect
    _SecretBeside(
        company=("grant_type", "grantType"),
        secret=("code", "devicecode", "assertion", "ticket", "usercode"),
    ),
    _SecretBeside(
        company=("response_type", "responseType"),
        secret=("state", "nonce", "codechallenge", "request"),
    ),
    _SecretBeside(
        company=("verification_uri", "verification_url", "verificationUri"),
        secret=("devicecode", "usercode"),
    ),
    # WebAuthn
    _SecretBeside(
        company=("rp", "rpId", "pubKeyCredParams", "allowCredentials"),
        secret=("challenge",),
    ),
    # A form for a log-in. Elsewhere `pass` is a ticket, or a verb.
    _SecretBeside(company=("user", "username", "login", "email"), secret=("pass",)),
    # The private parts of a JSON Web Key (RFC 7518, 6).
    _SecretBeside(
        company=("kty",), secret=("k", "d", "p", "q", "dp", "dq", "qi", "oth")
    ),
)
# The names of a redirect back from a log-in, which are secret together, if both look
# like tokens: an address has a state, and a country a code.
_NAMES_OF_REDIRECT = ("code", "state")
_LOGIN_NAMES = frozenset(
    ("grant_type", "grantType", "response_type", "responseType", "redirect_uri")
)
# Secret names that a longer one may end in without a sign between: `dbpassword`.
_NAME_AT_END = pattern(
    "(?P<before>.+?)"
    "(?P<name>(?:access|api|private|secret)key|passphrase|passwd|password|secret)"
)
# The keys of a mapping of a name and a value, `{"name": "token", "value": "abc"}`, and
# of a change of a document, `{"op": "add", "path": "/token", "value": "abc"}`.
# AWS has `ParameterKey` in CloudFormation, `ParameterName` in RDS, and `OptionName` in
# Elastic Beanstalk.
_KEYS_OF_VALUE = frozenset(("value", "Value", "ParameterValue"))
_KEYS_OF_NAME = (
    *("name", "key", "Name", "Key", "setting", "variable", "header"),
    *("ParameterKey", "ParameterName", "OptionName"),
)
# A request of AWS that is a form has the parts of a pair as two fields of one place:
# `Parameters.member.1.ParameterKey`. Such a form has this field, too.
_KEY_OF_AWS_FORM = "Action"
# The keys of a manifest of Kubernetes for a secret, whose values are secrets.
_KEYS_OF_MANIFEST = frozenset(("data", "stringData"))
_NAME_OF_MANIFEST = "secret"
# The keys of mappings in which a value may have another name than its key.
_KEYS_OF_RENAMED = _KEYS_OF_VALUE | _KEYS_OF_MANIFEST | {_KEY_OF_AWS_FORM}
_KEYS_BESIDE_VALUE = frozenset((*_KEYS_OF_NAME, "op"))
# The keys under which clients store lists whose items have names: the word of a command
# before an item may name it, and in rows the columns do.
_KEYS_OF_COMMANDS_AND_ROWS = frozenset(
    ("command", "commands", "columns", "rows", "chunks")
)
# All names beside which others are secret. Few mappings have any, so they are looked
# for first. A `code` is in a redirect back from a log-in.
_NAMES_OF_COMPANY: set[str] = {"code"}
for _row in _SECRET_BESIDE_OTHERS:
    _NAMES_OF_COMPANY.update(_row.company)
# A text that looks like a token: long, with letters and digits, and without blanks.
_LOOK_OF_TOKEN = pattern(r"(?=[^0-9]*[0-9])(?=[^A-Za-z]*[A-Za-z])[\w.~+/%-]{16,}={0,2}")
# What looks like the key of a service, and not like a pattern, a path or the name of a
# file: a dozen characters stand together somewhere.
_LOOK_OF_KEY = pattern(
    r"(?=[^0-9]*[0-9])(?=[^A-Za-z]*[A-Za-z])(?=.*[A-Za-z0-9]{12})[\w-]{20,}={0,2}"
)
# A ticket of CAS (its protocol, 3.7); another ticket is one of a train.
_CAS_TICKET = pattern(r"(?:ST|PT|PGT|PGTIOU|TGT)-[\w.-]{16,}")
#: What looks like a JSON Web Token (RFC 7519).
JWT = pattern(r"(?<![\w-])eyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]{16,}(?![\w-])")
# The verdict on a name of each table, as `_verdict_on` returns it. Names of the other
# tables are always secret.
_VERDICTS_OF_TABLES = {
    "public": "never",
    "text": "text",
    "look": "look",
    "behind": "look",
}
# A name with one of these as its last word describes a secret without holding it
# (`token_count`).
_LAST_WORDS_ABOUT = frozenset(
    """
    accepted address age alg algorithm allowed amount at backend balance banner budget
    changed class client complexity consent cost count counts created decimals
    description dir disabled dish dishes domain enabled endpoint error errors expiration
    expired expires expiry field fields file filename flow for format hint hints holder
    host httponly id ids in index ingredient ingredients issuer jar kind label len
    length level limit manager max method methods min missing mode name names notice
    option options owner path policy position preference preferences present price prob
    probs provider rate recipe recipes required requirement requirements rotation
    samesite scheme scope scopes secure server service setting settings size sizes
    status store strategy strength style supply supported symbol time title ttl type
    types updated uri url usage user username valid validator verified version
    """.split()
)
# A name that begins with one of these, or has one before the secret word, asks about a
# secret (`requires_auth`).
_WORDS_THAT_ASK = frozenset(
    "allow allowed allows has is needs require required requires supports".split()
)
# Words before a secret name without a sign between, after which the whole is none:
# `showpassword`, `topsecret`.
_WORDS_BEFORE_NO_SECRET = _WORDS_THAT_ASK | set(
    "change enable forgot hide max min no non not public reset show top use".split()
)
#: Google's keys, which are sent under the name `key`.
GOOGLE_KEY = pattern(r"(?<![\w-])AIza[\w-]{35}(?![\w-])")

# A name in `mimic_redact`, perhaps one to remove: `session_key`, `!token`.
_NAME_IN_SETTING = pattern(r"!?[\w.-]+")
# The mark in `mimic_redact` of a text that looks like a key and is none.
_ACCEPTED_MARK = pattern(r"!sha256:[0-9a-f]{8}")
_WORD_OF_NAME = pattern(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+|[^\W\d_]+")
# A name in a path, which is no index. SCIM puts the schema before it (RFC 7644, 3.10):
# `urn:ietf:params:scim:schemas:core:2.0:User:password`.
_NAME_IN_PATH = pattern(r"(?:^|(?<=[/.:]))(?=[\w -]*[A-Za-z_])[\w -]+")
# A variable of GraphQL where it is passed to an argument: `password: $p`.
_VARIABLE_AS_ARGUMENT = pattern(
    r"(?<![\w$])([A-Za-z_]\w{0,200})\s{0,20}:\s{0,20}\$(\w{1,200})"
)
# A flag in a list of arguments: `--token`.
_FLAG_WITH_NAME = pattern(r"--?([A-Za-z][\w-]{0,200})")
# A longer key of a mapping is a text, and no name.
_LONGEST_NAME = 200


def read_names(line: str) -> list[str]:
    """Read the names in one line of `mimic_redact`. Names to remove keep their `!`.

    Raises:
        ValueError: A name can match nothing.
    """
    text, _, _ = line.partition("#")
    names = text.replace(",", " ").split()
    for name in names:
        is_name = _NAME_IN_SETTING.fullmatch(name) and normalised_name(name)
        if not is_name and not _ACCEPTED_MARK.fullmatch(name):
            allowed_form = "in letters, digits, - _ and .; or !sha256: and eight digits"
            raise ValueError(f"{name} is not a name, write it {allowed_form}")
    return names


class SecretNames:
    """The secret names of a run: those in the tables above, and in `mimic_redact`.

    Args:
        names: What `read_names` returns. The last word on a name wins.
        defaults: Whether the names of the tables are secret.

    Attributes:
        accepted: The marks of texts that look like keys and are none, of which a
            recording run and `check` do not warn (`texts_like_keys.py`).
    """

    def __init__(self, names: Sequence[str] = (), *, defaults: bool = True) -> None:
        # The table that each name is in, by the normal form of the name. Names of
        # `mimic_redact` are in the tables `any` and, if removed, `public`.
        self._names: dict[str, str] = {}
        if defaults:
            self._names.update(_default_names())
        self.accepted: set[str] = set()
        # `!sha256:1a2b3c4d` accepts a text, `!token` removes a name, `token` adds one.
        for name in names:
            if _ACCEPTED_MARK.fullmatch(name):
                self.accepted.add(name.removeprefix("!"))
            elif name.startswith("!"):
                self._names[normalised_name(name)] = "public"
            else:
                self._names[normalised_name(name)] = "any"
        # A mapping with a million different keys must not fill the memory.
        self._judge = lru_cache(maxsize=10_000)(self._verdict_on)
        self._plain = lru_cache(maxsize=10_000)(self._judged_as_plain)

    def secret(self, name: object) -> bool:
        """Check whether all values of this name are secret.

        The name is that of an argument, a key, an attribute, a header or a parameter.
        """
        return self.hides(name, 0)

    def hides(self, name: object, value: object) -> bool:
        """Check whether a value is secret because of its name, or because of its look.

        Some names are secret only if the value is a text.
        """
        if isinstance(name, bytes):
            name = name.decode("latin-1")
        verdict = "never"
        if isinstance(name, str) and len(name) <= _LONGEST_NAME:
            verdict = self._judge(name)
        if verdict == "never":
            # Under a name that is not secret, there may be a key of Google.
            if type(value) is not str or value[:4] != "AIza" or not self._names:
                return False
            return GOOGLE_KEY.fullmatch(value) is not None
        if verdict == "look":
            return isinstance(value, str) and self._looks_secret(str(name), value)
        if verdict == "always":
            return not is_empty(value)
        # The verdict is `text`.
        return isinstance(value, (str, bytes)) and not is_empty(value)

    def judges_by_look(self, name: str) -> bool:
        """Check whether a text of this name is secret only if it looks like a token.

        Columns of SQL and keys of Redis ask this: of those, each value is looked at.
        """
        return len(name) <= _LONGEST_NAME and self._judge(name) == "look"

    def are_plain(self, keys: tuple[object, ...]) -> bool:
        """Check whether no value of a mapping with these keys is secret by its name.

        By these keys, no value deeper in the mapping is secret either. A value may be
        secret by its look all the same. `nothing_to_hide.py` asks this: after a wrong
        True, `check` would pass over a secret, and a list would show it.
        """
        return self._plain(keys)

    def _judged_as_plain(self, keys: tuple[object, ...]) -> bool:
        """Return what `are_plain` returns, which keeps it for the next such mapping."""
        # Commands, rows, and pairs of a name and a value have secret names that are no
        # keys, so that the keys alone do not tell.
        if not _KEYS_OF_COMMANDS_AND_ROWS.isdisjoint(keys):
            return False
        has_value = not _KEYS_OF_VALUE.isdisjoint(keys)
        if has_value and not _KEYS_BESIDE_VALUE.isdisjoint(keys):
            return False
        if _KEY_OF_AWS_FORM in keys:
            return False
        # The data in a manifest of Kubernetes may be that of a `Secret`.
        may_be_manifest = "apiVersion" in keys or "metadata" in keys
        if may_be_manifest and not _KEYS_OF_MANIFEST.isdisjoint(keys):
            return False
        secret_beside = self.names_secret_beside(keys)
        for key in keys:
            # Below a key that may be secret by any rule, the value has to be looked at.
            if not isinstance(key, str) or normalised_name(key) in secret_beside:
                return False
            if len(key) <= _LONGEST_NAME and self._judge(key) != "never":
                return False
        return True

    def names_secret_beside(self, names: Collection[object]) -> frozenset[str]:
        """Return the names that are secret beside these names, in their normal form.

        Beside `grant_type`, these are `code`, `assertion` and more. Few names have any.
        """
        if _NAMES_OF_COMPANY.isdisjoint(names) or not self._names:
            return frozenset()
        secret_names: set[str] = set()
        for row in _SECRET_BESIDE_OTHERS:
            if not set(row.company).isdisjoint(names):
                secret_names.update(row.secret)
        if "state" in names:
            secret_names.update(_NAMES_OF_REDIRECT)
        # `mimic_redact` may have removed some: `!code`.
        for name in tuple(secret_names):
            if self._names.get(name) == "public":
                secret_names.remove(name)
        return frozenset(secret_names)

    def hides_beside(
        self,
        name: object,
        value: object,
        secret_beside: frozenset[str],
        *,
        of_login: bool,
    ) -> bool:
        """Check whether a value is secret because of the names beside it.

        The `code` and the `state` of a log-in are secret. Elsewhere they are if they
        look like tokens.

        Args:
            name: The name of the value.
            value: The value.
            secret_beside: What `names_secret_beside` returned for the names of the
                mapping.
            of_login: What `is_of_login` returned for them.
        """
        if not secret_beside or not isinstance(name, str) or not isinstance(value, str):
            return False
        plain_name = normalised_name(name)
        if not value or plain_name not in secret_beside:
            return False
        if of_login or plain_name not in _NAMES_OF_REDIRECT:
            return True
        return looks_like_token(value)

    @staticmethod
    def _looks_secret(name: str, value: str) -> bool:
        """Check whether the text under a name of `look` or `behind` is a token.

        A placeholder counts as one, as a replay has given it in place of a token.
        """
        plain_name = normalised_name(name)
        if plain_name == "ticket":
            return is_placeholder(value) or _CAS_TICKET.fullmatch(value) is not None
        if plain_name.rstrip("0123456789").endswith("pat"):
            return is_placeholder(value) or _LOOK_OF_KEY.fullmatch(value) is not None
        return looks_like_token(value)

    def secret_flag(self, item: object) -> bool:
        """Check whether an item is a command-line option with a secret name.

        The value of such an option is the next item.
        """
        if not isinstance(item, str):
            return False
        flag = _FLAG_WITH_NAME.fullmatch(item)
        return flag is not None and self.secret(flag[1])

    def _verdict_on(self, name: str) -> str:
        """Return whether a name is secret: `never`, `always`, or by its value.

        The longest secret name that it contains as whole words is compared with the
        longest public one:

            max_token_count    `token`, but its last word is about a secret    never
            next_page_token    `token` against `page_token`                    never
            openai_api_key     `api_key`                                       always
        """
        words = _words(name)
        if len(words) == 1 and self._table_of(words[0]) is None:
            # Most names are so, and are judged fast.
            return "never"
        # The number of the words without digits at the end: `token_count_1` is a count.
        word_count = len(words)
        while word_count and words[word_count - 1].isdigit():
            word_count -= 1
        describes_a_secret = (
            word_count > 0 and words[word_count - 1] in _LAST_WORDS_ABOUT
        )
        # By verdict: the length of the longest name of the tables with this verdict
        # that stands in the name.
        lengths: dict[str, int] = dict.fromkeys(("never", "always", "text", "look"), 0)
        # Each run of words in the name is looked up: of `next_page_token`, also
        # `page_token` and `token`.
        for start in range(len(words)):
            has_words_before = start > 0
            is_asked = has_words_before and not _WORDS_THAT_ASK.isdisjoint(
                (words[0], words[start - 1])
            )
            for end in range(start + 1, len(words) + 1):
                part = "".join(words[start:end])
                is_word = end == start + 1
                table = self._table_of(part) if is_word else self._names.get(part)
                if table is None:
                    continue
                # What follows are the rules of the tables (`_NAMES_BY_RULE`): where a
                # longer name around a name of the table means something else.
                has_words_behind = end < word_count
                if has_words_behind and describes_a_secret:
                    continue
                if has_words_behind and table not in ("any", "public"):
                    continue
                if has_words_before and table in ("whole", "look"):
                    continue
                if not has_words_before and table == "behind":
                    continue
                if is_asked and table != "public":
                    continue
                verdict = _VERDICTS_OF_TABLES.get(table, "always")
                lengths[verdict] = max(lengths[verdict], len(part))
        # Of two equally long names, the verdict wins that stands first in `lengths`:
        # the configuration can make a name public.
        return max(lengths, key=lengths.__getitem__)

    def _table_of(self, word: str) -> str | None:
        """Return the table that has a word of a name; None if none has it.

        The word may end in a secret name: `dbpassword`, but not `haspassword`.
        """
        table = self._names.get(word)
        if table is not None:
            return table
        match = _NAME_AT_END.fullmatch(word)
        if match is None or match["before"] in _WORDS_BEFORE_NO_SECRET:
            return None
        return self._names.get(match["name"])


@cache
def _default_names() -> dict[str, str]:
    """Return the table that each default name is in, by the name's normal form."""
    table_of_name: dict[str, str] = {}
    for table, names_of_table in _NAMES_BY_RULE.items():
        normal_names = map(normalised_name, names_of_table.split())
        table_of_name.update(dict.fromkeys(normal_names, table))
    return table_of_name


def is_of_login(names: Collection[object]) -> bool:
    """Check whether names are those of a request for a log-in, by OAuth or OpenID.

    In such a request, a `code` is secret however it looks.
    """
    return not _LOGIN_NAMES.isdisjoint(names)


def looks_like_token(value: str) -> bool:
    """Check whether a text looks like a token: no word, number or sentence."""
    return is_placeholder(value) or _LOOK_OF_TOKEN.fullmatch(value) is not None


def is_empty(value: object) -> bool:
    """Check whether a value cannot be secret: None, a boolean or an empty text."""
    if value is None or value is True or value is False:
        return True
    return isinstance(value, (str, bytes)) and not value


def normalised_name(name: str) -> str:
    """Return the form in which names are compared.

    `X-Api-Key`, `x_api_key` and `xApiKey` are the same.
    """
    return "".join(_words(name))


def _words(name: str) -> list[str]:
    """Return the words of a name: `["x", "api", "key"]` of `X-Api-Key`."""
    return [word.lower() for word in _WORD_OF_NAME.findall(name)]


class Place(NamedTuple):
    """A place in plain data, `box[key]`: the value there, and its name.

    `PathPlace` of `_core/files/places.py` is another thing, the place of a file.

    `places` yields them. Who hides a secret writes what stands for it to `box[key]`.

    Attributes:
        name: The name of the value there, if it has one. The placeholder of an issued
            secret is made from it.
        is_secret: Whether the name of the value, or that of a part around it, hides it.
        in_list: Whether the box is a list.
        hiding_name: The name that hides the value, which may be that of a part around
            it. `mimic_redact = !hiding_name` would keep the value.
    """

    box: Any
    key: Any
    value: Any
    name: object = None
    is_secret: bool = False
    in_list: bool = False
    hiding_name: object = None


def places(
    root: dict[str, Any], secret_names: SecretNames, *, stored: bool = False
) -> Iterator[Place]:
    """Yield the places of the values in a mapping, in the order of its JSON text.

    Other data is given in a mapping: `{"": [1, 2]}`.

    The loop that is given a place may replace the value there, `box[key] = …`. What
    replaces it is walked instead.

    Copies take the places of the mappings and lists in the root, so that those it had
    stay as they are.

    A value has the name of its key, of the first item of its pair in a list, of the
    `name` or `setting` beside it (`{"name": "token", "value": …}`), or of the flag
    before it (`--token`). A variable of GraphQL has that of its argument, too. With
    `stored`, the data is what clients store: in a command of Redis each word may be the
    name of the next one, and in rows the columns are names.
    """
    # Both are filled where the mapping around is walked, and read when its part is. The
    # ids stay true, as the root keeps all its parts.
    # By the id of a list: the names of its items.
    names_of_lists: dict[int, Sequence[object]] = {}
    # By the id of the mapping of GraphQL's variables, then by the variable: the names
    # of the arguments that the variable is passed to.
    arguments_of_variables: dict[int, dict[str, list[str]]] = {}
    pending = [Place({"": root}, "", root)]
    while pending:
        place = pending.pop()
        if place.value is not root:
            yield place
        # The caller may have replaced the value at the place that it was given.
        container = place.box[place.key]
        if isinstance(container, dict):
            if container is not root:
                container = place.box[place.key] = container.copy()
            if stored:
                names_of_lists.update(_names_of_lists(container))
            if "variables" in container:
                # The container is a body of GraphQL.
                variables_id = id(container["variables"])
                arguments_of_variables[variables_id] = _arguments_of_variables(
                    container.get("query")
                )
            arguments = arguments_of_variables.get(id(place.value), {})
            inner_places = _places_in_mapping(container, place, secret_names, arguments)
        elif isinstance(container, list):
            container = place.box[place.key] = container.copy()
            names_of_items = names_of_lists.get(id(place.value), ())
            inner_places = _places_in_list(
                container, place, secret_names, names_of_items
            )
        else:
            continue
        pending.extend(reversed(inner_places))


def _places_in_mapping(
    mapping: dict[Any, Any],
    place_of_mapping: Place,
    secret_names: SecretNames,
    arguments: Mapping[str, Sequence[str]],
) -> list[Place]:
    """Return the values of a mapping, which stands at a place.

    Args:
        mapping: The mapping.
        place_of_mapping: Where the mapping stands.
        secret_names: Which names are secret.
        arguments: The names of the arguments that each variable of GraphQL is passed
            to, if the mapping holds variables. One secret name hides the variable.
    """
    secret_beside = secret_names.names_secret_beside(mapping)
    of_login = is_of_login(mapping)
    places_of_values = []
    for key, (name, value) in zip(mapping, named_values_of(mapping), strict=True):
        is_secret = secret_names.hides(name, value)
        if not is_secret:
            # `$p` is secret if it is passed to `password: $p`.
            for argument in arguments.get(key, ()):
                name = argument
                is_secret = secret_names.hides(argument, value)
                if is_secret:
                    break
        if not is_secret and secret_beside:
            # `code` is secret beside `grant_type`.
            is_secret = secret_names.hides_beside(
                name, value, secret_beside, of_login=of_login
            )
        hiding_name = name
        # All in a mapping under a secret name is secret: `credentials: {"user": …}`.
        # The name around it is the one that `mimic_redact` has to remove to keep it.
        if not is_secret and place_of_mapping.is_secret:
            is_secret = not is_empty(value)
            hiding_name = place_of_mapping.hiding_name
        places_of_values.append(
            Place(mapping, key, value, name, is_secret, False, hiding_name)
        )
    return places_of_values


def _arguments_of_variables(query: object) -> dict[str, list[str]]:
    """Return the arguments of a query of GraphQL that each variable is passed to.

    `{"p": ["password"]}` of `mutation($p: String!) { login(password: $p) { id } }`.
    """
    if not isinstance(query, str):
        return {}
    arguments: dict[str, list[str]] = {}
    for name, variable in _VARIABLE_AS_ARGUMENT.findall(query):
        arguments.setdefault(variable, []).append(name)
    return arguments


def _places_in_list(
    items: list[Any],
    place_of_list: Place,
    secret_names: SecretNames,
    names_of_items: Sequence[object],
) -> list[Place]:
    """Return the items of a list, which stands at a place."""
    # In a list of pairs, such as headers, the first item names the second one.
    is_pair = place_of_list.in_list and len(items) == 2 and isinstance(items[0], str)
    if is_pair and not names_of_items:
        names_of_items = (None, items[0])
    places_of_items = []
    for index, item in enumerate(items):
        name: object = None
        if index < len(names_of_items):
            name = names_of_items[index]
        if name is None and place_of_list.name == "tokens":
            # A list of tokens may be of log-ins. Tokens of a language model do not look
            # secret.
            name = place_of_list.name
        is_secret = secret_names.hides(name, item)
        hiding_name = name
        # All in a list under a secret name is secret: `passwords: ["abc"]`.
        if not is_secret and place_of_list.is_secret:
            is_secret = not is_empty(item)
            hiding_name = place_of_list.hiding_name
        # The word after a flag is its value: `["--token", "abc"]`.
        is_word = index > 0 and isinstance(item, str) and item[:1] != "-"
        if not is_secret and is_word and secret_names.secret_flag(items[index - 1]):
            is_secret = not is_empty(item)
            hiding_name = items[index - 1].lstrip("-")
        places_of_items.append(
            Place(items, index, item, name, is_secret, True, hiding_name)
        )
    return places_of_items


def named_values_of(mapping: Mapping[Any, Any]) -> Iterable[tuple[Any, Any]]:
    """Return the values of a mapping with the names that may hide them.

    The name of a value is its key. In a mapping of a name and a value, it is that name.
    A change of a document (RFC 6902, and RFC 7644, 3.5.2) names its value by a path.
    The data in a manifest of Kubernetes for a secret has the name `secret`.
    """
    # Few mappings have one of these keys.
    if _KEYS_OF_RENAMED.isdisjoint(mapping):
        return mapping.items()
    name_by_key = _names_by_key(mapping)
    return [(name_by_key.get(key, key), value) for key, value in mapping.items()]


def _names_by_key(mapping: Mapping[Any, Any]) -> dict[Any, str]:
    """Return the keys of a mapping whose values have another name, with that name."""
    if not _KEYS_OF_VALUE.isdisjoint(mapping):
        name = _name_of_value(mapping)
        return {} if name is None else dict.fromkeys(_KEYS_OF_VALUE, name)
    if _KEY_OF_AWS_FORM in mapping:
        return _names_in_aws_form(mapping)
    if _is_manifest_of_secret(mapping):
        return dict.fromkeys(_KEYS_OF_MANIFEST, _NAME_OF_MANIFEST)
    return {}


def _names_in_aws_form(form: Mapping[Any, Any]) -> dict[Any, str]:
    """Return the fields of a form of AWS that are the values of pairs, with names.

    Parameters.member.1.ParameterKey=DbPassword, Parameters.member.1.ParameterValue=abc
    →  {"Parameters.member.1.ParameterValue": "DbPassword"}
    """
    name_by_key = {}
    for key in form:
        prefix_of_pair, _, last_word = str(key).rpartition(".")
        if not prefix_of_pair or last_word not in _KEYS_OF_VALUE:
            continue
        for key_of_name in _KEYS_OF_NAME:
            name = form.get(f"{prefix_of_pair}.{key_of_name}")
            if isinstance(name, str):
                name_by_key[key] = name
    return name_by_key


def _is_manifest_of_secret(mapping: Mapping[Any, Any]) -> bool:
    """Check whether a mapping is a `Secret` of Kubernetes, or an item of a list."""
    if mapping.get("kind") == "Secret" and "apiVersion" in mapping:
        return True
    # The items of a list do not say their kind.
    type_of_secret = mapping.get("type")
    return (
        "metadata" in mapping
        and isinstance(type_of_secret, str)
        and (type_of_secret == "Opaque" or type_of_secret.startswith("kubernetes.io/"))
    )


def _name_of_value(mapping: Mapping[Any, Any]) -> str | None:
    """Return `token` of `{"name": "token", "value": "abc"}`, the name of the value.

    None: nothing beside the value names it, so that its key does. A change has the name
    in its path: `{"op": "add", "path": "/token", "value": "abc"}`.
    """
    if "op" in mapping:
        name_in_path = _last_name(mapping.get("path"))
        if name_in_path:
            return name_in_path
    for key in _KEYS_OF_NAME:
        name = mapping.get(key)
        if isinstance(name, str):
            return name
    return None


def _last_name(path: object) -> str:
    """Return the last name in the path of a change; empty if there is none.

    /users/1/tokens/-      tokens
    name.password          password
    /client%20secret       client secret
    """
    if not isinstance(path, str):
        return ""
    names = _NAME_IN_PATH.findall(path.replace("%20", " "))
    return names[-1] if names else ""


def _names_of_lists(mapping: dict[Any, Any]) -> Iterator[tuple[int, Sequence[object]]]:
    """Yield the ids of the lists whose items have names, in what clients store.

    Each comes with the names of its items.

    | stored | list | names of its items |
    |---|---|---|
    | `{"command": ["AUTH", "abc"]}` | the command | none, `AUTH`, `abc` |
    | `{"columns": [["id"], ["token"]], "rows": …}` | each row | `id`, `token` |

    A run hides commands and rows by the rules of their clients. So this is asked of
    recorded data alone: by `check`, by `rekey`, and where people are shown an outcome.
    """
    # A command of Redis, or several in one pipeline.
    commands = [mapping.get("command")]
    pipeline = mapping.get("commands")
    if type(pipeline) is list:
        commands += pipeline
    for words in commands:
        if type(words) is list:
            yield id(words), (None, *words)
    # The result of a SQL statement.
    columns = mapping.get("columns")
    rows = mapping.get("rows")
    if type(columns) is list and type(rows) is list:
        names_of_columns = [_name_of_stored_column(column) for column in columns]
        for row in rows:
            if type(row) is list:
                yield id(row), names_of_columns


def _name_of_stored_column(column: object) -> object:
    """Return the name of a stored column, which is a list that begins with it."""
    if type(column) is not list or not column:
        return None
    return column[0]


def holds_unhidden_text(plain: Any, secret_names: SecretNames) -> bool:
    """Check whether a client's stored data has an unhidden text under a secret name.

    It has one if the name was not secret when the call was recorded: `check` reports
    it, and `rekey` hides it. A text with a placeholder in it counts as hidden: `Bearer
    <redacted>`.
    """
    for place in places({"": plain}, secret_names, stored=True):
        is_text = type(place.value) is str
        if place.is_secret and is_text and PLACEHOLDER_START not in place.value:
            return True
    return False
