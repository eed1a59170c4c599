"""Values of libraries count by dtype, shape, labels and content, or are refused; of a row, no two have one identity.

numpy, pandas, polars, pyarrow, attrs and pydantic are opened by rules: equal content has one
identity, whatever its layout. Other libraries count by what they give to be pickled.
Libraries that are not installed are skipped.
"""

from __future__ import annotations

import copy
import functools
import io
import pickle
import typing

import pytest
from support.face import fingerprint

from values.told_apart import identity_or_refusal, is_refused, told_apart

np = pytest.importorskip("numpy")
pd = pytest.importorskip("pandas")
pl = pytest.importorskip("polars")
pa = pytest.importorskip("pyarrow")
sparse = pytest.importorskip("scipy.sparse")
optimize = pytest.importorskip("scipy.optimize")
Image = pytest.importorskip("PIL.Image")
attr = pytest.importorskip("attr")
pydantic = pytest.importorskip("pydantic")

A = np.arange(12.0).reshape(3, 4)
BIG = np.arange(600_000.0).reshape(2, 300, 1000)
RECORDS = np.array(
    [(1, 2.5, b"x"), (2, 3.5, b"y")], dtype=[("a", "i4"), ("b", "f8"), ("c", "S3")]
)
TEXTS = ["x", None, "añ"]
FRAME = pd.DataFrame(
    {
        "n": [1, 2, 3],
        "f": [0.5, np.nan, 2],
        "t": pd.Series(TEXTS, dtype=object),
        "c": pd.Categorical(["u", "v", "u"]),
    }
)
TABLE = pa.table(
    {
        "n": [1, None, 3],
        "t": TEXTS,
        "l": [[1], None, [2, 3]],
        "s": [{"x": 1}, None, {"x": 2}],
    }
)
POLARS = pl.DataFrame(
    {
        "n": [1, None, 3],
        "t": TEXTS,
        "l": [[1], None, [2, 3]],
        "f": [0.5, float("nan"), None],
    }
)
MATRIX = sparse.csr_matrix(np.array([[0, 1.5], [2, 0]]))
PACKED = np.dtype([("a", "i1"), ("b", "i4")])
MOMENTS = pd.DatetimeIndex(["2026-11-02", "2026-11-03"]).as_unit("ns")
PICTURE = Image.new("RGB", (3, 2), "red")


class Units(np.ndarray):
    """An array with a unit."""


class Cents(np.ndarray):
    __slots__ = ()


class Table(pd.DataFrame):
    @property
    def _constructor(self):
        return Table


class Grid(sparse.csr_matrix):
    """A subclass of a sparse matrix."""


class Photo(Image.Image):
    """A subclass of an image."""


class Scan(Image.Image):
    """Another subclass of an image."""


@attr.s(auto_attribs=True)
class Old:
    x: int
    y: object = None


@attr.define
class Slotted:
    x: int
    y: object = None


@attr.frozen(cache_hash=True)
class Hashed:
    x: int
    y: str = "a"


@attr.define
class Remembering:
    x: int

    @functools.cached_property
    def costly(self):
        return object()


class Model(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="allow")
    x: int
    y: object = None
    _private: int = pydantic.PrivateAttr(default=0)

    @functools.cached_property
    def costly(self):
        return object()


class Child(Model):
    pass


@pydantic.dataclasses.dataclass
class Data:
    x: int


def touched(value):
    """Return an object whose caches are filled."""
    assert getattr(value, "costly", hash)
    assert isinstance(value, (Model, Remembering)) or hash(value)
    return value


def private(value, number):
    value._private = number
    return value


def united(array, unit):
    result = array.view(Units)
    result.unit = unit
    return result


def by_keys(*places):
    """Return a matrix with its entries made in this order."""
    matrix = sparse.dok_array((2, 2))
    for row, column in places:
        matrix[row, column] = 1 + row
    return matrix


class Located(pd.DataFrame):
    """A table with an attribute that pandas copies."""

    _metadata = ["place"]

    @property
    def _constructor(self):
        return Located


def located(place):
    table = Located({"n": [1]})
    table.place = place
    return table


