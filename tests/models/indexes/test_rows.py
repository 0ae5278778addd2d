"""The side store and its table of places."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.indexes.places import NOWHERE, Places
from models.indexes.records import half_form, halves
from models.indexes.rows import Damaged, Rows, Written, written
from tests.models.contracts import unit


@given(steps=st.lists(st.dictionaries(st.integers(0, 2**62) | st.integers(0, 300_000), st.integers(-1, 2**31 - 1))))
def test_places_are_a_table(steps: list[dict[int, int]]) -> None:
    places, held = Places(), dict[int, int]()
    for step in steps:
        places.put(np.array(list(step), np.int64), np.array(list(step.values()), np.int64))
        held |= step
    asked = [*held, 5, 2**61]
    assert places.find(np.array(asked, np.int64)).tolist() == [held.get(id_, NOWHERE) for id_ in asked]


def test_what_came_after_the_last_flush_is_cut_off(tmp_path: Path) -> None:
    form = half_form(4)
    rows = Rows(tmp_path, form, Written())
    rows.append(np.array([3, 1, 2]), halves(unit(3, 4)))
    rows.kill(np.array([1, 77]))
    told = rows.flush()
    rows.append(np.array([3, 9]), halves(unit(2, 4, seed=2)))
    ids, live, records = written(tmp_path, form, told)
    assert (ids.tolist(), live.tolist(), len(records)) == ([3, 1, 2], [True, False, True], 3)
    rows.close()
    rows = Rows(tmp_path, form, told)
    assert (rows.ids.tolist(), rows.live.tolist(), rows.dead) == ([3, 1, 2], [True, False, True], 1)
    assert np.array_equal(rows.records["numbers"], unit(3, 4))
    assert rows.places.find(np.array([3, 1, 2, 9])).tolist() == [0, NOWHERE, 2, NOWHERE]
    rows.close()
    with pytest.raises(Damaged):
        written(tmp_path, form, Written(count=3, dead=1, ids_sum=told.ids_sum + 1, dead_sum=told.dead_sum))
