"""Section 5, security: secrets stay out of all descriptions of a call, and a recording loads only the names that it lists."""

from __future__ import annotations

import json
import os
import re
import shlex

import pytest
from support import face
from support.http_server import running_server
from support.placeholders import unmarked
from support.recorded import edit_calls

SECRETS = [
    f"hush-{number}-{word}"
    for number, word in enumerate("alpha beta gamma delta eps zeta eta".split())
]
PLAIN = "the-public-part"

SHOP = """
    import dataclasses

    @dataclasses.dataclass
    class Config:
        host: str
        api_key: str
        more: dict

    class Client:
        def __init__(self, token):
            self.auth_token = token

        def __repr__(self):
            return f"Client({self.auth_token})"

    def fetch(city, password=None, config=None, client=None, url=None, headers=None, **more):
        ran("fetch", city)
        return {"city": city, "n": os.environ.get("N", "1")}

    def spoil(rows, config):
        rows.append(config["password"])
        return 1

    def lock(api_key):
        return threading.Lock()

    def swallow(city, **options):
        try:
            fetch(city, **options)
        except Exception:
            pass
"""

TEST = """
    from secret import *

    def options():
        return dict(
            password=S[0],
            config=shop.Config(PUBLIC, S[1], {"db": [{"Client-Secret": S[2]}]}),
            client=shop.Client(S[3]),
            url=f"https://user:{S[4]}@host/?token={S[5]}&q={PUBLIC}",
            headers=[["Authorization", "Bearer " + S[6]]],
            command=["run", "--token", S[5], f"--api-key={S[4]}"],
            line=f"run --token {S[5]} -v",
            again=f"said {S[0]} to {PUBLIC}",
        )

    def test_fetch():
        shop.fetch("Oslo", **options())

    def test_swallowed():
        shop.swallow("Oslo", **options())

    def test_changed():
        shop.spoil([], {"password": S[0]})

    def test_refused():
        shop.fetch(object(), **options())

    def test_unstorable():
        shop.lock(S[0])
"""


@pytest.fixture
def shop(project):
    """Functions with secrets under every kind of name.

    No test has the secrets in its source.
    """
    project.ini("shop:fetch", "shop:spoil", "shop:lock")
    project.write("secret.py", f"S, PUBLIC = {SECRETS}, {PLAIN!r}\n")
    project.tests(TEST)
    return project


def contents(project):
    """Return the name and the content of every file of the vault."""
    for name, data in project.files().items():
        yield name.encode()
        yield data


def assert_hidden(project, run):
    """Check that no secret is in the vault or in the run's output."""
    for secret in SECRETS:
        assert secret not in run.output
        assert not any(secret.encode() in content for content in contents(project))


def test_secrets_appear_nowhere(shop):
    """Recording, refusing, missing, drifting, the nearest recording, the summary: names and placeholders."""
    run = shop.record().expect(
        passed=2,
        failed=3,
        says=["MutatedInputError", "UnstableIdentityError", "UnstorableOutcomeError"],
    )
    assert_hidden(shop, run)
    assert any(PLAIN.encode() in content for content in contents(shop))

    verified = shop.run("--mimic-verify", "-k", "fetch or swallow", env={"N": "2"})
    # What tests share is asked once.
    verified.expect(failed=1, passed=1, deselected=3, says=["n: '1' recorded, '2' now"])
    assert_hidden(shop, verified)

    shop.tests(TEST.replace('"Oslo"', '"Rome"'))
    missing = shop.replay("-k", "fetch or swallow")
    missing.expect(
        failed=2,
        deselected=3,
        says=["city: 'Oslo' recorded, 'Rome' now"],
    )
    assert "password=<redacted>" in unmarked(missing.output)
    assert_hidden(shop, missing)

    shop.tests(TEST.replace("S[0]", "S[0][::-1]").replace("S[3]", "S[3][::-1]"))
    other = shop.replay("-k", "fetch", "--mimic-fail-on-unused").expect(
        failed=1, deselected=4
    )
    other.expect(failed=1, deselected=4, says=["a hidden part differs"])
    assert_hidden(shop, other)
    assert SECRETS[0][::-1] not in other.output
    assert SECRETS[3][::-1] not in other.output


