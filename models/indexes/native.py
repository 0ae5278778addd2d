"""faiss, imported when it is first needed: the engine names these adapters, but only the search process loads it."""

from __future__ import annotations

import importlib
from typing import Any


def faiss() -> Any:  # noqa: ANN401 - its stubs know only the C++ signatures
    """The module."""
    return importlib.import_module("faiss")
