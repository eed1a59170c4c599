"""Tells what a line that names no target probably means: two targets, blanks around `=`, a library above a client."""

from __future__ import annotations

import re
from collections.abc import Sequence

from pytest_mimic._core.seam.registry import CLIENTS

_NAME = re.compile(r"!?\w+(\.\w+)*(:[\w.*]+)?")
# The clients through which libraries send, as a line names them.
_SENDS = {
    **dict.fromkeys(("anthropic", "openai"), "httpx2 (and httpx for older versions)"),
    **dict.fromkeys(("cohere", "groq", "litellm", "mistralai", "ollama"), "httpx"),
    **dict.fromkeys(("github", "stripe", "twilio"), "requests"),
    **dict.fromkeys(("aioboto3", "aiobotocore", "boto3", "s3fs"), "botocore"),
}
_DRIVERS = "aiomysql aiosqlite asyncpg oracledb pg8000 psycopg psycopg2 pymysql pyodbc sqlite3".split()


def meant_client(name: str) -> str:
    """Return what to write instead of the name of a library, or an empty string."""
    if name in _DRIVERS:
        return f"{name} is recorded through sqlalchemy: write sqlalchemy, or name your function that queries"
    client = _SENDS.get(name, "")
    return f"{name} sends with {client.partition(' ')[0]}: write {client}" if client else ""


def meant_line(words: Sequence[str]) -> str:
    """Return what is wrong with a line that was written with blanks or commas in wrong places, or an empty string."""
    for before, word, after in zip(words, words[1:], (*words[2:], ""), strict=False):
        if word.startswith("=") and before != words[0]:
            return f'no blanks around "=": {before}={word[1:] or after}'
        if word.endswith("=") and after:
            return f'no blanks around "=": {word}{after}'
        if word.endswith(",") and "=" in word and after:
            return f'no blanks after ",": {word}{after}'
    names = [name for word in words if "=" not in word for name in word.split(",") if name]
    others = [
        name for name in names[1:] if _NAME.fullmatch(name) and (name in CLIENTS or set(name) & set(".:"))
    ]
    return f"one target per line: put {others[0]} on a line of its own" if others else ""
