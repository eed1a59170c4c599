"""A run whose vault is in an object store: all modes, and what differs from a folder."""

from __future__ import annotations

import json
import sys

import pytest
from failing_proxy import running_proxy

from pytest_mimic._cli.main import main
from pytest_mimic._remote.bucket import Bucket
from pytest_mimic._remote.packs import compress
from pytest_mimic._remote.place import parse_place
from pytest_mimic._remote.store import RemoteStore
from pytest_mimic._vault import Vault

pytest.importorskip("obstore", exc_type=ImportError)

SHOP = """
    import os
    from ipaddress import ip_address
    from tally import ran

    def fetch(city):
        ran("fetch", city)
        return {"city": city, "version": os.environ.get("VERSION", "1")}

    def load(city):
        ran("load", city)
        return [(city, ip_address("10.0.0.1"))] * 100
"""
TESTS = """
    import shop

    def test_oslo():
        assert shop.fetch("Oslo")["city"] == "Oslo"

    def test_rome():
        assert shop.fetch("Rome")["city"] == "Rome"
        assert len(shop.load("Rome")) == 100
"""
REAL = ["fetch Oslo", "fetch Rome", "load Rome"]


@pytest.fixture(scope="module")
def server(s3):
    """A proxy in front of the S3 server."""
    with running_proxy(s3.url) as proxy:
        yield proxy


@pytest.fixture
def proxy(server, s3_url, monkeypatch):
    """The proxy without failures, which the environment names instead of the server."""
    server.heal()
    server.forget()
    monkeypatch.setenv("AWS_ENDPOINT_URL", server.url)
    return server


@pytest.fixture
def url(request, tmp_path, monkeypatch):
    """The URL of an empty vault: behind the proxy if a test uses that, else in a folder, which takes less time."""
    if "proxy" in request.fixturenames:
        request.getfixturevalue("proxy")
        return request.getfixturevalue("s3_url")
    monkeypatch.setenv("PYTEST_MIMIC_CACHE_DIR", str(tmp_path / "cache"))
    return (tmp_path / "bucket").as_uri()


@pytest.fixture
def shop(project, url):
    """`shop.fetch` and `shop.load` are mimicked, with an empty remote vault."""
    project.ini("shop:fetch", "shop:load", pythonpath=".", mimic_vault_path=url)
    project.write("shop.py", SHOP)
    project.write("test_shop.py", TESTS)
    return project


@pytest.fixture
def recorded(shop):
    """The project, after a run that has recorded."""
    shop.record().expect(passed=2, real=REAL)
    return shop


@pytest.fixture
def another_machine(monkeypatch, tmp_path):
    """A function after whose call the runs have an empty cache."""
    numbers = iter(range(100))
    return lambda: monkeypatch.setenv("PYTEST_MIMIC_CACHE_DIR", str(tmp_path / f"machine {next(numbers)}"))


@pytest.fixture
def contents(url, tmp_path):
    """A function that returns the vault as it is now, for a machine that has seen nothing of it."""
    numbers = iter(range(100))
    return lambda: Vault(RemoteStore(parse_place(url), str(tmp_path / f"look {next(numbers)}")))


def keys(url):
    """Return the keys in a bucket, with their sizes and dates."""
    return Bucket(parse_place(url)).list("")


# -- modes


@pytest.mark.promise("a vault in an object store records and replays as one in a folder does")
def test_recordings_go_to_the_bucket_and_are_replayed_from_it(proxy, shop, url, another_machine):
    first = shop.record().expect(passed=2, real=REAL)
    warm = shop.replay().expect(passed=2, real=[])
    another_machine()
    cold = shop.replay().expect(passed=2, real=[])

    assert first.header == f"record into {url} (2 targets)"
    assert first.section == ["3 calls recorded in # s", f"vault: {url}, 3 recordings, # kB"]
    assert cold.header == f"replay from {url} (2 targets)"
    assert warm.section == cold.section == ["3 calls replayed, # s saved"]
    assert not shop.vault.exists()


