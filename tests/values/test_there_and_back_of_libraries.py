"""Outcomes of libraries: arrays, frames, images and responses come back as they were, or are refused."""

from __future__ import annotations

import io
import math
import re
import types

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from support.face import fingerprint, there_and_back

from pytest_mimic import UnstorableOutcomeError
from values.sameness import comes_back_or_is_refused

np = pytest.importorskip("numpy")
pd = pytest.importorskip("pandas")
pl = pytest.importorskip("polars")
pa = pytest.importorskip("pyarrow")
npst = pytest.importorskip("hypothesis.extra.numpy")

READ_ONLY = np.arange(3.0)
READ_ONLY.flags.writeable = False


def facts(array):
    """Return what an array or a scalar shows, its memory and layout too."""
    flags = array.flags
    layout = flags.c_contiguous, flags.f_contiguous, flags.writeable
    extra = [getattr(array, name, None) for name in ("rate", "extra", "mask")]
    return (
        type(array),
        array.dtype,
        array.dtype.char,
        # Some versions of numpy unpickle moments with an empty mapping in place of nothing.
        dict(array.dtype.metadata or {}),
        array.shape,
        array.tolist() if array.dtype.hasobject else array.tobytes(),
        layout,
        [repr(one) for one in extra],
    )


class Doubled(np.ndarray):
    """An array of a class of its own."""


NUMBERS = {
    "bool": np.True_,
    "int8": np.int8(-3),
    "uint64": np.uint64(2**64 - 1),
    "float32": np.float32(0.1),
    "float16": np.float16(0.1),
    "minus zero": np.float32(-0.0),
    "nan": np.float64("nan"),
    "infinity": np.float32("-inf"),
    "complex": np.complex64(0.1 - 2j),
    "text": np.str_("hé"),
    "bytes": np.bytes_(b"a"),
    "moment": np.datetime64("2024-01-02"),
    "duration": np.timedelta64(-5, "m"),
    "nan with a sign": np.copysign(np.float64("nan"), -1),
    "long double": np.longdouble(1),
    "void": np.void(b"ab"),
    "floats": np.array([1.0, 2.5]),
    "one number": np.array([7], "u1"),
    "nothing": np.zeros(0),
    "complex numbers": np.array([1j, 2]),
    "other byte order": np.array([1, 2], ">i4"),
    "texts": np.array(["a", "bcd"]),
    "moments": np.array(["2024-01-01", "NaT"], "M8[ns]"),
    "two dimensions": np.array([[1.0, 2.0], [3.0, 4.0]]),
    "columns first": np.asfortranarray([[1.0, 2.0], [3.0, 4.0]]),
    "no dimension": np.array(7),
    "no rows": np.zeros((0, 3)),
    "record": np.array([(1, 2)], "i4,i4"),
    "objects": np.array([None, "a"]),
    "own class": np.zeros(2).view(Doubled),
    "masked": np.ma.array([1.0, 2.0], mask=[0, 1], fill_value=7),
    "masked objects": np.ma.array([None, "a"], mask=[1, 0]),
    "without a mask": np.ma.array([1.0, 2.0]),
    "many": np.arange(10_001),
    "NaN with a payload": np.array([0x7FF8000000000001]).view("f8"),
    "metadata": np.zeros(2, np.dtype("f8", metadata={"unit": "m"})),
    "bool of another byte": np.array([2], "u1").view(bool),
}
#: What numpy's own pickle makes otherwise: equal in all, or refused.
ODD = {
    "read only": READ_ONLY,
    "gaps": np.arange(10)[::2],
}


def without_layout(array):
    known = [*facts(array)]
    known[6] = None
    return known


@pytest.mark.parametrize("value", NUMBERS.values(), ids=NUMBERS)
def test_numbers_and_arrays_come_back(value):
    assert facts(there_and_back(value)) == facts(value)
    assert facts(there_and_back({"a": [value]})["a"][0]) == facts(value)


@pytest.mark.parametrize("value", ODD.values(), ids=ODD)
def test_an_odd_array_comes_back_or_is_refused(value):
    comes_back_or_is_refused(value, shown=without_layout)


def test_an_array_at_two_places_is_one_array_in_the_copy():
    array = np.arange(3)

    one, other, view = there_and_back([array, array, array[:2]])

    assert one is other
    assert not np.shares_memory(one, view)
    assert view.tolist() == [0, 1]


