"""Compares values of many libraries.

It compares identities of equal and of different values, and copies of outcomes.

    python scripts/library_values.py [LIBRARY...]

CI does not install most of these libraries: run it by hand, where they are installed.
Each row of `VALUES` has values that all differ. The script checks that

- no two values of a row have one identity;
- each value has the same identity in other processes, under three hash seeds;
- a copy by pickle has it, too, and so has the value after it was used;
- as an outcome, the value comes back equal, or is refused by its path.

A library that is not installed is said and skipped. What is found is counted by its
kind; what is refused by its words. The exit code is 1 if there is something of one of
the kinds in `FAULTS`: the others are known limits, which the documentation names.
"""

from __future__ import annotations

import copy
import json
import os
import pickle
import subprocess
import sys
import tempfile
import warnings
from collections import Counter
from itertools import combinations
from pathlib import Path
from typing import Any, NamedTuple

ONE = "--one"
SEEDS = ("0", "1", "4711")
ONE_IDENTITY = "one identity for two values"
OTHER_PROCESS = "another identity in another process, or of an equal value"
BACK_DIFFERENT = "an outcome that comes back different"
FAILED = "an error that is none of ours"
FAULTS = (ONE_IDENTITY, OTHER_PROCESS, BACK_DIFFERENT, FAILED)
BY_COPY = "another identity of a copy by pickle"
BY_USE = "another identity after use"
NO_IDENTITY = "no identity"
NOT_STORED = "no outcome"
KINDS = (*FAULTS, BY_COPY, BY_USE, NO_IDENTITY, NOT_STORED)
Problem = tuple[str, str]


class Row(NamedTuple):
    """Values of one library, as expressions."""

    imports: str
    values: tuple[str, ...]
    #: Reads a value `v`: that must not change its identity.
    use: str = ""
    #: Whether copies by pickle are compared. Some libraries' copies differ.
    is_copied: bool = True