def test_a_secret_in_the_only_argument_appears_nowhere(project):
    """What is kept of a call to identify it again does not show the secret either."""
    project.ini("shop:fetch")
    project.module("def fetch(url):\n    return 1\n")
    project.test(f"""
        url = "https://shop.example/rates?base=EUR&api_key={SECRETS[0]}"
        for argument in (url, url.encode(), {{url: 1}}, 900 * "long " + url, [[url]]):
            assert shop.fetch(argument) == 1
    """)

    run = project.record().expect(passed=1)

    assert_hidden(project, run)
    project.replay().expect(passed=1)


def test_secrets_count_although_they_are_not_shown(project):
    """Two calls that differ in a secret are two calls. The outcome is kept as it is."""
    project.ini("shop:sign")
    project.module("def sign(token):\n    return 'signed by ' + token\n")
    project.test("""
        assert shop.sign("aaaa1") == "signed by aaaa1" and shop.sign("aaaa2") == "signed by aaaa2"
    """)
    project.round_trip(passed=1)

    hidden = {"token": "<redacted>"}
    assert [unmarked(call.arguments) for call in project.calls()] == [hidden] * 2


def test_a_path_hides_the_attributes_of_an_object_and_the_items_of_a_tuple(project):
    """They stand below a tag, of which a line for what is below an argument knows nothing."""
    project.ini("shop:sign", mimic_redact="user.*")
    project.module("""
        import dataclasses

        @dataclasses.dataclass
        class User:
            mail: str

        def sign(user):
            return 1
    """)
    project.test(f"""
        shop.sign(shop.User("{SECRETS[0]}"))
        shop.sign(("{SECRETS[1]}",))
        shop.sign({{"mail": "{SECRETS[2]}"}})
    """)

    run = project.record().expect(passed=1)

    assert_hidden(project, run)
    project.replay().expect(passed=1)


def test_a_digest_of_a_large_part_tells_of_no_secret_in_it(project):
    """A part of many levels counts by its digest, the secret in it included."""
    project.ini("shop:sign")
    project.module("def sign(order):\n    return 1\n")
    project.test("""
        def deep(token):
            order = {"token": token}
            for _ in range(40):
                order = {"of": (order,)}
            return order

        shop.sign(deep("aaaa1"))
        shop.sign(deep("aaaa2"))
    """)
    project.round_trip(passed=1)

    one, other = project.calls()
    assert "digest" in str(one.arguments)
    assert one.arguments == other.arguments
    assert len({call.call["identity"] for call in (one, other)}) == 2


LOADS = """
    from tally import ran

    def touch(path):
        pathlib.Path(path).touch()
        return Handle(path)

    class Handle:
        def __init__(self, path):
            self.path = path

        def __reduce__(self):
            return touch, (self.path,)

    class User:
        def __getstate__(self):  # so that it is pickled
            return None

    def give():
        return [User(), Handle("touched")]
"""


def test_editing_the_import_list_does_not_make_a_pickle_load(project):
    project.ini("shop:give")
    project.module(LOADS)
    project.test("shop.give()")
    project.record().expect(passed=1)

    def edit(imports):
        """Put other names into the list."""
        project.edit_calls(lambda call: call.pickle.update(imports=imports))

    touched = project.root / "touched"
    touched.unlink()

    [call] = project.calls()
    listed = call.pickle["imports"]
    assert "shop:touch" in listed
    others = [name for name in listed if name != "shop:touch"]
    for shorter in ([], ["shop:*"], ["shop"], others, ["shop:touc"]):
        edit(shorter)
        project.replay().expect(failed=1, says=["which its recording does not list"])
    for wrong in (None, "shop:touch", [1]):
        edit(wrong)
        project.replay().expect(failed=1, says=["CorruptRecordingError"])
    assert not touched.exists()

    edit(listed)
    project.replay().expect(passed=1)
    assert touched.exists()