ROWS = {
    "attrs": ("Old(1, 'b')", ["Old(y='b', x=1)"], ["Old(2, 'b')", "Old(1, 'c')", "Slotted(1, 'b')", "Slotted(2, 'b')", "{'x': 1, 'y': 'b'}"]),
    "attrs with a kept hash": ("Hashed(1, 'b')", ["touched(Hashed(y='b', x=1))"], ["Hashed(2, 'b')", "Hashed(1, 'c')"]),
    "attrs with a cached property": ("Remembering(1)", ["touched(Remembering(1))"], ["Remembering(2)"]),
    "model": ("Model(x=1, y='b')", ["touched(Model(y='b', x=1))"], ["Model(x=2, y='b')", "Model(x=1, y='c')", "Model(x=1, y='b', z=2)", "private(Model(x=1, y='b'), 5)", "Child(x=1, y='b')", "Data(x=1)"]),
    "model with a field that was not set": ("Model(x=1)", ["Model.model_construct(x=1)"], ["Model(x=1, y=None)"]),
    "models with fields that were not set": ("[Model(x=1), Model(x=2, y=None)]", [], ["[Model(x=1, y=None), Model(x=2)]"]),
    "array": ("A", ["A.copy()", "np.asfortranarray(A)", "A[:, ::-1][:, ::-1]", "np.arange(12.0).reshape(3, 4)"], ["A.T", "A.astype('f4')", "A.reshape(4, 3)", "A + 1", "A.tolist()", "A.astype('>f8')", "A.view(Cents)", "np.asmatrix(A)"]),
    "large array in any layout": ("BIG", ["np.asfortranarray(BIG)", "BIG[::-1][::-1]", "BIG.T.copy().T"], ["BIG.T", "BIG[::-1]"]),
    "long strided array": ("np.arange(600_000.0)[::2]", ["np.arange(600_000.0)[::2].copy()"], ["np.arange(600_000.0)[1::2]"]),
    "empty array": ("np.empty((0, 3))", ["np.empty((0, 3), order='F')"], ["np.empty((3, 0))", "np.empty(0)", "[]"]),
    "array without dimensions": ("np.array(1.5)", [], ["np.float64(1.5)", "1.5", "np.array([1.5])"]),
    "zeros": ("np.array([0.0])", [], ["np.array([-0.0])", "np.array([0])", "np.array([False])"]),
    "nan": ("np.array([np.nan])", ["np.array([float('nan')])", "-np.array([np.nan])", "np.array([np.nan])[::-1]"], ["np.array([1.0])", "np.array([np.inf])", "np.array([-np.inf])"]),
    "complex nan": ("np.array([complex(np.nan, 1)])", ["np.array([complex(-np.nan, 1)])"], ["np.array([complex(1, np.nan)])", "np.array([complex(np.nan, 2)])"]),
    "nan among fields": ("np.array([(1, np.nan)], dtype='i4,f8')", ["np.array([(1, -np.nan)], dtype='i4,f8')"], ["np.array([(1, np.inf)], dtype='i4,f8')"]),
    "nan in a frame": ("pd.DataFrame({'a': [1.5, np.nan], 'b': [np.nan, 1]})", ["pd.DataFrame({'a': [1.5, -np.nan], 'b': [-np.nan, 1]})"], ["pd.DataFrame({'a': [1.5, np.nan], 'b': [1, np.nan]})"]),
    "nan in an index": ("pd.Index([1.5, np.nan])", ["pd.Index([1.5, -np.nan])"], ["pd.Index([np.nan, 1.5])"]),
    "nan in polars": ("pl.Series([1.5, None, np.nan])", [], ["pl.Series([1.5, np.nan, None])"]),
    "nan in arrow": ("pa.array([1.5, None, np.nan])", [], ["pa.array([1.5, np.nan, None])"]),
    "halves in arrow": ("pa.array(np.array([1, np.nan], 'f2'))", [], ["pa.array(np.array([1, np.inf], 'f2'))", "pa.array(np.array([1, np.nan], 'f4'))"]),
    "nan in a matrix": ("sparse.csr_array([[0, np.nan]])", ["sparse.csr_array([[0, -np.nan]])"], ["sparse.csr_array([[np.nan, 0]])"]),
    "objects": ("np.array([1, 'a', None], dtype=object)", ["np.array([0, 1, 0, 'a', 0, None], dtype=object)[1::2]"], ["np.array([1, 'a', 0], dtype=object)", "np.array([1.0, 'a', None], dtype=object)", "np.array([[1, 'a', None]], dtype=object)"]),
    "objects in two dimensions": ("np.array([[1, 2], [3, 4]], dtype=object)", ["np.asfortranarray(np.array([[1, 2], [3, 4]], dtype=object))"], ["np.array([[1, 3], [2, 4]], dtype=object)"]),
    "structured": ("RECORDS", ["RECORDS.copy()", "np.rec.array(RECORDS).view(np.ndarray).view(RECORDS.dtype)"], ["RECORDS[['a', 'b']]", "RECORDS[::-1]", "RECORDS['a']"]),
    "structured with gaps": ("np.zeros(2, np.dtype([('a', 'i1'), ('b', 'f8')], align=True))", ["np.zeros(2, np.dtype([('a', 'i1'), ('b', 'f8')], align=True))"], ["np.zeros(2, np.dtype([('a', 'i1'), ('b', 'f8')]))", "np.zeros(2, np.dtype([(('title', 'a'), 'i1'), ('b', 'f8')]))", "np.zeros(2, np.dtype([('a', 'i1'), ('c', 'f8')], align=True))"]),
    "places of fields": ("PACKED", ["np.zeros(1, PACKED).dtype"], ["np.dtype(PACKED.descr, align=True)", "np.dtype([(('title', 'a'), 'i1'), ('b', 'i4')])", "np.zeros((), np.dtype(PACKED.descr, align=True))[()]", "np.zeros((), PACKED)[()]"]),
    "nested dtype": ("np.zeros(2, np.dtype([('a', 'f4', (2,))]))", [], ["np.zeros(2, np.dtype([('a', 'f4', (3,))]))"]),
    "strings": ("np.array(['a', 'bb'])", [], ["np.array(['a', 'bc'])", "np.array(['a', 'bb'], dtype='U5')", "np.array([b'a', b'bb'])"]),
    "texts of any length": ("np.array(['a'], np.dtypes.StringDType())", [], ["np.array(['b'], np.dtypes.StringDType())", "np.array(['a'], np.dtypes.StringDType(na_object=None))", "np.array(['a'], np.dtypes.StringDType(coerce=False))"]),
    "times": ("np.array(['2024-05-01'], dtype='M8[D]')", [], ["np.array(['2024-05-01'], dtype='M8[s]')", "np.array([5], dtype='m8[s]')"]),
    "scalars": ("np.float64(1)", ["np.float64('1')"], ["1.0", "np.float32(1)", "np.int64(1)", "np.bool_(True)", "np.str_('1')", "np.datetime64('2024-05-01')", "np.complex128(1)"]),
    "structured scalar": ("RECORDS[0]", ["RECORDS[:1].copy()[0]"], ["RECORDS[1]", "RECORDS[:1]"]),
    "masked": ("np.ma.array([1.0, 2.0], mask=[0, 1])", [], ["np.ma.array([1.0, 9.0], mask=[0, 1])", "np.ma.array([1.0, 2.0], mask=[1, 0])", "np.ma.array([1.0, 2.0])", "np.ma.array([1.0, 2.0], mask=[0, 1], hard_mask=True)", "np.ma.array([1.0, 2.0], mask=[0, 1], fill_value=7)", "np.array([1.0, 1e20])"]),
    "subclass": ("united(A, 'm')", ["united(A.copy(), 'm')"], ["united(A, 's')", "A"]),
    "dtype": ("np.dtype('f8')", ["np.dtype(float)"], ["np.dtype('f4')", "np.dtype('>f8')", "RECORDS.dtype", "np.float64"]),
    "numpy functions": ("np.add", [], ["np.subtract", "np.mean", "np.median"]),
    "functions of Cython": ("np.random.default_rng", [], ["np.random.Generator.random", "np.random.default_rng(1).random", "np.random.default_rng(2).random", "pd.api.types.is_list_like"]),
    "generators": ("np.random.default_rng(1)", [], ["np.random.default_rng(2)", "np.random.RandomState(1)", "np.random.PCG64(1)"]),
    "numpy rest": ("np.polynomial.Polynomial([1, 2])", [], ["np.polynomial.Polynomial([1, 3])", "np.polynomial.Chebyshev([1, 2])", "np.lib.NumpyVersion('1.2.0')", "np.lib.NumpyVersion('1.3.0')"]),
    "frame": ("FRAME", ["FRAME.copy()", "FRAME.iloc[::-1].iloc[::-1]"], ["with_attrs(FRAME.copy())", "FRAME.set_flags(allows_duplicate_labels=False)", "FRAME[['f', 'n', 't', 'c']]", "FRAME.rename(columns={'n': 'm'})", "FRAME.iloc[:2]", "FRAME.set_axis([1, 2, 3])", "FRAME.astype({'n': 'f8'})", "FRAME.fillna({'f': 0})", "Table(FRAME)"]),
    "frame with attributes": ("located('a')", ["located('a')"], ["located('b')", "pd.DataFrame({'n': [1]})"]),
    "frame index": ("FRAME.set_index('t')", [], ["FRAME.set_index('n')", "FRAME.set_index(['t', 'n'])", "FRAME.set_index('t').rename_axis('u')"]),
    "series": ("FRAME.n", ["FRAME.n.copy()", "FRAME['n']"], ["with_attrs(FRAME.n.copy())", "FRAME.n.set_flags(allows_duplicate_labels=False)", "FRAME.n.rename('m')", "FRAME.f", "FRAME.n.values", "FRAME.n.astype('i4')", "FRAME[['n']]", "FRAME.n.set_axis([1, 2, 3])"]),
    "texts": ("pd.Series(TEXTS, dtype='string')", [], ["pd.Series(TEXTS, dtype=object)", "pd.Series(['x', '', 'añ'], dtype='string')"]),
    "texts with their separator": ("pd.Series(['a\\0', 'b'], dtype='string')", [], ["pd.Series(['a', '\\0b'], dtype='string')"]),
    "no texts": ("pd.Series([], dtype='string')", [], ["pd.Series([''], dtype='string')", "pd.Series([], dtype=object)"]),
    "categories": ("pd.Series(['a', 'b'], dtype='category')", [], ["pd.Series(['a', 'b'], dtype=object)", "pd.Series(pd.Categorical(['a', 'b'], categories=['a', 'b', 'c']))", "pd.Series(pd.Categorical(['a', 'b'], ordered=True))"]),
    "nullable": ("pd.array([1, None, 3], dtype='Int64')", ["pd.array([9, 1, None, 3], dtype='Int64')[1:]"], ["pd.array([1, 2, 3], dtype='Int64')", "pd.array([1, None, 3], dtype='Float64')", "pd.array([True, None], dtype='boolean')"]),
    "zoned": ("pd.Series(pd.date_range('2024', periods=3, tz='Europe/Berlin', unit='ns'))", ["pd.Series(pd.date_range('2024', periods=3, tz='Europe/Berlin', unit='s'))"], ["pd.Series(pd.date_range('2024', periods=3, unit='ns'))", "pd.Series(pd.date_range('2024', periods=3, tz='UTC', unit='ns'))", "pd.Series(pd.to_timedelta([1, 2]))", "pd.Series(pd.period_range('2024', periods=3))"]),
    "moments as objects": ("pd.Series(pd.date_range('2024', periods=3))", ["pd.Series(pd.date_range('2024', periods=3).to_pydatetime(), dtype=object)"], ["pd.Series(pd.date_range('2024', periods=3).date, dtype=object)"]),
    "beyond nanoseconds": ("pd.Series(np.array(['3000-01-01'], 'M8[s]'))", [], ["pd.Series(np.array(['3000-01-02'], 'M8[s]'))"]),
    "missing texts": ("pd.DataFrame({'t': ['x', None]})", ["pd.DataFrame({'t': ['x', np.nan]})"], ["pd.DataFrame({'t': pd.Series(['x', None], dtype='string')})", "pd.DataFrame({'t': ['x', 'None']})"]),
    "a column without a text": ("pd.DataFrame({'t': ['x']})[:0]", ["pd.DataFrame({'t': []}, dtype=object)"], ["pd.DataFrame({'t': []}, dtype='string')"]),
    "intervals": ("pd.Series(pd.interval_range(0, 3))", [], ["pd.Series(pd.interval_range(1, 4))", "pd.Series(pd.interval_range(0, 3, closed='left'))"]),
    "sparse column": ("pd.Series(pd.arrays.SparseArray([0, 0, 1]))", [], ["pd.Series(pd.arrays.SparseArray([0, 1, 1]))", "pd.Series([0, 0, 1])"]),
    "sparse times": ("pd.Series(pd.arrays.SparseArray(pd.to_datetime(['2024-05-01', None])))", [], ["pd.Series(pd.arrays.SparseArray(pd.to_datetime(['2024-05-02', None])))", "pd.Series(pd.to_datetime(['2024-05-01', None]))"]),
    "arrow column": ("pd.Series([1, None], dtype='int64[pyarrow]')", [], ["pd.Series([1, 2], dtype='int64[pyarrow]')", "pd.Series([1, None], dtype='Int64')"]),
    "index": ("pd.Index([0, 1, 2])", ["pd.RangeIndex(3)"], ["pd.Index([0, 1])", "pd.Index([0, 1, 2], name='a')", "pd.Index([0.0, 1, 2])", "pd.MultiIndex.from_tuples([(0, 1)])", "np.array([0, 1, 2])"]),
    "text labels": ("pd.DataFrame({'a': [1]}, index=['b'])", [], ["pd.DataFrame({'a': [1]}, index=pd.Index(['b'], dtype='string'))", "pd.DataFrame({'a': [1]}, index=pd.Index(['c']))", "pd.DataFrame({'a': [1]}, index=pd.Index([b'b'], dtype=object))"]),
    "stamps": ("pd.Timestamp('2024-05-01')", ["pd.Timestamp('2024-05-01').as_unit('s')", "pd.Timestamp('2024-05-01').as_unit('ns')"], ["pd.Timestamp('2024-05-01', tz='UTC')", "pd.Timestamp('2024-05-02')", "pd.Timedelta(1)", "pd.Period('2024-05')", "pd.NaT", "pd.NA", "pd.Interval(0, 1)"]),
    "distant stamps": ("pd.Timestamp('3000-01-01').as_unit('s')", ["pd.Timestamp('3000-01-01').as_unit('ms')"], ["pd.Timestamp('3000-01-02').as_unit('s')", "pd.Timedelta(np.timedelta64(10**12, 's'))", "pd.Timedelta(np.timedelta64(10**12 + 1, 's'))"]),
    "labels of times": ("MOMENTS", ["MOMENTS.copy()", "MOMENTS.as_unit('s')"], ["MOMENTS[::-1]", "pd.date_range('2026-11-02', periods=2, unit='ns')", "pd.date_range('2026-11-02', periods=2, freq='24h', unit='ns')", "pd.MultiIndex.from_arrays([MOMENTS, [1, 2]])"]),
    "dtypes": ("pd.CategoricalDtype(['a'])", [], ["pd.CategoricalDtype(['a'], ordered=True)", "pd.CategoricalDtype(['a'], ordered=None)", "pd.CategoricalDtype()", "pd.CategoricalDtype(['b'])", "pd.Int64Dtype()", "pd.DatetimeTZDtype(tz='UTC')"]),
    "offset": ("pd.offsets.Day(1)", [], ["pd.offsets.Day(2)", "pd.offsets.Hour(1)"]),
    "polars frame": ("POLARS", ["POLARS.clone()"], ["POLARS[:2]", "POLARS.rename({'n': 'm'})", "POLARS.select('t', 'n', 'l', 'f')", "POLARS.fill_null(0)", "POLARS.fill_nan(0)"]),
    "polars series": ("POLARS['n']", [], ["POLARS['n'].rename('m')", "POLARS['n'].cast(pl.Float64)", "POLARS['n'].to_list()", "POLARS['t']"]),
    "polars types": ("pl.Series([1, 2]).cast(pl.Datetime('ns'))", [], ["pl.Series([1, 3]).cast(pl.Datetime('ns'))", "pl.Series([1, 2]).cast(pl.Datetime('us'))", "pl.Series([1, 2]).cast(pl.Date)", "pl.Series([[1, 2]]).cast(pl.List(pl.Duration('ns')))"]),
    "polars categories": ("pl.Series(['a'], dtype=pl.Enum(['a', 'b']))", [], ["pl.Series(['a'], dtype=pl.Enum(['a', 'c']))", "pl.Series(['a'], dtype=pl.Categorical)", "pl.Series(['a'])", "pl.Series([object], dtype=pl.Object)"]),
    "polars dtypes": ("pl.List(pl.Int64)", [], ["pl.List(pl.Int32)", "pl.Int64", "pl.Int64()"]),
    "polars rest": ("pl.col('a') + 1", ["pl.col('a') + pl.lit(1)"], ["pl.col('b') + 1", "pl.col('a') + 2"]),
    "arrow table": ("TABLE", [], ["TABLE[:2]", "TABLE.replace_schema_metadata({'a': 'b'})", "TABLE.rename_columns(['m', 't', 'l', 's'])", "TABLE.select(['t', 'n', 'l', 's'])", "TABLE.to_batches()[0]"]),
    "arrow array": ("pa.array([1, None, 3])", [], ["pa.array([1, 0, 3])", "pa.array([1, None, 3], pa.int32())", "pa.chunked_array([[1, None, 3]])", "pa.array([1.0, None, 3])"]),
    "arrow types": ("pa.array([1, 2], pa.timestamp('ns'))", [], ["pa.array([1, 2], pa.timestamp('us'))", "pa.array([1, 3], pa.timestamp('ns'))", "pa.array([True, None])", "pa.array(['a', 'b']).dictionary_encode()", "pa.array(['a', 'b'])", "pa.array([], pa.int64())", "pa.chunked_array([], pa.int64())"]),
    "arrow lists": ("pa.array([[1], [2, 3]])", [], ["pa.array([[1, 2], [3]])", "pa.array([[1], None, [2, 3]])", "pa.array([[1], [2, 3]], pa.large_list(pa.int64()))"]),
    "arrow lists of one length": ("pa.array([[1, 2], None], pa.list_(pa.time64('us'), 2))", [], ["pa.array([[1, 3], None], pa.list_(pa.time64('us'), 2))", "pa.array([[1, 2]], pa.list_(pa.time64('us'), 2))"]),
    "arrow maps": ("pa.array([[(1, 2)], None], pa.map_(pa.int8(), pa.time64('us')))", [], ["pa.array([[(1, 3)], None], pa.map_(pa.int8(), pa.time64('us')))", "pa.array([None, [(1, 2)]], pa.map_(pa.int8(), pa.time64('us')))"]),
    "arrow moments in a series": ("pd.Series(pa.array([1, None], pa.time64('ns')), dtype=pd.ArrowDtype(pa.time64('ns')))", [], ["pd.Series(pa.array([2, None], pa.time64('ns')), dtype=pd.ArrowDtype(pa.time64('ns')))"]),
    "arrow rest": ("pa.int64()", [], ["pa.int32()", "pa.field('a', pa.int64())", "pa.schema([('a', pa.int64())])", "pa.py_buffer(b'abc')"]),
    "arrow periods": ("pa.array(pd.PeriodIndex.from_ordinals([1, 2], freq='D'))", [], ["pa.array(pd.PeriodIndex.from_ordinals([1, 2], freq='M'))", "pa.array(pd.PeriodIndex.from_ordinals([1, 3], freq='D'))"]),
    "arrow uuids": ("pa.ExtensionArray.from_storage(pa.uuid(), pa.array([b'0' * 16], pa.binary(16)))", [], ["pa.ExtensionArray.from_storage(pa.uuid(), pa.array([b'1' * 16], pa.binary(16)))", "pa.array([b'0' * 16], pa.binary(16))"]),
    "sparse": ("MATRIX", [], ["MATRIX.tocsc()", "MATRIX.T.tocsr()", "sparse.csr_array(MATRIX)", "MATRIX.toarray()", "MATRIX.astype('f4')", "MATRIX.tolil()", "MATRIX.todok()", "MATRIX.todia()", "MATRIX.tobsr()", "Grid(MATRIX)"]),
    "sparse in one dimension": ("sparse.coo_array([0, 1.5])", [], ["sparse.coo_array([1.5, 0])", "sparse.coo_array([[0, 1.5]])"]),
    "sparse coordinates": ("MATRIX.tocoo()", [], ["MATRIX.T.tocoo()", "MATRIX"]),
    "sparse by keys": ("by_keys((0, 1), (1, 0))", [], ["by_keys((0, 0), (1, 0))", "by_keys((0, 1), (1, 0)).tocoo()"]),
    "scipy rest": ("optimize.Bounds(0, [1, 2])", [], ["optimize.Bounds(0, [1, 3])", "optimize.Bounds", "optimize.OptimizeResult(lb=0, ub=[1, 2])"]),
    "exceptions": ("np.linalg.LinAlgError('singular')", [], ["np.linalg.LinAlgError('other')", "pa.ArrowInvalid('singular')", "ValueError('singular')"]),
    "image": ("PICTURE", ["PICTURE.copy()"], ["stored(PICTURE)", "PICTURE.convert('L')", "PICTURE.convert('P')", "PICTURE.rotate(90, expand=True)", "Image.new('RGB', (3, 2), 'blue')"]),
    "image of a class of one's own": ("of_class(PICTURE, Photo)", [], ["PICTURE", "of_class(PICTURE, Scan)"]),
    "image with as many bytes": ("Image.new('RGBA', (3, 2))", [], ["Image.new('CMYK', (3, 2))", "Image.new('RGBA', (2, 3))", "with_info(Image.new('RGBA', (3, 2)), transparency=0)"]),
    "image with facts of its file": ("with_info(Image.new('L', (3, 2)), dpi=(72, 72), gamma=1)", ["with_info(Image.new('L', (3, 2)), gamma=1, dpi=(72, 72))"], ["with_info(Image.new('L', (3, 2)), dpi=(96, 96), gamma=1)", "Image.new('L', (3, 2))"]),
    "palette": ("PICTURE.convert('P')", ["PICTURE.copy().convert('P')"], ["recoloured(PICTURE.convert('P'), [7] * 768)", "PICTURE.convert('PA')", "recoloured(PICTURE.convert('PA'), [7] * 768)", "Image.new('RGB', (3, 2), 'blue').convert('P', palette=Image.Palette.ADAPTIVE)"]),
    "PIL rest": ("Image.Resampling.BICUBIC", [], ["Image.Transpose.ROTATE_90", "__import__('PIL.ImageFilter').ImageFilter.GaussianBlur(2)"]),
}  # fmt: skip


