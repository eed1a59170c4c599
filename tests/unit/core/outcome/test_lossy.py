"""What a library's own pickle loses comes back, or is refused with its path and the way out."""

from __future__ import annotations

import collections
import datetime
import io
import pickle
import types
import uuid

import pytest

from pytest_mimic import UnstorableOutcomeError, fingerprint
from pytest_mimic._core.outcome.lossy import losses
from pytest_mimic._core.outcome.outcome import Raised, Stream, Value
from pytest_mimic._core.outcome.pickling import reduced
from unit.core.outcome.stored import load
from unit.memory_store import recorded

Image = pytest.importorskip("PIL.Image")
PngImagePlugin = pytest.importorskip("PIL.PngImagePlugin")
np = pytest.importorskip("numpy")
COLOURS = ("white", "red", "blue")


def scan(kind):
    file = io.BytesIO()
    first, *others = [Image.new("RGB", (2, 2), colour) for colour in COLOURS]
    first.save(file, kind, save_all=True, append_images=others, duration=40)
    file.seek(0)
    return Image.open(file)


def pages(image):
    found = []
    for place in range(image.n_frames):
        image.seek(place)
        found.append((image.tobytes(), image.info))
    return found


kinds = pytest.mark.parametrize("kind", ["TIFF", "GIF", "WEBP", "PNG"])


# Pillow 13 cannot seek back in a PNG.
@pytest.mark.parametrize(
    ("kind", "place"), [("TIFF", 1), ("GIF", 1), ("WEBP", 1), ("PNG", 0)]
)
def test_an_opened_image_comes_back_with_its_frames(kind, place):
    image = scan(kind)
    image.seek(place)

    again = load(recorded(image))

    assert (type(again), again.n_frames, again.tell()) == (type(image), 3, place)
    assert pages(again) == pages(image)


@kinds
def test_what_was_drawn_into_the_current_frame_comes_back(kind):
    image = scan(kind)
    image.paste(3 if image.mode in "PL" else (3,) * len(image.getbands()), (0, 0, 1, 1))

    assert load(recorded(image)).tobytes() == image.tobytes()


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "BMP"])
def test_exif_set_in_memory_comes_back(kind):
    file = io.BytesIO()
    Image.new("RGB", (2, 2)).save(file, kind)
    image = Image.open(file)
    image.load()
    image.getexif()[274] = 6

    assert load(recorded(image)).getexif()[274] == 6


def test_what_a_file_says_besides_comes_back():
    file, chunks = io.BytesIO(), PngImagePlugin.PngInfo()
    chunks.add_text("title", "one")
    Image.new("RGB", (2, 2)).save(file, "PNG", pnginfo=chunks)
    photo = io.BytesIO()
    Image.new("RGB", (8, 8)).save(photo, "JPEG")
    picture = Image.open(photo)

    text, again = load(recorded([Image.open(file), picture]))

    assert text.text == {"title": "one"}
    assert again.quantization == picture.quantization


class Signal(np.ndarray):
    """An array with an attribute, by numpy's own recipe."""

    def __new__(cls, items, rate):
        made = np.asarray(items).view(cls)
        made.rate = rate
        return made

    def __array_finalize__(self, other):
        self.rate = getattr(other, "rate", None)


class Masked(np.ma.MaskedArray):
    def __array_finalize__(self, other):
        super().__array_finalize__(other)
        self.rate = getattr(other, "rate", None)


class Tagged:
    """One whose own reduction leaves out what its constructor has a default for."""

    def __init__(self, name, tag=None):
        self.name, self.tag = name, tag

    def __reduce__(self):
        return Tagged, (self.name,)


def masked(rate):
    made = Masked([1, 2])
    made.rate = rate
    return made


@pytest.mark.parametrize(
    ("value", "name"),
    [(Signal([1.0], 8000), "rate"), (masked(8000), "rate"), (Tagged("a", "x"), "tag")],
    ids=lambda part: type(part).__name__,
)
def test_an_attribute_that_a_copy_has_with_another_value_is_refused(value, name):
    with pytest.raises(UnstorableOutcomeError, match=f"leaves out {name}"):
        recorded(value)


def test_attributes_with_equal_values_are_stored():
    assert load(recorded(Tagged("a"))).name == "a"
    assert load(recorded(Signal([1.0], None))).rate is None