def test_text_from_a_recording_cannot_control_the_terminal(project):
    """The name of a test, in the error for a miss."""
    project.ini("shop:fetch")
    project.module("def fetch(city): return 1\n")
    project.test("shop.fetch('Oslo')")
    project.record().expect(passed=1)
    path = project.file_of("shop:fetch")
    facts = json.loads(path.read_text())
    path.write_text(json.dumps({**facts, "owner": "\x1b[2J\x9b31mtest"}))
    project.test("shop.fetch('Rome')")

    run = project.replay().expect(failed=1, says=[r"recorded by \x1b[2J\x9b31mtest"])

    assert not {"\x1b", "\x9b"} & set(run.output)


# -- the value of an environment variable with a secret name: a placeholder with the name
# in what is recorded, and named where it has to stay


SECRET = "zx81-spectrum-4711-abcd"
NAMED = face.placeholder_of_variable("SHOP_TOKEN")

GIVING = """
    import os, threading
    from dataclasses import dataclass
    from http.client import HTTPConnection

    def secret():
        return os.environ["SHOP_TOKEN"]

    @dataclass
    class User:
        name: str
        of: bytes = b""

    class Odd:
        def __init__(self, name):
            self.name = name
        def __reduce__(self):
            return Odd, (self.name,)
        def __eq__(self, other):
            return self.name == other.name
        __hash__ = None

    def give(kind, more=None):
        ran(kind)
        if kind == "error":
            raise ValueError(f"no {secret()} here")
        return {
            "text": f"it is {secret()}!",
            "key": {secret(): 1},
            "user": User(secret(), secret().encode()),
            "odd": Odd(secret()),
            "bytes": b"\\x00\\xff" + secret().encode(),
        }[kind]

    def stream():
        ran("stream")
        yield "a"
        yield [secret()]

    def ask():
        connection = HTTPConnection(os.environ["HOST"])
        connection.request("POST", f"/echo/bot{secret()}/x?q={secret()}", f"it is {secret()}")
        text = connection.getresponse().read().decode()
        connection.close()
        return text
"""


def giving_secrets(project, *, call):
    project.ini("shop:give", "shop:stream", "http.client")
    project.module(GIVING)
    project.tests(f"""
        import os, pytest, shop
        from shop import *

        def error():
            with pytest.raises(ValueError) as raised:
                give("error")
            return str(raised.value)

        def test_it():
            assert ({call}) == eval(os.environ["EXPECTED"])
    """)
    return project


def read(run):
    """Return all files of the vault after a run as one text."""
    return b"\n".join(run.vault.values()).decode("latin-1")


@pytest.mark.parametrize(
    ("call", "expected", "label"),
    [
        ("give('text')", "'it is ' + X + '!'", "shop:give(kind='text', more=None)"),
        ("list(stream())", "['a', [X]]", "shop:stream()"),
        ("error()", "'no ' + X + ' here'", "shop:give(kind='error', more=None)"),
    ],
)
def test_the_name_stands_for_the_value_in_the_readable_outcome_of_a_function(
    project, call, expected, label
):
    """The run that records has the value, every replay the name, with the variable and without it."""
    giving_secrets(project, call=call)
    real = {"SHOP_TOKEN": SECRET, "EXPECTED": expected.replace("X", "secret()")}
    replayed = {"EXPECTED": expected.replace("X", repr(NAMED))}

    recorded = project.record(env=real)

    recorded.expect(
        passed=1,
        says=["secrets from the environment were replaced in: " + label],
        never=[SECRET],
    )
    assert SECRET not in read(recorded)
    project.replay(env=replayed).expect(passed=1, never=["environment"])
    project.replay(env={**replayed, "SHOP_TOKEN": SECRET}).expect(passed=1)
    verified = project.run("--mimic-verify", env={**replayed, "SHOP_TOKEN": SECRET})
    verified.expect(passed=1, says=["1 call verified"])


def test_bytes_that_are_no_text_are_stored_as_they_are(project):
    giving_secrets(project, call="give('bytes')")
    expected = "b'\\x00\\xff' + secret().encode()"
    env = {"SHOP_TOKEN": SECRET, "EXPECTED": expected}

    recorded = project.record(env=env)

    recorded.expect(passed=1, never=[SECRET])
    project.replay(env=env).expect(passed=1)


