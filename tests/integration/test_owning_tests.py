"""Section 8, `import`: the tests that cassettes of pytest-recording belong to."""

from __future__ import annotations

import re
import shlex

WAY_OUT = (
    "to import a cassette whose test was not found: name it TEST or CLASS.TEST, or copy"
    " it to another folder, where it becomes a cassette of its name"
)


def test_a_cassette_whose_test_is_gone_is_named_with_the_way_out(
    project, take_over, keep
):
    project.ini("requests")
    project.write("tests/test_api.py", "class TestBase: pass\n")
    keep("plain.json", "tests/cassettes/test_api/test_gone.json")
    keep("plain.json", "tests/cassettes/test_api/TestBase.test_gone[1.5].json")

    code, said = take_over("tests")

    assert code == 1
    assert "test_gone.json: test_api.py has no test test_gone\n" in said
    assert "test_api.py has no test TestBase::test_gone\n" in said
    assert said.splitlines()[-1] == WAY_OUT
    keep("plain.json", "talks/gone.json")
    assert take_over("talks")[0] == 0
    assert list(project.files()) == ["cassettes/gone.json"]


def test_what_was_copied_for_its_tests_is_no_problem(project, take_over, keep):
    project.ini("requests")
    project.write("tests/test_api.py", "def test_get(): pass\n")
    for name in ("shared", "test_get"):
        keep("plain.json", f"tests/cassettes/test_api/{name}.json")

    first, again = take_over("tests"), take_over("tests")

    assert first[0] == again[0] == 0
    assert "tests/test_api.py::test_get (2 calls, already there)" in again[1]
    folder = "tests/cassettes/test_api"
    assert f"{folder}/shared.json has the calls of {folder}/test_get.json" in again[1]


def test_nested_classes_and_parameters_are_found(project, take_over, keep):
    project.ini("requests")
    project["tests/test_api.py"] = """
        class TestOuter:
            class TestInner:
                def test_inner(self): pass

        async def test_path(path, number): pass
    """
    for name in ("TestInner.test_inner", "test_path[--fast-1]"):
        keep("plain.json", f"tests/cassettes/test_api/{name}.json")
    keep("requests.yaml", "tests/cassettes/test_api/gone.yaml")

    code, said = take_over("tests")

    assert code == 1
    assert sorted(re.findall(r"-> tests/test_api.py::(.*) \(2 calls\)", said)) == [
        "TestOuter::TestInner::test_inner",
        "test_path[--fast-1]",
    ]
    assert "gone.yaml: test_api.py has no test gone" in said


def test_signs_that_no_file_can_have_are_put_right_by_the_command_of_the_miss(
    project, take_over, keep
):
    """pytest-recording writes `-` for them."""
    project.ini("http")
    project["tests/test_api.py"] = """
        from urllib.request import urlopen

        @pytest.mark.parametrize("url", ["http://api.shop.test:8080/users?a=1"])
        def test_url(url):
            urlopen(url)
    """
    shown = "http---api.shop.test-8080-users-a=1"
    keep("plain.json", f"tests/cassettes/test_api/test_url[{shown}].json")
    take_over("tests")

    missed = project.replay().expect(failed=1)
    [command] = dict.fromkeys(re.findall("pytest-mimic (mv .*)", missed.output))
    assert project.command(*shlex.split(command)).code == 0

    project.replay().expect(passed=1)


def test_no_code_of_the_project_is_run(project, take_over, keep):
    project.ini("http", addopts="--unknown")
    project.write("tests/conftest.py", "raise RuntimeError('no database')")
    project.write(
        "tests/test_api.py",
        "import gone\n\n@gone.mark.vcr\ndef test_get(): gone.get()\n",
    )
    keep("plain.json", "tests/cassettes/test_api/test_get.json")

    code, said = take_over("tests")

    assert code == 0
    assert "-> tests/test_api.py::test_get (2 calls)" in said


def test_a_file_of_tests_that_is_no_python_is_named(project, take_over, keep):
    project.write("tests/test_api.py", "def test_get(:\n")
    keep("plain.json", "tests/cassettes/test_api/test_get.json")

    code, said = take_over("tests")

    assert code == 1
    assert "test_get.json: test_api.py cannot be read: invalid syntax" in said
    assert project.files() == {}