class Lazy:
    """Its reduction is its own, and it remembers its hash."""

    def __init__(self, name):
        self.name, self._hash = name, None

    def __hash__(self):
        if self._hash is None:
            self._hash = hash(self.name)
        return self._hash

    def __eq__(self, other):
        return self.name == other.name

    def __getstate__(self):
        return dict(self.__dict__)


class Early:
    def __init__(self, name):
        self.name, self._hash = name, hash(name)

    def __hash__(self):
        return self._hash


def test_a_remembered_hash_is_left_out_of_a_pickle():
    key = Lazy("a")
    found = {key: 1}

    again = load(recorded(found))

    assert key._hash == hash("a")
    assert again == found
    assert load(recorded([key]))[0]._hash is None


class Lowered(Early):
    def __init__(self, name):
        self.name, self._hash = name, hash(name.lower())


class Slotted:
    __slots__ = ("_hash", "name", "rest")

    def __init__(self, name, *rest):
        self.name, self.rest = name, rest
        self._hash = hash((name, rest))

    def __eq__(self, other):
        return (self.name, self.rest) == (other.name, other.rest)

    def __hash__(self):
        return self._hash


def test_a_hash_that_a_constructor_took_is_taken_anew():
    found = {Slotted("a", Slotted("b")): 1}

    again = load(recorded(found))

    assert again == found
    assert next(iter(again))._hash == next(iter(found))._hash


def test_a_hash_that_nobody_can_take_anew_is_refused():
    with pytest.raises(UnstorableOutcomeError, match="its hash\\(\\) in _hash"):
        recorded([Lowered("A")])


Response = type("Response", (), {"__module__": "httpx"})


@pytest.mark.parametrize(
    ("outcome", "holder"),
    [
        (Value(Response()), "returned an httpx.Response"),
        (Value([Response()]), "returned a value that holds an httpx.Response"),
        (
            Raised(LookupError(Response())),
            "raised LookupError, which holds an httpx.Response",
        ),
        (Stream([Response()]), "gave a stream that holds an httpx.Response"),
    ],
)
def test_what_a_response_in_an_outcome_loses_is_said(outcome, holder):
    assert losses(["httpx:Headers", "httpx:Response"], outcome) == [
        f"{holder}: a replay gives the response back without its extensions"
    ]
    assert losses(["shop:Response"], outcome) == []


@pytest.mark.parametrize("name", ["httpx", "httpx2"])
def test_the_request_of_a_returned_response_has_lost_its_extensions_too(name):
    library = pytest.importorskip(name)
    with library.Client() as client:
        request = client.build_request("GET", "http://127.0.0.1/")
    response = library.Response(302, request=request, text="moved")
    response.next_request = request

    again = load(recorded(response))

    assert (again.text, again.request.url) == ("moved", request.url)
    assert again.next_request.method == "GET"
    assert request.extensions["timeout"]
    with pytest.raises(UnstorableOutcomeError, match="leaves out extensions"):
        recorded(request)


def test_gradients_come_back_and_a_graph_is_refused():
    torch = pytest.importorskip("torch", reason="torch is not installed")
    model = torch.nn.Linear(2, 1)
    found = model(torch.ones(1, 2))
    found.sum().backward()

    again = load(recorded(model))

    assert torch.equal(again.weight.grad, model.weight.grad)
    with pytest.raises(UnstorableOutcomeError, match=r"return x\.detach\(\)"):
        recorded({"scores": model(torch.ones(1, 2))})


def test_properties_of_a_molecule_come_back():
    chem = pytest.importorskip("rdkit.Chem", reason="rdkit is not installed")
    molecule = chem.MolFromSmiles("CCO")
    molecule.SetProp("id", "z")
    before = chem.GetDefaultPickleProperties()

    assert load(recorded([molecule]))[0].GetProp("id") == "z"
    assert chem.GetDefaultPickleProperties() == before


def test_a_message_of_protobuf_comes_back():
    struct = pytest.importorskip("google.protobuf.struct_pb2").Struct
    message = struct()
    message.update({"a": 1})

    assert load(recorded([message])) == [message]


class TrackedArray(np.ndarray):
    """As trimesh has it, with attributes that remember a digest."""

    __module__ = "trimesh.caching"

    def __array_finalize__(self, other):
        self._dirty_hash = True


