"""The verb that gives pictures vectors, and the option that names another index."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.composer.fakes import draw_library
from tests.composer.test_cli import Terminal, terminal  # noqa: F401 - a fixture


@pytest.fixture
def own(terminal: Terminal, tmp_path: Path) -> Path:  # noqa: F811 - the fixture
    """A folder of its own, scanned and not looked at."""
    folder = draw_library(tmp_path / "own")
    assert terminal("library", "scan", folder) == 0
    return folder


def test_vectors_are_made_where_they_are_missing(terminal: Terminal, own: Path) -> None:  # noqa: F811 - the fixture
    assert terminal("library", "embed", own) == 0
    assert terminal.out == "8 pictures have a vector now; 0 have none.\n"
    assert terminal("library", "embed") == 0
    assert terminal.out == "0 pictures have a vector now; 0 have none.\n"


def test_the_index_can_be_named_for_one_run(terminal: Terminal, own: Path) -> None:  # noqa: F811 - the fixture
    assert terminal("library", "--index", "milvus:/x/index.db", "embed", own) == 0
    assert terminal.chosen[-1].index == "milvus:/x/index.db"
    assert terminal("library", "embed", own) == 0
    assert not terminal.chosen[-1].index
