"""Section 5, security: a readable recording that somebody else wrote makes data, and runs, imports and deletes nothing."""

from __future__ import annotations

import io
import json
import os

import pytest
from xxhash import xxh3_128_hexdigest

SHOP = """
    import contextlib
    import os
    import unittest

    class User:
        def __init__(self, name):
            self.name = name

        def items(self):
            os.system("touch pwned")
            return ()

    def fetch(n):
        return User("ann")
"""
DEPLOY = "import pathlib\npathlib.Path('pwned').touch()\n"

NULL = "$contextlib:nullcontext"
SYSTEM = {"$name": "os:system"}
FORGED = {
    "subscript": (
        {
            "$alias": [
                {
                    "$os:_Environ": {
                        "encodekey": {"$name": "builtins:len"},
                        "decodevalue": SYSTEM,
                        "_data": {"$dict": [[1, "touch pwned"]]},
                        "__pydantic_generic_metadata__": 1,
                    }
                },
                "x",
            ]
        },
        "alias",
    ),
    "finalizer": (
        {
            "$_pyio:BufferedWriter": {
                "_raw": {NULL: {"closed": False, "write": SYSTEM}},
                "_write_buf": "touch pwned",
                "_write_lock": {NULL: {"enter_result": None}},
            }
        },
        "_pyio:BufferedWriter",
    ),
    "deleting finalizer": (
        {
            "$tempfile:_TemporaryFileCloser": {
                "file": {NULL: {"close": {"$name": "os:getcwd"}}},
                "delete": True,
                "name": "victim",
            }
        },
        "tempfile:_TemporaryFileCloser",
    ),
    "function": (SYSTEM, "os:system"),
    "way through a module": ({"$shop:os.getcwd": {}}, "shop:os.getcwd"),
    "class that is imported there": (
        {"$shop:contextlib.nullcontext": {}},
        "shop:contextlib.nullcontext",
    ),
    "class of Python": ({"$threading:Thread": {}}, "threading:Thread"),
    "end of the run": ({"$_pytest.outcomes:Exit": {}, "args": ["bye"]}, "Exit"),
    "skip": ({"$unittest.case:SkipTest": {}, "args": ["bye"]}, "SkipTest"),
    "end of the process": ({"$builtins:SystemExit": {}, "args": [3]}, "SystemExit"),
    "bytes before the beginning": (
        {
            "$builtins:UnicodeDecodeError": {},
            "args": [],
            "fields": {
                "object": {"$bytes": "a"},
                "start": -9_999_999,
                "end": -9_999_998,
            },
        },
        "UnicodeDecodeError",
    ),
    "bytes that are none": (
        {"$builtins:UnicodeDecodeError": {}, "args": [], "fields": {"object": "text"}},
        "UnicodeDecodeError",
    ),
    "fields of an object": (
        {"$builtins:ValueError": {}, "args": [], "fields": {"$shop:User": {}}},
        "ValueError",
    ),
    "group of no exceptions": (
        {"$builtins:ExceptionGroup": {}, "args": ["a", [1]]},
        "ExceptionGroup",
    ),
    "pattern that prints": ({"$pattern": ["a", 1 << 40]}, "pattern"),
    "zone of a path": ({"$zone": "../../etc/passwd"}, "zone"),
    "path of a list": ({"$path": ["tmp", "", ["**"]]}, "path"),
    "array without its memory": (
        {"$numpy:ndarray": [1], "dtype": "float64", "shape": [1 << 40]},
        "numpy:ndarray",
    ),
    "array of objects": (
        {"$numpy:ndarray": [None], "dtype": "object", "shape": [1]},
        "numpy:ndarray",
    ),
    "main": ({"$__main__:X": {}}, "__main__"),
}


@pytest.fixture
def stranger(project):
    """Records a call of `shop:fetch` for each tree, and forges its outcome."""
    project.ini("shop:fetch", mimic_pickle="forbid")
    project.module(SHOP)
    project.write("deploy.py", DEPLOY)
    (project.root / "victim").touch()

    def forge(key, *trees):
        project.tests(f"""
            @pytest.mark.parametrize("n", range({len(trees)}))
            def test_it(n):
                shop.fetch(n)
        """)
        project.record().expect(passed=len(trees))

        def edit(call):
            call.call.pop("value", None)
            call.call[key] = trees[call.arguments["n"]]

        project.edit_calls(edit)
        return project

    return forge