dtypes = st.one_of(
    npst.boolean_dtypes(),
    npst.integer_dtypes(endianness="?"),
    npst.unsigned_integer_dtypes(endianness="?"),
    npst.floating_dtypes(endianness="?", sizes=(16, 32, 64)),
    npst.complex_number_dtypes(endianness="?", sizes=(64, 128)),
    npst.datetime64_dtypes(endianness="="),
    npst.timedelta64_dtypes(endianness="="),
    npst.unicode_string_dtypes(endianness="?", max_len=5),
    npst.byte_string_dtypes(max_len=5),
)
shapes = npst.array_shapes(min_dims=0, max_dims=2, min_side=0, max_side=4)


@settings(max_examples=100)
@given(dtypes.flatmap(lambda dtype: npst.arrays(dtype, shapes)), st.sampled_from("CF"))
@example(np.array([0.0, -0.0, math.nan, math.inf, 5e-324]), "C")
def test_a_copy_of_any_array_has_the_same_memory(array, order):
    array = np.array(array, order=order)

    again = there_and_back({"array": array, "items": list(array.flat[:3])})

    assert facts(again["array"]) == facts(array)
    assert [
        (type(item), item.dtype.str, item.tobytes()) for item in again["items"]
    ] == [(type(item), item.dtype.str, item.tobytes()) for item in array.flat[:3]]


class Signal(np.ndarray):
    """An array with an attribute, by numpy's own recipe."""

    def __new__(cls, items, rate):
        made = np.asarray(items).view(cls)
        made.rate = rate
        return made

    def __array_finalize__(self, other):
        self.rate = getattr(other, "rate", None)


class Keeping(np.ndarray):
    """An array whose author pickles its attribute."""

    def __reduce__(self):
        make, arguments, state = super().__reduce__()
        return make, arguments, (state, self.extra)

    def __setstate__(self, state):
        super().__setstate__(state[0])
        self.extra = state[1]


def with_attribute(value, **attributes):
    for name, part in attributes.items():
        object.__setattr__(value, name, part)
    return value


ARRAYS_WITH_ATTRIBUTES = {
    "by numpy's recipe": lambda: Signal([1.0], 8000),
    "own reduction": lambda: with_attribute(np.zeros(2).view(Keeping), extra=["kept"]),
    "none": lambda: Signal([1.0], None),
    "plain class": lambda: with_attribute(np.zeros(2).view(Doubled), extra=["kept"]),
}


@pytest.mark.parametrize(
    "make", ARRAYS_WITH_ATTRIBUTES.values(), ids=ARRAYS_WITH_ATTRIBUTES
)
def test_the_attributes_of_an_array_come_back_or_it_is_refused(make):
    comes_back_or_is_refused(make(), shown=facts)


class Table(pd.DataFrame):
    _metadata = ["place"]

    @property
    def _constructor(self):
        return Table


FRAMES = {
    "pandas frame": lambda: pd.DataFrame(
        {"a": [1, 2], "b": ["x", None], "c": pd.Categorical(["u", "v"])}, index=["p", "q"]
    ),
    "pandas series": lambda: pd.Series([1.5, None], name="n"),
    "pandas times": lambda: pd.Series(pd.date_range("2024", periods=3, tz="Europe/Oslo")),
    "pandas nullable": lambda: pd.DataFrame({"a": pd.array([1, None], dtype="Int64")}),
    "pandas index": lambda: pd.MultiIndex.from_tuples([("u", 1), ("v", 2)]),
    "pandas moment": lambda: pd.Timestamp("2024-05-01", tz="UTC"),
    "pandas nothing": lambda: [pd.NaT, pd.NA],
    "polars frame": lambda: pl.DataFrame({"a": [1, None], "b": [["x"], []]}),
    "polars series": lambda: pl.Series("n", [1, 2]).cast(pl.Datetime("us")),
    "arrow table": lambda: pa.table({"a": [1, None], "b": [{"x": 1}, None]}),
    "arrow array": lambda: pa.array([[1], None]),
}  # fmt: skip


@pytest.mark.parametrize("make", FRAMES.values(), ids=FRAMES)
def test_frames_come_back(make):
    value = make()

    again = there_and_back(value)

    assert type(again) is type(value)
    assert fingerprint([again]) == fingerprint([value])
    assert without_addresses(again) == without_addresses(value)