def test_the_command_line_names_another_vault(recorded, url):
    recorded.ini("shop:fetch", "shop:load", pythonpath=".")

    recorded.replay(f"--mimic-vault={url}").expect(passed=2, real=[])
    missed = recorded.replay(f"--mimic-vault={url}/other").expect(failed=2, real=[])

    assert f"pytest --mimic-record --mimic-vault={url}/other " in missed.output


def test_a_replay_changes_nothing_in_the_bucket(recorded, url):
    before = keys(url)

    recorded.replay().expect(passed=2)
    recorded.run("--mimic-verify").expect(passed=2, real=REAL)

    assert keys(url) == before


@pytest.mark.promise("re-recording an equal outcome leaves a bucket as it is")
def test_recording_equal_outcomes_again_changes_nothing_in_the_bucket(recorded, url):
    before = keys(url)

    recorded.run("--mimic-rerecord").expect(passed=2, real=REAL)

    assert keys(url) == before


def test_a_changed_outcome_replaces_the_one_before(recorded, contents, another_machine):
    recorded.run("--mimic-rerecord", env={"VERSION": "2"}).expect(passed=2, real=REAL)
    another_machine()
    recorded.replay().expect(passed=2, real=[])

    vault = contents()
    values = [vault.read(name).outcomes[0].load().value for name in vault.store.names("calls/shop/fetch")]
    assert [value["version"] for value in values] == ["2", "2"]


def test_drift_is_found(recorded):
    run = recorded.run("--mimic-verify", env={"VERSION": "2"})

    run.expect(failed=2, real=REAL, says=["version: '1' recorded, '2' now"])


@pytest.mark.promise("--mimic-live makes no request to a remote vault")
def test_a_live_run_does_not_touch_the_bucket(shop, proxy):
    run = shop.run("--mimic-live").expect(passed=2, real=REAL)

    assert (run.section, proxy.seen) == ([], [])


def test_a_run_that_mimics_nothing_does_not_touch_the_bucket(shop, url, proxy):
    shop.ini(pythonpath=".", mimic_vault_path=url)

    run = shop.run().expect(passed=2, real=REAL)

    assert (run.header, run.section, proxy.seen) == ("", [], [])


def test_without_the_plugin_the_url_means_nothing(shop, proxy):
    ignored = ("-W", "ignore::pytest.PytestConfigWarning")

    shop.run("-p", "no:mimic", *ignored).expect(passed=2, real=REAL)

    assert proxy.seen == []


@pytest.mark.promise("a warm replay from a remote vault makes one request")
def test_a_replay_makes_few_requests(recorded, proxy, another_machine):
    proxy.forget()
    recorded.replay().expect(passed=2, real=[])
    warm = dict(proxy.counts)
    another_machine()
    proxy.forget()
    recorded.replay().expect(passed=2, real=[])

    assert (warm, dict(proxy.counts)) == (
        {"list": 1},
        {"list": 1, "get": 2},
    )  # the manifest, and the only pack


def test_conversations_and_cassettes_are_in_the_bucket(shop, url, another_machine):
    shop.ini("shop:fetch sequence", pythonpath=".", mimic_vault_path=url)
    shop.write(
        "test_shop.py",
        """
        import shop

        def test_sequence():
            assert [shop.fetch("Oslo")["version"] for _ in range(3)]

        def test_cassette(mimic_auto):
            with mimic_auto("travel/rome", targets=["shop:load"]) as cassette:
                shop.load("Rome")
            print(cassette.mode, cassette.path.name)
        """,
    )

    shop.run("-s", "--mimic-record").expect(
        passed=2, real=["fetch Oslo"] * 3 + ["load Rome"], says=["record rome.json"]
    )
    another_machine()
    shop.run("-s", offline=True).expect(passed=2, real=[], says=["replay rome.json"])


