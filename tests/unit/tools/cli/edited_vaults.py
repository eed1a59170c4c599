"""Edits of the vault of `shop`, as people and damage make them."""

from __future__ import annotations

import json


def recording(shop, function):
    """Return the only recording of a function."""
    [file] = (shop / ".mimic_vault/calls/shop" / function).glob("*.json")
    return file


def edit(file, **facts):
    """Change facts of the only outcome of a recording; None takes one out."""
    document = json.loads(file.read_text())
    changed = {**document["outcomes"][0], **facts}
    document["outcomes"][0] = {
        name: fact for name, fact in changed.items() if fact is not None
    }
    file.write_text(json.dumps(document))


def the_object(shop, function, kind):
    return (
        shop
        / ".mimic_vault"
        / json.loads(recording(shop, function).read_text())["outcomes"][0][kind]
    )


def flip(file):
    data = bytearray(file.read_bytes())
    data[80] ^= 1
    file.write_bytes(data)
