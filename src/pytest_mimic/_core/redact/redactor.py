"""Hides secrets in plain data and in texts. The rest of a text stays as it is.

A text may be a URL, a form, the value of a header, JSON, markup, GraphQL, or free text.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from copy import copy
from html import unescape
from json import dumps, loads
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

# By the type of a secret number: what stands for it in place of `<redacted>`.
_ZEROES: dict[type, object] = {int: 0, float: 0.0}
#: Secrets as they are written, perhaps each with what stands for it.
Values = Iterable[str] | Mapping[str, str]
_SCHEMES = r"(?:apikey|basic|bearer|digest|negotiate|token)"
# No pattern backtracks far: repetitions are bounded or cannot match what follows them,
# so that a long text which fits none takes time in proportion to its length.
_URL = pattern(r"(?<![A-Za-z0-9+.-])[A-Za-z][A-Za-z0-9+.-]{0,30}://[^\s\"'<>]+")
# The password in a URL. A user without one is a token to HTTP servers, and a mere name
# to databases.
_PASSWORD = pattern(
    r"^(?P<before>[A-Za-z][A-Za-z0-9+.-]*://[^/?#:]*:)(?P<secret>[^/?#]+)@"
)
_LONE_USER = pattern(r"^(?P<before>https?://)(?P<secret>[^/?#:]*):?@", re.IGNORECASE)
# A name with the sign before its value: `token=`, `"token":`, `--token `. A blank alone
# is enough after a flag only. Or the pair of a name and a value, `"name": "token",
# "value": `.
_PAIR = (
    r"""(?P<mark>\\*["'])"""
    r"""(?i:name|key|setting|variable|header|(?:parameter|option)(?:key|name))"""
    r"""(?P=mark)"""
    r"""\s{0,20}:\s{0,20}"""
    r"""(?P=mark)(?P<beside>[\w-]{1,200})(?P=mark)"""
    r"""\s{0,20},\s{0,20}(?P=mark)(?i:(?:parameter)?value)(?P=mark)\s{0,20}:\s{0,20}"""
)
_ASSIGNED = (
    r"""(?<![\w-])(?P<flag>--?)?(?P<quote>(?:\\*["'])?)"""
    r"""(?P<name>[A-Za-z_][\w-]{0,200})(?P=quote)"""
    r"""(?:\s{0,20}[=:]\s{0,20}|(?(flag)\s{1,20}(?=[^\s-])|(?!)))"""
)
_NAMED = pattern(f"{_PAIR}|{_ASSIGNED}")
#: What each text has that is data itself, or has a URL.
DATA = pattern(r"[{\[<=]|://")
# A value after a name: quoted, escaped and quoted as inside of a JSON text, in
# brackets, or bare, perhaps after `Bearer`.
_VALUE = pattern(
    r"""(?:None|null|[Tt]rue|[Ff]alse)\b"""
    r"""|(?P<bracket>[\[({])"""
    r"""|(?P<open>\\+["'])[^"'\\]*(?:\\+["'])?"""
    r"""|(?P<double>")(?:[^"\\]|\\.)*"?"""
    r"""|(?P<single>')(?:[^'\\]|\\.)*'?"""
    rf"""|(?i:{_SCHEMES}\s+)?(?!<redacted[:>]|&lt;redacted)"""
    r"""[^\s"',;&]*[^\s"',;&)\]}>]"""
)
# What filters of other tools write in place of a secret: `DUMMY`, `[REDACTED]`, `XXXX`.
_FILTERED = pattern(
    r"[\[<{(]{0,2}"
    r"(?:redacted|dummy|filtered|scrubbed|sanitized|removed|masked|x{3,}|\*{3,})"
    r"(?:[_ -]\w{1,20}){0,3}[\]>})]{0,2}",
    re.IGNORECASE,
)
# The values after a name that are no secret.
_NO_SECRETS = frozenset(
    {"", "None", "null", "True", "true", "False", "false", "[]", "()", "{}"}
)
_QUOTED_OR_BRACKET = pattern(r"""\"(?:[^"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'|[\[\](){}]""")
# A parameter in the path of a URL.
_PATH_PARAMETER = pattern(r";(?P<name>[^;/?#=]+)=(?P<text>[^;/?#]+)")
FORM = pattern(r"[\w.\[\]%+-]+=[^&\s]*(?:&[\w.\[\]%+-]+=[^&\s]*)*")
_WITH_QUERY = pattern(r"[^\s?#]*[?#]\S+")
_GRAPHQL = pattern(r"\s*(?:\{|(?:query|mutation|subscription|fragment)\b)")
# Names with their values as `text`. An argument of GraphQL, `password: "…"`; a block is
# one between three quotes.
_ARGUMENT_OF_GRAPHQL = pattern(
    r"""(?<![\w$])(?P<name>[A-Za-z_]\w{0,200})\s{0,20}:\s{0,20}"""
    r"""(?P<quote>"(?:"")?)(?P<text>(?:[^"\\]|\\.)+)(?P=quote)"""
)
# XML or HTML, perhaps after a byte order mark. A redacted text begins with `<` as well.
_MARKUP = pattern(rf"\ufeff?\s*(?!{PLACEHOLDER_START}[:>])<")
_ELEMENT = pattern(
    r"<(?:[\w.-]{1,200}:)?(?P<name>[A-Za-z_][\w.-]{0,200})(?:\s[^<>]*)?>"
    r"(?P<text>[^<>]+|<!\[CDATA\[[^\]<]+\]\]>)</"
)
# The sign between an attribute and its value, perhaps with blanks around it.
_IS = r"\s{0,20}=\s{0,20}"
_QUOTED = rf"""{_IS}(?P<quote>["'])(?P<text>(?:(?!(?P=quote))[^<>])+)(?P=quote)"""
_ATTRIBUTE = pattern(
    rf"\s(?:[\w.-]{{1,200}}:)?(?P<name>[A-Za-z_][\w.-]{{0,200}}){_QUOTED}"
)
# A field, its attributes in any order: `<input name="csrf_token" value="…">` or
# `<meta name=csrf-token content=…>`.
_OF_FIELD = (
    rf"""<(?=[^<>]{{1,500}}\s(?:name|key|property){_IS}["']?"""
    r"""(?P<name>[\w.-]{1,200})["'\s/>])"""
    r"""[^<>]{1,500}?\s(?:value|content)"""
)
_FIELD = pattern(_OF_FIELD + _QUOTED)
_BARE = rf"""{_IS}(?P<text>[^\s"'<>]+)(?=[\s>])"""
_BARE_FIELD = pattern(_OF_FIELD + _BARE)
# A field for a password has any name: `<input type="password" name="answer" value=…>`.
_OF_PASSWORD_FIELD = (
    rf"""<(?=[^<>]{{1,500}}\stype{_IS}["']?(?P<name>(?i:password))["'\s/>])"""
    r"""[^<>]{1,500}?\svalue"""
)
_PASSWORD_FIELD = pattern(_OF_PASSWORD_FIELD + _QUOTED)
_BARE_PASSWORD_FIELD = pattern(_OF_PASSWORD_FIELD + _BARE)
# An element with a name, and the one behind it with its value, as in XML-RPC, property
# lists and settings of Hadoop: `<name>password</name><value><string>…`.
_XML_PAIR = pattern(
    r"<(?P<tag>name|key|ParameterKey|ParameterName|OptionName)>\s{0,20}(?P<name>[\w.-]{1,200})\s{0,20}</(?P=tag)>"
    r"\s{0,100}<[\w.-]{1,200}>(?:\s{0,100}<[\w.-]{1,200}>)?"
    r"(?P<text>[^<>]+|<!\[CDATA\[[^\]<]+\]\]>)</"
)
# An element whose name is an attribute: `<property name="password">…</property>`. In
# HTML, the text of an element is shown, but for that of a field.
_NAMED_ELEMENT = pattern(
    r"<(?:[\w.-]{1,200}:)?(?i:attribute|entry|field|param|parameter|property|setting"
    r"|string|textarea|variable)"
    rf"""(?=[^<>]{{0,500}}\s(?i:name|key){_IS}["'](?P<name>[\w.-]{{1,200}})["'])"""
    r"\s[^<>]{1,500}>"
    r"(?:\s{0,100}<[\w.:-]{1,200}(?:\s[^<>]{0,500})?(?<!/)>)?"
    r"(?P<text>[^<>]+|<!\[CDATA\[[^\]<]+\]\]>)</"
)
# An element whose value is an element, as in the answer files of Windows Setup:
# `<Password><Value>…</Value></Password>`.
_VALUE_IN_ELEMENT = pattern(
    r"<(?:[\w.-]{1,200}:)?(?P<name>[A-Za-z_][\w.-]{0,200})(?:\s[^<>]{0,500})?(?<!/)>"
    r"\s{0,100}<(?:[\w.-]{1,200}:)?(?i:value|string|text)(?:\s[^<>]{0,500})?(?<!/)>"
    r"(?P<text>[^<>]+|<!\[CDATA\[[^\]<]+\]\]>)</"
)
_PATTERNS_OF_MARKUP = (
    *(_ELEMENT, _ATTRIBUTE, _FIELD, _BARE_FIELD, _VALUE_IN_ELEMENT),
    *(_PASSWORD_FIELD, _BARE_PASSWORD_FIELD, _XML_PAIR, _NAMED_ELEMENT),
)
# A setting in a script, `{"apiKey": "…"}`, `apiKey: '…'` or `var apiKey = '…'`.
_SETTING_IN_SCRIPT = pattern(
    r"""(?<![\w-])(?P<mark>["']?)(?P<name>[A-Za-z_][\w-]{0,200})(?P=mark)"""
    r"""\s{0,5}[:=]\s{0,5}"""
    r"""(?P<quote>["'])(?P<text>(?:(?!(?P=quote))[^\\<>\n])+)(?P=quote)"""
)
# A value that a script keeps in the browser, `localStorage.setItem("token", "…")`.
_SET_ITEM_IN_SCRIPT = pattern(
    r"""\b(?:local|session)Storage\.setItem\(\s{0,20}"""
    r"""(?P<mark>["'])(?P<name>[\w-]{1,200})(?P=mark)\s{0,20},\s{0,20}"""
    r"""(?P<quote>["'])(?P<text>(?:(?!(?P=quote))[^\\<>\n])+)(?P=quote)\s{0,20}\)"""
)
_CALL_OF_SET_ITEM = "Storage.setItem("
# How such a script may begin. In prose, and in the code that it shows, nothing is
# hidden.
_START_OF_STORING_SCRIPT = pattern(
    r"""\ufeff?\s*(?://|/\*|["']use\ strict["']"""
    r"""|[!(]?(?:async\s{1,5})?function\b|\(?\(\w{0,20}\)\s{0,5}=>"""
    r"""|(?:if|for|try)\s{0,5}[({]|(?:const|let|var)\s{1,5}[\w$]{1,200}\s{0,5}="""
    r"""|(?:document|globalThis|localStorage|self|sessionStorage|window)\.)"""
)
# A link to another page in markup, with a query or a fragment.
_LINK = pattern(
    r"""\s(?i:href|src|action|formaction|content|data-[\w-]{1,100})"""
    rf"""{_IS}(?P<quote>["'])(?P<text>[^\s"'<>?\#]{{0,2000}}[?\#][^\s"'<>]+)(?P=quote)"""
)
# A link that runs a script in place of leading to a page.
_SCRIPT_IN_LINK = pattern("javascript:", re.IGNORECASE)
# What may stand at the end of such a script, behind the last value in it.
_ENDS_OF_SCRIPT = ")]};"
# No and yes, as the query of a link writes them. Under a secret name they are none.
_FLAGS = frozenset({"0", "1"})
# A script that begins by setting a variable, `window.config = {…}`.
_START_OF_SETTING_SCRIPT = pattern(
    r"\ufeff?\s*(?:(?:export\s{1,5})?(?:const|let|var)\s{1,5}[\w$]{1,200}"
    r"|(?:globalThis|module|self|window)\.[\w$.]{1,200})\s{0,5}=\s{0,5}[{\[\"']"
)
# A text of settings, `Server=db;Uid=ann;Pwd=…` or `host=db password=…`, and a setting.
_SETTINGS = pattern(
    r"\s*[A-Za-z][\w ]{0,50}=[^;=\s][^;\n]{0,2000}"
    r"(?:;\s*[A-Za-z][\w ]{0,50}=[^;\n]{0,2000})+;?\s*"
    r"|\s*[a-z_]{1,50}=\S{1,2000}(?: +[a-z_]{1,50}=\S{1,2000})+\s*"
)
_SETTING = pattern(r"(?:(?<=[;\s])|^)(?P<name>[A-Za-z][\w ]{0,50})=(?P<text>[^;\s]+)")
# A placeholder that is to be written as text inside markup.
_PLACEHOLDER_TO_ESCAPE = pattern(r"<(redacted(?::[0-9a-z-]+)?)>")
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
        issued: Values that servers sent under secret names in this run. Clients hide
            them elsewhere as well.
        environment_variables: Those of the run, to be set before `environment` is used.
        known_secrets: The secrets that a test has sent and was issued. They give each
            issued one a placeholder of its own. Without them, `<redacted>` stands for
            every secret.
        issuer: The call whose answer is hidden. None: no answer is hidden.
        hides_by_look: Whether what looks like a JSON Web Token is hidden wherever it
            stands, as in requests.
        keeps_words_of_other_tools: Whether a word that another tool has written in
            place of a secret, such as `FILTERED`, stays in its place.
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

        Data that was recorded under the default names may have new secrets by these.
        """
        return Redactor(self._names_of_configuration, defaults=False)

    @lazy_attribute
    def environment(self) -> Environment:
        """The values of environment variables with secret names, read at first use."""
        return Environment(self, self.environment_variables)

    def with_names(self, names: tuple[str, ...]) -> Redactor:
        """Return a redactor for which these names are secret, too.

        Where they differ, the names of this redactor win.
        """
        if names not in self._extended_by_names:
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
        """Return a redactor that also hides JSON Web Tokens, by their look."""
        twin = copy(self)
        twin.hides_by_look = bool(self._names)
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
            self.issuer, str(name), secret, is_number=type(value) in _ZEROES
        )

    def keeps(self, value: object) -> bool:
        """Check whether a value is a word of another tool for a secret, and stays."""
        if not self.keeps_words_of_other_tools or not isinstance(value, str):
            return False
        return _FILTERED.fullmatch(bare_secret(value)) is not None

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
        if not stand_in.startswith(NUMBER_START):
            return _ZEROES[type(value)]
        return type(value)(stand_in)

    def _stand_in_of(self, place: Place, *, keep_types: bool) -> object:
        """Return what stands for any value under a secret name.

        With `keep_types`, it is a number for a number.
        """
        if isinstance(place.value, (int, float)):
            number = self.number_for(place.value, place.name, place.hiding_name)
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
        values: Values = (),
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
            if place.is_secret and not (is_container and keep_types):
                is_text = type(value) is str
                if is_text and self.has_only_hidden_cookies(place.name, value):
                    continue
                stand_in = self._stand_in_of(place, keep_types=keep_types)
                place.box[place.key] = stand_in
            elif isinstance(value, str):
                text = value
                if DATA.search(text):
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
        if self.issuer is None:
            text = decoded_placeholders(text)
        if f"{PLACEHOLDER_START}:" not in text:
            return text
        return self.known_secrets.settled(text)

    def _stand_in_by_look(self, match: re.Match[str]) -> str:
        if self.known_secrets is None:
            return PLACEHOLDER
        return self.known_secrets.stand_in_by_look(match[0])

    # -- texts

    def scrub_json(self, text: str) -> str:
        """Return a JSON text without its secrets and otherwise unchanged.

        Any other text is returned as it is.
        """
        scrubbed = self._scrubbed_json(text, self.scrub_json)
        if scrubbed is None:
            return text
        return scrubbed

    def scrub_cell(self, text: str) -> str:
        """Return a value of a database without the secrets in its JSON and its URLs."""
        return self.scrub_urls(self.scrub_json(text))

    def scrub_data(self, text: str) -> str:
        """Return a text without its secrets if it is data as a whole.

        Data is JSON, markup, GraphQL, a form or a URL. Any other text loses the secrets
        in its URLs only.
        """
        scrubbed_json = self._scrubbed_json(text, self.scrub_data)
        if scrubbed_json is not None:
            return scrubbed_json
        literals = _patterns_of_literals(text)
        if literals:
            hidden_text = text
            for literal in literals:
                hidden_text = literal.sub(self._hide_literal, hidden_text)
            hidden_text = _LINK.sub(self._hide_in_link, hidden_text)
            hidden_text = self.scrub_urls(hidden_text)
            if hidden_text == text:
                # A description may have placeholders that are not escaped.
                return text
            return with_escaped_placeholders(hidden_text)
        if "=" in text:
            if FORM.fullmatch(text):
                return self.scrub_form(text)
            if _WITH_QUERY.fullmatch(text):
                return self.scrub_url(text)
        return self.scrub_urls(text)

    def literals(self, text: str) -> Iterator[tuple[str, str]]:
        """Yield the values of secret names in markup, GraphQL or a script.

        Each comes with its name. Any other text has none.
        """
        for literal in _patterns_of_literals(text):
            for match in literal.finditer(text):
                value = _without_cdata(match["text"])
                if self.hides(match["name"], value):
                    yield match["name"], value

    def literals_in_path(self, path: str) -> Iterator[tuple[str, str]]:
        """Yield the values of secret parameters in a path, each with its name."""
        for match in _PATH_PARAMETER.finditer(path):
            if self.hides(match["name"], match["text"]):
                yield match["name"], match["text"]

    def _hide_literal(self, match: re.Match[str]) -> str:
        """Return a name with its value, as it stands in such a text, redacted.

        The pattern has groups `name` and `text`; what it matches besides stays.
        """
        value = match["text"]
        if not self.hides(match["name"], value):
            return match[0]
        stand_in = self.stand_in(unescape(_without_cdata(value)), match["name"])
        before = match[0][: match.start("text") - match.start()]
        after = match[0][match.end("text") - match.start() :]
        return f"{before}{stand_in}{after}"

    def literals_in_links(self, text: str) -> Iterator[tuple[str, str]]:
        """Yield the values of secret names in URLs, and in the links of markup.

        Each comes with its name.
        """
        urls = []
        if "://" in text:
            urls = [match[0] for match in _URL.finditer(text)]
        if _MARKUP.match(text):
            for match in _LINK.finditer(text):
                url = match["text"]
                if _SCRIPT_IN_LINK.match(url):
                    url = unescape(url).rstrip(f"{_ENDS_OF_SCRIPT}'\"")
                # Links that begin with a scheme are among the URLs already.
                if not _URL.match(url):
                    urls.append(url)
        for url in urls:
            # Most links have no names.
            if "=" not in url:
                continue
            address, _, fragment = unescape(url).partition("#")
            _, _, query = address.partition("?")
            for name, value in (*_fields_of(query), *_fields_of(fragment)):
                if value not in _FLAGS and self.hides(name, value):
                    yield name, value

    def _hide_in_link(self, match: re.Match[str]) -> str:
        """Return an attribute of markup with the secrets in its URL replaced."""
        url = match["text"]
        if _URL.match(url):
            # `scrub_urls` hides the secrets in it, as in other URLs of the text.
            return match[0]
        end = ""
        if _SCRIPT_IN_LINK.match(url):
            script = url.rstrip(_ENDS_OF_SCRIPT)
            end = url[len(script) :]
            url = script
        hidden_url = self.scrub_url(url, keeps_flags=True)
        before = match[0][: match.start("text") - match.start()]
        return f"{before}{hidden_url}{end}{match['quote']}"

    def scrub_url(self, url: str, *, keeps_flags: bool = False) -> str:
        """Return the URL without its secrets: in the user part, query and fragment.

        `keeps_flags` is that of `scrub_form`.
        """
        if not self._names:
            return url
        if "@" in url:
            url = _LONE_USER.sub(self._hide_user, url)
            url = _PASSWORD.sub(self._hide_user, url)
        url, hash_sign, fragment = url.partition("#")
        url, question_mark, query = url.partition("?")
        url = self.scrub_path(url)
        query = self.scrub_form(query, keeps_flags=keeps_flags)
        if "=" in fragment:
            fragment = self.scrub_form(fragment, keeps_flags=keeps_flags)
        return f"{url}{question_mark}{query}{hash_sign}{fragment}"

    def _hide_user(self, match: re.Match[str]) -> str:
        """Return the user part of a URL without its secret: `https://ann:<redacted>@`."""
        stand_in = self.stand_in(unquote(match["secret"]), "user")
        return f"{match['before']}{stand_in}@"

    def scrub_path(self, path: str) -> str:
        """Return the path of a URL without secrets in `/cart;jsessionid=0A1B`."""
        return _PATH_PARAMETER.sub(self._hide_literal, path)

    def scrub_urls(self, text: str) -> str:
        """Return a text without the secrets in its URLs."""
        if "://" not in text:
            return text
        return _URL.sub(self._hide_in_url, text)

    def _hide_in_url(self, match: re.Match[str]) -> str:
        return self.scrub_url(match[0])

    def scrub_form(self, form: str, *, keeps_flags: bool = False) -> str:
        """Return a query or a form (`a=1&token=x`) with secret fields replaced.

        With `keeps_flags`, a 0 or 1 stays, as in `auth=1`.
        """
        fields = [field.partition("=") for field in form.split("&")]
        names = [name for name, _, _ in fields]
        is_encoded = "%" in form or "+" in form
        if is_encoded:
            names = list(map(unquote_plus, names))
        secret_beside = self.names_secret_beside(names)
        of_login = is_of_login(names)
        scrubbed = []
        for name, (written_name, sign, value) in zip(names, fields):
            text = value
            if is_encoded:
                text = unquote_plus(value)
            is_secret = self.hides(name, text)
            if not is_secret:
                is_secret = self.hides_beside(
                    name, text, secret_beside, of_login=of_login
                )
            is_flag = keeps_flags and value in _FLAGS
            if is_secret and not is_flag and value not in _NO_SECRETS:
                value = self.stand_in(text, name)
            scrubbed.append(f"{written_name}{sign}{self.scrub_urls(value)}")
        return "&".join(scrubbed)

    def scrub_header(self, name: str, value: str) -> str:
        """Return the value of a header without its secrets.

        Cookies keep their names, `Set-Cookie` its attributes, and other headers their
        parameters.
        """
        if value in _NO_SECRETS or not self.hides(name, value):
            value = self.scrub_urls(value)
            if "=" in value:
                value = "".join(self._with_values_replaced(value))
            return value
        normal_name = normalised_name(name)
        if normal_name == "cookie":
            return "; ".join(map(self._hide_cookie, value.split(";")))
        if normal_name == "setcookie":
            return ", ".join(map(self._hide_set_cookie, _NEXT_COOKIE.split(value)))
        return self.stand_in(value, name.lower())

    def _hide_cookie(self, cookie: str) -> str:
        name, sign, value = cookie.strip().partition("=")
        if not value:
            return f"{name}{sign}"
        return f"{name}={self.stand_in(value, f'cookie {name}')}"

    def _hide_set_cookie(self, cookie: str) -> str:
        first, sign, attributes = cookie.partition(";")
        return f"{self._hide_cookie(first)}{sign}{attributes}"

    def has_only_hidden_cookies(self, name: object, value: str) -> bool:
        """Check whether a value is a header of cookies that are all hidden already."""
        if type(name) is not str or PLACEHOLDER_START not in value:
            return False
        if normalised_name(name) not in ("cookie", "setcookie"):
            return False
        return value == self.scrub_header(name, value)

    def scrub_text(self, text: str, secrets: Values = ()) -> str:
        """Return free text without secrets.

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
        # The end of the text that has been yielded.
        yielded = 0
        # The place from which the next name is searched for.
        start = 0
        while name_match := _NAMED.search(text, start):
            start = name_match.end()
            name = name_match["beside"] or name_match["name"]
            # In free text, names that are secret only with a text mean something else.
            if not self.hides(name, 0):
                continue
            value = _VALUE.match(text, start)
            if value is None:
                continue
            end = value.end()
            if value["bracket"]:
                end = _end_of_bracket(text, start)
            written = text[start:end]
            if written in _NO_SECRETS:
                continue
            quote = value["open"] or value["double"] or value["single"] or ""
            content = written.removeprefix(quote).removesuffix(quote)
            stand_in = self.stand_in(content, name)
            # A value may be hidden already, perhaps as that is written in markup.
            if stand_in != plain_placeholders(content):
                yield f"{text[yielded:start]}{quote}{stand_in}{quote}"
                yielded = end
            start = end
        yield text[yielded:]

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
        tree = parse_json_text(text, _mapping_with_doubles)
        if tree is None:
            return None
        start, end = _span_of_json(text)
        leaves = _leaves_of(tree, self)

        def replaced(token: re.Match[str]) -> str:
            written_token, json_word = token[0], token["word"]
            is_name = token["colon"] is not None
            if is_name or json_word in _JSON_WORDS:
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
            if changed_value == leaf.value:
                return written_token
            return dumps(changed_value, ensure_ascii=written_token.isascii())

        return text[:start] + _JSON_TOKEN.sub(replaced, text[start:end]) + text[end:]


def _fields_of(query: str) -> Iterator[tuple[str, str]]:
    """Yield the names and values in a query or fragment, but for empty values."""
    for field in query.split("&"):
        name, _, value = field.partition("=")
        if "%" in field or "+" in field:
            name = unquote_plus(name)
            value = unquote_plus(value)
        if value:
            yield name, value


def _leaves_of(tree: object, names: SecretNames) -> Iterator[Place]:
    """Yield the texts and numbers of plain data, in the order of its JSON."""
    for place in places({"": tree}, names):
        if type(place.value) in (str, int, float):
            yield place


def _without_cdata(text: str) -> str:
    """Return the text of an element of XML, which may stand in a CDATA section."""
    return text.removeprefix("<![CDATA[").removesuffix("]]>")


def _end_of_bracket(text: str, start: int) -> int:
    """Return where the bracket that opens at `start` is closed.

    This is the end of the text if the bracket is not closed.
    """
    depth = 0
    for match in _QUOTED_OR_BRACKET.finditer(text, start):
        if match[0] in ("(", "[", "{"):
            depth += 1
        elif match[0] in (")", "]", "}"):
            depth -= 1
        if depth == 0:
            return match.end()
    return len(text)


def _patterns_of_literals(text: str) -> tuple[re.Pattern[str], ...]:
    """Return the patterns that find names with values in markup, GraphQL or a script.

    The beginning of the text decides, or of settings the whole text.
    """
    if _MARKUP.match(text):
        if _CALL_OF_SET_ITEM in text:
            return (*_PATTERNS_OF_MARKUP, _SETTING_IN_SCRIPT, _SET_ITEM_IN_SCRIPT)
        return (*_PATTERNS_OF_MARKUP, _SETTING_IN_SCRIPT)
    if "{" in text and _GRAPHQL.match(text):
        return (_ARGUMENT_OF_GRAPHQL,)
    if "=" in text and _START_OF_SETTING_SCRIPT.match(text):
        return (_SETTING_IN_SCRIPT, _SET_ITEM_IN_SCRIPT)
    if _CALL_OF_SET_ITEM in text and _START_OF_STORING_SCRIPT.match(text):
        return (_SET_ITEM_IN_SCRIPT,)
    if "=" in text and _SETTINGS.fullmatch(text):
        return (_SETTING,)
    return ()


def with_escaped_placeholders(text: str) -> str:
    """Escape the placeholders if the text is markup.

    Any other text is returned as it is.
    """
    if PLACEHOLDER_START not in text or not _MARKUP.match(text):
        return text
    return _PLACEHOLDER_TO_ESCAPE.sub(r"&lt;\1&gt;", text)


# The strings and words of a JSON text.
_JSON_TOKEN = pattern(
    r'"[^"\\]*(?:\\.[^"\\]*)*"(?P<colon>\s*:)?|(?P<word>[^\s{}\[\],:"]+)'
)
# What may precede a JSON text: a byte order mark, and a guard against being run as a
# script, `)]}',` or `for(;;);`.
_GUARD_BEFORE_JSON = pattern(
    r"\ufeff?\s*(?:\)\]\}'?,?|(?:while|for)\s*\((?:1|;;)\);)?\s*"
)
# JSONP: a call of a function with the JSON text, perhaps after a comment.
_CALL_OF_JSONP = pattern(
    r"\s*(?:/\*[^*]{0,200}\*/\s*)?[A-Za-z_$][\w$.]{0,200}\(\s*(?=[{\[])"
)
_JSON_WORDS = frozenset({"null", "false", "true"})


def looks_like_json(text: str) -> bool:
    """Check whether a text begins like a JSON mapping or list; after a guard, too."""
    return text.startswith(("{", "["), _span_of_json(text)[0])


def parse_form(form: str) -> dict[str, Any]:
    """Return the fields of a query or form.

    The values of a repeated field are a list, in their order: `a=1&b=2&a=3` gives
    `{"a": ["1", "3"], "b": "2"}`.
    """
    values_by_name: dict[str, list[str]] = {}
    form_fields = parse_qsl(form, keep_blank_values=True, errors="backslashreplace")
    for name, value in form_fields:
        values_by_name.setdefault(name, []).append(value)
    fields: dict[str, Any] = {}
    for name, values in values_by_name.items():
        is_repeated = len(values) > 1
        fields[name] = values if is_repeated else values[0]
    return fields


def parse_json_text(
    text: str, mapping: Callable[[list[tuple[str, Any]]], object] | None = None
) -> object:
    """Return the mapping or list in a JSON text, or None for any other text.

    Args:
        text: The text, which may be JSONP.
        mapping: Makes a mapping of its pairs; by default, a `dict`.
    """
    start, end = _span_of_json(text)
    if not text.startswith(("{", "["), start):
        return None
    try:
        return loads(text[start:end], object_pairs_hook=mapping)
    except (ValueError, RecursionError):
        return None


def _span_of_json(text: str) -> tuple[int, int]:
    """Return where the JSON in a text begins and ends.

    A guard before the JSON and a call of JSONP around it are left out: of
    `callback({"a": 1})`, only the mapping is the JSON. In a text without JSON, the span
    begins where JSON would.
    """
    tail = text.rstrip("; \t\r\n")
    if tail.endswith(")"):
        call = _CALL_OF_JSONP.match(text)
        if call is not None:
            return call.end(), len(tail) - 1
    guard = _GUARD_BEFORE_JSON.match(text)
    start = 0
    if guard is not None:
        start = guard.end()
    return start, len(text)


def _mapping_with_doubles(json_members: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return the mapping of a JSON text, with both values of a key that stands twice.

    The second value stands under the key, a zero byte and a number, as it is as secret
    as the first one.
    """
    mapping: dict[str, Any] = {}
    for key, value in json_members:
        if key in mapping:
            key = f"{key}\0{len(mapping)}"
        mapping[key] = value
    return mapping


#: Hides nothing: for data that is redacted already, or must keep its secrets.
NO_REDACTION = Redactor(defaults=False)
NO_REDACTION.environment_variables = {}