VALUES: dict[str, Row] = {
    "numpy": Row(
        "import numpy as np",
        (
            "np.arange(3)",
            "np.arange(3.0)",
            "np.arange(6).reshape(2, 3)",
            "np.arange(6).reshape(3, 2)",
            "np.float32(1)",
            "np.float64(1)",
            "np.datetime64('2026-01-01')",
            "np.timedelta64(1, 's')",
            "np.ma.array([1, 2], mask=[0, 1])",
            "np.ma.array([1, 2], mask=[1, 0])",
            "np.random.default_rng(1)",
            "np.random.default_rng(2)",
            "np.dtype('i4')",
            "np.dtype([('a', 'i4')])",
            "np.poly1d([1, 2])",
            "np.array(['a', 'b'])",
        ),
        "repr(v)",
    ),
    # A copy by pickle has a soft mask.
    "numpy.ma": Row(
        "import numpy as np",
        (
            "np.ma.array([1, 2], mask=[1, 0])",
            "np.ma.array([1, 2], mask=[1, 0], hard_mask=True)",
            "np.ma.array([1, 2], mask=[1, 0], fill_value=5)",
            "np.ma.array([1, 2], fill_value=5)",
            "np.ma.array([1, 2])",
        ),
        "repr(v), v.fill_value",
        is_copied=False,
    ),
    "pandas": Row(
        "import pandas as pd",
        (
            "pd.DataFrame({'a': [1, 2]})",
            "pd.DataFrame({'a': [1.0, 2]})",
            "pd.DataFrame({'b': [1, 2]})",
            "pd.DataFrame({'a': [1, 2]}, index=[1, 2])",
            "pd.DataFrame({'a': ['x', 'y']})",
            "pd.DataFrame({'a': pd.Categorical(['x', 'y'])})",
            "pd.Series([1, 2], name='a')",
            "pd.Series([1, 2], name='b')",
            "pd.Series([1, None], dtype='Int64')",
            "pd.Timestamp('2026-01-01')",
            "pd.Timestamp('2026-01-01', tz='UTC')",
            "pd.Period('2026-01', 'M')",
            "pd.Timedelta('1s')",
            "pd.Interval(0, 1)",
            "pd.Interval(0, 1, closed='left')",
            "pd.MultiIndex.from_tuples([(1, 2)])",
            "pd.date_range('2026-01-01', periods=3)",
            "pd.arrays.SparseArray([0, 1])",
        ),
        "repr(v)",
    ),
    "geopandas": Row(
        "import geopandas as gpd; from shapely.geometry import Point",
        (
            "gpd.GeoDataFrame({'n': [1]}, geometry=[Point(0, 0)], crs=4326)",
            "gpd.GeoDataFrame({'n': [1]}, geometry=[Point(0, 0)], crs=3857)",
            "gpd.GeoDataFrame({'n': [1]}, geometry=[Point(0, 0)])",
            "gpd.GeoDataFrame({'n': [1]}, geometry=[Point(0, 1)], crs=4326)",
            "gpd.GeoSeries([Point(0, 0)], crs=4326)",
            "gpd.GeoSeries([Point(0, 0)], crs=3857)",
            "gpd.GeoSeries([Point(0, 0)], crs=4326).array",
            "gpd.GeoSeries([Point(0, 0)]).array",
        ),
        "v.total_bounds if hasattr(v, 'total_bounds') else 0",
    ),
    "shapely": Row(
        "from shapely.geometry import *",
        (
            "Point(0, 1)",
            "Point(1, 0)",
            "Point(0, 1, 2)",
            "LineString([(0, 0), (1, 1)])",
            "Polygon([(0, 0), (1, 0), (1, 1)])",
            "MultiPoint([(0, 1)])",
        ),
        "v.area, v.bounds, v.wkt",
    ),
    "pyproj": Row(
        "import pyproj",
        ("pyproj.CRS(4326)", "pyproj.CRS(3857)", "pyproj.Geod(ellps='WGS84')"),
        "repr(v)",
    ),
    "torch": Row(
        "import torch\n"
        "def net():\n    torch.manual_seed(0)\n    return torch.nn.Linear(2, 1)\n"
        "def back(k):\n    m = net()\n    (m(torch.ones(1, 2)).sum() * k).backward()\n"
        "    return m\n"
        "def named(t):\n    t.label = 'x'\n    return t\n"
        "def hooked(t):\n    t.register_hook(abs)\n    return t\n",
        (
            "torch.ones(2)",
            "torch.zeros(2)",
            "torch.ones(2, dtype=torch.float64)",
            "torch.ones(2, requires_grad=True)",
            "named(torch.ones(2))",
            "hooked(torch.ones(2, requires_grad=True))",
            "net()",
            "back(1)",
            "back(10)",
            "net().eval()",
            "torch.ones(1, 2)",
            "torch.Size([2])",
            "torch.float32",
            "torch.device('cpu')",
            "net().state_dict()",
            "torch.optim.SGD(net().parameters(), lr=0.1)",
            "torch.optim.SGD(net().parameters(), lr=0.2)",
            "torch.nn.Parameter(torch.ones(2))",
        ),
        "repr(v)",
        is_copied=False,
    ),
    "PIL": Row(
        "from PIL import Image\nimport io\n"
        "def scan(kind, *colours):\n"
        "    file = io.BytesIO()\n"
        "    first, *others = [Image.new('RGB', (2, 2), c) for c in colours]\n"
        "    first.save(file, kind, save_all=True, append_images=others)\n"
        "    file.seek(0)\n    return Image.open(file)\n"
        "def turned(number):\n"
        "    image = Image.new('RGB', (2, 2))\n    image.getexif()[274] = number\n"
        "    return image\n"
        "def opened(kind, **facts):\n"
        "    file = io.BytesIO()\n"
        "    Image.new('RGB', (2, 2)).save(file, kind, **facts)\n"
        "    return Image.open(file)\n"
        "def described(text):\n    return opened('TIFF', description=text)\n",
        (
            "Image.new('RGB', (2, 2))",
            "Image.new('RGB', (2, 3))",
            "Image.new('L', (2, 2))",
            "Image.new('RGB', (2, 2), 'red')",
            "turned(1)",
            "turned(6)",
            "scan('TIFF', 'white', 'red')",
            "scan('TIFF', 'white', 'red', 'blue')",
            "scan('GIF', 'white', 'red')",
            "scan('GIF', 'white', 'blue')",
            "scan('WEBP', 'white', 'red')",
            "scan('WEBP', 'white', 'red', 'blue')",
            "scan('PNG', 'white', 'red')",
            "opened('PNG')",
            "opened('JPEG')",
            "opened('BMP')",
            "described('a')",
            "described('b')",
        ),
        "v.size, v.getbbox(), dict(v.getexif())",
        is_copied=False,
    ),
    "rdkit": Row(
        "from rdkit import Chem\n"
        # Without this line a pickle of a molecule leaves its properties out.
        "Kept = Chem.PropertyPickleOptions\n"
        "Chem.SetDefaultPickleProperties(Kept.MolProps | Kept.AtomProps)\n"
        "def mol(smiles, **properties):\n"
        "    made = Chem.MolFromSmiles(smiles)\n"
        "    for name, value in properties.items():\n"
        "        made.SetProp(name, value)\n    return made\n"
        "def charged(value):\n"
        "    made = mol('CCO')\n"
        "    made.GetAtomWithIdx(0).SetDoubleProp('q', value)\n    return made\n",
        (
            "mol('CCO')",
            "mol('CCN')",
            "mol('CCO', id='A')",
            "mol('CCO', id='B')",
            "charged(0.5)",
            "charged(1.5)",
            "Chem.AddHs(mol('CCO'))",
        ),
        "Chem.MolToSmiles(v), v.GetRingInfo().NumRings()",
        is_copied=False,
    ),
    "numba": Row(
        "import numba\n"
        "@numba.njit\ndef one(x):\n    return x + 1\n"
        "@numba.njit\ndef two(x):\n    return x + 2\n",
        ("one", "two"),
        "v(1)",
        is_copied=False,
    ),
    "xarray": Row(
        "import xarray as xr\n"
        "def ds(v=1.0):\n"
        "    return xr.Dataset({'t': ('a', [v, 2.0])}, coords={'a': [1, 2]})\n",
        (
            "ds()",
            "ds(3.0)",
            "ds().t",
            "ds(3.0).t",
            "ds().rename(t='u')",
            "ds().assign_attrs(unit='K')",
            "ds().assign_coords(b=1)",
            "ds().drop_vars('a')",
            "ds().t.variable",
        ),
        "v.encoding, v.attrs, v.mean()",
    ),
    "astropy": Row(
        "import astropy.units as u\nfrom astropy.table import Table, Column\n"
        "from astropy.time import Time\nfrom astropy.coordinates import SkyCoord\n",
        (
            "Table({'a': [1, 2]})",
            "Table({'a': [1, 3]})",
            "Table({'b': [1, 2]})",
            "Table({'a': [1, 2]}, meta={'k': 1})",
            "Column([1, 2], name='a')",
            "Column([1, 2], name='b')",
            "Column([1, 2], name='a', unit='m')",
            "[1, 2] * u.m",
            "[1, 2] * u.s",
            "1 * u.m",
            "u.m",
            "u.km",
            "Time('2026-01-01')",
            "Time('2026-01-02')",
            "SkyCoord(1 * u.deg, 2 * u.deg)",
            "SkyCoord(2 * u.deg, 1 * u.deg)",
        ),
        "repr(v)",
    ),
    "networkx": Row(
        "import networkx as nx",
        (
            "nx.path_graph(3)",
            "nx.path_graph(4)",
            "nx.cycle_graph(3)",
            "nx.DiGraph([(0, 1)])",
            "nx.Graph([(0, 1)])",
            "nx.MultiGraph([(0, 1)])",
            "nx.Graph([(0, 1, {'w': 2})])",
        ),
        "v.adj, v.nodes, v.edges, nx.density(v)",
    ),
    "nibabel": Row(
        "import nibabel as nib, numpy as np",
        (
            "nib.Nifti1Image(np.ones((2, 2, 2)), np.eye(4))",
            "nib.Nifti1Image(np.zeros((2, 2, 2)), np.eye(4))",
            "nib.Nifti1Image(np.ones((2, 2, 2)), 2 * np.eye(4))",
        ),
        "v.get_fdata(), v.header",
    ),
    "trimesh": Row(
        "import trimesh\n"
        "def mesh(z=0):\n"
        "    return trimesh.Trimesh([[0, 0, z], [1, 0, 0], [0, 1, 0]], [[0, 1, 2]])\n",
        (
            "mesh()",
            "mesh(1)",
            "trimesh.creation.box()",
            "trimesh.creation.icosphere(1)",
            "trimesh.PointCloud([[0, 0, 1]])",
        ),
        "v.bounds, getattr(v, 'area', 0), getattr(v, 'face_normals', 0)",
    ),
    "Bio": Row(
        "from Bio.Seq import Seq, MutableSeq\nfrom Bio.SeqRecord import SeqRecord\n",
        (
            "Seq('ACGT')",
            "Seq('ACGA')",
            "MutableSeq('ACGT')",
            "SeqRecord(Seq('ACGT'), id='a')",
            "SeqRecord(Seq('ACGT'), id='b')",
            "SeqRecord(Seq('ACGT'), id='a', letter_annotations={'q': [1, 2, 3, 4]})",
        ),
        "v[1:3], len(v)",
    ),
    "sklearn": Row(
        "import numpy as np\n"
        "from sklearn.feature_extraction.text import TfidfVectorizer, CountVectorizer\n"
        "from sklearn.linear_model import *\n"
        "from sklearn.pipeline import make_pipeline\n"
        "from sklearn.ensemble import RandomForestClassifier\n"
        "from sklearn.preprocessing import StandardScaler\n"
        "X = np.array([[0.0, 1], [1, 0], [2, 1], [3, 3]])\ny = [0, 0, 1, 1]\n",
        (
            "TfidfVectorizer().fit(['aa bb', 'bb cc'])",
            "TfidfVectorizer().fit(['aa bb', 'bb dd'])",
            "CountVectorizer(stop_words=['aa']).fit(['aa bb'])",
            "CountVectorizer(stop_words=['bb']).fit(['aa bb'])",
            "LogisticRegression()",
            "LogisticRegression(C=2)",
            "LogisticRegression().fit(X, y)",
            "Ridge().fit(X, y)",
            "StandardScaler().fit(X)",
            "make_pipeline(StandardScaler(), Ridge()).fit(X, y)",
            "RandomForestClassifier(3, random_state=0).fit(X, y)",
            "RandomForestClassifier(3, random_state=1).fit(X, y)",
        ),
        "repr(v), v.get_params()",
    ),
    "msgspec": Row(
        "import msgspec\n"
        "class P(msgspec.Struct):\n    a: int\n    b: int = 0\n"
        "class F(msgspec.Struct, frozen=True, cache_hash=True):\n    a: int\n",
        ("P(1)", "P(2)", "P(1, 1)", "F(1)", "F(2)", "msgspec.Raw(b'1')"),
        "hash(v) if isinstance(v, F) else repr(v)",
    ),
    "frozendict": Row(
        "from frozendict import frozendict",
        ("frozendict(a=1, b=2)", "frozendict(a=1, b=3)", "frozendict(a=1)"),
        "hash(v)",
    ),
    "immutabledict": Row(
        "from immutabledict import immutabledict",
        ("immutabledict(a=1, b='x')", "immutabledict(a=1, b='y')", "immutabledict()"),
        "hash(v)",
    ),
    "pyrsistent": Row(
        "import pyrsistent as p",
        ("p.pmap({'a': 1})", "p.pmap({'a': 2})", "p.pvector([1])", "p.pset([1])"),
        "hash(v), len(v)",
    ),
    "pint": Row(
        "import pint\nr = pint.UnitRegistry()\n",
        ("r.Quantity(1, 'm')", "r.Quantity(1, 's')", "r.Quantity(2, 'm')", "r.m"),
        "hash(v), str(v)",
    ),
    "unyt": Row(
        "import unyt, numpy as np",
        (
            "unyt.unyt_array([1, 2], 'm')",
            "unyt.unyt_array([1, 2], 's')",
            "unyt.unyt_array([1, 3], 'm')",
            "unyt.unyt_quantity(1, 'm')",
        ),
        "repr(v)",
    ),
    "uncertainties": Row(
        "from uncertainties import ufloat",
        ("ufloat(1, 0.1)", "ufloat(1, 0.2)", "ufloat(2, 0.1)"),
        "repr(v)",
    ),
    "sympy": Row(
        "import sympy as s\nx, y = s.symbols('x y')\n",
        (
            "x",
            "y",
            "x + y",
            "x * y",
            "x**2",
            "s.Symbol('x', positive=True)",
            "s.Rational(1, 3)",
            "s.Integer(1)",
            "s.sin(x)",
            "s.ImmutableMatrix([[1, 2]])",
            "s.Eq(x, y)",
            "s.Function('f')(x)",
        ),
        "hash(v), str(v), getattr(v, 'free_symbols', 0)",
    ),
    "mpmath": Row(
        "import mpmath",
        ("mpmath.mpf(1)", "mpmath.mpf(2)", "mpmath.mpc(1, 2)"),
        "repr(v)",
    ),
    "pydantic": Row(
        "from pydantic import BaseModel, Field, PrivateAttr\n"
        "from typing import Generic, TypeVar\nT = TypeVar('T')\n"
        "class Item(BaseModel):\n    id: int\n    tag: str | None = None\n"
        "    _seen: int = PrivateAttr(0)\n"
        "class Page(BaseModel, Generic[T]):\n    items: list[T]\n",
        (
            "Item(id=1)",
            "Item(id=2)",
            "Item(id=1, tag=None)",
            "Item(id=1, tag='x')",
            "Page[Item](items=[Item(id=1)])",
            "Page[int](items=[1])",
            "Page(items=[1])",
            "Page[Item]",
            "Page[int]",
            "Page",
        ),
        "repr(v)",
    ),
    "attrs": Row(
        "import attr\n"
        "@attr.define\nclass A:\n    x: int\n"
        "@attr.frozen(cache_hash=True)\nclass B:\n    x: str\n",
        ("A(1)", "A(2)", "B('a')", "B('b')"),
        "hash(v) if isinstance(v, B) else repr(v)",
    ),
    "polars": Row(
        "import polars as pl",
        (
            "pl.DataFrame({'a': [1, 2]})",
            "pl.DataFrame({'a': [1.0, 2]})",
            "pl.DataFrame({'b': [1, 2]})",
            "pl.Series('a', [1, None])",
            "pl.Series('a', [1, 2])",
            "pl.Series('a', ['x'])",
            "pl.Int64",
            "pl.Series('a', [[1], [2]])",
        ),
        "repr(v)",
    ),
    "pyarrow": Row(
        "import pyarrow as pa",
        (
            "pa.table({'a': [1]})",
            "pa.table({'a': [2]})",
            "pa.table({'a': [1]}).replace_schema_metadata({'o': 'x'})",
            "pa.table({'a': [1]}).replace_schema_metadata({'o': 'y'})",
            "pa.schema([pa.field('a', 'int64')])",
            "pa.schema([pa.field('a', 'int64', nullable=False)])",
            "pa.array([1, None])",
            "pa.array([1, 2])",
            "pa.scalar(1)",
            "pa.list_(pa.int8())",
            "pa.record_batch({'a': [1]})",
        ),
        "repr(v)",
    ),
    "scipy": Row(
        "import scipy.sparse as s\nfrom scipy.spatial.transform import Rotation\n",
        (
            "s.csr_array([[0, 1]])",
            "s.csr_array([[1, 0]])",
            "s.coo_array([[0, 1]])",
            "s.csr_matrix([[0, 1]])",
            "Rotation.from_euler('z', 1)",
            "Rotation.from_euler('z', 2)",
        ),
        "repr(v)",
    ),
    # A copy by pickle has a generator of random numbers of its own.
    "scipy.stats": Row(
        "import scipy.stats as st",
        (
            "st.norm(0, 1)",
            "st.norm(0, 2)",
            "st.gamma(2)",
            "st.multivariate_normal([0, 1])",
        ),
        "v.mean",
        is_copied=False,
    ),
    "protobuf": Row(
        "from google.protobuf.struct_pb2 import Struct\n"
        "from google.protobuf.timestamp_pb2 import Timestamp\n"
        "def struct(**parts):\n    made = Struct()\n    made.update(parts)\n"
        "    return made\n",
        (
            "struct(a=1)",
            "struct(a=2)",
            "struct(a=1, b='x')",
            "Timestamp(seconds=1)",
            "Timestamp(seconds=2)",
        ),
        "repr(v)",
    ),
    "requests": Row(
        "import requests",
        (
            "requests.Request('GET', 'http://a').prepare()",
            "requests.Request('GET', 'http://b').prepare()",
            "requests.structures.CaseInsensitiveDict(A=1)",
            "requests.structures.CaseInsensitiveDict(A=2)",
        ),
        "repr(v)",
    ),
    "httpx": Row(
        "import httpx",
        (
            "httpx.URL('http://a/1')",
            "httpx.URL('http://a/2')",
            "httpx.Headers({'a': '1'})",
            "httpx.Headers({'a': '2'})",
            "httpx.Headers({'a': 'é'}, encoding='utf-8')",
            "httpx.Headers({'a': 'é'}, encoding='latin-1')",
            "httpx.QueryParams(a=1)",
        ),
        "repr(v)",
    ),
    "sqlalchemy": Row(
        "import sqlalchemy as sa",
        ("sa.make_url('sqlite:///a')", "sa.make_url('sqlite:///b')"),
        "repr(v)",
    ),
    "dateutil": Row(
        "from dateutil.relativedelta import relativedelta\n"
        "from dateutil import tz, rrule\n",
        (
            "relativedelta(days=1)",
            "relativedelta(days=2)",
            "relativedelta(months=1)",
            "tz.tzutc()",
            "tz.tzoffset('a', 1)",
            "tz.tzoffset('a', 2)",
        ),
        "repr(v)",
    ),
    "pytz": Row(
        "import pytz",
        ("pytz.utc", "pytz.timezone('Europe/Oslo')", "pytz.timezone('Asia/Tokyo')"),
        "str(v)",
    ),
    "pendulum": Row(
        "import pendulum as p",
        (
            "p.datetime(2026, 1, 1)",
            "p.datetime(2026, 1, 1, tz='Europe/Oslo')",
            "p.date(2026, 1, 1)",
            "p.duration(days=1)",
            "p.duration(days=2)",
        ),
        "repr(v)",
    ),
    # pendulum's own pickle loses `fold`.
    "pendulum.fold": Row(
        "import pendulum as p",
        (
            "p.datetime(2026, 10, 25, 2, 30, tz='Europe/Oslo', fold=0)",
            "p.datetime(2026, 10, 25, 2, 30, tz='Europe/Oslo', fold=1)",
        ),
        "repr(v)",
        is_copied=False,
    ),
    "arrow": Row(
        "import arrow",
        ("arrow.get(2026, 1, 1)", "arrow.get(2026, 1, 2)"),
        "repr(v)",
    ),
    "whenever": Row(
        "import whenever as w",
        (
            "w.Date(2026, 1, 1)",
            "w.Date(2026, 1, 2)",
            "w.Instant.from_utc(2026, 1, 1)",
            "w.TimeDelta(hours=1)",
            "w.TimeDelta(hours=2)",
        ),
        "repr(v)",
    ),
    "multidict": Row(
        "from multidict import *",
        (
            "MultiDict(a=1)",
            "MultiDict([('a', 1), ('a', 2)])",
            "CIMultiDict(a=1)",
        ),
        "list(v.items())",
    ),
    "yarl": Row(
        "from yarl import URL",
        ("URL('http://a/1')", "URL('http://a/2')", "URL('http://a/1?b=c')"),
        "hash(v), v.host, v.query, str(v)",
    ),
    "ruamel": Row(
        "from ruamel.yaml import YAML",
        ("YAML().load('a: 1')", "YAML().load('a: 2')", "YAML().load('[1]')"),
        "len(v)",
        is_copied=False,
    ),
    "tomlkit": Row(
        "import tomlkit",
        ("tomlkit.parse('a = 1')", "tomlkit.parse('a = 2')", "tomlkit.item(1)"),
        "str(v)",
    ),
    "sortedcontainers": Row(
        "from sortedcontainers import *",
        (
            "SortedList([1, 2])",
            "SortedList([1, 3])",
            "SortedDict(a=1)",
            "SortedSet([1])",
        ),
        "len(v), repr(v)",
    ),
    "bidict": Row(
        "from bidict import *",
        ("bidict(a=1)", "bidict(a=2)", "frozenbidict(a=1)"),
        "len(v)",
    ),
    "omegaconf": Row(
        "from omegaconf import OmegaConf",
        (
            "OmegaConf.create({'a': 1})",
            "OmegaConf.create({'a': 2})",
            "OmegaConf.create([1])",
        ),
        "repr(v)",
    ),
    "bs4": Row(
        "from bs4 import BeautifulSoup as B",
        ("B('<p>a</p>', 'html.parser')", "B('<p>b</p>', 'html.parser')"),
        "str(v), v.p.text",
        is_copied=False,
    ),
    "Cookie": Row(
        "from http.cookies import SimpleCookie",
        ("SimpleCookie('a=1')", "SimpleCookie('a=2')"),
        "str(v)",
    ),
    "configparser": Row(
        "import configparser\n"
        "def read(text):\n    made = configparser.ConfigParser()\n"
        "    made.read_string(text)\n    return made\n",
        ("read('[a]\\nb=1')", "read('[a]\\nb=2')", "configparser.RawConfigParser()"),
        "v.sections()",
    ),
    "ase": Row(
        "from ase import Atoms",
        ("Atoms('H2')", "Atoms('O2')", "Atoms('H2', cell=[1, 1, 1])"),
        "v.get_masses(), repr(v)",
    ),
    "pydicom": Row(
        "from pydicom.dataset import Dataset\n"
        "def data(name):\n    made = Dataset()\n    made.PatientName = name\n"
        "    return made\n",
        ("data('A')", "data('B')"),
        "str(v)",
    ),
    "igraph": Row(
        "import igraph",
        ("igraph.Graph([(0, 1)])", "igraph.Graph([(0, 1), (1, 2)])"),
        "v.degree()",
    ),
    "awkward": Row(
        "import awkward as ak",
        (
            "ak.Array([[1], [2, 3]])",
            "ak.Array([[1, 2], [3]])",
            "ak.Array([[1], [2, 3]], attrs={'unit': 'm'})",
            "ak.Record({'a': 1})",
        ),
        "repr(v)",
    ),
    "sparse": Row(
        "import sparse, numpy as np",
        ("sparse.COO(np.eye(2))", "sparse.COO(np.ones((2, 2)))"),
        "repr(v)",
    ),
    "statsmodels": Row(
        "import statsmodels.api as sm, numpy as np\n"
        "def fit(last):\n"
        "    return sm.OLS([1.0, 2, last], sm.add_constant([1.0, 2, 3])).fit()\n",
        ("fit(3.5)", "fit(4.5)"),
        "v.params, v.rsquared, v.bse, v.pvalues, v.summary()",
    ),
    "lightgbm": Row(
        "import lightgbm as l",
        ("l.LGBMClassifier()", "l.LGBMClassifier(n_estimators=3)"),
        "repr(v)",
    ),
    "plotly": Row(
        "import plotly.graph_objects as go",
        ("go.Figure(go.Bar(y=[1]))", "go.Figure(go.Bar(y=[2]))"),
        "v.to_dict()",
    ),
    "intervaltree": Row(
        "from intervaltree import *",
        ("Interval(1, 2)", "Interval(1, 3)", "IntervalTree([Interval(1, 2)])"),
        "repr(v)",
    ),
    "bitarray": Row(
        "from bitarray import bitarray",
        ("bitarray('01')", "bitarray('10')"),
        "len(v)",
    ),
    "anytree": Row(
        "from anytree import Node\n"
        "def root(name):\n    made = Node('r')\n    Node(name, parent=made)\n"
        "    return made\n",
        ("root('a')", "root('b')"),
        "v.children, v.height",
    ),
    "packaging": Row(
        "from packaging.version import Version\n"
        "from packaging.specifiers import SpecifierSet\n"
        "from packaging.requirements import Requirement\n",
        (
            "Version('1.0')",
            "Version('1.1')",
            "SpecifierSet('>1')",
            "SpecifierSet('>2')",
            "Requirement('a>1')",
            "Requirement('b>1')",
        ),
        "hash(v), str(v)",
    ),
    "phonenumbers": Row(
        "import phonenumbers as p",
        ("p.parse('+4712345678')", "p.parse('+4712345679')"),
        "str(v)",
    ),
    "babel": Row(
        "from babel import Locale",
        ("Locale('en')", "Locale('de')", "Locale('en', 'US')"),
        "str(v), v.display_name",
    ),
    "moneyed": Row(
        "from moneyed import Money",
        ("Money(1, 'EUR')", "Money(1, 'USD')", "Money(2, 'EUR')"),
        "hash(v)",
    ),
    "regex": Row(
        "import regex",
        ("regex.compile('a')", "regex.compile('b')", "regex.compile('a', regex.I)"),
        "v.pattern",
    ),
    "semver": Row(
        "import semver",
        ("semver.Version(1, 0, 0)", "semver.Version(1, 0, 1)"),
        "hash(v), str(v)",
    ),
    "addict": Row("from addict import Dict", ("Dict(a=1)", "Dict(a=2)"), "repr(v)"),
    "box": Row(
        "from box import Box, BoxList",
        (
            "Box(a=1)",
            "Box(a=2)",
            "Box({'a': 1}, default_box=True)",
            "Box({'a': 1}, frozen_box=True)",
            "BoxList([1, {'a': 1}])",
        ),
        "repr(v)",
    ),
    # A copy by the pickle of python-box 7 has inner boxes with other options.
    "box_inner": Row(
        "from box import Box, BoxList, ConfigBox, SBox, DDBox\n"
        "class Settings(Box):\n    pass\n",
        (
            "Box(a={'b': 1})",
            "Box(a=[1, {'b': 2}])",
            "Box(a=({'b': 2},))",
            "Box({'a': {'b': 1}}, default_box=True)",
            "Box({'a': {'b': 1}}, default_box=True, default_box_attr=3)",
            "Box({'a': {'b': [1]}}, frozen_box=True)",
            "Box({'a': {'b': [1]}}, box_dots=True)",
            "Box({'a': {'bC': 1}}, camel_killer_box=True)",
            "Box({'a': {'b': 1}}, conversion_box=False)",
            "Box({'a': {'b': 1}}, box_class=ConfigBox)",
            "Box({'a': {'b': 1}}, box_intact_types=(dict,))",
            "BoxList([{'a': {'b': 1}}], default_box=True)",
            "ConfigBox(a={'b': 1})",
            "SBox(a={'b': 1})",
            "DDBox(a={'b': 1})",
            "Settings(a={'b': 1})",
            "[Box(a={'b': 1})]",
        ),
        "repr(v)",
        is_copied=False,
    ),
    "munch": Row("from munch import Munch", ("Munch(a=1)", "Munch(a=2)"), "repr(v)"),
    "dask": Row(
        "import dask.array as da, numpy as np",
        ("da.from_array(np.ones(3))", "da.from_array(np.zeros(3))"),
        "v.shape",
    ),
}


