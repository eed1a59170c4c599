"""The groups of tests, with the module that each of them needs."""

from importlib.util import find_spec

GROUPS = {
    "plain": None,
    **{name: name for name in ("numpy", "pandas", "polars", "pyarrow", "scipy", "PIL", "attrs", "pydantic")},
    **{name: name for name in ("httpx", "httpx2", "requests", "aiohttp", "sqlalchemy", "psycopg", "redis")},
}


def installed():
    """Return the names of the groups that can be replayed here."""
    return [name for name, module in GROUPS.items() if module is None or find_spec(module) is not None]
