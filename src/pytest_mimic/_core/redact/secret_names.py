"""Which names are secret: those of arguments, keys, headers, columns and parameters.

Which values in plain data have such a name, `secret_places` says.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import cache, lru_cache

from pytest_mimic._core.placeholders import is_placeholder
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
# Names that are secret beside others, in the same mapping, query or form: parameters of
# OAuth (RFC 6749, 7521, 7636, 8628, 9126), OpenID Connect and WebAuthn, and the private
# parts of a JSON Web Key (RFC 7518, 6).
_SECRET_BESIDE_OTHERS = (
    (
        ("grant_type", "grantType"),
        ("code", "devicecode", "assertion", "ticket", "usercode"),
    ),
    (
        ("response_type", "responseType"),
        ("state", "nonce", "codechallenge", "request"),
    ),
    (
        ("verification_uri", "verification_url", "verificationUri"),
        ("devicecode", "usercode"),
    ),
    (
        ("rp", "rpId", "pubKeyCredParams", "allowCredentials"),
        ("challenge",),
    ),
    (("user", "username", "login", "email"), ("pass",)),
    (("kty",), ("k", "d", "p", "q", "dp", "dq", "qi", "oth")),
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
#: The keys of a mapping of a name and a value, `{"name": "token", "value": "abc"}`, and
#: of a change of a document, `{"op": "add", "path": "/token", "value": "abc"}`.
#: AWS has `ParameterKey` in CloudFormation, `ParameterName` in RDS, and `OptionName` in
#: Elastic Beanstalk.
KEYS_OF_VALUE = frozenset(("value", "Value", "ParameterValue"))
KEYS_OF_NAME = (
    *("name", "key", "Name", "Key", "setting", "variable", "header"),
    *("ParameterKey", "ParameterName", "OptionName"),
)
#: A request of AWS that is a form has the parts of a pair as two fields of one place:
#: `Parameters.member.1.ParameterKey`. Such a form has this field, too.
KEY_OF_AWS_FORM = "Action"
#: The keys of a manifest of Kubernetes for a secret, whose values are secrets.
KEYS_OF_MANIFEST = frozenset(("data", "stringData"))
_KEYS_BESIDE_VALUE = frozenset((*KEYS_OF_NAME, "op"))
# The keys under which clients store lists whose items have names: the word of a command
# before an item may name it, and in rows the columns do.
_KEYS_OF_COMMANDS_AND_ROWS = frozenset(
    ("command", "commands", "columns", "rows", "chunks")
)
# All names beside which others are secret. Few mappings have any, so they are looked
# for first.
_NAMES_OF_COMPANY: set[str] = {"code"}
for _names, _hidden_names in _SECRET_BESIDE_OTHERS:
    _NAMES_OF_COMPANY.update(_names)
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
# How the name of each table is judged; others are always secret.
_JUDGEMENTS_OF_TABLES = {
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
        is_name = _NAME_IN_SETTING.fullmatch(name) and normalised(name)
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
        accepted: The marks of texts that look like keys and are none.
    """

    def __init__(self, names: Sequence[str] = (), *, defaults: bool = True) -> None:
        self._names: dict[str, str] = {}
        if defaults:
            self._names.update(_default_names())
        self.accepted: set[str] = set()
        for name in names:
            if _ACCEPTED_MARK.fullmatch(name):
                self.accepted.add(name.removeprefix("!"))
            elif name.startswith("!"):
                self._names[normalised(name)] = "public"
            else:
                self._names[normalised(name)] = "any"
        # A mapping with a million different keys must not fill the memory.
        self._judge = lru_cache(maxsize=10_000)(self._judged)
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
        answer = "never"
        if isinstance(name, str) and len(name) <= _LONGEST_NAME:
            answer = self._judge(name)
        if answer == "never":
            # Under a name that is not secret, there may be a key of Google.
            if type(value) is not str or value[:4] != "AIza" or not self._names:
                return False
            return GOOGLE_KEY.fullmatch(value) is not None
        if answer == "look":
            return isinstance(value, str) and self._looks_secret(str(name), value)
        if answer == "always":
            return not is_empty(value)
        # The answer is `text`.
        return isinstance(value, (str, bytes)) and not is_empty(value)

    def judges_by_look(self, name: str) -> bool:
        """Check whether a text of this name is secret only if it looks like a token."""
        return len(name) <= _LONGEST_NAME and self._judge(name) == "look"

    def are_plain(self, keys: tuple[object, ...]) -> bool:
        """Check whether no value of a mapping with these keys is secret by its name.

        Nor is a value that stands deeper in the mapping, by these keys alone. A value
        may be secret by its look all the same.
        """
        return self._plain(keys)

    def _judged_as_plain(self, keys: tuple[object, ...]) -> bool:
        """Return what `are_plain` returns."""
        # In commands, rows, and pairs of a name and a value, names are no keys.
        if not _KEYS_OF_COMMANDS_AND_ROWS.isdisjoint(keys):
            return False
        has_value = not KEYS_OF_VALUE.isdisjoint(keys)
        if has_value and not _KEYS_BESIDE_VALUE.isdisjoint(keys):
            return False
        if KEY_OF_AWS_FORM in keys:
            return False
        may_be_manifest = "apiVersion" in keys or "metadata" in keys
        if may_be_manifest and not KEYS_OF_MANIFEST.isdisjoint(keys):
            return False
        secret_beside = self.names_secret_beside(keys)
        for key in keys:
            if not isinstance(key, str) or normalised(key) in secret_beside:
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
        for names_beside, hidden_names in _SECRET_BESIDE_OTHERS:
            if not set(names_beside).isdisjoint(names):
                secret_names.update(hidden_names)
        if "state" in names:
            secret_names.update(_NAMES_OF_REDIRECT)
        # The configuration may have removed some.
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
        plain_name = normalised(name)
        if not value or plain_name not in secret_beside:
            return False
        if of_login or plain_name not in _NAMES_OF_REDIRECT:
            return True
        return looks_like_token(value)

    @staticmethod
    def _looks_secret(name: str, value: str) -> bool:
        """Check whether the text under a name of `look` or `behind` is a token."""
        plain_name = normalised(name)
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

    def _judged(self, name: str) -> str:
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
        count = len(words)
        while count and words[count - 1].isdigit():
            count -= 1
        describes_a_secret = count > 0 and words[count - 1] in _LAST_WORDS_ABOUT
        # The length of the longest name in the tables that stands in this one, by the
        # answer of the table.
        lengths: dict[str, int] = dict.fromkeys(("never", "always", "text", "look"), 0)
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
                has_words_behind = end < count
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
                answer = _JUDGEMENTS_OF_TABLES.get(table, "always")
                lengths[answer] = max(lengths[answer], len(part))
        # Of two that are equally long, the answer decides that stands first above.
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
    """Return where each name of the tables stands, by its normal form."""
    names: dict[str, str] = {}
    for rule, names_of_rule in _NAMES_BY_RULE.items():
        names.update(dict.fromkeys(map(normalised, names_of_rule.split()), rule))
    return names


def is_of_login(names: Collection[object]) -> bool:
    """Check whether names are those of a request for a log-in."""
    return not _LOGIN_NAMES.isdisjoint(names)


def looks_like_token(value: str) -> bool:
    """Check whether a text looks like a token: no word, number or sentence."""
    return is_placeholder(value) or _LOOK_OF_TOKEN.fullmatch(value) is not None


def is_empty(value: object) -> bool:
    """Check whether a value cannot be secret: None, a boolean or an empty text."""
    if value is None or value is True or value is False:
        return True
    return isinstance(value, (str, bytes)) and not value


def normalised(name: str) -> str:
    """Return the form in which names are compared.

    `X-Api-Key`, `x_api_key` and `xApiKey` are the same.
    """
    return "".join(_words(name))


def _words(name: str) -> list[str]:
    """Return the words of a name: `["x", "api", "key"]` of `X-Api-Key`."""
    return [word.lower() for word in _WORD_OF_NAME.findall(name)]
