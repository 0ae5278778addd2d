"""faiss, imported when it is first needed: the engine names these adapters, but only the search process loads it."""

from __future__ import annotations

import importlib
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any


def faiss() -> Any:  # noqa: ANN401 - its stubs know only the C++ signatures
    """The module."""
    return importlib.import_module("faiss")


@contextmanager
def one_thread() -> Generator[None, None, None]:
    """Keep faiss's threads at rest: a single query gains nothing by them, and they fight with those of numpy's products
    of matrices (a search of 2.8 ms took 8)."""
    before = faiss().omp_get_max_threads()
    faiss().omp_set_num_threads(1)
    try:
        yield
    finally:
        faiss().omp_set_num_threads(before)