@pytest.mark.promise("a failing test replaces no recording of a remote vault")
def test_what_a_failing_test_has_replaced_is_put_back(recorded, another_machine, contents):
    names = contents().names()
    before = [contents().store.read(name) for name in names]
    recorded.write("test_shop.py", TESTS.replace('== "Oslo"', '== "Paris"').replace("== 100", "== 99"))

    run = recorded.run("--mimic-rerecord", env={"VERSION": "2"}).expect(failed=2, real=REAL)

    assert run.section[1].startswith("vault: ")
    assert run.section[2].startswith("2 recordings were put back")
    assert [contents().store.read(name) for name in names] == before
    recorded.write("test_shop.py", TESTS)
    another_machine()
    recorded.replay().expect(passed=2, real=[])


@pytest.mark.promise("xdist's workers share a remote vault, and its recordings are put into packs once")
def test_workers_record_into_one_vault(shop, url, another_machine):
    recorded = shop.record("-n2", process=True).expect(passed=2)
    another_machine()
    shop.replay().expect(passed=2, real=[])

    assert sorted(recorded.real) == REAL
    assert recorded.section == ["3 calls recorded in # s", f"vault: {url}, 3 recordings, # kB"]
    assert [key for key, _, _ in keys(url) if key.startswith("state/")] == ["state/manifest/000000000001"]


# -- unused recordings


@pytest.mark.promise("unused recordings of a remote vault are judged if all packs are on this machine")
def test_unused_recordings_are_found_and_cleared(recorded, url, contents):
    recorded.write("test_shop.py", TESTS.replace('assert len(shop.load("Rome")) == 100', "pass"))

    found = recorded.replay().expect(passed=2)
    failed = recorded.replay("--mimic-fail-on-unused").expect(exit_code=1, passed=2)
    cleared = recorded.replay("--mimic-clear-unused").expect(passed=2)

    assert found.section[0] == failed.section[0] == "2 calls replayed, # s saved; 1 recording unused"
    assert cleared.section[0] == "2 calls replayed, # s saved; 1 unused recording cleared (# B)"
    assert len(contents().names()) == 2


@pytest.mark.promise("a test that only another branch has is not taken for gone in a remote vault")
def test_the_recordings_of_other_branches_stay(recorded, contents):
    recorded.write("test_shop.py", "import shop\n\ndef test_oslo():\n    shop.fetch('Oslo')\n")

    run = recorded.replay("--mimic-clear-unused").expect(passed=1)

    reason = "other projects or branches may use the vault"
    assert run.section == [
        f"1 call replayed, # s saved; 2 recordings not used, not judged: {reason}",
    ]
    assert len(contents().names()) == 3


@pytest.mark.promise("a plain replay fetches nothing in order to judge unused recordings")
def test_packs_that_are_not_here_are_fetched_on_request_only(shop, url, another_machine):
    shop.ini("shop:blob", pythonpath=".", mimic_vault_path=url)
    shop.write("shop.py", "import os\n\ndef blob(n):\n    return os.urandom(200_000)\n")
    shop.write("test_shop.py", "import shop\n\ndef test_all():\n    [shop.blob(n) for n in range(8)]\n")
    shop.record().expect(passed=1)
    shop.write("test_shop.py", "import shop\n\ndef test_one():\n    shop.blob(0)\n")
    another_machine()

    plain = shop.replay().expect(passed=1)
    asked = shop.replay("--mimic-fail-on-unused").expect(passed=1)

    remedy = "not on this machine, --mimic-fail-on-unused fetches what is missing"
    assert plain.section[0].startswith("1 call replayed, # s saved; unused recordings not judged: ")
    assert plain.section[0].endswith(remedy)
    assert asked.section[0].startswith("1 call replayed, # s saved; 7 recordings not used, not judged: ")


# -- without a network


@pytest.mark.promise("without a network, a run replays from the local copies of a remote vault")
def test_a_replay_needs_no_network(recorded, proxy):
    proxy.fail("reset", number=0)

    run = recorded.replay().expect(passed=2, real=[])

    assert run.section[0] == "3 calls replayed, # s saved"
    assert run.section[1].endswith(": this run used the local copies")
    assert "drowssap" not in run.output


