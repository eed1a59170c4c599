"""Makes the table of `docs/reference/values.md`: what becomes of some sixty kinds of values, as arguments and as outcomes.

python tests/science/kinds.py           writes the table
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from support.face import fingerprint, stored, there_and_back

from pytest_mimic import UnstableIdentityError, UnstorableOutcomeError
from pytest_mimic.values.tree import refused_at
from pytest_mimic.values.walk import Walk

PAGE = Path(__file__).parents[2] / "docs/reference/values.md"
BEGIN = "| library | value | as an argument | as an outcome |\n|---|---|---|---|\n"

Kinds = dict[str, tuple[str, Callable[[], Any]]]


def numpy_kinds() -> Kinds:
    import numpy as np
    import scipy.interpolate
    import scipy.sparse
    import scipy.spatial
    import scipy.stats

    points = np.random.default_rng(0).random((60, 3))
    return {
        "array of 50 items": ("numpy", lambda: np.arange(50.0)),
        "larger array": ("numpy", lambda: points),
        "number": ("numpy", lambda: np.float32(0.5)),
        "records": ("numpy", lambda: np.ones(3, [("a", "i4"), ("b", "f8")])),
        "array of objects": ("numpy", lambda: np.array([None, "a"], dtype=object)),
        "masked array": ("numpy", lambda: np.ma.array([1, 2], mask=[0, 1])),
        "`Generator`": ("numpy", lambda: np.random.default_rng(3)),
        "`Polynomial`": ("numpy", lambda: np.polynomial.Polynomial([1.0, 2.0])),
        "ufunc": ("numpy", lambda: np.add),
        "sparse matrix": ("scipy", lambda: scipy.sparse.csr_matrix(np.eye(3))),
        "sparse array": ("scipy", lambda: scipy.sparse.coo_array(np.eye(3))),
        "frozen distribution": ("scipy", lambda: scipy.stats.norm(1, 2)),
        "spline": ("scipy", lambda: scipy.interpolate.CubicSpline([1, 2, 3], [1, 4, 9])),
        "`cKDTree`": ("scipy", lambda: scipy.spatial.cKDTree(points)),
        "result of a test": ("scipy", lambda: scipy.stats.ttest_1samp(points[:, 0], 0.5)),
    }  # fmt: skip


def frame_kinds() -> Kinds:
    import pandas as pd
    import polars as pl
    import pyarrow as pa
    import xarray as xr

    rows = {"a": [1, 2], "b": ["x", None]}
    return {
        "frame of 50 rows": ("pandas", lambda: pd.DataFrame(rows)),
        "larger frame": ("pandas", lambda: pd.DataFrame({"a": range(100)})),
        "series": ("pandas", lambda: pd.Series([1.5, None])),
        "categories": ("pandas", lambda: pd.Series(["u", "v"], dtype="category")),
        "moment": ("pandas", lambda: pd.Timestamp("2024-05-01", tz="UTC")),
        "polars frame": ("polars", lambda: pl.DataFrame(rows)),
        "`LazyFrame`": ("polars", lambda: pl.DataFrame(rows).lazy()),
        "table": ("pyarrow", lambda: pa.table(rows)),
        "dataset": ("xarray", lambda: xr.Dataset({"t": ("x", [1.0])})),
        "data array": ("xarray", lambda: xr.DataArray([1.0], dims="x", attrs={"u": "K"})),
    }  # fmt: skip


def torch_kinds() -> Kinds:
    import torch
    from torch import nn
    from torch.utils.data import DataLoader, TensorDataset
    from transformers import BertConfig
    from transformers.modeling_outputs import BaseModelOutput

    def model() -> Any:
        torch.manual_seed(1)
        return nn.Sequential(nn.Linear(3, 40), nn.ReLU())

    ones = torch.ones(3)
    return {
        "tensor of 50 items": ("torch", lambda: torch.ones(50, dtype=torch.bfloat16)),
        "larger tensor": ("torch", lambda: torch.ones(51, requires_grad=True)),
        "sparse tensor": ("torch", lambda: torch.eye(3).to_sparse()),
        "module": ("torch", model),
        "`state_dict`": ("torch", lambda: model().state_dict()),
        "optimizer": ("torch", lambda: torch.optim.Adam(model().parameters())),
        "`DataLoader`": ("torch", lambda: DataLoader(TensorDataset(ones))),
        "torch `Generator`": ("torch", lambda: torch.Generator().manual_seed(4)),
        "quantised tensor": ("torch", lambda: torch.quantize_per_tensor(ones, 0.1, 0, torch.quint8)),
        "traced module": ("torch", lambda: torch.jit.trace(model(), torch.ones(1, 3))),
        "output of a model": ("transformers", lambda: BaseModelOutput(ones)),
        "configuration": ("transformers", BertConfig),
    }  # fmt: skip


def model_kinds() -> Kinds:
    import lightgbm
    import numpy as np
    import sklearn.cluster
    import sklearn.datasets
    import sklearn.ensemble
    import sklearn.feature_extraction.text
    import sklearn.linear_model
    import sklearn.neighbors
    import sklearn.pipeline
    import sklearn.preprocessing
    import statsmodels.api
    import statsmodels.formula.api
    import xgboost

    points = np.random.default_rng(0).random((60, 3))
    labels = points[:, 0] > 0.5
    forest = sklearn.ensemble.RandomForestClassifier
    scaler = sklearn.preprocessing.StandardScaler
    regression = sklearn.linear_model.LogisticRegression

    def boosted(kind: Any, **options: Any) -> Any:
        return kind(n_estimators=3, n_jobs=1, **options).fit(points, labels)

    return {
        "regression": ("scikit-learn", lambda: regression().fit(points, labels)),
        "forest": ("scikit-learn", lambda: forest(3, random_state=1).fit(points, labels)),
        "pipeline": ("scikit-learn", lambda: sklearn.pipeline.make_pipeline(scaler(), regression()).fit(points, labels)),
        "data set": ("scikit-learn", sklearn.datasets.load_iris),
        "clusters": ("scikit-learn", lambda: sklearn.cluster.KMeans(2, random_state=1).fit(points)),
        "vectorizer": ("scikit-learn", lambda: sklearn.feature_extraction.text.TfidfVectorizer().fit(["a bc", "bc de"])),
        "neighbours": ("scikit-learn", lambda: sklearn.neighbors.KNeighborsClassifier().fit(points, labels)),
        "estimator": ("xgboost", lambda: boosted(xgboost.XGBClassifier)),
        "`DMatrix`": ("xgboost", lambda: xgboost.DMatrix(points, labels)),
        "booster": ("lightgbm", lambda: boosted(lightgbm.LGBMClassifier, verbose=-1).booster_),
        "fitted formula": ("statsmodels", lambda: statsmodels.formula.api.ols("y ~ x", {"x": points[:, 1], "y": points[:, 0]}).fit()),
        "fitted model": ("statsmodels", lambda: statsmodels.api.OLS(points[:, 0], points[:, 1:]).fit()),
    }  # fmt: skip


def other_kinds() -> Kinds:
    import io

    import cv2
    import dask.array
    import geopandas
    import h5py
    import jax.numpy
    import networkx
    import numpy as np
    import onnx.helper
    import onnxruntime
    import PIL.Image
    import shapely
    import sympy

    def session() -> Any:
        kind = onnx.TensorProto.FLOAT
        given = [onnx.helper.make_tensor_value_info(name, kind, [1]) for name in "xy"]
        node = onnx.helper.make_node("Relu", ["x"], ["y"])
        graph = onnx.helper.make_graph([node], "graph", given[:1], given[1:])
        opset = [onnx.helper.make_opsetid("", 17)]
        made = onnx.helper.make_model(graph, opset_imports=opset, ir_version=8)
        return onnxruntime.InferenceSession(made.SerializeToString())

    def dataset() -> Any:
        file = h5py.File(io.BytesIO(), "w")
        return file.create_dataset("a", data=np.arange(3))

    return {
        "image": ("pillow", lambda: PIL.Image.new("RGB", (3, 2), "red")),
        "key point": ("opencv", lambda: cv2.KeyPoint(1, 2, 3)),
        "jax array": ("jax", lambda: jax.numpy.arange(3)),
        "dask array": ("dask", lambda: dask.array.ones(3)),
        "h5py dataset": ("h5py", dataset),
        "geopandas frame": (
            "geopandas",
            lambda: geopandas.GeoDataFrame(
                {"n": [1]}, geometry=[shapely.Point(1, 2)], crs="EPSG:4326"
            ),
        ),
        "graph": ("networkx", lambda: networkx.path_graph(3)),
        "session": ("onnxruntime", session),
        "`ModelProto`": ("onnx", lambda: onnx.helper.make_operatorsetid("", 17)),
        "polygon": ("shapely", lambda: shapely.box(0, 0, 1, 1)),
        "expression": ("sympy", lambda: sympy.Symbol("x") ** 2),
    }


def kinds() -> Kinds:
    groups = numpy_kinds, frame_kinds, torch_kinds, model_kinds, other_kinds
    return {name: kind for group in groups for name, kind in group().items()}


def identities() -> dict[str, str]:
    """Return the identity of each kind, or why it has none and the way out."""
    found = {}
    for name, (_, make) in kinds().items():
        try:
            found[name] = fingerprint(make())
            if has_unequal_copies(make()):
                found[name] = "refused: two copies of it differ"
        except UnstableIdentityError as error:
            found[name] = f"refused: {way_out(error)}"
    return found


def has_unequal_copies(value: Any) -> bool:
    walk = Walk("identity", asked={})
    return refused_at(walk.node(value)) is not None


def identities_elsewhere() -> dict[str, str]:
    environment = {**os.environ, "PYTHONHASHSEED": "7"}
    command = [sys.executable, __file__, "--identities"]
    done = subprocess.run(command, env=environment, capture_output=True, check=True)
    found: dict[str, str] = json.loads(done.stdout.splitlines()[-1])
    return found


def outcome_of(make: Callable[[], Any]) -> str:
    value = make()
    try:
        tree, objects = stored(value)
        there_and_back(value)
    except UnstorableOutcomeError as error:
        return f"refused: {way_out(error)}"
    if "$pickle" in json.dumps(tree):
        return "pickle"
    return "`.npy`" if objects else "JSON"


def way_out(error: Exception) -> str:
    *_, last = [line.strip() for line in str(error).splitlines() if line.strip()]
    return re.sub(r"\s+", " ", last).replace("|", "\\|")


def rows() -> list[str]:
    """Return the rows of the table.

    Raises:
        AssertionError: A value that is no random one counts otherwise in each process.
    """
    here, elsewhere = identities(), identities_elsewhere()
    made = []
    for name, (library, make) in kinds().items():
        if here[name] != elsewhere[name]:
            raise AssertionError(f"{name} is another one in each process")
        is_refused = here[name].startswith("refused")
        argument = here[name] if is_refused else "counts"
        made.append(f"| {library} | {name} | {argument} | {outcome_of(make)} |\n")
    return made


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    if "--identities" in sys.argv:
        print(json.dumps(identities()))
    else:
        text, _, _ = PAGE.read_text(encoding="utf-8").partition(BEGIN)
        PAGE.write_text(text + BEGIN + "".join(rows()), encoding="utf-8")
