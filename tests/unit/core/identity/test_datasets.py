"""xarray's datasets count by their values, and not by what reading fills."""

from __future__ import annotations

import pytest

from pytest_mimic import fingerprint

xarray = pytest.importorskip("xarray", reason="xarray is not installed")


def dataset(value=1.0):
    return xarray.Dataset({"t": ("a", [value, 2.0])}, coords={"a": [1, 2]})


def test_reading_changes_nothing():
    data = dataset()
    before = fingerprint(data)

    data.t.mean()
    data.encoding  # noqa: B018 - which makes an empty dict
    data.sel(a=1)

    assert fingerprint(data) == before == fingerprint(dataset())


def test_values_names_attributes_and_encodings_count():
    renamed = dataset().rename(t="u")
    described = dataset()
    described.t.attrs["unit"] = "K"
    packed = dataset()
    packed.t.encoding["dtype"] = "int16"

    values = [dataset(), dataset(3.0), renamed, described, packed, dataset().t]

    assert len(set(map(fingerprint, values))) == len(values)