# One library


def examined(library: str, *, is_first: bool) -> dict[str, Any]:
    """Return the identities of a library's values, and what is wrong with them.

    A process that is not the first looks at the identities alone.
    """
    from pytest_mimic import UnstableIdentityError, fingerprint

    warnings.simplefilter("ignore")
    row = VALUES[library]
    space = _executed(row.imports, f"values_{library}")
    identities: dict[str, str] = {}
    problems: list[Problem] = []
    for expression in row.values:
        value = eval(expression, space)
        try:
            identities[expression] = fingerprint(value)
        except UnstableIdentityError as error:
            problems.append((NO_IDENTITY, f"{expression}: {error.facts[0]}"))
            continue
        if is_first:
            identity = identities[expression]
            problems += _after_use(expression, value, row, space, identity)
            problems += _outcome(expression, space)
    for first, second in combinations(identities, 2):
        if identities[first] == identities[second]:
            problems.append((ONE_IDENTITY, f"{first} and {second}"))
    return {"found": identities, "problems": problems}


def _executed(source: str, name: str) -> dict[str, Any]:
    """Return the names of a new module that has run some source.

    The module has a file, so that the source of its functions and classes is found.
    """
    module = type(sys)(name)
    sys.modules[name] = module
    file = Path(tempfile.mkdtemp()) / f"{name}.py"
    file.write_text(source)
    exec(compile(source, str(file), "exec"), module.__dict__)
    return module.__dict__