@pytest.mark.parametrize("key", ["value", "raised"])
def test_a_forged_outcome_runs_nothing_and_is_named(stranger, key):
    project = stranger(key, *[tree for tree, _ in FORGED.values()])
    files = {call.arguments["n"]: call.file for call in project.calls()}

    replayed = project.replay().expect(failed=len(FORGED))
    listed = project.replay("-o", "mimic_pickle=listed").expect(failed=len(FORGED))

    for number, (_, named) in enumerate(FORGED.values()):
        shown = replayed.failures[f"test_it[{number}]"]
        assert named in shown
        assert named in listed.failures[f"test_it[{number}]"]
        assert "StaleRecordingError" in shown or files[number] in shown
    assert {path.name for path in project.root.iterdir()} >= {"victim"}
    assert not (project.root / "pwned").exists()


NAMED_BY_CHECK = ("subscript", "finalizer", "deleting finalizer", "function", "skip")


def test_check_names_what_may_not_be_made(stranger):
    project = stranger("value", *[[FORGED[form][0]] for form in NAMED_BY_CHECK])

    checked = project.command("check")

    assert checked.code == 1
    told = checked.text.replace("unittest.case:", "")
    for form in NAMED_BY_CHECK:
        assert f"a readable recording may not make {FORGED[form][1]}" in told
    assert told.count("at value[0]") == len(NAMED_BY_CHECK)


ELSEWHERE = "../../victim"


def test_check_names_what_is_no_object_of_the_vault(stranger):
    checked = stranger(
        "value",
        {
            "a": [
                {"$numpy:ndarray": {"$npy": ELSEWHERE}, "dtype": "int64", "shape": [3]}
            ]
        },
        {"a": [{"$pickle": ELSEWHERE, "imports": []}]},
        {"a": [{"$json": ELSEWHERE}]},
        {"a": [{"$text": ELSEWHERE}]},
    ).command("check")

    assert checked.code == 1
    assert checked.text.count(f"{ELSEWHERE} is not the name of an object") == 4


def test_check_names_what_a_state_may_not_make(stranger):
    tree, named = FORGED["finalizer"]
    project = stranger("after", {"rows": [tree]})
    project.edit_calls(lambda call: call.call.update(value=1))

    checked = project.command("check")

    assert checked.code == 1
    assert f"a readable recording may not make {named}" in checked.text


def test_a_script_of_the_project_is_not_imported(stranger):
    project = stranger("value", {"$deploy:X": {}})

    project.replay().expect(failed=1, says=["this run has not imported deploy"])

    assert not (project.root / "pwned").exists()


READING = """
    def fetch(n):
        return pathlib.Path("data.csv").read_text()
"""


OF_NO_PROJECT = ("pipe", "/dev/zero", "../outside.txt", "link.txt", "/etc/passwd")


@pytest.fixture
def reading(project):
    """Recorded calls that have read a file."""
    project.ini("shop:fetch", mimic_inputs="strict")
    project.module(READING)
    project.write("data.csv", "1\n")
    os.utime(project.root / "data.csv", (1, 1))
    project.tests(f"""
        @pytest.mark.parametrize("n", range({len(OF_NO_PROJECT)}))
        def test_it(n):
            shop.fetch(n)
    """)
    project.record().expect(passed=len(OF_NO_PROJECT))
    return project


def forge_list(project, content):
    """Put another list of inputs under its own digest, and return its name."""
    data = json.dumps(content).encode()
    digest = xxh3_128_hexdigest(data)
    name = f"objects/{digest[:2]}/{digest}.json"
    project.write(f".mimic_vault/{name}", data.decode())
    return name


def test_a_forged_list_of_inputs_opens_nothing_but_files_of_the_project(reading):
    """It would wait for the pipe for ever, and read zeros until the memory is full."""
    os.mkfifo(reading.root / "pipe")
    (reading.root.parent / "outside.txt").write_text("1\n")
    (reading.root / "link.txt").symlink_to("../outside.txt")
    listed = json.loads((reading.vault / reading.calls()[0].inputs).read_bytes())
    [(_, digest)] = listed["files"].items()
    forged = [
        forge_list(reading, listed | {"files": {name: digest}})
        for name in OF_NO_PROJECT
    ]
    reading.edit_calls(
        lambda call: setattr(call, "inputs", forged[call.arguments["n"]])
    )

    # None is the file that was read: it counts as changed, even where the content is the same.
    run = reading.replay().expect(failed=len(OF_NO_PROJECT))

    for number, name in enumerate(OF_NO_PROJECT):
        shown = run.failures[f"test_it[{number}]"]
        assert "StaleRecordingError" in shown
        assert name in shown


