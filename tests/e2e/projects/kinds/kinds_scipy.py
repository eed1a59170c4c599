"""Sparse arrays of scipy."""

import numpy as np
from scipy import sparse

EYE = np.eye(3) * 2

ARGUMENTS = {
    name: lambda name=name: getattr(sparse, f"{name}_array")(EYE)
    for name in ("csr", "csc", "coo", "bsr", "dok")
}
OUTCOMES = {"pickled": lambda: sparse.csr_array(EYE)}
