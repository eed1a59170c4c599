"""Other bytes of the same XXH3 hash (of 64 and of 128 bits), made at once, as somebody may who holds an object store.

XXH3 is specified in https://github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md and makes no claim against this. Above
240 bytes it keeps eight numbers. Each stripe of 64 bytes adds eight words to them, and products of the words' halves with
a public constant. A word with one half equal to that of the constant adds no product. So two stripes can bring the eight
numbers to any values, such as those of the bytes that are to be replaced.
"""

from __future__ import annotations

import struct

_STRIPE, _BLOCK, _MASK, _HALF = 64, 1024, (1 << 64) - 1, (1 << 32) - 1
_PRIME = 0x9E3779B1
_INVERSE = pow(_PRIME, -1, 1 << 64)
_BEGIN = (
    0xC2B2AE3D,
    0x9E3779B185EBCA87,
    0xC2B2AE3D27D4EB4F,
    0x165667B19E3779F9,
    0x85EBCA77C2B2AE63,
    0x85EBCA77,
    0x27D4EB2F165667C5,
    0x9E3779B1,
)
#: The public constant, with which all programs hash unless they choose another one.
_SECRET = bytes.fromhex(
    "b8fe6c3923a44bbe7c01812cf721ad1cded46de9839097db7240a4a4b7b3671fcb79e64eccc0e578825ad07dccff7221"
    "b8084674f743248ee03590e6813a264c3c2852bb91c300cb88d0658b1b532ea371644897a20df94e3819ef46a9deacd8"
    "a8fa763fe39c343ff9dcbbc7c70b4f1d8a51e04bcdb45931c89f7ec9d9787364eac5ac8334d3ebc3c581a0fffa1363eb"
    "170ddd51b7f0da49d316552629d4689e2b16be587d47a1fc8ff8b8d17ad031ce45cb3a8f95160428afd7fbcabb4b407e"
)
# The offset in the constant of the last stripe of a block, after which the eight numbers are scrambled.
_LAST_OF_BLOCK = 120
#: How many bytes `with_hash_of` replaces at most.
FREE = 5 * _STRIPE


def with_hash_of(honest: bytes, other: bytes, free: int) -> bytes:
    """Return `other`, with `FREE` of its bytes from offset `free` on replaced, so that its hash is that of `honest`.

    Both are of the same length, above 240 bytes.
    """
    assert len(honest) == len(other) > 240
    begin = -(-free // _STRIPE) * _STRIPE
    if begin % _BLOCK >= _BLOCK - 2 * _STRIPE:
        begin = -(-begin // _BLOCK) * _BLOCK
    after = begin + 2 * _STRIPE
    assert after <= len(other) - _STRIPE
    wanted = _run(_BEGIN, honest, 0, len(honest))
    wanted = _back(wanted, other, after)
    reached = _run(_BEGIN, other, 0, begin)
    first, second = _words(_SECRET, begin % _BLOCK // 8), _words(_SECRET, begin % _BLOCK // 8 + 8)
    words = []
    for lane in range(8):
        missing = wanted[lane ^ 1] - reached[lane ^ 1]
        low = (missing - (first[lane] & _HALF)) & _HALF
        high = (((missing - (first[lane] & _HALF) - low) >> 32) - (second[lane] >> 32)) & _HALF
        words.append((high << 32 | first[lane] & _HALF, second[lane] & ~_HALF | low))
    stripes = struct.pack("<16Q", *(word for word, _ in words), *(word for _, word in words))
    return other[:begin] + stripes + other[after:]


def _run(numbers: tuple[int, ...], data: bytes, start: int, end: int) -> tuple[int, ...]:
    """Return the eight numbers after the stripes of `data` from `start` to `end`."""
    for at, secret in _stripes(data, start, end):
        numbers = _added(numbers, data, at, secret, 1)
        if secret == _LAST_OF_BLOCK:
            numbers = _scrambled(numbers)
    return numbers


def _back(numbers: tuple[int, ...], data: bytes, start: int) -> tuple[int, ...]:
    """Return the eight numbers before the stripes of `data` from `start` to its end."""
    for at, secret in reversed(_stripes(data, start, len(data))):
        if secret == _LAST_OF_BLOCK:
            numbers = _unscrambled(numbers)
        numbers = _added(numbers, data, at, secret, -1)
    return numbers


def _stripes(data: bytes, start: int, end: int) -> list[tuple[int, int]]:
    """Return the offset of each stripe, and the offset in the constant. The last stripe may overlap the one before."""
    whole = (len(data) - 1) // _STRIPE * _STRIPE
    stripes = [(at, at % _BLOCK // 8) for at in range(start, min(end, whole), _STRIPE)]
    return stripes + [(len(data) - _STRIPE, len(_SECRET) - _STRIPE - 7)] * (end == len(data))


def _added(numbers: tuple[int, ...], data: bytes, at: int, secret: int, sign: int) -> tuple[int, ...]:
    sums = list(numbers)
    for lane, (word, constant) in enumerate(zip(_words(data, at), _words(_SECRET, secret), strict=True)):
        mixed = word ^ constant
        sums[lane ^ 1] += sign * word
        sums[lane] += sign * (mixed & _HALF) * (mixed >> 32)
    return tuple(number & _MASK for number in sums)


def _scrambled(numbers: tuple[int, ...]) -> tuple[int, ...]:
    constants = _words(_SECRET, len(_SECRET) - _STRIPE)
    return tuple(((n ^ n >> 47 ^ c) * _PRIME) & _MASK for n, c in zip(numbers, constants, strict=True))


def _unscrambled(numbers: tuple[int, ...]) -> tuple[int, ...]:
    mixed = [
        n * _INVERSE & _MASK ^ c
        for n, c in zip(numbers, _words(_SECRET, len(_SECRET) - _STRIPE), strict=True)
    ]
    return tuple(n ^ n >> 47 for n in mixed)


def _words(data: bytes, at: int) -> tuple[int, ...]:
    return struct.unpack_from("<8Q", data, at)
