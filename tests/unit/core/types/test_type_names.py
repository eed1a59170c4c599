"""What types are called, and where they come from."""

from __future__ import annotations

from pytest_mimic._core.types.type_names import is_stdlib


def test_a_module_in_a_package_of_the_standard_library_is_of_it() -> None:
    assert is_stdlib("os.path")
    assert not is_stdlib("__main__")
