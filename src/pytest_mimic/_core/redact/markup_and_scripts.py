"""Patterns of a name with its value in markup, scripts, GraphQL and settings.

`Redactor.scrub_data` hides the values whose names are secret, in requests and answers,
and `Redactor.literals` yields them. Bodies of requests count in identities: a change of
a pattern makes recorded calls with such a body miss.
"""

from __future__ import annotations

import re

from pytest_mimic._core.placeholders import PLACEHOLDER_START
from pytest_mimic._core.words import pattern

_START_OF_GRAPHQL = pattern(r"\s*(?:\{|(?:query|mutation|subscription|fragment)\b)")
# Each pattern has the groups `name` and `text`, the value. This one finds an argument
# of GraphQL, `password: "…"`. Three quotes are those of a block.
_ARGUMENT_OF_GRAPHQL = pattern(
    r"""(?<![\w$])(?P<name>[A-Za-z_]\w{0,200})\s{0,20}:\s{0,20}"""
    r"""(?P<quote>"(?:"")?)(?P<text>(?:[^"\\]|\\.)+)(?P=quote)"""
)
#: The beginning of XML or HTML, perhaps after a byte order mark. A text that begins
#: with a placeholder, `<redacted>`, is none.
MARKUP = pattern(rf"\ufeff?\s*(?!{PLACEHOLDER_START}[:>])<")
# `<password>…</password>`.
_ELEMENT_WITH_TEXT = pattern(
    r"<(?:[\w.-]{1,200}:)?(?P<name>[A-Za-z_][\w.-]{0,200})(?:\s[^<>]*)?>"
    r"(?P<text>[^<>]+|<!\[CDATA\[[^\]<]+\]\]>)</"
)
# The sign between an attribute and its value, perhaps with blanks around it.
_EQUALS = r"\s{0,20}=\s{0,20}"
_QUOTED_VALUE = (
    rf"""{_EQUALS}(?P<quote>["'])(?P<text>(?:(?!(?P=quote))[^<>])+)(?P=quote)"""
)
# `<login password="…">`.
_ATTRIBUTE_WITH_VALUE = pattern(
    rf"\s(?:[\w.-]{{1,200}}:)?(?P<name>[A-Za-z_][\w.-]{{0,200}}){_QUOTED_VALUE}"
)
# A field, its attributes in any order: `<input name="csrf_token" value="…">` or
# `<meta name=csrf-token content=…>`.
_FIELD_BEFORE_VALUE = (
    rf"""<(?=[^<>]{{1,500}}\s(?:name|key|property){_EQUALS}["']?"""
    r"""(?P<name>[\w.-]{1,200})["'\s/>])"""
    r"""[^<>]{1,500}?\s(?:value|content)"""
)
_QUOTED_FIELD = pattern(_FIELD_BEFORE_VALUE + _QUOTED_VALUE)
_BARE_VALUE = rf"""{_EQUALS}(?P<text>[^\s"'<>]+)(?=[\s>])"""
_BARE_FIELD = pattern(_FIELD_BEFORE_VALUE + _BARE_VALUE)
# A field for a password has any name: `<input type="password" name="answer" value=…>`.
_PASSWORD_FIELD_BEFORE_VALUE = (
    rf"""<(?=[^<>]{{1,500}}\stype{_EQUALS}["']?(?P<name>(?i:password))["'\s/>])"""
    r"""[^<>]{1,500}?\svalue"""
)
_QUOTED_PASSWORD_FIELD = pattern(_PASSWORD_FIELD_BEFORE_VALUE + _QUOTED_VALUE)
_BARE_PASSWORD_FIELD = pattern(_PASSWORD_FIELD_BEFORE_VALUE + _BARE_VALUE)
# An element with a name, and the one behind it with its value, as in XML-RPC, property
# lists and settings of Hadoop: `<name>password</name><value><string>…`.
_PAIR_OF_ELEMENTS = pattern(
    r"<(?P<tag>name|key|ParameterKey|ParameterName|OptionName)>\s{0,20}(?P<name>[\w.-]{1,200})\s{0,20}</(?P=tag)>"
    r"\s{0,100}<[\w.-]{1,200}>(?:\s{0,100}<[\w.-]{1,200}>)?"
    r"(?P<text>[^<>]+|<!\[CDATA\[[^\]<]+\]\]>)</"
)
# An element whose name is an attribute: `<property name="password">…</property>`. In
# HTML, the text of an element is shown, but for that of a field.
_NAMED_ELEMENT = pattern(
    r"<(?:[\w.-]{1,200}:)?(?i:attribute|entry|field|param|parameter|property|setting"
    r"|string|textarea|variable)"
    rf"""(?=[^<>]{{0,500}}\s(?i:name|key){_EQUALS}"""
    r"""["'](?P<name>[\w.-]{1,200})["'])"""
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
    _ELEMENT_WITH_TEXT,
    _ATTRIBUTE_WITH_VALUE,
    _QUOTED_FIELD,
    _BARE_FIELD,
    _VALUE_IN_ELEMENT,
    _QUOTED_PASSWORD_FIELD,
    _BARE_PASSWORD_FIELD,
    _PAIR_OF_ELEMENTS,
    _NAMED_ELEMENT,
)
# A setting in a script, `{"apiKey": "…"}`, `apiKey: '…'` or `var apiKey = '…'`.
_SETTING_IN_SCRIPT = pattern(
    r"""(?<![\w-])(?P<mark>["']?)(?P<name>[A-Za-z_][\w-]{0,200})(?P=mark)"""
    r"""\s{0,5}[:=]\s{0,5}"""
    r"""(?P<quote>["'])(?P<text>(?:(?!(?P=quote))[^\\<>\n])+)(?P=quote)"""
)
# A value that a script keeps in the browser, `localStorage.setItem("token", "…")`.
_STORED_IN_BROWSER = pattern(
    r"""\b(?:local|session)Storage\.setItem\(\s{0,20}"""
    r"""(?P<mark>["'])(?P<name>[\w-]{1,200})(?P=mark)\s{0,20},\s{0,20}"""
    r"""(?P<quote>["'])(?P<text>(?:(?!(?P=quote))[^\\<>\n])+)(?P=quote)\s{0,20}\)"""
)
_CALL_THAT_STORES = "Storage.setItem("
# A script that stores in the browser begins so. A text that begins in another way may
# be prose that shows such a call, and nothing is hidden in prose.
_START_OF_STORING_SCRIPT = pattern(
    r"""\ufeff?\s*(?://|/\*|["']use\ strict["']"""
    r"""|[!(]?(?:async\s{1,5})?function\b|\(?\(\w{0,20}\)\s{0,5}=>"""
    r"""|(?:if|for|try)\s{0,5}[({]|(?:const|let|var)\s{1,5}[\w$]{1,200}\s{0,5}="""
    r"""|(?:document|globalThis|localStorage|self|sessionStorage|window)\.)"""
)
#: A link to another page in markup, with a query or a fragment.
LINK_IN_MARKUP = pattern(
    r"""\s(?i:href|src|action|formaction|content|data-[\w-]{1,100})"""
    rf"""{_EQUALS}(?P<quote>["'])(?P<text>[^\s"'<>?\#]{{0,2000}}[?\#][^\s"'<>]+)(?P=quote)"""
)
#: A link that runs a script in place of leading to a page: `href="javascript:f('…')"`.
SCRIPT_IN_LINK = pattern("javascript:", re.IGNORECASE)
#: What may stand at the end of such a script, behind the last value in it.
ENDS_OF_SCRIPT = ")]};"
# A script that begins by setting a variable, `window.config = {…}`.
_START_OF_SETTING_SCRIPT = pattern(
    r"\ufeff?\s*(?:(?:export\s{1,5})?(?:const|let|var)\s{1,5}[\w$]{1,200}"
    r"|(?:globalThis|module|self|window)\.[\w$.]{1,200})\s{0,5}=\s{0,5}[{\[\"']"
)
# A text that is settings as a whole, `Server=db;Uid=ann;Pwd=…` or `host=db password=…`.
_TEXT_OF_SETTINGS = pattern(
    r"\s*[A-Za-z][\w ]{0,50}=[^;=\s][^;\n]{0,2000}"
    r"(?:;\s*[A-Za-z][\w ]{0,50}=[^;\n]{0,2000})+;?\s*"
    r"|\s*[a-z_]{1,50}=\S{1,2000}(?: +[a-z_]{1,50}=\S{1,2000})+\s*"
)
_SETTING_IN_TEXT = pattern(
    r"(?:(?<=[;\s])|^)(?P<name>[A-Za-z][\w ]{0,50})=(?P<text>[^;\s]+)"
)
# A placeholder as it would read as an element: in markup it is written `&lt;redacted…`.
_UNESCAPED_PLACEHOLDER = pattern(r"<(redacted(?::[0-9a-z-]+)?)>")