def test_a_cache_of_the_table_may_be_lost():
    value = np.ones(2).view(TrackedArray)
    value._hashed = 5

    assert reduced(value) is NotImplemented


class Plain(np.ma.MaskedArray):
    pass


def test_a_hard_mask_comes_back_and_that_of_another_class_is_refused():
    value = np.ma.array([1.0, 2.0], mask=[0, 1], hard_mask=True, fill_value=7)

    again = load(recorded([value]))[0]

    again[1] = 5
    assert (again.hardmask, again.fill_value) == (True, 7)
    assert again.tolist() == [1.0, None]
    with pytest.raises(UnstorableOutcomeError, match="it has a hard mask"):
        recorded([Plain([1.0], hard_mask=True)])


def test_the_generator_that_all_share_comes_back_as_that_one():
    shared = np.random.mtrand._rand

    assert load(recorded({"bits": shared}))["bits"] is shared
    assert load(recorded([np.random.RandomState(1)]))[0] is not shared


class Settings(dict):
    """As a Box of python-box 7: an inner dict becomes one with the options of the outer."""

    def __new__(cls, *_, **__):
        made = super().__new__(cls)
        made.options = {"frozen": False}
        return made

    def __init__(self, items=(), **options):
        self.options = options
        for key, part in dict(items).items():
            self[key] = part

    def __setitem__(self, key, part):
        if isinstance(part, dict):
            part = type(self)(part, **self.options)
        super().__setitem__(key, part)


class Ordered(collections.OrderedDict):
    def __setitem__(self, key, part):
        super().__setitem__(key, [part])


class Marked(Ordered):
    """One with a slot, which a pickle of Python 3.10 leaves out."""

    __slots__ = ("mark", "unset")


class Rows(list):
    def append(self, row):
        super().append([row])

    extend = append


class Recent(collections.deque):
    def append(self, row):
        super().append([row])

    extend = append


class Counted(dict):
    """One whose `__setitem__` needs an attribute, which a pickle sets after the items."""

    def __init__(self, items):
        self.writes = 0
        for key, part in items.items():
            self[key] = part

    def __setitem__(self, key, part):
        self.writes += 1
        super().__setitem__(key, part)


class Doubled(dict):
    """One that says how it is pickled, and changes its items when it is loaded."""

    def __setitem__(self, key, part):
        super().__setitem__(key, part * 2)

    def __getstate__(self):
        return {}


class Checked(Doubled):
    def __setitem__(self, key, part):
        dict.__setitem__(self, key, part)


def marked(mark):
    made = Marked(a=1)
    made.mark = mark
    return made


def into_itself():
    made = Settings()
    dict.__setitem__(made, "self", made)
    return made


CONTAINERS = {
    "inner dict": Settings({"b": {"a": {}}}, frozen=True),
    "order of a dict": Ordered(b=1, a=2),
    "list": Rows([1, {"a": 2}]),
    "deque": Recent([1, 2], 5),
    "attribute": Counted({"b": 1, "a": 2}),
    "own state": Checked(a=1),
}


@pytest.mark.parametrize("container", CONTAINERS.values(), ids=CONTAINERS)
def test_items_come_back_as_they_were_put_in(container):
    again = load(recorded({"found": container}))["found"]

    assert type(again) is type(container)
    assert vars(again) == vars(container)
    assert repr(again) == repr(container)


def test_an_inner_container_keeps_its_own_attributes():
    outer = Settings({"inner": {"a": 1}}, frozen=False)
    outer["inner"].options = {"frozen": True}

    again = load(recorded(outer))

    assert type(again["inner"]) is Settings
    assert again["inner"].options == {"frozen": True}


def test_a_slot_of_a_container_comes_back():
    again = load(recorded(marked("m")))

    assert (again.mark, again) == ("m", {"a": [1]})


def test_a_container_inside_of_itself_comes_back():
    again = load(recorded(into_itself()))

    assert again["self"] is again


def test_items_that_a_class_changes_when_it_is_loaded_are_refused():
    container = Doubled()
    dict.__setitem__(container, "a", 1)

    with pytest.raises(
        UnstorableOutcomeError, match=r"result\.found: a Doubled object"
    ):
        recorded({"found": container})