def test_a_list_of_inputs_that_is_none_is_damage(reading):
    forged = forge_list(reading, {"files": 5, "functions": []})
    reading.edit_calls(lambda call: setattr(call, "inputs", forged))

    run = reading.replay("-k", "0").expect(failed=1, deselected=4)

    assert "is no list of what a call has reached" in run.output


def test_pytest_collects_nothing_below_the_vault(project):
    project.ini("shop:fetch", mimic_vault_path="recordings")
    project.module(SHOP)
    project.test("shop.fetch(1)")
    project.record().expect(passed=1)
    for folder in ("recordings", "recordings/logs", "recordings/calls/deep"):
        for name in ("test_shop_too.py", "conftest.py"):
            project.write(f"{folder}/{name}", f"{DEPLOY}def test_it(): pass\n")

    project.replay().expect(passed=1)

    assert not (project.root / "pwned").exists()


@pytest.mark.parametrize(
    "named", ["", "stored/test_it.py::test_it", "stored/deep", "./link/test_it.py"]
)
@pytest.mark.parametrize(
    "words", [("-o", "mimic_vault_path={}"), ("--mimic-vault", "{}")]
)
def test_what_is_named_in_the_vault_is_refused_before_it_is_imported(
    project, words, named
):
    """pytest imports conftest.py of what it is given, and of folders `test*`."""
    vault = "stored" if named else "tests_stored"
    project.test("shop.fetch(1)")
    for folder in (vault, f"{vault}/deep"):
        for name in ("test_it.py", "conftest.py"):
            project.write(f"{folder}/{name}", f"{DEPLOY}def test_it(): pass\n")
    (project.root / "link").symlink_to(vault)

    run = project.run(*[word.format(vault) for word in words], *named.split())

    run.expect(exit_code=4, says=["lies in the vault, and is not run"])
    assert not (project.root / "pwned").exists()


def test_of_two_equal_keys_none_gets_past_the_tables(stranger):
    """Whoever reads the file sees the first, and Python takes the last."""
    project = stranger("value", "harmless")
    path = project.file_of("shop:fetch")
    both = '"harmless", "value": {"$os:_Environ": {}}'
    path.write_text(path.read_text().replace('"harmless"', both))

    project.replay().expect(failed=1, says=["os:_Environ"])


def test_a_class_that_the_target_imports_in_its_body_is_made(project):
    """The replay does not run the body, and imports what it would import."""
    project.ini("shop:fetch", mimic_pickle="forbid")
    project.write("parts/__init__.py", "")
    project.write("parts/inner.py", "class Thing:\n    x = 1\n")
    project.write("parts/face.py", "from parts.inner import Thing\n")
    project.module("""
        def fetch(n):
            from parts import face
            return face.Thing()
    """)
    project.test("assert shop.fetch(1).x == 1")

    project.round_trip(passed=1)


def files_of_arrays():
    np = pytest.importorskip("numpy")
    whole, objects = io.BytesIO(), io.BytesIO()
    np.save(whole, np.arange(60.0))
    np.save(objects, np.array([User("a")] * 60, object), allow_pickle=True)
    content = whole.getvalue()
    return {
        "objects": objects.getvalue(),
        "shape beyond its file": content.replace(b"(60,), }", b"(9000000,), }"),
        "half": content[:-100],
        "header that is code": content.replace(b"(60,)", b"print(1)"),
    }


class User:
    def __init__(self, name):
        self.name = name


def test_a_forged_file_of_an_array_is_damage(stranger):
    trees, digests = [], []
    files = files_of_arrays().values()
    for data in files:
        digests.append(xxh3_128_hexdigest(data))
        name = f"objects/{digests[-1][:2]}/{digests[-1]}.npy"
        trees.append(
            {"$numpy:ndarray": {"$npy": name}, "dtype": "float64", "shape": [60]}
        )
    project = stranger("value", *trees)
    for tree, data in zip(trees, files):
        path = project.vault / tree["$numpy:ndarray"]["$npy"]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)

    run = project.replay().expect(failed=len(trees))

    for number, digest in enumerate(digests):
        shown = run.failures[f"test_it[{number}]"]
        assert "CorruptRecordingError" in shown
        assert digest in shown