def with_attrs(frame):
    frame.attrs["note"] = "beside the values"
    return frame


def stored(image):
    file = io.BytesIO()
    image.save(file, "PNG")
    return Image.open(file)


def of_class(image, class_):
    image = image.copy()
    image.__class__ = class_
    return image


def with_info(image, **info):
    image.info.update(info)
    return image


def recoloured(image, palette):
    image.putpalette(palette)
    return image


def made(expression):
    return eval(expression, globals())


#: Rows of libraries that are opened by rules: their values must have an identity.
OF_OTHERS = ("sparse", "scipy", "exceptions", "image", "palette", "PIL")
BY_RULES = [name for name in ROWS if not name.startswith(OF_OTHERS)]

quiet = pytest.mark.filterwarnings(
    "ignore::PendingDeprecationWarning", "ignore::DeprecationWarning"
)


@quiet
@pytest.mark.parametrize("name", ROWS)
def test_equal_content_has_one_identity_and_other_content_another(name):
    expression, equal, different = ROWS[name]
    value = made(expression)

    told_apart(value, made(expression), map(made, different))
    for other in map(made, equal):
        told_apart(value, other, ())
        if not is_refused(value):
            assert fingerprint([other, value, 1]) == fingerprint([value, value, 1])
            assert fingerprint({"a": value, "b": other}) == fingerprint(
                {"a": value, "b": value}
            )