def test_the_name_stands_for_the_value_in_what_a_client_records(project):
    """Where the variable has another value, as in CI, the same request is the same call."""
    giving_secrets(project, call=f"{NAMED!r} in ask()")
    with running_server() as server:
        host = server.url.removeprefix("http://")
        recorded = project.record(
            env={"SHOP_TOKEN": SECRET, "EXPECTED": "False", "HOST": host}
        )
        verified = project.run(
            "--mimic-verify",
            env={"SHOP_TOKEN": SECRET, "EXPECTED": "True", "HOST": host},
        )

    recorded.expect(passed=1, never=[SECRET])
    assert SECRET not in read(recorded)
    verified.expect(passed=1, says=["1 call verified"])
    other = {"SHOP_TOKEN": "the-dummy-of-ci-0815", "EXPECTED": "True", "HOST": host}
    project.replay(env=other).expect(passed=1)


def test_an_argument_is_shown_without_the_value_of_a_variable(project):
    giving_secrets(project, call="give('text', more=[secret()])")

    recorded = project.record(env={"SHOP_TOKEN": SECRET, "EXPECTED": "give('text')"})
    missed = project.replay(
        "--mimic-verify", env={"SHOP_TOKEN": SECRET[::-1], "EXPECTED": "1"}
    )

    recorded.expect(passed=1, never=[SECRET])
    assert SECRET not in read(recorded)
    missed.expect(failed=1, never=[SECRET[::-1]])


def test_the_working_directory_is_no_secret(project):
    """`PWD` is the shell's name for it, not a password."""
    project.ini("shop:where")
    project.module("import os\n\ndef where():\n    return os.environ['PWD']\n")
    project.test("assert shop.where()")
    folder = "/home/ann/projects/shop-of-ann"

    recorded = project.record(env={"PWD": folder, "OLDPWD": folder})

    assert folder in read(recorded)


def test_what_a_test_puts_into_the_environment_is_no_secret_of_the_run(project):
    """Otherwise, a test would have other recordings if it ran alone."""
    giving_secrets(project, call="give('text')")
    project.conftest(f"""
        @pytest.fixture(autouse=True)
        def token(monkeypatch):
            monkeypatch.setenv("SHOP_TOKEN", "{SECRET}")
    """)

    recorded = project.record(env={"EXPECTED": f"'it is {SECRET}!'"})

    recorded.expect(passed=1, never=["secrets from the environment"])
    assert SECRET in read(recorded)


def test_check_names_what_was_recorded_before_the_variable_was_known(
    project, monkeypatch
):
    expected = "['it is ' + X + '!', User(X, X.encode())]"
    giving_secrets(project, call="[give('text'), give('user')]")
    project.ini("shop:give", "shop:stream", mimic_redact="!shop_token")
    project.record(
        env={"SHOP_TOKEN": SECRET, "EXPECTED": expected.replace("X", "secret()")}
    ).expect(passed=1)
    assert SECRET in project_text(project)
    project.ini("shop:give", "shop:stream")
    monkeypatch.setenv("SHOP_TOKEN", SECRET)

    found = project.command("check")

    assert (found.code, SECRET in found.out) == (1, False)
    assert "to hide it: pytest --mimic-rerecord test_shop.py::test_" in found.out
    assert "contains values that would be hidden today" in found.out
    project.run(
        "--mimic-rerecord", env={"EXPECTED": expected.replace("X", "secret()")}
    ).expect(passed=1)
    assert SECRET not in project_text(project)
    sound = project.command("check")
    assert (sound.code, "is sound" in sound.out) == (0, True), sound.out


REQUESTS = """
    from http.client import HTTPConnection

    LONG = "please " * 999

    def ask(path, body=None):
        connection = HTTPConnection(os.environ["HOST"])
        connection.request("POST" if body else "GET", path, body)
        assert connection.getresponse().read()
        connection.close()

    def test_answer():
        ask("/login")

    def test_query():
        ask("/users/1?token=tok-0815-abcd")

    def test_body():
        ask("/echo", '{"token": "tok-0815-abcd", "prompt": "%s", "schema": {"$ref": {"token": "tok-0815-abcd"}}}' % LONG)

    def test_text():
        ask("/echo", "token=tok-0815-abcd")

    def test_cassette(mimic_auto):
        with mimic_auto("here"):
            ask("/users/2?token=tok-0815-abcd")
"""