def without_addresses(value):
    return re.sub(r"0x[0-9a-f]+", "", repr(value))


FRAMES_WITH_MORE = {
    "attrs": lambda: with_note(pd.DataFrame({"a": [1]})),
    "attribute": lambda: with_attribute(pd.DataFrame({"a": [1]}), unit="m"),
    "attribute of polars": lambda: with_attribute(pl.DataFrame({"a": [1]}), unit="m"),
    "metadata of a class": lambda: with_attribute(Table({"a": [1]}), place="Oslo"),
    "attribute of a moment": lambda: with_attribute(pd.Timestamp("2024-05-01"), unit_="m"),
    "labels": lambda: pd.DataFrame({"a": [1]}).set_flags(allows_duplicate_labels=False),
}  # fmt: skip


def with_note(frame):
    frame.attrs["note"] = "beside the values"
    return frame


def facts_of_frame(frame):
    names = ("attrs", "unit", "place", "unit_")
    noted = {name: repr(getattr(frame, name, None)) for name in names}
    flags = getattr(getattr(frame, "flags", None), "allows_duplicate_labels", None)
    return type(frame), repr(frame), noted, flags, fingerprint(frame)


@pytest.mark.parametrize("make", FRAMES_WITH_MORE.values(), ids=FRAMES_WITH_MORE)
def test_what_stands_beside_a_frame_comes_back_or_it_is_refused(make):
    comes_back_or_is_refused(make(), shown=facts_of_frame)


# Images


def scan(kind, *colours):
    image = pytest.importorskip("PIL.Image")
    file = io.BytesIO()
    first, *others = [image.new("RGB", (2, 2), colour) for colour in colours]
    first.save(file, kind, save_all=True, append_images=others)
    file.seek(0)
    return image.open(file)


def pages(image):
    found = []
    for place in range(getattr(image, "n_frames", 1)):
        image.seek(place)
        found.append((image.mode, image.convert("RGB").tobytes()))
    image.seek(0)
    return found, getattr(image, "text", {}), dict(image.getexif())


@pytest.mark.parametrize("kind", ["TIFF", "GIF", "WEBP", "PNG"])
def test_an_image_of_several_frames_comes_back_or_is_refused(kind):
    comes_back_or_is_refused(scan(kind, "white", "red", "blue"), shown=pages)


def test_an_image_in_memory_comes_back():
    image = pytest.importorskip("PIL.Image").new("RGB", (3, 2), "red")

    again = there_and_back({"picture": image})["picture"]

    assert (again.mode, again.size, again.tobytes()) == ("RGB", (3, 2), image.tobytes())


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "BMP"])
def test_exif_set_in_memory_comes_back_or_the_image_is_refused(kind):
    image_module = pytest.importorskip("PIL.Image")
    file = io.BytesIO()
    image_module.new("RGB", (2, 2)).save(file, kind)
    image = image_module.open(file)
    image.load()
    image.getexif()[274] = 6

    comes_back_or_is_refused(image, shown=pages)


# Other libraries


@pytest.mark.parametrize("name", ["httpx", "httpx2"])
def test_a_response_in_an_outcome_comes_back_or_is_refused(name):
    library = pytest.importorskip(name)
    request = library.Request("GET", "http://127.0.0.1/")
    response = library.Response(302, request=request, text="moved")

    def told(answer):
        headers = answer.headers.multi_items()
        return answer.status_code, headers, answer.text, str(answer.request.url)

    comes_back_or_is_refused(response, shown=told)


def test_a_response_of_requests_comes_back_or_is_refused():
    requests = pytest.importorskip("requests")
    response = requests.Response()
    response.status_code, response._content = 200, b"ok"

    comes_back_or_is_refused(
        response, shown=lambda answer: (answer.status_code, answer.text)
    )


def test_the_headers_of_an_answer_of_aiohttp_come_back():
    multidict = pytest.importorskip("multidict")
    one, other = (
        multidict.CIMultiDictProxy(multidict.CIMultiDict([("A", "1"), ("a", number)]))
        for number in "23"
    )

    assert there_and_back(one) == one
    assert type(there_and_back(one)) is type(one)
    assert fingerprint(one) != fingerprint(other)


