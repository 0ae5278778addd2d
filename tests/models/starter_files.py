"""Where the starter models lie, for tests that need the real weights."""

from __future__ import annotations

from pathlib import Path

import pytest

from composer.errors import ModelNotReady
from models import store


def starter(name: str) -> Path:
    """The model's folder; fails with what to do where it is not there."""
    try:
        return store.ready(store.find(name))
    except ModelNotReady as error:
        pytest.fail(f"This test needs the starter models: run `make setup` first. ({error})", pytrace=False)


def tiny_writer() -> Path:
    model = store.find("starter-writer-tiny")
    return starter(model.name) / model.files[0].name
