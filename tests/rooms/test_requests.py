"""What counts of a request of HTTP: of a signed one what it asks for, not the signature."""

from __future__ import annotations

from urllib.parse import urlencode

import pytest

from pytest_mimic.clients.http.requests import counted, parts_of, read
from pytest_mimic.values.tree import digest_of

SIGNATURES = {
    "AWS": "X-Amz-Signature X-Amz-Credential X-Amz-Date X-Amz-Expires",
    "AWS policy": "X-Amz-Signature policy X-Amz-Credential X-Amz-Date",
    "AWS before": "AWSAccessKeyId Expires Signature",
    "Google": "X-Goog-Signature X-Goog-Date X-Goog-Expires",
    "CloudFront": "Key-Pair-Id Expires Signature",
    "Azure": "sv se sig st skt",
    "Alibaba": "OSSAccessKeyId Expires Signature security-token",
    "Tencent": "q-signature q-sign-time q-ak q-key-time",
    "any": "signature nonce",
}


def sent_in_parts(fields):
    parts = [
        f'--x\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in fields.items()
    ]
    return f"{''.join(parts)}--x--\r\n"


FORMS = {
    "application/x-www-form-urlencoded": urlencode,
    "multipart/form-data; boundary=x": sent_in_parts,
}


def identity(fields, form=""):
    if form:
        headers = [("Content-Type", form)]
        body = FORMS[form](fields).encode()
        request = read("POST", "https://shop.test/b/key", headers, body)
    else:
        request = read("GET", f"https://shop.test/b/key?{urlencode(fields)}", [])
    return digest_of(counted(parts_of(request)))


@pytest.mark.parametrize("form", ["", *FORMS])
@pytest.mark.parametrize("scheme", SIGNATURES)
def test_another_signature_is_the_same_request(scheme, form):
    names = SIGNATURES[scheme].split()
    first, second = (
        {"part": "3", **{name: f"{name}-{run}" for name in names}} for run in "12"
    )

    assert identity(first, form) == identity(second, form)
    for other in ({"part": "4"}, {"date": "today"}):
        assert identity({**first, **other}, form) != identity(first, form)


@pytest.mark.parametrize("scheme", SIGNATURES)
def test_names_of_a_scheme_count_without_its_signature(scheme):
    first, *_ = names = SIGNATURES[scheme].split()
    without = [{name: run for name in names if name != first} for run in "12"]

    assert identity(without[0]) != identity(without[1])


def test_an_address_in_another_encoding_than_utf_8_counts_as_it_stands():
    """`%E9` and `%E8` are letters of Latin-1."""
    letters = ["%E9", "%E8", "%25E9", "%EF%BF%BD", "%C3%A9"]
    addresses = [
        f"https://shop.test/{form}{letter}{end}"
        for form, end in (("", "/b"), ("?q=", "&n=1"), ("?", "=1"), ("b?q=1&q=", ""))
        for letter in letters
    ]
    found = {digest_of(counted(parts_of(read("GET", one, [])))) for one in addresses}

    assert len(found) == len(addresses)
    plain, encoded = ("https://shop.test/é?q=é", "https://shop.test/%c3%A9?q=%C3%a9")
    assert parts_of(read("GET", plain, [])) == parts_of(read("GET", encoded, []))