EDITS_OF_A_CALL = {
    "an answer": lambda call: call.update(answer={"status": 200}, value=None) or call.pop("value"),
    "no value": lambda call: call.update(items=[], last={}) or call.pop("value"),
    "items that are a mapping": lambda call: call.update(items={"a": 1}) or call.pop("value"),
    "no exception": lambda call: call.update(raised=17) or call.pop("value"),
    "a layer that does not exist": lambda call: call.update(layers=["wait"]),
    "no state": lambda call: call.update(after={"chance": {"version": 3}}),
}  # fmt: skip


def test_an_edit_of_which_nothing_can_be_made_is_damage(project):
    """Whatever it is, no command and no test ends in an error of another kind."""
    edits = [*EDITS_OF_A_CALL.values()]
    project.ini("shop:draw")
    project.module("def draw(chance, n):\n    return chance.random()")
    project.tests(f"""
        @pytest.mark.parametrize("n", range({len(edits)}))
        def test_it(n):
            shop.draw(random.Random(7), n)
    """)
    project.record().expect(passed=len(edits))
    project.edit_calls(lambda call: edits[call.arguments["n"]](call.call))

    run = project.replay().expect(failed=len(edits))

    damages = [line for line in run.error if line.startswith("CorruptRecordingError: ")]
    assert len(damages) == len(edits), run.error
    for number in range(len(edits)):
        command = f"pytest --mimic-rerecord 'test_shop.py::test_it[{number}]'"
        assert command in run.failures[f"test_it[{number}]"]
    for words in (["show", "shop:draw"], ["check"], ["ls"]):
        project.command(*words)
    project.run("--mimic-rerecord").expect(passed=len(edits))
    project.replay().expect(passed=len(edits))


def test_a_recording_answers_no_call_but_its_own(project):
    project.ini("shop:small")
    project.module("def small(n):\n    return n")
    project.test("shop.small(1), shop.small(2)")
    project.record().expect(passed=1)
    one, other = project.vault.glob("calls/shop.small/*.json")
    other.write_bytes(one.read_bytes())

    run = project.replay().expect(failed=1)

    assert "it has the recording of another call" in run.output
    assert "so no run can use it" in project.command("check").out
    project.run("--mimic-rerecord").expect(passed=1)
    project.replay().expect(passed=1)


def test_check_removes_no_log_that_was_renamed_by_hand(project):
    project.ini("shop:small sequence")
    project.module("def small(n):\n    return n")
    project.test("shop.small(1)")
    project.record().expect(passed=1)
    project.tests("""
        def test_new():
            if os.environ.get("SKIPS"):
                pytest.skip()
            shop.small(1)
    """)
    logs = project.vault / "logs/test_shop.py"
    (logs / "test_it.json").rename(logs / "test_new.json")

    found = project.command("check", "--fix")

    assert "is not the file of its test" in found.out
    assert "pytest-mimic mv test_shop.py::test_it TEST" in found.out
    project.run("--mimic-clear-unused", env={"SKIPS": "1"}).expect(skipped=1)
    project.replay().expect(passed=1)
    moved = project.command("mv", "test_shop.py::test_it", "test_shop.py::test_new")
    assert moved.code == 0
    assert project.command("check").code == 0
    project.replay().expect(passed=1)


PARTS = ["url"] + [
    pytest.param(part, marks=pytest.mark.rare) for part in ("method", "body", "headers")
]


@pytest.mark.parametrize("part", PARTS)
def test_an_edited_request_or_answer_is_damage_to_every_command(project, part):
    project.ini("http.client ignore=port")
    project.tests(REQUESTS)
    with running_server() as server:
        env = {"HOST": server.url.removeprefix("http://")}
        project.record(env=env).expect(passed=5)
        for path in project.vault.glob("logs/**/*.json"):
            document = json.loads(path.read_text())
            call = document["log"][0]
            for place in (call["request"], call["answer"]):
                if part in place:
                    place[part] = [17]
            path.write_text(json.dumps(document))

        missed = project.replay(env=env)

        assert "INTERNALERROR" not in missed.output
        for words in ("ls", "show *", "check", "rm -n *"):
            project.command(*words.split())
        project.run("--mimic-rerecord", env=env).expect(passed=5)
    project.replay(env=env).expect(passed=5)