def _after_use(
    expression: str, value: Any, row: Row, space: dict[str, Any], identity: str
) -> list[Problem]:
    """Return where an equal value, a copy or the used value has another identity."""
    from pytest_mimic import fingerprint

    problems: list[Problem] = []
    if fingerprint(eval(expression, space)) != identity:
        problems.append((OTHER_PROCESS, expression))
    if row.is_copied:
        try:
            again = pickle.loads(pickle.dumps(copy.copy(value)))
        except Exception:
            again = value
        if fingerprint(again) != identity:
            problems.append((BY_COPY, expression))
    if row.use:
        eval(row.use, space, {"v": value})
        if fingerprint(value) != identity:
            problems.append((BY_USE, f"{expression}: {row.use}"))
    return problems


def _outcome(expression: str, space: dict[str, Any]) -> list[Problem]:
    """Return that an outcome is refused, or how its copy differs."""
    from pytest_mimic import UnstorableOutcomeError, fingerprint

    sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
    from support.face import there_and_back

    value = eval(expression, space)
    before = fingerprint(value)
    try:
        again: Any = there_and_back(value)
    except UnstorableOutcomeError as error:
        return [(NOT_STORED, f"{expression}: {error.facts[0]}")]
    # pint makes the classes of each registry anew.
    if str(type(again)) != str(type(value)):
        return [(BACK_DIFFERENT, f"{expression}: comes back as {type(again)}")]
    # To pickle some values fills an attribute of theirs, as that of xarray.
    if fingerprint(again) not in (before, fingerprint(value)):
        return [(BACK_DIFFERENT, expression)]
    lost = []
    for name in dir(value):
        if not name.startswith("_") and _differs(value, again, name):
            lost.append(name)
    words = f"{expression}: with another {', '.join(lost)}"
    return [(BACK_DIFFERENT, words)] if lost else []