@pytest.mark.promise("a store that cannot be read is asked once in a run")
def test_a_machine_that_has_seen_nothing_needs_the_network(recorded, proxy, another_machine):
    another_machine()
    proxy.forget()
    proxy.fail("403", number=0)

    run = recorded.replay().expect(failed=2, real=[], says=["access is denied (AccessDenied)"])

    assert dict(proxy.counts) == {"list": 1}
    assert "drowssap" not in run.output


@pytest.mark.promise(
    "a recording that a remote vault cannot take waits on the machine, and a later run sends it"
)
def test_recordings_wait_until_they_can_be_sent(recorded, proxy, contents):
    recorded.write(
        "test_shop.py", "import shop\n\ndef test_bonn():\n    shop.fetch('Bonn')\n    shop.fetch('Kiel')\n"
    )
    proxy.fail("403", number=0, match="^PUT")
    forbidden = recorded.record().expect(exit_code=1, passed=1, real=["fetch Bonn", "fetch Kiel"])
    meanwhile = recorded.replay().expect(passed=1, real=[])
    # Nothing is left to the end of the run, where it would be a traceback.
    recorded.record().expect(exit_code=1, passed=1, real=[])
    proxy.heal()
    before = len(contents().names())

    recorded.record().expect(passed=1, real=[])

    # One line for all of them.
    assert [line.partition(" for ")[0] for line in forbidden.section if "machine" in line] == [
        "2 recordings wait on this machine"
    ]
    assert "2 calls replayed" in meanwhile.section[0]
    assert (before, len(contents().names())) == (3, 5)


# -- the command


@pytest.fixture
def command(recorded, monkeypatch, capsys):
    """A function that calls the command in the project, and returns its exit code, its output and its errors."""
    monkeypatch.chdir(recorded.root)
    # Changed recordings are of this module.
    monkeypatch.setattr(sys, "path", [str(recorded.root), *sys.path])

    def call(*words):
        capsys.readouterr()
        code = main([*words])
        return code, *capsys.readouterr()

    return call


@pytest.mark.promise("the command works on a remote vault, by its URL or that of the project")
def test_recordings_are_listed_and_shown(command, url):
    code, listed, _ = command("ls")
    _, by_url, _ = command("ls", "--vault", url)
    _, shown, _ = command("show", "--load", "shop:load")
    _, counts, _ = command("stats")

    assert (code, listed) == (0, by_url)
    assert listed.splitlines()[-1].startswith("3 recordings, ")
    assert f"{url}/calls/shop/load/" in shown
    assert counts.startswith(f"{url}: 3 recordings, 3 outcomes")


def test_the_next_command_is_for_the_same_vault(command, tmp_path):
    other = (tmp_path / "other").as_uri()

    _, listed, _ = command("ls", "--vault", other)
    _, counts, _ = command("stats", "--vault", other)

    assert (
        listed
        == counts
        == f"no recordings in {other}\n  to record: pytest --mimic-record --mimic-vault={other}\n"
    )


def test_verify_checks_all_recordings_and_their_objects(command, url):
    assert command("verify") == (0, f"{url} is sound; 3 recordings and 1 object checked\n", "")


def test_recordings_are_deleted(command, contents, recorded):
    code, said, _ = command("rm", "shop:load")

    assert (code, said.splitlines()[1].partition(",")[0]) == (0, "1 recording deleted")
    assert len(contents().names()) == 2
    recorded.replay().expect(passed=1, failed=1, real=[])


def test_nothing_needed_is_deleted_by_gc(command, recorded, another_machine):
    assert command("gc") == (0, "nothing to delete\n", "")

    another_machine()
    recorded.replay().expect(passed=2, real=[])