def test_a_message_of_protobuf_comes_back():
    struct = pytest.importorskip("google.protobuf.struct_pb2").Struct
    message = struct()
    message.update({"a": 1})

    assert there_and_back([message]) == [message]


def test_generators_of_random_numbers_go_on():
    value = [np.random.default_rng(1), np.random.RandomState(1)]

    one, other = there_and_back(value)

    assert one.normal() == value[0].normal()
    assert other.normal() == value[1].normal()


def test_an_array_in_a_proxy_comes_back_or_is_refused():
    proxy = types.MappingProxyType({"a": np.arange(3)})

    comes_back_or_is_refused(proxy, shown=lambda one: one["a"].tolist())


def test_a_long_array_inside_a_value_that_cannot_be_stored_leaves_a_refusal():
    with pytest.raises(UnstorableOutcomeError, match=r"rows|generator"):
        there_and_back({"data": np.arange(100_000), "rows": (n for n in "ab")})


def test_a_frozen_distribution_comes_back_with_the_shared_generator():
    stats = pytest.importorskip("scipy.stats")

    came = there_and_back(stats.norm(3, 2))

    assert came.mean() == 3
    assert came.random_state is stats.norm.random_state


def test_a_polynomial_comes_back():
    """Its class gives to be pickled what else only the class says."""
    polynomial = np.polynomial.Polynomial([1.0, 2.0])

    assert there_and_back(polynomial) == polynomial


def test_unwritten_memory_of_an_object_of_c_does_not_count():
    spatial = pytest.importorskip("scipy.spatial")
    tree = spatial.cKDTree(np.arange(180.0).reshape(60, 3))

    again = there_and_back(tree)

    assert again.query([1.0, 2.0, 3.0]) == tree.query([1.0, 2.0, 3.0])


def test_an_array_of_records_knows_one_name_of_a_type():
    """C calls numbers of 64 bits by two names; a copy has the other one."""
    records = np.zeros(2, [("start", np.longlong), ("end", "f8")])

    assert there_and_back([records, object])[0].tolist() == records.tolist()


def test_a_data_array_without_attributes_comes_back():
    xr = pytest.importorskip("xarray")

    again = there_and_back(xr.DataArray([1.0, 2.0], dims="x"))

    assert again.identical(xr.DataArray([1.0, 2.0], dims="x"))


sa = pytest.importorskip("sqlalchemy")
orm = pytest.importorskip("sqlalchemy.orm")
Base = orm.declarative_base()


class Customer(Base):
    __tablename__ = "customers"
    id = sa.Column(sa.Integer, primary_key=True)
    name = sa.Column(sa.String)
    orders = orm.relationship("Order", back_populates="customer")


class Order(Base):
    __tablename__ = "orders"
    id = sa.Column(sa.Integer, primary_key=True)
    customer_id = sa.Column(sa.ForeignKey("customers.id"))
    customer = orm.relationship(Customer, back_populates="orders")


@pytest.mark.parametrize("way", ["new", "added", "loaded", "expired"])
def test_an_object_of_the_orm_comes_back_without_its_session(way):
    ann = Customer(id=7, name="ann", orders=[Order(id=1)])
    engine = sa.create_engine("sqlite://")
    Base.metadata.create_all(engine)
    with orm.Session(engine, expire_on_commit=way == "expired") as session:
        if way != "new":
            session.add(ann)
            session.commit()
        if way == "loaded":
            session.expunge_all()
            ann = session.get(Customer, 7, options=[orm.selectinload(Customer.orders)])

        again = there_and_back(ann)

        assert fingerprint(again) == fingerprint(ann)
    assert sa.inspect(again).key == sa.inspect(ann).key
    if way == "expired":
        with pytest.raises(orm.exc.DetachedInstanceError):
            _ = again.name
    else:
        assert (again.name, again.orders[0].id) == ("ann", 1)
    engine.dispose()


def test_what_has_changed_in_an_object_of_the_orm_counts():
    one, other = Customer(id=7, name="ann"), Customer(id=7, name="ann")
    for customer in (one, other):
        orm.make_transient_to_detached(customer)
        orm.attributes.set_committed_value(customer, "name", "ann")
    assert fingerprint(one) == fingerprint(other)

    other.name = "eve"
    other.name = "ann"

    assert fingerprint(one) != fingerprint(other)