_PLAIN = (str, int, float, bool, bytes, type(None), tuple, list, dict)
#: Attributes that are made anew each time, or say how memory is shared. `nbytes` counts
#: the table with which an index of pandas 2 looks its labels up.
_EPHEMERAL = frozenset(
    {"T", "base", "ctypes", "data", "flags", "isbuiltin", "nbytes", "sharedmask"}
)


def _is_plain(part: Any) -> bool:
    """Return whether a value is plain data, whose `==` can be trusted."""
    if type(part) in (list, tuple):
        return all(map(_is_plain, part))
    if type(part) is dict:
        return all(map(_is_plain, (*part, *part.values())))
    return type(part) in _PLAIN


def _differs(value: Any, again: Any, name: str) -> bool:
    """Return whether a public attribute that is plain data differs in a copy."""
    if name in _EPHEMERAL:
        return False
    try:
        one, other = getattr(value, name), getattr(again, name)
    except Exception as error:
        try:
            getattr(value, name)
        except Exception:
            return False
        return not isinstance(error, NotImplementedError)
    if not _is_plain(one) or not _is_plain(other):
        return False
    try:
        return bool(one != other)
    except Exception:
        return False


# All libraries


Found = dict[str, dict[str, Any]]


def run(names: list[str], seed: str) -> Found:
    """Return what a process of its own has found of each library that is installed."""
    done = subprocess.run(
        [sys.executable, __file__, ONE, seed, *names],
        env={**os.environ, "PYTHONHASHSEED": seed},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    found: Found = json.loads(done.stdout.splitlines()[-1])
    return found


def examine(names: list[str], seed: str) -> Found:
    """Examine libraries, those that are installed."""
    found: Found = {}
    for library in names:
        try:
            found[library] = examined(library, is_first=seed == SEEDS[0])
        except ModuleNotFoundError:
            continue
        except Exception as error:
            problem = (FAILED, f"{library}: {type(error).__name__}: {error}")
            found[library] = {"found": {}, "problems": [problem]}
    return found


def main(names: list[str]) -> int:
    """Examine the named libraries, by default all, and return the exit code."""
    print(f"Python {sys.version.split()[0]}")
    pairs = values = libraries = 0
    problems: list[Problem] = []
    names = names or list(VALUES)
    first, *others = [run(names, seed) for seed in SEEDS]
    for library in names:
        if library not in first:
            print(f"{library}: not installed")
            continue
        found = first[library]["found"]
        told = [(kind, words) for kind, words in first[library]["problems"]]
        for seed, other in zip(SEEDS[1:], others, strict=True):
            if other[library]["found"] != found:
                told.append((OTHER_PROCESS, f"{library}: PYTHONHASHSEED={seed}"))
        libraries += 1
        values += len(found)
        pairs += len(found) * (len(found) - 1) // 2
        digest = " ".join(identity[:6] for identity in found.values())
        print(f"{library}: {len(found)} values [{digest}]")
        for kind, words in told:
            print(f"  {kind}: {words}")
        problems += told
    print(f"{libraries} libraries, {values} values, {pairs} pairs")
    counts = Counter(kind for kind, _ in problems)
    for kind in KINDS:
        print(f"{counts[kind]} {kind}")
        if kind in (NO_IDENTITY, NOT_STORED):
            refused = [words for found, words in problems if found == kind]
            reasons = Counter(words.rpartition(": ")[2] for words in refused)
            for reason, count in reasons.most_common():
                print(f"    {count} {reason}")
    return 1 if any(counts[kind] for kind in FAULTS) else 0


if __name__ == "__main__":
    if sys.argv[1:2] == [ONE]:
        _, _, seed, *libraries = sys.argv
        print(json.dumps(examine(libraries, seed)))
    else:
        sys.exit(main(sys.argv[1:]))
