"""Images of PIL count by all their frames, by EXIF set in memory, and by texts."""

from __future__ import annotations

import io

import pytest

from pytest_mimic import fingerprint

Image = pytest.importorskip("PIL.Image")
PngImagePlugin = pytest.importorskip("PIL.PngImagePlugin")


def scan(kind, *colours):
    file = io.BytesIO()
    first, *others = [Image.new("RGB", (2, 2), colour) for colour in colours]
    first.save(file, kind, save_all=True, append_images=others)
    file.seek(0)
    return Image.open(file)


kinds = pytest.mark.parametrize("kind", ["TIFF", "GIF", "WEBP", "PNG"])


@kinds
def test_all_frames_count(kind):
    pages = ["white", "red"]

    identity = fingerprint(scan(kind, *pages))

    assert fingerprint(scan(kind, *pages)) == identity
    assert fingerprint(scan(kind, *pages, "blue")) != identity
    assert fingerprint(scan(kind, "white", "blue")) != identity


@kinds
def test_the_current_frame_counts_and_stays(kind):
    image, other = scan(kind, "white", "red"), scan(kind, "white", "red")

    other.seek(1)

    assert fingerprint(image) != fingerprint(other)
    assert other.tell() == 1
    other.seek(0)
    assert other.convert("RGB").getpixel((0, 0)) == (255, 255, 255)


def turned(image, orientation):
    image.getexif()[274] = orientation
    return image


def test_exif_set_in_memory_counts():
    images = [turned(Image.new("RGB", (2, 2)), number) for number in (1, 6)]

    assert fingerprint(images[0]) != fingerprint(images[1])
    assert fingerprint(images[0]) == fingerprint(turned(Image.new("RGB", (2, 2)), 1))


@pytest.mark.parametrize("kind", ["JPEG", "TIFF", "PNG", "WEBP"])
def test_exif_that_was_only_read_does_not_count(kind):
    file = io.BytesIO()
    image = turned(Image.new("RGB", (2, 2)), 6)
    image.getexif()[271] = "maker"
    image.save(file, kind, exif=image.getexif())
    read, other = Image.open(file), Image.open(io.BytesIO(file.getvalue()))

    assert read.getexif()[271] == "maker"

    assert fingerprint(read) == fingerprint(other)


def test_a_text_behind_the_pixels_counts():
    image = Image.new("RGB", (1, 1))
    texts = []
    for text in ("one", "two"):
        file, chunks = io.BytesIO(), PngImagePlugin.PngInfo()
        chunks.add_text("title", text, zip=False)
        image.save(file, "PNG", pnginfo=chunks)
        texts.append(Image.open(file))

    assert fingerprint(texts[0]) != fingerprint(texts[1])


def described(text, resolution=72):
    file = io.BytesIO()
    image = Image.new("RGB", (2, 2))
    image.save(file, "TIFF", description=text, resolution=resolution)
    return Image.open(file)


def test_the_tags_of_a_tiff_count():
    values = [described("a"), described("b"), described("a", resolution=96)]

    assert len(set(map(fingerprint, values))) == 3
    values[0].getexif()
    values[0].load()
    assert fingerprint(values[0]) == fingerprint(described("a"))
