"""Section 5, identity: a text that is a path, or holds one, counts relative to the folders of the run."""

from __future__ import annotations

import pytest

from pytest_mimic.values.folders import Folders

ROOTS = ["/", "/app", "/data/x", "/home/ann", "/home/ann/my files"]
"""The first two are shallow: there, a path inside of a text could be anything."""

# The text, with ROOT in place of the rootdir, and what it is elsewhere.
MOVED = {
    "a path": ("ROOT/data/in.csv", "<root>/data/in.csv"),
    "the folder": ("ROOT", "<root>"),
    "with a slash": ("ROOT/", "<root>/"),
    "with a blank": ("ROOT/a b.png", "<root>/a b.png"),
    "another spelling": ("ROOT/./x//y/../z", "<root>/./x//y/../z"),
    "command": ('cp "ROOT/a b.png" ROOT/c.png', 'cp "<root>/a b.png" <root>/c.png'),
    "single quotes": ("rm 'ROOT/a'", "rm '<root>/a'"),
    "option": ("--out=ROOT/x", "--out=<root>/x"),
    "option in words": ("run --out ROOT/x --in ROOT", "run --out <root>/x --in <root>"),
    "file URL": ("file://ROOT/x", "file://<root>/x"),
    "file URL inside": ("see file://ROOT/x, please", "see file://<root>/x, please"),
    "traceback": ('  File "ROOT/shop.py", line 3, in f\n    x()', '  File "<root>/shop.py", line 3, in f\n    x()'),
    "lines": ("ROOT/a\nROOT/b\n", "<root>/a\n<root>/b\n"),
    "tab": ("a\tROOT/b", "a\t<root>/b"),
    "JSON": ('{"in": "ROOT/a", "n": 1}', '{"in": "<root>/a", "n": 1}'),
    "JSON in JSON": (r'{"a": "{\"b\": \"ROOT/c\"}"}', r'{"a": "{\"b\": \"<root>/c\"}"}'),
    "list": ("[ROOT/a,ROOT/b;ROOT/c]", "[<root>/a,<root>/b;<root>/c]"),
    "repr": ("PosixPath('ROOT/a')", "PosixPath('<root>/a')"),
    "call": ("open(ROOT/a)", "open(<root>/a)"),
    "first of PATH": ("ROOT/bin:/usr/bin", "<root>/bin:/usr/bin"),
    "second of PATH": ("/usr/bin:ROOT/bin", "/usr/bin:<root>/bin"),
    "PATH": ("ROOT/bin:ROOT/lib:ROOT:/usr/bin", "<root>/bin:<root>/lib:<root>:/usr/bin"),
    "before a comma": ("ROOT, then ROOT/x", "<root>, then <root>/x"),
    "behind a URL": ("https://shop.com/a ROOT/b", "https://shop.com/a <root>/b"),
    "a URL in quotes": ("'https://shop.com/a','ROOT/b'", "'https://shop.com/a','<root>/b'"),
    "what looks replaced": ("<root>/x ROOT/y <tmp 0>", "<<root>/x <root>/y <<tmp 0>"),
    "other letters": ("größe=ROOT/ü", "größe=<root>/ü"),
}  # fmt: skip

KEPT = {
    "URL": "https://shop.comROOT/items",
    "query": "https://shop.com/?next=ROOT/items",
    "list in a query": "https://shop.com/?a=[x,ROOT/b",
    "another scheme": "s3://bucketROOT/x",
    "scheme and path": "sqlite://ROOT/shop.db",
    "SQL URL": "postgresql+psycopg://ann@dbROOT/x",
    "another folder": "ROOT2/x",
    "longer name": "ROOT-old/x",
    "backup": "ROOT.bak",
    "below another": "/mntROOT/x",
    "relative": "dataROOT/x",
    "behind a colon": "error:ROOT/x",
    "behind an at": "@ROOT/x",
    "in tags": "<p>ROOT/x</p>",
    "before a bracket": "(see ROOT)",
    "before a dot": "it is in ROOT.",
    "Windows": "C:ROOT\\x",
    "no path": "ROOTS",
    "what looks replaced": "<root>/x",
}


def folders(root):
    return Folders(root)


def node(text, root):
    return folders(root).node_of(text, is_argument=False)


@pytest.mark.parametrize("root", ROOTS[2:])
@pytest.mark.parametrize(("text", "relative"), MOVED.values(), ids=MOVED)
def test_a_path_in_a_text_is_moved(text, relative, root):
    """To the rootdir of another run, and back."""
    text = text.replace("ROOT", root)

    found = node(text, root)

    assert found == {"$relative": relative}
    assert folders(root).value_of(found) == text
    elsewhere = folders("/ci/build 7").value_of(found)
    assert node(elsewhere, "/ci/build 7") == found


@pytest.mark.parametrize("root", ROOTS)
@pytest.mark.parametrize("text", KEPT.values(), ids=KEPT)
def test_what_is_no_path_of_the_run_stays_as_it_is(text, root):
    text = text.replace("ROOT", root.rstrip("/"))

    assert node(text, root) == text


@pytest.mark.parametrize("root", ROOTS[:2])
@pytest.mark.parametrize("text", [text for text, _ in MOVED.values()], ids=MOVED)
def test_below_a_shallow_rootdir_a_text_stays_as_it_is(text, root):
    text = text.replace("ROOT", root.rstrip("/"))

    assert node(text, root) == text


def test_below_a_rootdir_of_one_level_what_exists_is_moved():
    assert node("/usr/bin", "/usr") == {"$relative": "<root>/bin"}
    assert node("/usr", "/usr") == {"$relative": "<root>"}
    assert node("/usr/bin and more", "/usr") == "/usr/bin and more"
    assert node("/usr/no-such-file", "/usr") == "/usr/no-such-file"
    assert folders("/etc").value_of({"$relative": "<root>/hosts"}) == "/etc/hosts"
    assert node("/usr/bin:/usr/lib", "/usr") == {"$relative": "<root>/bin:<root>/lib"}


NOTED = (
    "behind a colon",
    "behind an at",
    "in tags",
    "before a bracket",
    "before a dot",
    "Windows",
)


@pytest.mark.parametrize("root", ROOTS[2:])
@pytest.mark.parametrize("text", [KEPT[name] for name in NOTED], ids=NOTED)
def test_a_path_of_the_run_that_is_not_moved_is_noted(text, root):
    of_run = folders(root)

    of_run.node_of(text.replace("ROOT", root), is_argument=False)

    (noted,) = of_run.unmoved
    assert root in noted


@pytest.mark.parametrize("root", ROOTS[2:])
@pytest.mark.parametrize(
    "text", [text for name, text in KEPT.items() if name not in NOTED]
)
def test_another_path_is_not_noted(text, root):
    of_run = folders(root)

    of_run.node_of(text.replace("ROOT", root), is_argument=False)

    assert of_run.unmoved == {}
