"""The lives of two projects: a data pipeline, and a shop with a database, a cache and two services.

They are recorded, and replay in other checkouts and as other users. What changes is
recorded again.
"""

from __future__ import annotations

import copy
import os
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from shop_services import Services, running_services

# Runs in this process forget the modules that they were the first to import, and
# registries of theirs would be stale.
for _name in (
    *(
        "concurrent.futures.process",
        "pandas",
        "PIL.Image",
        "PIL.PngImagePlugin",
        "pytest_randomly",
        "xdist",
    ),
    *("fastapi", "httpx", "requests", "redis", "psycopg", "sqlalchemy"),
):
    pytest.importorskip(_name)

if TYPE_CHECKING:
    from conftest import Project
    from support.database_servers import Postgres, RedisServer

pytest_plugins = ("support.database_servers",)

PROJECTS = Path(__file__).parent / "projects"
NOBODY = 65534


def edit(project: Project, name: str, old: str, new: str) -> None:
    """Replace a text that occurs once in a file."""
    path = project.root / name
    text = path.read_text(encoding="utf-8")
    assert text.count(old) == 1, f"{old!r} occurs {text.count(old)} times in {name}"
    path.write_text(text.replace(old, new), encoding="utf-8")


def replay(
    project: Project, *options: str, passed: int, env: Mapping[str, str] | None = None
) -> None:
    """Replay a project. Nothing runs for real, and the vault stays as it is."""
    replayed = project.replay(*options, env=env, process="-n2" in options)
    assert (
        replayed.expect(passed=passed, real=[], never=["missing", "swallowed"]).changed
        == set()
    )


@contextmanager
def other_checkout(project: Project) -> Iterator[Project]:
    """A copy of a project in a folder that other users may read, for as long as the block lasts."""
    folder = Path(tempfile.mkdtemp(prefix="mimic-checkout-"))
    other = copy.copy(project)
    other.root = folder / "elsewhere" / "copy"
    other.tally = folder / "tally"
    try:
        shutil.copytree(
            project.root, other.root, ignore=shutil.ignore_patterns("__pycache__")
        )
        folder.chmod(0o755)
        yield other
    finally:
        for path in [folder, *folder.rglob("*")]:
            if not path.is_symlink():
                path.chmod(path.stat().st_mode | stat.S_IWUSR)
        shutil.rmtree(folder)


def replay_as_another_user(project: Project, *, passed: int) -> None:
    """Replay as a user with another name and home, who may not write the checkout.

    Where this user may not become another one, or where the other one may not run this
    Python, only name and home differ.
    """
    for path in project.root.rglob("*"):
        path.chmod(path.stat().st_mode & ~0o222)
    before = project.files()
    other: dict[str, int] = {}
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        trial = [sys.executable, "-c", "import pytest_mimic"]
        nobody = {"user": NOBODY, "group": NOBODY}
        with suppress(PermissionError):
            if (
                subprocess.run(
                    trial, cwd="/", capture_output=True, check=False, **nobody
                ).returncode
                == 0
            ):
                other = nobody
    with tempfile.TemporaryDirectory(prefix="mimic-other-") as home:
        Path(home).chmod(0o777)
        variables = project.environment(
            {"USER": "other", "LOGNAME": "other", "HOME": home, "TMPDIR": home}
        )
        # pytester names a folder that the other user may not enter
        variables |= {
            "PYTEST_DEBUG_TEMPROOT": home,
            "TALLY_OFFLINE": "1",
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        }
        variables.pop(
            "COVERAGE_PROCESS_CONFIG", None
        )  # the other user may not write its data
        options = ("-p", "pytest_mimic.plugin", "-p", "no:cacheprovider", "-W", "error")
        done = subprocess.run(
            [sys.executable, "-m", "pytest", *options],
            cwd=project.root, env=variables, stdin=subprocess.DEVNULL, capture_output=True, text=True, **other,
        )  # fmt: skip
    assert f"{passed} passed" in done.stdout, done.stdout + done.stderr
    assert done.returncode == 0, done.stdout
    assert project.files() == before


