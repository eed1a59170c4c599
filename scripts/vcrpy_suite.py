"""Run vcrpy's own integration tests on a stand-in for vcrpy, which is built on pytest-mimic.

    python scripts/vcrpy_suite.py                        # downloads vcrpy's sources from PyPI
    python scripts/vcrpy_suite.py httpx aiohttp          # some of the clients
    python scripts/vcrpy_suite.py --source ~/src/vcrpy   # a folder with its sources

The tests of urllib, httplib2, urllib3, requests, httpx, httpx2, aiohttp and boto3 are run twice, in an environment of their own: with
vcrpy, and with the module `vcr` in `scripts/vcrpy_stand_in/`, which records into the vault. Tests that need the internet
are left out, and so are those of vcrpy's own internals.

Prints the counts of both runs, and each test that passes with vcrpy only, with the reason. The exit code is 1 if one has no
reason in the table. Needs the network for the packages.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
from collections import Counter, defaultdict
from pathlib import Path
from tempfile import TemporaryDirectory

from environments import ROOT, build_wheel, environment, install
from real_suites import counted, outcomes_in

VERSION = "9.4.2"
GROUPS = {
    "urllib": (
        "basic config filter ignore matchers multiple record_mode register_matcher request wild proxy "
        "streaming_request_body"
    ).split(),
    "httplib2": ["httplib2"],
    "urllib3": ["urllib3", "stale_connection"],
    "requests": ["requests"],
    "httpx": ["httpx", "httpx_stream_cleanup"],
    "httpx2": ["httpx2"],
    "aiohttp": ["aiohttp"],
    "boto3": ["boto3"],
}
PACKAGES = (
    *(
        f"vcrpy=={VERSION}",
        "pip",
        "pytest",
        "pytest-asyncio",
        "pytest-aiohttp",
        "pytest-httpbin",
        "brotli",
        "boto3",
    ),
    *("aiohttp", "httplib2", "httpx", "httpx2", "requests", "urllib3"),
)

FILES = "looks into the file of vcrpy, and the stand-in records into the vault"
INTERNALS = "uses what is private to vcrpy"
REDACTED = "secrets and cookies come back as placeholders"
NO_HEADERS = "the headers of requests are not stored"
IN_PROCESS = "clients inside the process are not intercepted"
WHOLE = "a conversation is recorded again as a whole, and nothing is added to a replayed one"
REPEATS = "the last answer repeats in our format"
OTHER_MATCH = "changes match_on after recording, on which the identity in our format depends"
UNREAD = "does not read or close a response, which is recorded as far as it is read"
AS_SENT = "expects another request to be sent than the client has made"
PLAYS = "with allow_playback_repeats, vcrpy replays what it has just recorded"
INVALID = "sends what http.client refuses without vcrpy, too"
ERRORS = "expects vcrpy's class of error"
OWN_FORM = "expects vcrpy's types: its response, a file or a text for a body, or a full URL of urllib3"
REASONS = {
    r"test_nonexistent_directory|test_set_drop_unused|test_filter_querystring|aiohttp.*test_filter_query_param": FILES,
    r"test_all_record_mode_|test_filter_sensitive_data": FILES,
    r"test_patched_content|test_disksaver|test_https_connects_only|test_replayed_response_exposes": INTERNALS,
    r"test_missing_matcher": ERRORS,
    r"test_filter_basic_auth|test_decompress_regular|test_build_response_from_urllib": UNREAD,
    r"test_decompress_|test_decomptess_|test_flickr_multipart": INVALID,
    r"test_streaming_body_forwarded": AS_SENT,
    r"test_matchers\[|test_method_matcher": OTHER_MATCH,
    r"test_making_extra_request": REPEATS,
    r"test_duplicate_get_allow_playback_repeats": PLAYS,
    r"test_new_episodes": WHOLE,
    r"test_gzip__decode_compressed|test_post_file|requests.*test_filter_post_params|urllib3.*test_url\[": OWN_FORM,
    r"test_filter_post_data_with_encoded|test_blocking_pool_used|test_release_conn_restores": OWN_FORM,
    r"test_cookies\[": REDACTED,
    r"test_cookies_redirect": NO_HEADERS,
    r"test_custom_transports|test_aiohttp_test_client|test_aiohttp_async_generator": IN_PROCESS,
    r"httpx_stream_cleanup": IN_PROCESS,
}


def main() -> int:
    """Run the tests both ways and print the differences."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument(
        "--source", metavar="PATH", help="a folder with vcrpy's sources; by default they are downloaded"
    )
    parser.add_argument("group", nargs="*", metavar="GROUP", help=f"by default all: {', '.join(GROUPS)}")
    options = parser.parse_args()
    source, groups = options.source, options.group or list(GROUPS)
    if unknown := sorted({*groups} - {*GROUPS}):
        parser.error(f"no such group: {', '.join(unknown)}")
    with TemporaryDirectory(prefix="vcrpy-suite-") as name:
        scratch = Path(name)
        python = environment(scratch / "environment", PACKAGES)
        folder = scratch / "vcrpy"
        shutil.copytree(source or downloaded(scratch, python), folder)
        shutil.rmtree(folder / "vcr")  # the installed one, or the stand-in
        (folder / "pyproject.toml").unlink()
        install(python, [str(build_wheel(scratch))])
        missing = 0
        reasons: dict[str, list[str]] = defaultdict(list)
        for group in groups:
            before = outcomes_of(folder, python, GROUPS[group], stand_in=False)
            after = outcomes_of(folder, python, GROUPS[group], stand_in=True)
            print(f"{group}: {counted(before)} with vcrpy, {counted(after)} here", flush=True)
            for test in sorted(before):
                if before[test] == "passed" and after.get(test) != "passed":
                    reasons[reason_of(test)].append(test)
        for reason, tests in sorted(reasons.items(), key=lambda item: -len(item[1])):
            print(f"{len(tests)}: {reason or 'NO REASON'}")
            names = Counter(re.sub(r"\[.*", "", test) for test in tests)
            print(
                "".join(f"    {test}{f' ({count})' if count > 1 else ''}\n" for test, count in names.items()),
                end="",
            )
        missing = len(reasons.get("", ()))
    return 1 if missing else 0