def patterns_of_literals(text: str) -> tuple[re.Pattern[str], ...]:
    """Return the patterns by which secrets in a text are found, by its language.

    The beginning of the text decides, or of settings the whole text. Prose has no
    patterns: only secrets in its URLs are hidden.
    """
    if MARKUP.match(text):
        if _CALL_THAT_STORES in text:
            return (*_PATTERNS_OF_MARKUP, _SETTING_IN_SCRIPT, _STORED_IN_BROWSER)
        return (*_PATTERNS_OF_MARKUP, _SETTING_IN_SCRIPT)
    if "{" in text and _START_OF_GRAPHQL.match(text):
        return (_ARGUMENT_OF_GRAPHQL,)
    if "=" in text and _START_OF_SETTING_SCRIPT.match(text):
        return (_SETTING_IN_SCRIPT, _STORED_IN_BROWSER)
    if _CALL_THAT_STORES in text and _START_OF_STORING_SCRIPT.match(text):
        return (_STORED_IN_BROWSER,)
    if "=" in text and _TEXT_OF_SETTINGS.fullmatch(text):
        return (_SETTING_IN_TEXT,)
    return ()


def without_cdata(text: str) -> str:
    """Return the text of an element of XML, which may stand in a CDATA section."""
    return text.removeprefix("<![CDATA[").removesuffix("]]>")


def with_escaped_placeholders(text: str) -> str:
    """Return markup with its placeholders as `&lt;redacted&gt;`, so that it parses.

    Otherwise the application would read an element `<redacted>` in a replay. Any other
    text is returned as it is.
    """
    if PLACEHOLDER_START not in text or not MARKUP.match(text):
        return text
    return _UNESCAPED_PLACEHOLDER.sub(r"&lt;\1&gt;", text)
