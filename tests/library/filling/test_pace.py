from __future__ import annotations

import threading
import time

import pytest

from composer.errors import Cancelled
from composer.library.filling.pace import Pace
from composer.ports import Cancel


def stepping(pace: Pace, cancel: Cancel) -> tuple[threading.Thread, threading.Event]:
    done = threading.Event()

    def work() -> None:
        try:
            pace.step(cancel)
        except Cancelled:
            return
        done.set()

    thread = threading.Thread(target=work)
    thread.start()
    return thread, done


def test_a_free_pace_waits_for_nothing() -> None:
    pace, started = Pace(), time.perf_counter()
    for _ in range(1000):
        pace.step(Cancel())
    assert time.perf_counter() - started < 1


def test_paused_work_waits_until_it_may_go_on() -> None:
    pace = Pace()
    pace.pause()
    thread, done = stepping(pace, Cancel())
    assert not done.wait(0.2)
    pace.resume()
    thread.join(5)
    assert done.is_set()


def test_work_gives_way_to_what_is_more_urgent() -> None:
    urgent = threading.Event()
    urgent.set()
    thread, done = stepping(Pace(urgent.is_set), Cancel())
    assert not done.wait(0.2)
    urgent.clear()
    thread.join(5)
    assert done.is_set()


def test_a_share_of_the_time_is_rested() -> None:
    pace, cancel = Pace(), Cancel()
    pace.step(cancel)
    pace.share = 0.5
    time.sleep(0.1)
    started = time.perf_counter()
    pace.step(cancel)
    assert 0.09 < time.perf_counter() - started < 1


@pytest.mark.parametrize("way", ["paused", "resting"])
def test_waiting_can_be_cancelled(way: str) -> None:
    pace, cancel = Pace(), Cancel()
    if way == "paused":
        pace.pause()
    else:
        pace.share = 0.01
        time.sleep(0.02)
    thread, done = stepping(pace, cancel)
    cancel.cancel()
    thread.join(5)
    assert not thread.is_alive()
    assert not done.is_set()