@quiet
@pytest.mark.parametrize("name", BY_RULES)
def test_what_is_opened_by_rules_has_an_identity(name):
    assert not is_refused(made(ROWS[name][0]))


#: numpy drops a subclass's attributes, PIL the class itself.
LOST_IN_A_COPY = {"subclass", "image of a class of one's own"}


@pytest.mark.parametrize("name", [name for name in ROWS if name not in LOST_IN_A_COPY])
def test_a_copy_is_the_same_value(name):
    expression, _, _ = ROWS[name]
    value = made(expression)

    told_apart([value], [copy.copy(value)], ())
    told_apart([value], [copy.deepcopy(value)], ())
    # pandas 2 pickles no attribute of a subclass.
    if "pl." not in expression and "located" not in expression:
        told_apart([value], [pickle.loads(pickle.dumps(value))], ())


# Arrays, dtypes and tables that carry more than their items


class Measured(pd.api.extensions.ExtensionDtype):
    """A dtype with a parameter that its name does not say."""

    name = "measured"
    type = float

    def __init__(self, unit):
        self.unit = unit

    @classmethod
    def construct_array_type(cls):
        return Measures


class Measures(pd.api.extensions.ExtensionArray):
    def __init__(self, values, unit):
        self.values, self.unit = np.asarray(values, float), unit

    @property
    def dtype(self):
        return Measured(self.unit)

    @property
    def nbytes(self):
        return self.values.nbytes

    def __len__(self):
        return len(self.values)

    def __getitem__(self, place):
        found = self.values[place]
        return found if np.isscalar(found) else Measures(found, self.unit)

    def isna(self):
        return np.isnan(self.values)

    def copy(self):
        return Measures(self.values.copy(), self.unit)


