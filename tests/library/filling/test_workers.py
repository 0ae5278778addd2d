"""What other machines are asked for, and how it is kept."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest

from composer.errors import Cancelled, ModelFailed
from composer.library.catalogue import Catalogue
from composer.library.filling import workers
from composer.library.filling.workers import Seen, Task, embed_with
from composer.ports import Cancel
from tests.library.conftest import Scan, paint


class Machines:
    """Give every picture the same vector, two at a time; `fails_after` so many batches."""

    def __init__(self, fails_after: int = 99) -> None:
        self.asked: list[Task] = []
        self.closed = 0
        self._left = fails_after

    def encode(self, tasks: Sequence[Task], cancel: Cancel) -> Iterator[Seen]:  # noqa: ARG002 - the port's
        self.asked += tasks
        try:
            for start in range(0, len(tasks), 2):
                if not self._left:
                    raise ModelFailed("A machine is gone.", "Try again.")
                self._left -= 1
                some = tasks[start : start + 2]
                rows = np.array([each.row for each in some], np.int64)
                yield Seen("far", rows, np.full((len(rows), 4), 0.5, np.float32), len(rows))
        finally:
            self.closed += 1

    def close(self) -> None:
        pass


@pytest.fixture(autouse=True)
def seven(folder: Path, run: Scan) -> None:
    for seed in range(7):
        paint(seed).save(folder / f"{seed}.png")
    run()


def test_tasks_say_all_that_is_needed(catalogue: Catalogue, folder: Path) -> None:
    machines = Machines()
    steps = list(embed_with(catalogue, [str(folder)], "far", machines, Cancel()))
    assert [step.done for step in steps] == [2, 4, 6, 7]
    assert {each.paths for each in machines.asked} == {(str(folder / f"{seed}.png"),) for seed in range(7)}
    assert {(each.width, each.height) for each in machines.asked} == {(160, 120)}
    assert catalogue.embeddings.counts() == {"far": 7}


def test_a_run_that_broke_goes_on(catalogue: Catalogue, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "SHARE", 4)
    with pytest.raises(ModelFailed, match="gone"):
        list(embed_with(catalogue, [str(folder)], "far", Machines(fails_after=1), Cancel()))
    assert catalogue.embeddings.counts() == {"far": 2}
    again = Machines()
    list(embed_with(catalogue, [str(folder)], "far", again, Cancel()))
    assert len(again.asked) == 5, "only what was missing"
    assert again.closed == 2, "two shares"
    assert catalogue.embeddings.counts() == {"far": 7}


def test_a_stop_between_batches_keeps_what_came(catalogue: Catalogue, folder: Path) -> None:
    cancel, machines = Cancel(), Machines()
    steps = embed_with(catalogue, [str(folder)], "far", machines, cancel)
    next(steps)
    cancel.cancel()
    with pytest.raises(Cancelled):
        list(steps)
    assert machines.closed == 1
    assert catalogue.embeddings.counts() == {"far": 2}


def test_closing_stops_the_machines(catalogue: Catalogue, folder: Path) -> None:
    machines = Machines()
    steps = embed_with(catalogue, [str(folder)], "far", machines, Cancel())
    next(steps)
    steps.close()
    assert machines.closed == 1
