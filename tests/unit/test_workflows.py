"""The workflows of GitHub Actions: the commands of the README, each Python that is supported, pinned actions, few permissions."""

from __future__ import annotations

import re
from configparser import ConfigParser
from pathlib import Path
from typing import Any

import pytest

yaml = pytest.importorskip("yaml", reason="needs pyyaml")

REPOSITORY = Path(__file__).parents[2]
GITHUB = REPOSITORY / ".github"
WORKFLOWS = sorted((GITHUB / "workflows").glob("*.yml"))
VENV = "python3 -m venv .venv && .venv/bin/pip install -q tox tox-uv && .venv/bin/tox run -e"


def read(path: Path) -> dict[Any, Any]:
    found: dict[Any, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return found


def jobs_of(name: str) -> dict[str, Any]:
    jobs: dict[str, Any] = read(GITHUB / "workflows" / name)["jobs"]
    return jobs


def steps_of(path: Path) -> list[dict[str, Any]]:
    return [step for job in read(path)["jobs"].values() for step in job["steps"]]


@pytest.mark.parametrize(
    ("name", "names"), [("tests.yml", ["py", "demo"]), ("newest.yml", ["py"]), ("release.yml", ["py"])]
)
def test_the_commands_that_it_looks_for_are_in_the_readme(name: str, names: list[str]):
    readme = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    scripts = [step.get("run", "") for step in steps_of(GITHUB / "workflows" / name)]
    patterns = [
        found for script in scripts for found in re.findall(r"grep -m1 -oE '([^']+)' README.md", script)
    ]

    commands = [re.findall(pattern, readme)[:1] for pattern in patterns]

    assert commands == [[f"{VENV} {each}"] for each in names]


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_actions_are_pinned_and_may_do_little(path: Path):
    text, workflow = path.read_text(encoding="utf-8"), read(path)

    pins = re.findall(r"uses: (.+)", text)
    assert [
        pin for pin in pins if not re.fullmatch(r"[\w.-]+/[\w.-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", pin)
    ] == []
    given = [workflow["permissions"], *(job.get("permissions", {}) for job in workflow["jobs"].values())]
    assert {f"{name}: {right}" for each in given for name, right in each.items()} <= {
        "contents: read",
        "id-token: write",
    }
    assert ("id-token" in text) is (path.name == "release.yml")
    checkouts = [step for step in steps_of(path) if "actions/checkout@" in step.get("uses", "")]
    assert all(step["with"] == {"persist-credentials": False} for step in checkouts)
    assert all("timeout-minutes" in job for job in workflow["jobs"].values())
    assert "secrets." not in text


def test_one_action_has_one_pin():
    pins = {pin for path in WORKFLOWS for pin in re.findall(r"uses: (\S+)", path.read_text(encoding="utf-8"))}

    assert len(pins) == len({pin.partition("@")[0] for pin in pins})
    assert read(GITHUB / "dependabot.yml")["updates"][0]["package-ecosystem"] == "github-actions"


def test_a_release_publishes_what_was_built_and_tried():
    jobs = jobs_of("release.yml")

    build, publish = jobs["build"], jobs["publish"]
    assert [step["run"].split()[0] for step in build["steps"] if "name" not in step and "run" in step] == [
        "sudo",
        ".ci/try-wheel",
        "pip",
    ]
    assert publish["needs"] == "build"
    assert publish["permissions"] == {"id-token": "write"}
    assert publish["environment"]["name"] == "pypi"
    assert [step["uses"].partition("@")[0] for step in publish["steps"]] == [
        "actions/download-artifact",
        "pypa/gh-action-pypi-publish",
    ]


def test_the_project_has_one_address():
    text = "".join(
        (REPOSITORY / name).read_text(encoding="utf-8") for name in ("pyproject.toml", "README.md")
    )

    assert len(set(re.findall(r"https://[a-z.]*github[a-z]*\.com/([\w-]+)/pytest-mimic", text))) == 1


def test_the_newest_clients_are_tried_each_week():
    when = read(GITHUB / "workflows" / "newest.yml")[True]  # YAML 1.1 reads `on` so

    assert [each["cron"].split()[2:] for each in when["schedule"]] == [["*", "*", "1"]]


@pytest.mark.parametrize("name", ["bug.yml", "idea.yml"])
def test_forms_of_issues_have_what_github_asks_for(name: str):
    form = read(GITHUB / "ISSUE_TEMPLATE" / name)

    assert form.keys() == {"name", "description", "labels", "body"}
    fields = [field for field in form["body"] if field["type"] != "markdown"]
    assert {field["type"] for field in fields} <= {"textarea", "input"}
    assert len({field["id"] for field in fields}) == len(fields)
    assert all(field["attributes"]["label"] for field in fields)


def test_it_runs_each_python_that_the_package_and_tox_name():
    metadata = (REPOSITORY / "pyproject.toml").read_text(encoding="utf-8")
    tox = ConfigParser(interpolation=None)
    tox.read(REPOSITORY / "tox.ini", encoding="utf-8")
    named = re.findall(r'"Programming Language :: Python :: (3\.\d+)"', metadata)

    matrix = jobs_of("tests.yml")["tests"]["strategy"]["matrix"]

    assert matrix["python"] == named
    assert [name for name in tox["tox"]["env_list"].split(", ") if name[:2] == "py"] == [
        f"py{version.replace('.', '')}" for version in named
    ]
    assert {name.partition("-")[0] for name in matrix["os"]} == {"ubuntu", "macos", "windows"}
