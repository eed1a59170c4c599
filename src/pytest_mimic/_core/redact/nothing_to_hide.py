"""Checks fast whether plain data has nothing that redaction would hide.

Most of a large vault is such, and redaction itself takes many times as long. `check`
and the lists of outcomes ask it; what is stored is always redacted.
"""

from __future__ import annotations

from typing import Any

from pytest_mimic._core.redact.secret_names import SecretNames
from pytest_mimic._core.words import pattern

# A text without these signs is no data itself, such as JSON, markup, a form or a URL,
# and gives no value a name (`token: …`).
_WITHOUT_SIGNS_OF_DATA = pattern(r"[^{\[<=:]*")
# A moment, `2024-05-01T10:30:00Z`, and a plain URL have the colon, and nothing to hide.
_DATE_AND_TIME = pattern(
    r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?"
)
_PLAIN_URL = pattern(r"(?P<scheme>https?)://[\w.-]+(?:/[\w./~+-]*)?")
# Redaction hides two kinds of texts by their look alone: a key of Google, and a JSON
# Web Token. They begin so. Texts that look like other keys are only warned of.
_BEGINNINGS_OF_HIDDEN_LOOKS = ("AIza", "eyJ")
# An option of a command line, which may give the next word a name.
_FLAG = pattern(r"(?<![\w-])--?[A-Za-z_]")


def has_nothing_to_hide(value: object, secret_names: SecretNames) -> bool:
    """Check fast whether plain data of JSON has nothing that redaction would hide.

    `check` asks it of recorded requests and answers. Lists of outcomes ask it before
    they show one, which then is not redacted once more. Data of which this says False
    may have nothing to hide as well: only redaction can tell. The values of variables
    of the environment are not looked for.
    """
    # The list grows by the values of each container in it.
    values: list[Any] = [value]
    for json_value in values:
        json_type = type(json_value)
        if json_type is str:
            if not _is_plain_text(json_value, secret_names):
                return False
        elif json_type is dict:
            if not secret_names.are_plain(tuple(json_value)):
                return False
            values += json_value.values()
        elif json_type is list:
            if not _is_plain_list(json_value, secret_names):
                return False
            values += json_value
        elif json_value is not None and json_type not in (bool, int, float):
            # No JSON has such a value: redaction has to tell.
            return False
    return True


def _is_plain_text(text: str, secret_names: SecretNames) -> bool:
    """Check fast whether redaction leaves a text as it is.

    False: redaction may change the text.
    """
    for beginning in _BEGINNINGS_OF_HIDDEN_LOOKS:
        if beginning in text:
            return False
    if "-" in text and _FLAG.search(text):
        return False
    if _WITHOUT_SIGNS_OF_DATA.fullmatch(text) or _DATE_AND_TIME.fullmatch(text):
        return True
    url = _PLAIN_URL.fullmatch(text)
    # In free text, `https:` gives what follows the name `https`.
    return url is not None and secret_names.are_plain((url["scheme"],))


def _is_plain_list(items: list[Any], secret_names: SecretNames) -> bool:
    """Check whether no item of a list gives another one a name.

    The first item of a pair may be the name of the second one.
    """
    if len(items) == 2 and type(items[0]) is str:
        return secret_names.are_plain((items[0],))
    return True