class Column(np.ndarray):
    """An array whose author decides what is pickled, as astropy's columns."""

    def __array_finalize__(self, other):
        self.name = getattr(other, "name", None)
        self.parent = object()

    def __reduce__(self):
        make, arguments, state = super().__reduce__()
        return make, arguments, (*state, self.name)


def column(name, values=(1, 2)):
    made = np.asarray(values).view(Column)
    made.name = name
    return made


@pytest.mark.parametrize(
    "make",
    [
        lambda unit: Measures([1, 2], unit),
        Measured,
        lambda unit: pd.Series(Measures([1, 2], unit)),
        lambda unit: pd.DataFrame({"a": Measures([1, 2], unit), "b": [1, 2]}),
        lambda unit: np.dtype("i4", metadata={"unit": unit}),
        column,
        lambda unit: pa.schema([pa.field("a", "int64", metadata={"unit": unit})]),
        lambda unit: pa.schema([pa.field("a", "int64")], metadata={"unit": unit}),
        lambda unit: pa.schema([pa.field("a", "int64", nullable=unit == "m")]),
        lambda unit: pa.list_(pa.field("a", "int64", metadata={"unit": unit})),
        lambda unit: TABLE.replace_schema_metadata({"pandas": unit}),
        lambda unit: TABLE.replace_schema_metadata({"pandas": f'[["{unit}", 1]]'}),
        lambda unit: pa.schema(
            [("a", pa.list_(pa.field("b", "int64", metadata={"unit": unit})))]
        ).empty_table(),
    ],
)
def test_what_stands_beside_the_items_counts(make):
    assert fingerprint(make("m")) == fingerprint(make("m")) != fingerprint(make("s"))