@pytest.mark.promise("a damaged pack of a remote vault is named, and removed on request")
@pytest.mark.parametrize("damage", ["changed", "gone"])
def test_a_damaged_pack_is_removed_and_recorded_again(command, recorded, url, another_machine, damage):
    bucket = Bucket(parse_place(url))
    ((key, _, _),) = bucket.list("packs/")
    if damage == "gone":
        bucket.delete([key])
    else:
        bucket.put(key, b"?" + bucket.get(key)[1:])
    another_machine()

    replayed = recorded.replay().expect(failed=2, real=[], says=["CorruptRecordingError", key])
    found = command("verify")
    repaired = command("verify", "--repair")
    recorded.record().expect(passed=2, real=REAL)

    assert "pytest-mimic verify --repair" in replayed.output
    assert (found[0], f"{key} is missing or damaged\n" in found[1], found[2]) == (1, True, "")
    assert (repaired[0], repaired[1].splitlines()[0]) == (1, "damaged packs with 3 recordings removed")
    assert command("verify")[0] == 0


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["gc", "-n"], "gc has no --dry-run for a remote vault, which is searched while it is cleared"),
        (["verify", "pytest.ini"], "verify takes no files of a remote vault: it checks all recordings"),
        (["diff", "--git", "HEAD"], "--git compares revisions of a folder, and {} is in no repository"),
        (["ls", "--vault", "s3://"], "--vault: 's3://' is no place for a vault: it names no bucket"),
    ],
    ids=["gc", "verify", "diff", "ls"],
)
def test_what_needs_a_folder_is_refused(command, url, words, message):
    assert command(*words) == (2, "", f"ERROR: {message.format(url)}\n")


def test_two_remote_vaults_are_compared(command, recorded, url):
    other = f"{url}-of-a-branch"
    recorded.run("--mimic-record", f"--mimic-vault={other}", env={"VERSION": "2"}).expect(passed=2)

    code, said, _ = command("diff", url, other)

    assert code == 1
    assert said.count("changed outcome: shop:fetch(") == 2
    assert said.count("    version: '1' → '2'") == 2


@pytest.mark.promise("a review of a remote vault accepts and refuses changes")
def test_changes_wait_for_a_review(command, recorded, contents, another_machine):
    recorded.run("--mimic-rerecord", "--mimic-review", env={"VERSION": "2"}).expect(passed=2)
    names = contents().store.names("calls/shop/fetch")

    def versions():
        vault = contents()
        return sorted(vault.read(name).outcomes[0].load().value["version"] for name in names)

    before = versions()
    accepted = command("review", "--accept", "shop:fetch(city='Oslo')", "--refuse-all")

    assert accepted[0] == 0
    assert (before, versions()) == (["1", "1"], ["1", "2"])
    another_machine()
    recorded.replay().expect(passed=2, real=[])


def test_a_drift_is_accepted(command, recorded, contents):
    recorded.run("--mimic-verify", "--mimic-drift=drift.json", env={"VERSION": "2"}).expect(failed=2)

    code, _, _ = command("review", "drift.json", "--accept", "shop:*")

    assert code == 0
    recorded.run("--mimic-verify", env={"VERSION": "2"}).expect(passed=2)


def test_a_report_shows_a_remote_vault(command, recorded):
    code, said, _ = command("report", "-o", "page.html")

    assert (code, said) == (0, "report: page.html, 3 recorded outcomes\n")


def test_foreign_recordings_are_imported(command, recorded, url, contents):
    har = {
        "log": {
            "version": "1.2",
            "creator": {"name": "test", "version": "1"},
            "entries": [
                {
                    "startedDateTime": "2026-11-01T00:00:00Z",
                    "time": 5,
                    "request": {
                        "method": "GET",
                        "url": "http://api.test/x",
                        "headers": [],
                        "httpVersion": "1.1",
                    },
                    "response": {
                        "status": 200,
                        "statusText": "OK",
                        "httpVersion": "1.1",
                        "headers": [],
                        "content": {"mimeType": "text/plain", "text": "hello"},
                    },
                }
            ],
        }
    }
    recorded.write("visit.har", json.dumps(har))

    code, said, _ = command("import", "--boundary", "requests", "visit.har")

    assert (code, said.splitlines()[0]) == (0, f"imported 1 call of 1 file into {url}")
    assert "cassettes/visit.json" in contents().names()