def downloaded(scratch: Path, python: Path) -> Path:
    """Download the sources of vcrpy, with its tests, and return their folder."""
    download = "pip download --quiet --no-deps --no-binary vcrpy --dest".split()
    requirement = f"vcrpy=={VERSION}"
    subprocess.run([str(python), "-m", *download, str(scratch), requirement], check=True)
    shutil.unpack_archive(scratch / f"vcrpy-{VERSION}.tar.gz", scratch, filter="data")
    return scratch / f"vcrpy-{VERSION}"


def reason_of(test: str) -> str:
    """Return why a test does not pass on the stand-in, empty if the table has no reason."""
    return next((reason for pattern, reason in REASONS.items() if re.search(pattern, test)), "")


def outcomes_of(folder: Path, python: Path, modules: list[str], *, stand_in: bool) -> dict[str, str]:
    """Return the outcome of each test by its id, of one run in a new process."""
    report, vault = folder.parent / "report.xml", folder.parent / "vault"
    report.unlink(missing_ok=True)
    shutil.rmtree(vault, ignore_errors=True)
    certificates = subprocess.run(
        [str(python), "-m", "pytest_httpbin.certs"], capture_output=True, text=True, check=True
    ).stdout.strip()
    variables = {"REQUESTS_CA_BUNDLE": certificates, "PYTHONDONTWRITEBYTECODE": "1"}
    if stand_in:
        variables["PYTHONPATH"] = str(ROOT / "scripts" / "vcrpy_stand_in")
    loops = [
        word for kind in ("fixture", "test") for word in ("-o", f"asyncio_default_{kind}_loop_scope=session")
    ]
    command = [
        str(python),
        "-m",
        "pytest",
        "-p",
        "no:cacheprovider",
        "-m",
        "not online",
        "-o",
        "markers=online",
    ]
    command += [*loops, f"--rootdir={folder}", f"--junitxml={report}"]
    command += [f"--mimic-vault={vault}"] if stand_in else ["-p", "no:mimic"]
    tests = [f"tests/integration/test_{module}.py" for module in modules]
    done = subprocess.run(
        [*command, *tests],
        cwd=folder,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        check=False,
    )
    if not report.exists():
        raise SystemExit(f"the tests did not run:\n{done.stdout[-4000:]}{done.stderr[-4000:]}")
    return outcomes_in(report)


if __name__ == "__main__":
    sys.exit(main())