@pytest.mark.parametrize("values", [["a", "b"], [[1], [2]]], ids=["texts", "lists"])
def test_an_arrow_dictionary_counts_by_the_values_that_rows_have(values):
    def rows(places, dictionary):
        return pa.DictionaryArray.from_arrays(pa.array(places, pa.int32()), dictionary)

    first, second = pa.array(values), pa.array(values[::-1])

    assert fingerprint(rows([0, 1], first)) != fingerprint(rows([1, 0], first))
    assert fingerprint(rows([0, 1], first)) != fingerprint(rows([0, 1], second))


def refused(value):
    with pytest.raises(pydantic.ValidationError) as caught:
        pydantic.TypeAdapter(int).validate_python(value)
    return caught.value


def test_an_exception_counts_with_what_its_extension_pickles():
    told_apart(refused("a"), refused("a"), [refused("b")])
    told_apart(
        ValueError(refused("a")), ValueError(refused("a")), [ValueError(refused("b"))]
    )


@quiet
def test_no_two_values_of_the_table_have_one_identity():
    """But those of rows that say the same of one library."""
    expressions = dict.fromkeys(row[0] for row in ROWS.values())

    found = [identity_or_refusal(made(expression)) for expression in expressions]

    assert len(set(found)) == len(found)


def test_a_model_that_a_function_makes_counts_by_its_fields():
    def model(**fields):
        return pydantic.create_model("Answer", **fields)

    told_apart(
        model(x=int), model(x=int), [model(x=str), model(y=int), model(x=(int, 1))]
    )


def test_types_that_a_function_makes_count_by_their_fields():
    def types(kind, **more):
        return typing.TypedDict("Typed", {"x": kind}, **more), typing.NamedTuple(
            "Named", [("x", kind)]
        )

    told_apart(
        types(int),
        types(int),
        [types(str), types(int, total=False), types("Later"), types("Other")],
    )


def test_when_cookies_were_looked_at_does_not_count():
    requests = pytest.importorskip("requests")
    jars = []
    for number in (1, 2):
        jar = requests.cookies.cookiejar_from_dict({"name": "ann"})
        jar._now = jar._policy._now = number
        jars.append(jar)

    assert fingerprint(jars[0]) == fingerprint(jars[1])
    jars[1].set("name", "bob")
    assert fingerprint(jars[0]) != fingerprint(jars[1])
