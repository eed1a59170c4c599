"""Objects of libraries that count by what they give to be pickled: told apart by what they say, or refused.

Libraries that are not installed are skipped.
"""

from __future__ import annotations

import email.message
import io

import pytest
from support.face import fingerprint

from pytest_mimic import UnstableIdentityError
from values.told_apart import told_apart


def test_a_message_counts_whatever_the_order_of_its_maps():
    struct = pytest.importorskip("google.protobuf.struct_pb2").Struct
    first, second, other = struct(), struct(), struct()
    first.update({"a": 1, "b": 2})
    second.update({"b": 2, "a": 1})
    other.update({"a": 1, "b": 3})

    told_apart(first, second, [other])


class Lazy:
    """An object of which a property, and so whoever asks for what it lacks, fills an attribute."""

    def __init__(self, name):
        self.name = name
        self._facts = None

    @property
    def facts(self):
        if self._facts is None:
            self._facts = {}
        return self._facts

    def __getattr__(self, name):
        if name.startswith("__") or name not in self.facts:
            raise AttributeError(name)
        return self.facts[name]

    def __reduce_ex__(self, protocol):
        state = dict(vars(self))
        hasattr(self, "missing")
        return Lazy, (self.name,), state


def test_what_only_reading_has_filled_is_no_change():
    read, known = Lazy("a"), Lazy("a")
    assert read.facts == {}
    known.facts["b"] = 1

    told_apart(read, Lazy("a"), [Lazy("b"), known])


def mail(subject):
    message = email.message.EmailMessage()
    message["Subject"] = subject
    message.set_content("text")
    return message


def test_who_says_what_makes_an_object_says_so_of_its_class():
    """Python makes the classes of a message's headers at run time."""
    told_apart(mail("hello"), mail("hello"), [mail("bye")])


# Images of PIL


def scan(image, kind, *colours):
    file = io.BytesIO()
    first, *others = [image.new("RGB", (2, 2), colour) for colour in colours]
    first.save(file, kind, save_all=True, append_images=others)
    file.seek(0)
    return image.open(file)


@pytest.mark.parametrize("kind", ["TIFF", "GIF", "WEBP", "PNG"])
def test_images_of_several_frames_are_told_apart(kind):
    image = pytest.importorskip("PIL.Image")
    moved = scan(image, kind, "white", "red")
    moved.seek(1)
    others = [
        scan(image, kind, "white", "red", "blue"),
        scan(image, kind, "white", "blue"),
        moved,
    ]

    told_apart(
        scan(image, kind, "white", "red"), scan(image, kind, "white", "red"), others
    )


def test_exif_set_in_memory_is_told_apart():
    image = pytest.importorskip("PIL.Image")

    def turned(orientation):
        made = image.new("RGB", (2, 2))
        made.getexif()[274] = orientation
        return made

    told_apart(turned(1), turned(1), [turned(6)])


# Objects that SQLAlchemy maps


@pytest.fixture
def mapped():
    """Two mapped classes and a session."""
    sqlalchemy = pytest.importorskip("sqlalchemy", reason="SQLAlchemy is not installed")
    orm = pytest.importorskip("sqlalchemy.orm")
    base = orm.declarative_base()

    class Order(base):
        __tablename__ = "orders"
        id = sqlalchemy.Column(sqlalchemy.Integer, primary_key=True)
        item = sqlalchemy.Column(sqlalchemy.String)
        lines = orm.relationship("Line", back_populates="order")

    class Line(base):
        __tablename__ = "lines"
        id = sqlalchemy.Column(sqlalchemy.Integer, primary_key=True)
        order_id = sqlalchemy.Column(sqlalchemy.ForeignKey("orders.id"))
        order = orm.relationship("Order", back_populates="lines")

    engine = sqlalchemy.create_engine("sqlite://")
    base.metadata.create_all(engine)
    with orm.Session(engine) as session:
        yield Order, Line, session
    engine.dispose()


def test_mapped_objects_are_told_apart_by_their_values(mapped):
    order, line, _ = mapped

    def made(item, number):
        return order(id=1, item=item, lines=[line(id=number, order_id=1)])

    told_apart(made("tea", 5), made("tea", 5), [made("tea", 6), made("milk", 5)])


def test_a_mapped_object_that_is_not_loaded_in_full_is_refused_and_stays_so(mapped):
    """Other tests may have another row, or other rows that belong to it, under the same key."""
    order, _, session = mapped
    session.add(order(id=1, item="tea"))
    session.commit()
    loaded = session.get(order, 1)
    session.expire(loaded)

    with pytest.raises(UnstableIdentityError, match=r"(?i)sqlalchemy|loaded"):
        fingerprint(loaded)

    assert "item" not in vars(loaded)
