"""Each replay gives a fresh copy. A value that cannot be stored is refused and leaves nothing behind."""

from __future__ import annotations

import pytest

SHOP = """
    import threading
    from dataclasses import dataclass
    from tally import ran

    @dataclass
    class Row:
        id: int
        handle: object = None

    @dataclass
    class Report:
        rows: list

    handle = None

    def bad(how):
        ran("bad", how)
        if how == "file":
            return Report([Row(1), Row(2), Row(3), Row(4, handle)])
        if how == "lock":
            return {"a": [threading.Lock()]}
        if how == "generator in list":
            return [iter(lambda: 1, 2), (n for n in [])]
        if how == "raises":
            error = ValueError("bad")
            error.lock = threading.Lock()
            raise error
        if how == "reduces badly":
            return Stubborn()
        if how == "main thread":
            return threading.current_thread()

    class Stubborn:
        def __reduce__(self):
            raise RuntimeError("I do not want to be pickled")
"""
TARGETS = ["shop:bad"]


def test_each_replay_returns_a_fresh_copy(round_trip):
    round_trip(
        "shop:rows",
        "shop:points",
        shop="""
            from tally import ran

            class Point:
                def __init__(self):
                    self.xs = [1]

            def rows():
                ran("rows")
                return {"rows": [1]}

            def points():
                ran("points")
                return [Point()]
        """,
        test="""
            import shop

            def test_it():
                for _ in range(3):
                    got = shop.rows()
                    assert got == {"rows": [1]}
                    got["rows"].append(2)
                    points = shop.points()
                    assert points[0].xs == [1]
                    points[0].xs.clear()
        """,
        passed=1,
        real=["rows", "points"],
    )


def test_classes_of_the_tests_come_back(round_trip):
    """Importable classes come back by name; lambdas and local classes by value."""
    round_trip(
        "test_shop:make",
        "test_shop:make_local",
        "test_shop:make_lambda",
        shop="",
        test="""
            from dataclasses import dataclass
            from tally import ran

            @dataclass
            class Mine:
                x: int

                class Inner:
                    y = 2

            def make():
                ran("make")
                return [Mine(1), Mine.Inner, Mine]

            def make_local():
                ran("make_local")

                @dataclass
                class Local:
                    x: int

                    def double(self):
                        return 2 * self.x

                return Local(4)

            def make_lambda():
                ran("make_lambda")
                factor = 3
                return lambda x: factor * x

            def test_it():
                assert make() == [Mine(1), Mine.Inner, Mine]
                local = make_local()
                assert local.double() == 8 and type(local).__name__ == "Local"
                assert make_lambda()(5) == 15
        """,
        passed=1,
        real=["make", "make_local", "make_lambda"],
        hash_seeds=(1, 2),
    )


@pytest.mark.parametrize(
    ("how", "verb", "part"),
    [
        ("file", "returned", "result.rows[3].handle: an open file"),
        ("lock", "returned", "result.a[0]: a thread lock"),
        ("generator in list", "returned", "result[1]: a generator"),
        ("raises", "raised", "exception.lock: a thread lock"),
        ("reduces badly", "returned", "result: a Stubborn object"),
    ],
)
def test_the_refusal_names_the_part(project, how, verb, part):
    project.test(f"""
        with open(__file__) as shop.handle:
            shop.bad({how!r})
    """)

    run = project.record("-W", "ignore")

    run.expect(failed=1, real=[f"bad {how}"], never=["pytest_mimic/", "INTERNALERROR"])
    told = run.error
    start = next(number for number, line in enumerate(told) if line.startswith("UnstorableOutcomeError"))
    assert told[start] == f"UnstorableOutcomeError: what shop:bad {verb} cannot be stored"
    assert told[start + 1] == part
    assert told[-1] == "nothing was recorded"
    assert run.vault == {}


def test_a_refused_call_can_be_recorded_once_it_is_storable(project):
    project.test("shop.bad('lock')")
    project.record().expect(failed=1)
    project.replay().expect(failed=1, says=["no recording of shop:bad(how='lock')"])
    project.module(SHOP.replace("[threading.Lock()]", "['a lock']"))

    project.record().expect(passed=1, real=["bad lock"])

    project.replay().expect(passed=1, real=[])


def test_a_refused_outcome_replaces_no_recording(project):
    project.module(SHOP.replace("[threading.Lock()]", "['a lock']"))
    project.test("shop.bad('lock')")
    project.record().expect(passed=1)
    project.module(SHOP)

    run = project.run("--mimic-rerecord").expect(failed=1, says=["a thread lock"])

    assert run.changed == set()


def test_a_fallback_after_a_refusal_is_not_recorded(project):
    project.module(
        SHOP
        + "\n    def soft(how):\n        try:\n            return bad(how)\n        except Exception:\n            return None\n"
    )
    project.test("shop.soft('lock')")
    project.record()

    project.replay().expect(failed=1, real=[], says=["no recording of shop:bad(how='lock')"])


def test_a_lazy_frame_that_reads_a_file_later_is_refused(project):
    """The file may have changed, or be gone, when the replayed frame reads it."""
    pytest.importorskip("polars")
    project.ini("shop:scan", "shop:deep")
    project.module("""
        import polars as pl

        def scan(path):
            return pl.scan_csv(path).filter(pl.col("a") > 0)

        def deep(path):
            return {"frames": [pl.DataFrame({"a": [1]}), pl.scan_csv(path)]}
    """)
    project.tests("""
        import pytest, shop

        @pytest.mark.parametrize("name", ["scan", "deep"])
        def test_it(name, tmp_path):
            (tmp_path / "a.csv").write_text("a\\n1\\n")
            getattr(shop, name)(tmp_path / "a.csv")
    """)

    run = project.record().expect(
        failed=2,
        says=[
            "what shop:scan returned cannot be stored",
            "result: a LazyFrame object, which may read files later",
            "result.frames[1]: a LazyFrame object, which may read files later",
            "let shop:scan return its data: collect()",
        ],
    )

    assert run.vault == {}