def test_the_command_says_that_there_is_no_network(command, proxy):
    proxy.fail("403", number=0)

    code, said, note = command("ls")

    assert (code, said.splitlines()[-1].partition(",")[0]) == (0, "3 recordings")
    assert note.endswith(": this run used the local copies\n")


LARGE = """
    from random import Random
    from tally import ran

    def load(city):
        ran("load", city)
        return Random(1).randbytes(400_000) + city.encode()
"""


@pytest.fixture
def large(project, url):
    """`shop.load` returns an object that is alone in the bucket, and is recorded."""
    project.ini("shop:load", pythonpath=".", mimic_vault_path=url)
    project.write("shop.py", LARGE)
    project.write(
        "test_shop.py", "import shop\n\ndef test_load():\n    assert shop.load('Oslo').endswith(b'Oslo')\n"
    )
    project.record().expect(passed=1, real=["load Oslo"])
    return project


def spoil(url, folder, damage):
    """Delete the newest object in a folder of the bucket, or change it."""
    bucket = Bucket(parse_place(url))
    key = bucket.list(folder)[-1][0]
    content = bytearray(bucket.get(key))
    bucket.delete([key])
    if damage == "change":
        content[len(content) // 2] ^= 1
        bucket.put(key, bytes(content))
    elif damage == "cut":
        bucket.put(key, bytes(content[:-1]))


@pytest.mark.parametrize("damage", ["delete", "change"])
def test_a_damaged_large_object_is_recorded_again(large, url, another_machine, damage):
    spoil(url, "large/", damage)
    another_machine()
    large.replay().expect(failed=1, real=[])

    large.run("--mimic-rerecord").expect(passed=1, real=["load Oslo"])

    another_machine()
    large.replay().expect(passed=1, real=[])


@pytest.mark.promise(
    "verify --repair sends local copies that the store lacks, and makes a damaged manifest again"
)
@pytest.mark.parametrize("folder", ["large/", "packs/"])
@pytest.mark.parametrize("damage", ["delete", "cut"])
def test_verify_finds_what_the_store_lacks_and_sends_it_again(
    large, url, another_machine, monkeypatch, capsys, folder, damage
):
    monkeypatch.chdir(large.root)
    spoil(url, folder, damage)

    assert main(["verify"]) == 1
    assert "is missing or damaged\n  to repair: pytest-mimic verify --repair\n" in capsys.readouterr().out
    assert main(["verify", "--repair"]) == 0
    assert "1 object sent again from the local copies" in capsys.readouterr().out

    another_machine()
    large.replay().expect(passed=1, real=[])
    assert main(["verify"]) == 0


@pytest.mark.promise(
    "verify --repair sends local copies that the store lacks, and makes a damaged manifest again"
)
@pytest.mark.parametrize("damage", ["change", "cut"])
def test_a_damaged_manifest_is_made_again(recorded, url, another_machine, command, damage):
    spoil(url, "state/manifest/", damage)
    another_machine()
    assert "pytest-mimic verify --repair" in recorded.replay().expect(failed=2).output

    assert command("verify", "--repair")[0] == 0

    recorded.replay().expect(passed=2, real=[])


def test_a_damaged_loose_recording_is_removed_and_recorded_again(recorded, url, command):
    Bucket(parse_place(url)).put("state/new/0000000/01arz3ndektsv4rrffq69g5fav", b"damaged")
    recorded.replay().expect(failed=2)

    assert command("verify", "--repair")[0] == 0

    recorded.replay().expect(passed=2, real=[])


@pytest.mark.promise("a remote vault of a newer format is refused")
def test_repair_leaves_a_vault_of_a_newer_format_alone(recorded, url, command):
    bucket = Bucket(parse_place(url))
    bucket.put("state/manifest/000000000099", compress(b'{"format": 2}'))
    before = keys(url)

    code, _, errors = command("verify", "--repair")

    assert (code, "newer pytest-mimic" in errors) == (2, True)
    assert keys(url) == before