def test_an_answer_whose_object_is_gone_fails_the_test_that_swallows_it(project):
    project.ini("http.client ignore=port")
    project.module("""
        from http.client import HTTPConnection

        def ask():
            connection = HTTPConnection(os.environ["HOST"])
            try:
                connection.request("POST", "/echo", "please " * 999)
                return connection.getresponse().read()
            except Exception:
                return b""
    """)
    project.test("shop.ask()")
    with running_server() as server:
        env = {"HOST": server.url.removeprefix("http://")}
        project.record(env=env).expect(passed=1)
    for path in project.vault.glob("objects/**/*.txt"):
        path.unlink()

    run = project.replay(env=env).expect(failed=1)

    assert "passed only because CorruptRecordingError was swallowed" in run.output
    assert "pytest --mimic-rerecord test_shop.py::test_it" in run.output


def test_check_names_requests_and_answers_with_the_command(project):
    line = "http.client ignore=port"
    project.ini(line, mimic_redact="!token\n    !access_token")
    project.tests(REQUESTS)
    with running_server() as server:
        env = {"HOST": server.url.removeprefix("http://")}
        project.record(env=env).expect(passed=5)
        assert "tok-issued-42" in project_text(project)
        assert "tok-0815-abcd" in project_text(project)
        project.ini(line)

        missed = project.replay(env=env).expect(failed=4, passed=1)
        found = project.command("check")

        assert "'tok-0815" not in missed.output, "only the test's own source shows it"
        assert found.code == 1
        assert found.out.count("contains values that would be hidden today") == 5
        commands = re.findall("to hide it: pytest (.*)", found.out)
        for command in dict.fromkeys(commands):
            project.run(*shlex.split(command), env=env)
    assert "tok-" not in project_text(project)
    project.replay(env=env).expect(passed=5)
    assert project.command("check").code == 0


def project_text(project):
    return b"\n".join(project.files().values()).decode("latin-1")


def test_a_forged_value_runs_no_property_and_no_object_in_place_of_a_number(project):
    """A name leads through modules and classes alone."""
    values = [
        {tag: [{"$shop:Spy": {}}]}
        for tag in ("$range", "$complex", "$timedelta", "$fraction")
    ]
    project.module("""
        class Spy:
            @property
            def danger(self):
                open("pwned", "w").close()
                return 1

            def __index__(self):
                return self.danger

            __float__ = __complex__ = __index__

        client = Spy()

        def make(n):
            return 1
    """)
    project.ini("shop:make")
    project.tests("""
        @pytest.mark.parametrize("n", range(5))
        def test_it(n):
            shop.make(n)
    """)
    project.record().expect(passed=5)
    values.append({"$shop:client.danger": {}})
    edit_calls(
        project.vault, lambda call: call.call.update(value=values[call.arguments["n"]])
    )

    run = project.run().expect(failed=5)

    stale = "StaleRecordingError: the recorded outcome of shop:make(n=4) can no longer be made"
    assert stale in run.failures["test_it[4]"]
    for number in range(4):
        assert "CorruptRecordingError: " in run.failures[f"test_it[{number}]"]
    assert not (project.root / "pwned").exists()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_check_names_what_is_no_regular_file(project):
    project.ini("shop:large")
    project.module("""
        def large(number):
            return [number, *range(12000)]
    """)
    project.test("""
        assert shop.large(1)[0] == 1
        assert shop.large(2)[0] == 2
    """)
    project.record().expect(passed=1)
    [recording, _] = project.vault.glob("calls/**/*.json")
    for file in (recording, *project.vault.glob("objects/**/*.json")):
        file.unlink()
        os.mkfifo(file)

    found = project.command("check")

    assert found.code == 1
    assert found.out.count("is not a regular file, so it was not opened") == 2