@pytest.mark.parametrize("fold", [0, 1])
def test_the_second_hour_of_a_name_comes_back(fold):
    pendulum = pytest.importorskip("pendulum", reason="pendulum is not installed")
    moment = pendulum.datetime(2026, 10, 25, 2, 30, tz="Europe/Oslo", fold=fold)

    again = load(recorded([moment]))[0]

    assert (again, again.utcoffset()) == (moment, moment.utcoffset())


@pytest.mark.parametrize("kind", ["GIF", "WEBP"])
def test_an_image_that_comes_back_is_ready_to_be_read(kind):
    image = scan(kind)

    again = load(recorded(image))
    fingerprint(again)

    assert (image.im.size, again.im.size) == ((2, 2), (2, 2))


class Shouting(dict):
    """One that gives other items than those inside."""

    def items(self):
        return [(key, part.upper()) for key, part in super().items()]


class Latest(list):
    def __iter__(self):
        return iter(self[-1:])


class LatestSeen(collections.deque):
    def __iter__(self):
        return iter([self[-1]])


class Evens(set):
    __slots__ = ("unit",)

    def __iter__(self):
        return (item for item in super().__iter__() if item % 2 == 0)


class FrozenEvens(frozenset):
    def __iter__(self):
        return (item for item in super().__iter__() if item % 2 == 0)


@pytest.mark.parametrize(
    "container",
    [
        Shouting(b="x", a="y"),
        Latest([1, 2]),
        LatestSeen([1, 2]),
        Evens([1, 2]),
        FrozenEvens([1, 2]),
    ],
    ids=lambda container: type(container).__name__,
)
def test_items_come_back_as_they_are_inside(container):
    again = load(recorded([container]))[0]

    assert type(again) is type(container)
    assert len(again) == 2
    assert [*again] == [*container]
    assert repr(again) == repr(container)


@pytest.mark.parametrize("kind", [Evens, FrozenEvens])
def test_a_set_comes_back_with_what_is_inside(kind):
    value = kind([1, 2])
    value.unit = "m"

    again = load(recorded([value]))[0]

    assert 1 in again
    assert again == {1, 2}
    assert again.unit == "m"


@pytest.mark.parametrize(
    "mapping",
    [
        {"a": 1},
        collections.OrderedDict(b=1, a=2),
        collections.defaultdict(int, a=1),
        collections.ChainMap({"a": 1}, {"b": 2}),
    ],
    ids=lambda mapping: type(mapping).__name__,
)
def test_a_proxy_comes_back_with_the_mapping_behind_it(mapping):
    proxy = types.MappingProxyType(mapping)

    again = load(recorded({"settings": proxy}))["settings"]

    assert type(again) is types.MappingProxyType
    assert repr(again) == repr(proxy)


def test_an_object_that_comes_back_as_one_of_another_class_is_refused():
    """The pickle of what `isocalendar` returns is a plain tuple."""
    week = datetime.date(2024, 5, 1).isocalendar()

    with pytest.raises(UnstorableOutcomeError, match=r"\[0\].*\n.*makes a tuple of it"):
        recorded([week])


class Place:
    """Comes back as its name: its author says so."""

    def __init__(self, name):
        self.name = name

    def __reduce__(self):
        return str, (self.name,)


def test_the_author_of_a_class_chooses_what_an_object_comes_back_as():
    assert load(recorded([Place("Bath")])) == ["Bath"]


class Reduced:
    def __init__(self, reduction):
        type(self).reduction = reduction

    def __reduce__(self):
        return self.reduction


@pytest.mark.parametrize("reduction", [(), (list,), (list, None), (list, [1])])
def test_pickle_says_what_is_wrong_with_a_reduction(reduction):
    value = Reduced(reduction)
    with pytest.raises((pickle.PicklingError, TypeError)) as raised_by_pickle:
        pickle.dumps(value)

    with pytest.raises(UnstorableOutcomeError) as raised:
        recorded([value])

    assert str(raised.value.__context__) == str(raised_by_pickle.value)


def test_an_array_without_a_mask_comes_back_without():
    value = np.ma.array([1.0, 2.0])

    again = load(recorded([value]))[0]

    assert again.mask is np.ma.nomask
    assert repr(again) == repr(value)


@pytest.mark.parametrize("safety", uuid.SafeUUID)
def test_a_uuid_comes_back_with_what_is_known_of_how_it_was_made(safety):
    value = uuid.UUID(int=1, is_safe=safety)

    again = load(recorded([value]))[0]

    assert (again, again.is_safe) == (value, safety)
