"""The drawn library as a pool."""

from __future__ import annotations

from pathlib import Path

import pytest

from composer.evaluation.pool import Pool
from tests.composer.evaluation.systems.quay import filled
from tests.composer.fakes import Bench


@pytest.fixture
def pool(bench: Bench, library: Path) -> Pool:
    return filled(bench, library)
