"""Hides secrets in plain data and in texts, and decides what stands in their place.

A text may be a URL, a form, the value of a header, JSON, markup, GraphQL, or free text.
Its rest stays as it is. Where a secret of markup, a script or GraphQL stands,
`markup_and_scripts.py` says by patterns.

Requests count in identities as they are redacted: what is hidden here in more or fewer
places makes recorded calls miss.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from copy import copy
from html import unescape
from json import dumps
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote, unquote_plus

from pytest_mimic._core.placeholders import (
    NUMBER_START,
    PLACEHOLDER,
    PLACEHOLDER_START,
    decoded_placeholders,
    is_placeholder,
    plain_placeholders,
)
from pytest_mimic._core.redact.json_texts import (
    JSON_TOKEN,
    JSON_WORDS,
    mapping_with_doubles,
    parse_json_text,
    span_of_json,
)
from pytest_mimic._core.redact.markup_and_scripts import (
    ENDS_OF_SCRIPT,
    LINK_IN_MARKUP,
    MARKUP,
    SCRIPT_IN_LINK,
    patterns_of_literals,
    with_escaped_placeholders,
    without_cdata,
)
from pytest_mimic._core.redact.secret_names import (
    GOOGLE_KEY,
    JWT,
    Place,
    SecretNames,
    is_of_login,
    normalised_name,
    places,
)
from pytest_mimic._core.redact.secret_values import (
    Environment,
    bare_secret,
    hide_values,
)
from pytest_mimic._core.words import lazy_attribute, pattern

if TYPE_CHECKING:
    from pytest_mimic._core.redact.known_secrets import Issuer, KnownSecrets

# What stands for a secret number in place of `<redacted>`, by the type of the number:
# code that reads the data in a replay expects a number.
_ZERO_BY_TYPE: dict[type, object] = {int: 0, float: 0.0}
# Known secrets in any form, perhaps each with what stands for it, for `hide_values`.
SecretValues = Iterable[str] | Mapping[str, str]
_SCHEMES = r"(?:apikey|basic|bearer|digest|negotiate|token)"
# No pattern backtracks far: repetitions are bounded or cannot match what follows them,
# so that a long text which fits none takes time in proportion to its length.
_URL_IN_TEXT = pattern(r"(?<![A-Za-z0-9+.-])[A-Za-z][A-Za-z0-9+.-]{0,30}://[^\s\"'<>]+")
# The password in a URL, `https://ann:s3cr3t@…`.
_PASSWORD_IN_URL = pattern(
    r"^(?P<before>[A-Za-z][A-Za-z0-9+.-]*://[^/?#:]*:)(?P<secret>[^/?#]+)@"
)
# A user without a password is a token to HTTP servers, and a mere name to databases.
_LONE_USER_IN_URL = pattern(
    r"^(?P<before>https?://)(?P<secret>[^/?#:]*):?@", re.IGNORECASE
)
# A pair of a name and a value up to the value: `"name": "token", "value": `.
_PAIR_IN_FREE_TEXT = (
    r"""(?P<mark>\\*["'])"""
    r"""(?i:name|key|setting|variable|header|(?:parameter|option)(?:key|name))"""
    r"""(?P=mark)"""
    r"""\s{0,20}:\s{0,20}"""
    r"""(?P=mark)(?P<beside>[\w-]{1,200})(?P=mark)"""
    r"""\s{0,20},\s{0,20}(?P=mark)(?i:(?:parameter)?value)(?P=mark)\s{0,20}:\s{0,20}"""
)
# A name with the sign before its value: `token=`, `"token":`, `--token `. A blank alone
# is enough after a flag only.
_NAME_BEFORE_VALUE = (
    r"""(?<![\w-])(?P<flag>--?)?(?P<quote>(?:\\*["'])?)"""
    r"""(?P<name>[A-Za-z_][\w-]{0,200})(?P=quote)"""
    r"""(?:\s{0,20}[=:]\s{0,20}|(?(flag)\s{1,20}(?=[^\s-])|(?!)))"""
)
_NAME_IN_FREE_TEXT = pattern(f"{_PAIR_IN_FREE_TEXT}|{_NAME_BEFORE_VALUE}")
#: A text without such a sign is no data itself, and has no URL.
SIGN_OF_DATA = pattern(r"[{\[<=]|://")
# A value after a name: quoted, escaped and quoted as inside of a JSON text, in
# brackets, or bare, perhaps after `Bearer`.
_VALUE_IN_FREE_TEXT = pattern(
    r"""(?:None|null|[Tt]rue|[Ff]alse)\b"""
    r"""|(?P<bracket>[\[({])"""
    r"""|(?P<open>\\+["'])[^"'\\]*(?:\\+["'])?"""
    r"""|(?P<double>")(?:[^"\\]|\\.)*"?"""
    r"""|(?P<single>')(?:[^'\\]|\\.)*'?"""
    rf"""|(?i:{_SCHEMES}\s+)?(?!<redacted[:>]|&lt;redacted)"""
    r"""[^\s"',;&]*[^\s"',;&)\]}>]"""
)
# What filters of other tools write in place of a secret: `DUMMY`, `[REDACTED]`, `XXXX`.
_WORD_OF_OTHER_TOOL = pattern(
    r"[\[<{(]{0,2}"
    r"(?:redacted|dummy|filtered|scrubbed|sanitized|removed|masked|x{3,}|\*{3,})"
    r"(?:[_ -]\w{1,20}){0,3}[\]>})]{0,2}",
    re.IGNORECASE,
)
# What may stand under a secret name and hides nothing, so that it stays.
_VALUES_WITHOUT_SECRET = frozenset(
    {"", "None", "null", "True", "true", "False", "false", "[]", "()", "{}"}
)
# The brackets of a value in free text. One inside of quotes closes none.
_QUOTED_OR_BRACKET = pattern(r"""\"(?:[^"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'|[\[\](){}]""")
# A parameter in the path of a URL: `/cart;jsessionid=0A1B`.
_PATH_PARAMETER = pattern(r";(?P<name>[^;/?#=]+)=(?P<text>[^;/?#]+)")
#: A text that is a form as a whole.
FORM = pattern(r"[\w.\[\]%+-]+=[^&\s]*(?:&[\w.\[\]%+-]+=[^&\s]*)*")
# A text that is an address with a query or a fragment, perhaps without a scheme.
_WITH_QUERY = pattern(r"[^\s?#]*[?#]\S+")
# No and yes, as the query of a link writes them: `?auth=1` is no secret.
_FLAG_VALUES = frozenset({"0", "1"})
# The comma between cookies that were joined into one header. The one in `Expires=Wed,
# 09 Jun` is not followed by a name.
_NEXT_COOKIE = pattern(r",\s*(?=[^;,=\s]+=)")


class Redactor(SecretNames):
    """Knows which names are secret, and replaces their values.

    Args:
        names: Names to add to the default ones. `!name` removes one. The last word on a
            name wins.
        defaults: Whether the default names are secret. Without any name nothing is, not
            even a password in a URL.

    Attributes:
        issued: Values that servers sent under secret names in this run.
            `call_secrets.py` adds them, and hides them elsewhere as well.
        environment_variables: Those of the run, to be set before `environment` is used.
        known_secrets: The secrets that a test has sent and was issued. They give each
            issued one a placeholder of its own. Without them, `<redacted>` stands for
            every secret.
        issuer: The call whose answer is hidden. None: no answer is hidden.
        hides_by_look: Whether what looks like a JSON Web Token is hidden wherever it
            stands, as in requests.
        keeps_words_of_other_tools: Whether a word that another tool has written in
            place of a secret, such as `FILTERED`, stays in its place. It does in
            imported recordings, for which `import`, `check` and `rekey` set this.
    """

    environment_variables: Mapping[str, str] = os.environ
    known_secrets: KnownSecrets | None = None
    issuer: Issuer | None = None
    keeps_words_of_other_tools = False
    hides_by_look = False

    def __init__(self, names: Sequence[str] = (), *, defaults: bool = True) -> None:
        super().__init__(names, defaults=defaults)
        self._names_of_configuration = tuple(names)
        self._extended_by_names: dict[tuple[str, ...], Redactor] = {}
        self.issued: set[str] = set()

    @lazy_attribute
    def of_configuration(self) -> Redactor:
        """A redactor for the names of `mimic_redact` alone, without the default ones.

        `rekey` and `check` ask it what a change of `mimic_redact` would hide in data
        that was recorded under the default names.
        """
        return Redactor(self._names_of_configuration, defaults=False)

    @lazy_attribute
    def environment(self) -> Environment:
        """The values of environment variables with secret names, read at first use."""
        return Environment(self, self.environment_variables)

    def with_names(self, names: tuple[str, ...]) -> Redactor:
        """Return a redactor for which these names are secret, too.

        They are the secret names of one service, such as those of AWS. What
        `mimic_redact` says of a name wins.
        """
        if names not in self._extended_by_names:
            # The last word on a name wins, so those of the configuration come last.
            extended = Redactor((*names, *self._names_of_configuration))
            extended.environment_variables = self.environment_variables
            extended.issued = self.issued
            extended.known_secrets = self.known_secrets
            extended.issuer = self.issuer
            extended.hides_by_look = self.hides_by_look
            extended.keeps_words_of_other_tools = self.keeps_words_of_other_tools
            self._extended_by_names[names] = extended
        return self._extended_by_names[names]

    def by_look(self) -> Redactor:
        """Return a redactor that also hides JSON Web Tokens, by their look.

        Requests are hidden by it: the application may send a token under any name.
        """
        twin = copy(self)
        # Without any secret name, nothing is hidden at all.
        twin.hides_by_look = bool(self._names)
        # Redactors for more names are copies of the former one, and hide by its rules.
        twin._extended_by_names = {}
        return twin

    def knowing(
        self, known_secrets: KnownSecrets, issuer: Issuer | None = None
    ) -> Redactor:
        """Return a redactor of the same names that knows the secrets of a test.

        With an issuer, the redactor hides an answer, which issues the secrets that are
        new.
        """
        twin = copy(self)
        twin.known_secrets = known_secrets
        twin.issuer = issuer
        if issuer is not None:
            # The application may read the claims of a token that an answer shows.
            twin.hides_by_look = False
        twin._extended_by_names = {}
        return twin

    def stand_in(self, value: object, name: object = "") -> str:
        """Return the text that replaces a value under a secret name.

        | value | text |
        |---|---|
        | a word of another tool for a secret, if those stay | the word |
        | a secret that an answer of this test issues or has issued | its placeholder |
        | a placeholder that this test was issued | the placeholder |
        | a placeholder, without `known_secrets` | the placeholder |
        | any other value | `<redacted>` |

        Args:
            value: The value.
            name: The secret name, from which the placeholder of a new secret is made.
        """
        if self.keeps(value):
            return str(value)
        secret = bare_secret(str(value))
        if self.known_secrets is None:
            # The call of a function, for example, has no list of a test's secrets. So
            # one secret is not told from another, nor whose a placeholder is.
            placeholder = plain_placeholders(secret)
            if is_placeholder(placeholder):
                return placeholder
            return PLACEHOLDER
        # No service issues what the application has from its environment, such as an
        # API key: an answer that has the key repeats it.
        is_of_environment = secret in self.environment.forms
        cannot_be_issued = not secret or is_of_environment or is_placeholder(secret)
        if self.issuer is None or cannot_be_issued:
            return self.known_secrets.stand_in(value)
        return self.known_secrets.issue(
            self.issuer, str(name), secret, is_number=type(value) in _ZERO_BY_TYPE
        )

    def keeps(self, value: object) -> bool:
        """Check whether a value is a word of another tool for a secret, and stays.

        In an imported recording the secret itself is gone, as another tool has hidden
        it. `check` does not report such a word.
        """
        if not self.keeps_words_of_other_tools or not isinstance(value, str):
            return False
        return _WORD_OF_OTHER_TOOL.fullmatch(bare_secret(value)) is not None

    def number_for(
        self, value: float, name: object, hiding_name: object = None
    ) -> object:
        """Return the number that stands for a number under a secret name.

        Where the name of a part around the number hides it, that is the `hiding_name`.
        The summary of a recording run shows the name: the number may be no secret.
        """
        name_that_hides = hiding_name or name
        if self.issuer is not None and name_that_hides:
            self.issuer.names_of_numbers.add(str(name_that_hides))
        stand_in = self.stand_in(value, name)
        # Only a number that an answer has issued has a number as its placeholder.
        if not stand_in.startswith(NUMBER_START):
            return _ZERO_BY_TYPE[type(value)]
        return type(value)(stand_in)

    def _stand_in_of(self, place: Place, *, keep_types: bool) -> object:
        """Return what stands for any value under a secret name, for `scrub`.

        With `keep_types`, it is a number for a number.
        """
        if isinstance(place.value, (int, float)):
            number = self.number_for(place.value, place.name, place.hiding_name)
            # A 0 stands for each number that nobody issued: `<redacted>` says more,
            # where no code reads a number.
            if keep_types or number:
                return number
            return PLACEHOLDER
        return self.stand_in(place.value, place.name)

    def scrub(
        self,
        plain: object,
        *,
        keep_types: bool = False,
        stored: bool = False,
        values: SecretValues = (),
    ) -> Any:
        """Return a copy of plain data in which the values of secret names are replaced.

        None, booleans and empty texts stay. Strings that are data themselves, such as
        JSON or a URL, lose the secrets in them as well.

        Args:
            plain: The data.
            keep_types: Each secret is replaced by a value of its type, a number by 0,
                so that code which reads the data finds what it expects. Mappings and
                lists keep their shape.
            stored: As for `places`.
            values: Known secrets, which are replaced in all texts.
        """
        root = {"": plain}
        for place in places(root, self, stored=stored):
            value = place.value
            is_container = isinstance(value, (dict, list))
            # A container that keeps its shape loses the values inside of it, which
            # have secret places of their own.
            if place.is_secret and not (is_container and keep_types):
                is_text = type(value) is str
                if is_text and self.has_only_hidden_cookies(place.name, value):
                    # The names of the cookies stay, as `scrub_header` has left them.
                    continue
                stand_in = self._stand_in_of(place, keep_types=keep_types)
                place.box[place.key] = stand_in
            elif isinstance(value, str):
                # The name is harmless, and secrets may lie inside of the text.
                text = value
                if SIGN_OF_DATA.search(text):
                    text = self.scrub_data(text)
                if values:
                    text = hide_values(text, values)
                place.box[place.key] = self.settled(text)
        return root[""]

    def settled(self, text: str) -> str:
        """Return a text as it is stored, after its secrets were replaced.

        JSON Web Tokens are replaced, if those are hidden by their look. `<redacted>`
        stands in place of the placeholders of other tests. A placeholder that the
        application has encoded in a request is the placeholder itself.
        """
        if self.hides_by_look and "eyJ" in text:
            text = JWT.sub(self._stand_in_by_look, text)
        if self.known_secrets is None:
            return text
        # Without an issuer, the text is of a request: its placeholders came from an
        # answer, perhaps encoded as in a URL.
        if self.issuer is None:
            text = decoded_placeholders(text)
        if f"{PLACEHOLDER_START}:" not in text:
            return text
        return self.known_secrets.settled(text)

    def _stand_in_by_look(self, token_match: re.Match[str]) -> str:
        """Return what stands for a JSON Web Token, which no secret name hides."""
        if self.known_secrets is None:
            return PLACEHOLDER
        return self.known_secrets.stand_in_by_look(token_match[0])

    # -- texts

    def scrub_json(self, text: str) -> str:
        """Return a JSON text without its secrets, in the layout that it had.

        Texts inside of it are scrubbed as well, if they are JSON. Any other text is
        returned as it is.
        """
        scrubbed = self._scrubbed_json(text, self.scrub_json)
        if scrubbed is None:
            return text
        return scrubbed

    def scrub_cell(self, text: str) -> str:
        """Return a value of a database without the secrets in its JSON and its URLs.

        A column or parameter of SQL and a word or reply of Redis are such values.
        """
        return self.scrub_urls(self.scrub_json(text))

    def scrub_data(self, text: str) -> str:
        """Return a text without its secrets if it is data as a whole.

        Data is JSON, markup, GraphQL, a form or a URL. Any other text loses the secrets
        in its URLs only.
        """
        scrubbed_json = self._scrubbed_json(text, self.scrub_data)
        if scrubbed_json is not None:
            return scrubbed_json
        literals = patterns_of_literals(text)
        if literals:
            hidden_text = text
            for literal in literals:
                hidden_text = literal.sub(self._hide_literal, hidden_text)
            hidden_text = LINK_IN_MARKUP.sub(self._hide_in_link, hidden_text)
            hidden_text = self.scrub_urls(hidden_text)
            if hidden_text == text:
                # A description may have placeholders that are not escaped. A text
                # without secrets stays as it is, with these.
                return text
            return with_escaped_placeholders(hidden_text)
        if "=" in text:
            if FORM.fullmatch(text):
                return self.scrub_form(text)
            # A link such as `/cart?token=abc` has no scheme.
            if _WITH_QUERY.fullmatch(text):
                return self.scrub_url(text)
        return self.scrub_urls(text)

    def literals(self, text: str) -> Iterator[tuple[str, str]]:
        """Yield the secrets under their names in markup, GraphQL or a script.

        `call_secrets.py` learns them, to hide them in the whole call. Each comes with
        its name. Any other text has none.
        """
        for literal in patterns_of_literals(text):
            for literal_match in literal.finditer(text):
                value = without_cdata(literal_match["text"])
                if self.hides(literal_match["name"], value):
                    yield literal_match["name"], value

    def literals_in_path(self, path: str) -> Iterator[tuple[str, str]]:
        """Yield the secrets in the parameters of a path, each with its name.

        The client's call learns them, to hide them wherever they stand in it.
        """
        for parameter in _PATH_PARAMETER.finditer(path):
            if self.hides(parameter["name"], parameter["text"]):
                yield parameter["name"], parameter["text"]

    def _hide_literal(self, literal_match: re.Match[str]) -> str:
        """Return a name with its value in markup, GraphQL or a script, redacted.

        The pattern has groups `name` and `text`; what it matches besides stays. So does
        a value whose name is not secret.
        """
        value = literal_match["text"]
        if not self.hides(literal_match["name"], value):
            return literal_match[0]
        secret = unescape(without_cdata(value))
        stand_in = self.stand_in(secret, literal_match["name"])
        start = literal_match.start()
        before = literal_match[0][: literal_match.start("text") - start]
        after = literal_match[0][literal_match.end("text") - start :]
        return f"{before}{stand_in}{after}"

    def literals_in_links(self, text: str) -> Iterator[tuple[str, str]]:
        """Yield the secrets in the queries of URLs, and of the links of markup.

        `call_secrets.py` learns them, to hide them in the whole call. Each comes with
        its name.
        """
        urls = []
        if "://" in text:
            urls = [url_match[0] for url_match in _URL_IN_TEXT.finditer(text)]
        # A link of a page may have no scheme: its secrets are learned all the same.
        if MARKUP.match(text):
            for link in LINK_IN_MARKUP.finditer(text):
                link_url = link["text"]
                if SCRIPT_IN_LINK.match(link_url):
                    # The rest of the script is no value: `javascript:go('/x?a=b')`.
                    link_url = unescape(link_url).rstrip(f"{ENDS_OF_SCRIPT}'\"")
                # Links that begin with a scheme are among the URLs already.
                if not _URL_IN_TEXT.match(link_url):
                    urls.append(link_url)
        for url in urls:
            # Most links have no names.
            if "=" not in url:
                continue
            address, _, fragment = unescape(url).partition("#")
            _, _, query = address.partition("?")
            for name, value in (*_fields_of(query), *_fields_of(fragment)):
                if value not in _FLAG_VALUES and self.hides(name, value):
                    yield name, value

    def _hide_in_link(self, link: re.Match[str]) -> str:
        """Return an attribute of markup with the secrets in its URL replaced."""
        link_url = link["text"]
        if _URL_IN_TEXT.match(link_url):
            # `scrub_urls` hides the secrets in it, as in other URLs of the text.
            return link[0]
        end_of_script = ""
        if SCRIPT_IN_LINK.match(link_url):
            # The brackets behind the URL are no part of a secret, and stay.
            script = link_url.rstrip(ENDS_OF_SCRIPT)
            end_of_script = link_url[len(script) :]
            link_url = script
        hidden_url = self.scrub_url(link_url, keeps_flags=True)
        before = link[0][: link.start("text") - link.start()]
        return f"{before}{hidden_url}{end_of_script}{link['quote']}"

    def scrub_url(self, url: str, *, keeps_flags: bool = False) -> str:
        """Return a URL without its secrets: in the user part, path, query and fragment.

        `keeps_flags` is that of `scrub_form`.
        """
        # With no secret name at all, not even the password of a user is one.
        if not self._names:
            return url
        if "@" in url:
            url = _LONE_USER_IN_URL.sub(self._hide_user, url)
            url = _PASSWORD_IN_URL.sub(self._hide_user, url)
        url, hash_sign, fragment = url.partition("#")
        url, question_mark, query = url.partition("?")
        url = self.scrub_path(url)
        query = self.scrub_form(query, keeps_flags=keeps_flags)
        # OAuth returns tokens in the fragment, as if that were a query.
        if "=" in fragment:
            fragment = self.scrub_form(fragment, keeps_flags=keeps_flags)
        return f"{url}{question_mark}{query}{hash_sign}{fragment}"

    def _hide_user(self, user_part: re.Match[str]) -> str:
        """Return the user part of a URL without its secret: `https://ann:<redacted>@`."""
        stand_in = self.stand_in(unquote(user_part["secret"]), "user")
        return f"{user_part['before']}{stand_in}@"

    def scrub_path(self, path: str) -> str:
        """Return the path of a URL without secrets in `/cart;jsessionid=0A1B`."""
        return _PATH_PARAMETER.sub(self._hide_literal, path)

    def scrub_urls(self, text: str) -> str:
        """Return a text without the secrets in its URLs."""
        if "://" not in text:
            return text
        return _URL_IN_TEXT.sub(self._hide_in_url, text)

    def _hide_in_url(self, url_match: re.Match[str]) -> str:
        """Return a URL that stands in a text without its secrets."""
        return self.scrub_url(url_match[0])

    def scrub_form(self, form: str, *, keeps_flags: bool = False) -> str:
        """Return a query or a form (`a=1&token=x`) with secret fields replaced.

        With `keeps_flags`, a 0 or 1 stays, as in `auth=1`. The links of markup have
        such; in a request, any value of a secret name is hidden.
        """
        fields = [field.partition("=") for field in form.split("&")]
        field_names = [name for name, _, _ in fields]
        is_encoded = "%" in form or "+" in form
        if is_encoded:
            field_names = list(map(unquote_plus, field_names))
        secret_beside = self.names_secret_beside(field_names)
        of_login = is_of_login(field_names)
        scrubbed_fields = []
        for field_name, (written_name, sign, value) in zip(field_names, fields):
            decoded_value = value
            if is_encoded:
                decoded_value = unquote_plus(value)
            is_secret = self.hides(field_name, decoded_value)
            if not is_secret:
                # A `code` is secret beside a `grant_type`.
                is_secret = self.hides_beside(
                    field_name, decoded_value, secret_beside, of_login=of_login
                )
            is_flag = keeps_flags and value in _FLAG_VALUES
            if is_secret and not is_flag and value not in _VALUES_WITHOUT_SECRET:
                value = self.stand_in(decoded_value, field_name)
            scrubbed_fields.append(f"{written_name}{sign}{self.scrub_urls(value)}")
        return "&".join(scrubbed_fields)

    def scrub_header(self, name: str, value: str) -> str:
        """Return the value of a header without its secrets.

        Cookies keep their names, `Set-Cookie` its attributes, and other headers their
        parameters.
        """
        if value in _VALUES_WITHOUT_SECRET or not self.hides(name, value):
            value = self.scrub_urls(value)
            # A parameter may have a secret name, as in `Link: <…>; token=abc`.
            if "=" in value:
                value = "".join(self._with_values_replaced(value))
            return value
        normal_name = normalised_name(name)
        # Only the values of cookies are secret: their names tell one request from
        # another.
        if normal_name == "cookie":
            return "; ".join(map(self._hide_cookie, value.split(";")))
        if normal_name == "setcookie":
            return ", ".join(map(self._hide_set_cookie, _NEXT_COOKIE.split(value)))
        return self.stand_in(value, name.lower())

    def _hide_cookie(self, cookie: str) -> str:
        """Return a cookie with its name, and its value replaced: `sid=<redacted>`."""
        name, sign, value = cookie.strip().partition("=")
        if not value:
            return f"{name}{sign}"
        return f"{name}={self.stand_in(value, f'cookie {name}')}"

    def _hide_set_cookie(self, cookie: str) -> str:
        """Return a `Set-Cookie` with its value replaced. Its attributes stay."""
        first, sign, attributes = cookie.partition(";")
        return f"{self._hide_cookie(first)}{sign}{attributes}"

    def has_only_hidden_cookies(self, name: object, value: str) -> bool:
        """Check whether a value is a header of cookies that are all hidden already.

        `scrub` leaves it as it is, with the names of the cookies.
        """
        if type(name) is not str or PLACEHOLDER_START not in value:
            return False
        if normalised_name(name) not in ("cookie", "setcookie"):
            return False
        return value == self.scrub_header(name, value)

    def scrub_text(self, text: str, secrets: SecretValues = ()) -> str:
        """Return free text without secrets, such as the text of an exception.

        They are in URLs, stand after secret names (`token=…`, `"token": "…"`), or are
        among the known `secrets`.
        """
        if not self._names:
            return text
        text = hide_values(text, secrets)
        if "AIza" in text:
            text = GOOGLE_KEY.sub(PLACEHOLDER, text)
        scrubbed_json = self._scrubbed_json(text, self.scrub_text)
        if scrubbed_json is not None:
            return scrubbed_json
        return "".join(self._with_values_replaced(self.scrub_urls(text)))

    def _with_values_replaced(self, text: str) -> Iterator[str]:
        """Yield the text in pieces, with the values after secret names replaced.

        `a token=abc, b` gives `a token=<redacted>`, then `, b`.
        """
        end_of_yielded = 0
        # The next name is searched for from here.
        start = 0
        while name_match := _NAME_IN_FREE_TEXT.search(text, start):
            start = name_match.end()
            name = name_match["beside"] or name_match["name"]
            # In free text, names that are secret only with a text mean something else.
            if not self.hides(name, 0):
                continue
            value_match = _VALUE_IN_FREE_TEXT.match(text, start)
            if value_match is None:
                # Nothing that can be a value follows the name.
                continue
            end = value_match.end()
            if value_match["bracket"]:
                # All in the brackets is secret: `tokens: ["a", "b"]`.
                end = _end_of_bracket(text, start)
            written_value = text[start:end]
            if written_value in _VALUES_WITHOUT_SECRET:
                continue
            quote = (
                value_match["open"]
                or value_match["double"]
                or value_match["single"]
                or ""
            )
            content = written_value.removeprefix(quote).removesuffix(quote)
            stand_in = self.stand_in(content, name)
            # A value may be hidden already, perhaps as that is written in markup.
            if stand_in != plain_placeholders(content):
                yield f"{text[end_of_yielded:start]}{quote}{stand_in}{quote}"
                end_of_yielded = end
            start = end
        yield text[end_of_yielded:]

    def _scrubbed_json(
        self, text: str, scrub_inner: Callable[[str], str]
    ) -> str | None:
        """Return a JSON text without secrets, written as before; None for another text.

        A secret is replaced by a value of its type, and `scrub_inner` is applied to all
        other strings. The tokens of the text and the leaves of its tree are walked side
        by side:

            text      {"a": "x", "token": "abc", "n": 1}
            leaves    "x" · "abc", which is secret · 1
        """
        if "{" not in text and "[" not in text:
            return None
        tree = parse_json_text(text, mapping_with_doubles)
        if tree is None:
            return None
        start, end = span_of_json(text)
        leaves = _leaves_of(tree, self)

        def redacted_token(token: re.Match[str]) -> str:
            """Return a token of the text as it is, or what stands for its secret."""
            written_token, json_word = token[0], token["word"]
            is_name = token["colon"] is not None
            if is_name or json_word in JSON_WORDS:
                return written_token
            # Any other token is a text or a number, which the tree has next.
            leaf = next(leaves)
            is_number = json_word is not None
            if is_number:
                if leaf.is_secret:
                    number = self.number_for(leaf.value, leaf.name, leaf.hiding_name)
                    return dumps(number)
                return written_token
            if leaf.is_secret:
                changed_value = self.stand_in(leaf.value, leaf.name)
            else:
                changed_value = scrub_inner(leaf.value)
            # A text that stays keeps its spelling, such as `\u00e9`.
            if changed_value == leaf.value:
                return written_token
            return dumps(changed_value, ensure_ascii=written_token.isascii())

        redacted_json = JSON_TOKEN.sub(redacted_token, text[start:end])
        return f"{text[:start]}{redacted_json}{text[end:]}"


def parse_form(form: str) -> dict[str, Any]:
    """Return the fields of a query or form.

    The values of a repeated field are a list, in their order: `a=1&b=2&a=3` gives
    `{"a": ["1", "3"], "b": "2"}`.
    """
    values_by_field: dict[str, list[str]] = {}
    form_fields = parse_qsl(form, keep_blank_values=True, errors="backslashreplace")
    for field, value in form_fields:
        values_by_field.setdefault(field, []).append(value)
    form_data: dict[str, Any] = {}
    for field, values in values_by_field.items():
        is_repeated = len(values) > 1
        form_data[field] = values if is_repeated else values[0]
    return form_data


def _fields_of(query: str) -> Iterator[tuple[str, str]]:
    """Yield the names and values in a query or fragment, but for empty values."""
    for field in query.split("&"):
        name, _, value = field.partition("=")
        if "%" in field or "+" in field:
            name = unquote_plus(name)
            value = unquote_plus(value)
        if value:
            yield name, value


def _leaves_of(tree: object, secret_names: SecretNames) -> Iterator[Place]:
    """Yield the texts and numbers of plain data, in the order of its JSON.

    These are the tokens that may be secret: `null`, `true` and `false` are none.
    """
    for place in places({"": tree}, secret_names):
        if type(place.value) in (str, int, float):
            yield place


def _end_of_bracket(text: str, start: int) -> int:
    """Return where the bracket that opens at `start` is closed.

    This is the end of the text if the bracket is not closed.
    """
    depth = 0
    for quoted_or_bracket in _QUOTED_OR_BRACKET.finditer(text, start):
        if quoted_or_bracket[0] in ("(", "[", "{"):
            depth += 1
        elif quoted_or_bracket[0] in (")", "]", "}"):
            depth -= 1
        if depth == 0:
            return quoted_or_bracket.end()
    return len(text)


#: Hides nothing: for data that is redacted already, or must keep its secrets.
NO_REDACTION = Redactor(defaults=False)
NO_REDACTION.environment_variables = {}