# -- a pipeline: files in and out, frames, models, figures, processes


@pytest.fixture
def pipeline(project: Project) -> Project:
    """The pipeline, recorded. Nine tests."""
    shutil.copytree(PROJECTS / "pipeline", project.root, dirs_exist_ok=True)
    project.record_once(passed=9)
    return project


def test_the_pipeline_replays_everywhere(pipeline: Project) -> None:
    """Here, in random order in two workers of another checkout, and as another user."""
    replay(pipeline, passed=9)
    with other_checkout(pipeline) as other:
        replay(other, "-n2", "-p", "pytest_randomly", "--randomly-seed=7", passed=9)
        replay_as_another_user(other, passed=9)
    assert pipeline.run("--mimic-verify").expect(passed=9).changed == set()
    assert pipeline.run("--mimic-rerecord").expect(passed=9).changed == set()
    pipeline.run("--mimic-fail-on-unused", offline=True).expect(passed=9)


def test_a_changed_input_file_is_a_miss(pipeline: Project) -> None:
    edit(pipeline, "data/sales.csv", "north,2022,5", "north,2022,6")

    says = ["no recording of pipeline.files:read", "content differs"]
    pipeline.replay().expect(failed=3, passed=6, real=[], says=says)

    edit(pipeline, "tests/test_sales.py", '"north": 2.0', '"north": 3.0')
    pipeline.record().expect(passed=9)
    replay(pipeline, passed=9)


# -- a shop: FastAPI, SQLAlchemy over PostgreSQL, Redis, and two services over two HTTP
# clients


GONE = {
    "DATABASE_URL": "postgresql+psycopg://postgres@127.0.0.1:1/gone",
    "REDIS_URL": "redis://127.0.0.1:1/0",
    **dict.fromkeys(("PAYMENTS", "SHIPPING"), "http://127.0.0.1:1"),
}


@pytest.fixture
def services() -> Iterator[Services]:
    """The running services of payments and parcels."""
    with running_services() as server:
        yield server


@pytest.fixture
def there(
    postgres: Postgres, redis_server: RedisServer, services: Services
) -> dict[str, str]:
    """The variables by which the shop finds its servers."""
    return {
        "DATABASE_URL": f"postgresql+psycopg://{postgres.new_database()}",
        "REDIS_URL": f"redis://127.0.0.1:{redis_server.port}/0",
        "PAYMENTS": services.url,
        "SHIPPING": services.url,
    }


@pytest.fixture
def shop(project: Project, there: dict[str, str]) -> Project:
    """The shop, recorded. Four tests."""
    shutil.copytree(PROJECTS / "shop", project.root, dirs_exist_ok=True)
    project.record_once(env=there, passed=4)
    return project


def test_the_shop_replays_and_verifying_finds_what_changed(
    shop: Project, there: dict[str, str], services: Services
) -> None:
    replay(shop, passed=4, env=GONE)
    services.made["earlier"] = {}  # the next payment has another number
    shop.run("--mimic-verify", env=there).expect(failed=2, passed=2, says=["payment-"])


def test_what_changed_is_recorded_with_its_conversation(
    shop: Project, there: dict[str, str]
) -> None:
    old = "sa.select(Product).where(Product.name == product)"
    edit(shop, "shop.py", old, f"{old}.order_by(Product.id)")
    missed = shop.replay(env=GONE)
    missed.expect(
        failed=3, passed=1, says=["no recording of sqlalchemy SELECT products"]
    )
    shop.record(env=there).expect(
        failed=3, passed=1, says=["pytest --mimic-rerecord tests/"]
    )
    shop.run("--mimic-rerecord", env=there).expect(passed=4)
    replay(shop, passed=4, env=GONE)
