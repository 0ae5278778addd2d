"""An adapter in a child process: what passes through, what is stopped, and what survives."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path
from threading import Thread, Timer

import numpy as np
import psutil
import pytest
from PIL import Image

from composer.errors import Cancelled, ModelFailed, ModelNotReady
from composer.ports import Cancel
from models.isolation import Host

ROOT = Path(__file__).parents[2]


class Toy:
    """An adapter that does a little of everything."""

    def __init__(self, start: int = 0) -> None:
        self.id = f"toy-{start}"
        self.pid = os.getpid()
        self._items = list(range(start))

    @property
    def context(self) -> int:
        return 42

    def __len__(self) -> int:
        return len(self._items)

    def add(self, item: int) -> None:
        self._items.append(item)

    def echo(self, value: object) -> object:
        return value

    def process(self) -> int:
        return os.getpid()

    def threads(self) -> tuple[str | None, str | None]:
        return os.environ.get("OMP_NUM_THREADS"), os.environ.get("HF_HUB_OFFLINE")

    def noise(self) -> None:
        print("from python")
        os.write(1, b"from native code\n")

    def semaphore(self) -> None:
        """What tqdm makes when a library shows its first progress bar: a name that only this process gives back."""
        self._lock = multiprocessing.get_context("spawn").Lock()

    def count(self, to: int, cancel: Cancel, pause: float = 0.0) -> Iterator[int]:
        for number in range(to):
            cancel.check()
            time.sleep(pause)
            yield number

    def count_then_fail(self) -> Iterator[int]:
        yield 1
        raise ModelFailed("Counting failed.", "Count less.")

    def wait(self, cancel: Cancel) -> str:
        while not cancel.cancelled:
            time.sleep(0.002)
        return "cancelled in the child"

    def sleep(self, seconds: float, cancel: Cancel | None = None) -> None:
        assert cancel is None or isinstance(cancel, Cancel)
        time.sleep(seconds)

    def fail(self, kind: str) -> None:
        if kind == "told":
            raise ModelNotReady("No weights.", "Fetch them.")
        if kind == "exit":
            sys.exit(3)
        raise ZeroDivisionError("by\nzero")

    def secret(self) -> object:
        return lambda: None

    def close(self) -> None:
        self._items.clear()


def broken_toy(message: str) -> Toy:
    raise ModelNotReady(message)


def untold_toy():  # noqa: ANN201 - without an annotation the proxy has to ask the child what it made
    return Toy(2)


@pytest.fixture(scope="module")
def host() -> Iterator[Host]:
    host = Host("toy", threads=1)
    yield host
    host.close()


@pytest.fixture(scope="module")
def toy(host: Host) -> Toy:
    return host.build(Toy, 3)


def wait_gone(pid: int, seconds: float = 5.0) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
            return True
        time.sleep(0.01)
    return False


def test_building_starts_no_process() -> None:
    host = Host("toy")
    toy = host.build(Toy, 3)
    toy.close()
    assert host.pid is None
    host.close()


def test_attributes_and_methods_run_in_the_child(host: Host, toy: Toy) -> None:
    assert toy.id == "toy-3"
    assert toy.context == 42
    assert toy.pid == toy.process() == host.pid != os.getpid()
    assert toy.threads() == ("1", "1")
    toy.add(9)
    assert len(toy) == 4
    assert bool(host.build(Toy, 0))


def test_arrays_and_pictures_travel(toy: Toy) -> None:
    array = np.random.default_rng(1).normal(size=(300, 512)).astype(np.float32)
    assert np.array_equal(toy.echo(array), array)  # pyright: ignore[reportArgumentType]
    picture = Image.effect_noise((90, 70), 50).convert("RGB")
    came = toy.echo(picture)
    assert isinstance(came, Image.Image)
    assert came.tobytes() == picture.tobytes()


def test_an_unknown_attribute(toy: Toy) -> None:
    assert not hasattr(toy, "colour")
    with pytest.raises(AttributeError, match="colour"):
        _ = toy.colour  # pyright: ignore[reportAttributeAccessIssue]


def test_a_factory_without_annotation(host: Host) -> None:
    toy = host.build(untold_toy)
    assert toy.echo(5) == 5
    assert toy.id == "toy-2"


def test_iterators_stream(toy: Toy) -> None:
    start = time.monotonic()
    pieces = toy.count(5, Cancel(), pause=0.1)
    assert next(pieces) == 0
    assert time.monotonic() - start < 0.4
    assert list(pieces) == [1, 2, 3, 4]
    assert list(pieces) == []


def test_an_iterator_that_fails(toy: Toy) -> None:
    pieces = toy.count_then_fail()
    assert next(pieces) == 1
    with pytest.raises(ModelFailed, match="Counting failed") as caught:
        next(pieces)
    assert caught.value.hint == "Count less."


def test_calls_inside_a_stream_wait_for_it(toy: Toy) -> None:
    seen = [(number, toy.echo(number)) for number in toy.count(3, Cancel())]
    assert seen == [(0, 0), (1, 1), (2, 2)]


@pytest.mark.parametrize("end", ["close", "drop"])
def test_a_stream_that_nobody_reads_stops(toy: Toy, end: str) -> None:
    pieces = toy.count(10_000, Cancel(), pause=0.01)
    next(pieces)
    if end == "close":
        pieces.close()  # pyright: ignore[reportAttributeAccessIssue]
    del pieces
    start = time.monotonic()
    assert toy.echo(1) == 1
    assert time.monotonic() - start < 1.0


def test_cancel_reaches_the_child(toy: Toy) -> None:
    toy.echo(0)
    cancel = Cancel()
    Timer(0.1, cancel.cancel).start()
    start = time.monotonic()
    with pytest.raises(Cancelled):
        toy.wait(cancel)
    assert 0.08 < time.monotonic() - start < 0.4
    assert toy.echo(2) == 2


def test_cancel_does_not_wait_for_deaf_code(toy: Toy) -> None:
    cancel = Cancel()
    Timer(0.05, cancel.cancel).start()
    start = time.monotonic()
    with pytest.raises(Cancelled):
        toy.sleep(1.0, cancel=cancel)
    assert time.monotonic() - start < 0.7
    assert toy.echo(3) == 3


def test_cancel_before_and_amid_a_stream(toy: Toy) -> None:
    thrown = Cancel()
    thrown.cancel()
    with pytest.raises(Cancelled):
        toy.count(3, thrown)
    cancel = Cancel()
    pieces = toy.count(1000, cancel, pause=0.01)
    next(pieces)
    cancel.cancel()
    start = time.monotonic()
    with pytest.raises(Cancelled):
        for _ in pieces:
            pass
    assert time.monotonic() - start < 0.3


def test_told_errors_keep_type_message_and_hint(toy: Toy) -> None:
    with pytest.raises(ModelNotReady) as caught:
        toy.fail("told")
    assert (caught.value.message, caught.value.hint) == ("No weights.", "Fetch them.")


@pytest.mark.parametrize(("kind", "words"), [("untold", "ZeroDivisionError: by"), ("exit", "SystemExit: 3")])
def test_other_errors_become_one_sentence(toy: Toy, kind: str, words: str) -> None:
    with pytest.raises(ModelFailed) as caught:
        toy.fail(kind)
    assert caught.value.message == f"The toy failed ({words})."
    assert "in fail" in str(caught.value.__cause__)


def test_a_result_that_cannot_travel(toy: Toy) -> None:
    with pytest.raises(ModelFailed, match="The toy failed"):
        toy.secret()
    assert toy.echo(1) == 1


def test_a_factory_that_fails_is_told_each_time(host: Host) -> None:
    toy = host.build(broken_toy, "Nothing there.")
    for _ in range(2):
        with pytest.raises(ModelNotReady, match="Nothing there"):
            toy.echo(1)


def test_a_killed_child_is_told_and_replaced() -> None:
    host = Host("toy")
    toy = host.build(Toy, 1)
    pid = toy.process()
    Timer(0.2, os.kill, (pid, signal.SIGKILL)).start()
    with pytest.raises(ModelFailed, match="The toy process ended unexpectedly") as caught:
        toy.sleep(20)
    assert caught.value.hint.startswith("Try again;")
    fresh = toy.process()
    assert fresh != pid
    os.kill(fresh, signal.SIGKILL)  # while idle: nobody needs to hear of it
    assert wait_gone(fresh)
    time.sleep(0.1)
    assert toy.process() not in {pid, fresh}
    host.close()


def test_close_works_during_a_call_and_ends_the_process() -> None:
    host = Host("toy")
    toy = host.build(Toy, 1)
    pid = toy.process()
    Timer(0.2, host.close).start()
    start = time.monotonic()
    with pytest.raises(ModelFailed, match="closed while it was at work"):
        toy.sleep(20)
    assert time.monotonic() - start < 2
    assert wait_gone(pid)
    assert host.pid is None


def test_the_process_ends_with_its_last_adapter() -> None:
    host = Host("toy")
    one, two = host.build(Toy, 1), host.build(Toy, 2)
    pid = one.process()
    assert len(two) == 2
    one.close()
    assert host.pid == pid
    two.close()
    assert host.pid is None
    assert wait_gone(pid)


def test_warm_imports_without_waiting() -> None:
    host = Host("toy")
    toy = host.build(Toy, 1)
    start = time.monotonic()
    host.warm("colorsys", "no_such_module")
    assert time.monotonic() - start < 1.0
    assert host.pid is not None
    assert toy.process() == host.pid
    host.close()


def test_calls_from_many_threads(toy: Toy) -> None:
    got: dict[int, object] = {}
    threads = [Thread(target=lambda n=n: got.update({n: toy.echo(n)})) for n in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert got == {n: n for n in range(20)}


SCRIPT = """
from models.isolation import Host
from tests.models.test_isolation import Toy

if __name__ == "__main__":
    toy = Host("toy").build(Toy, 1)
"""


def run_engine(folder: Path, body: str) -> subprocess.Popen[str]:
    """A program of its own whose main file is imported again by its child, as the engine's is."""
    file = folder / "engine.py"
    file.write_text(SCRIPT + textwrap.indent(body, "    "))
    return subprocess.Popen(
        [sys.executable, str(file)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )


def test_nothing_reaches_the_engines_stdout(tmp_path: Path) -> None:
    engine = run_engine(tmp_path, "toy.noise()\nprint('the wire')")
    out, err = engine.communicate(timeout=60)
    assert out == "the wire\n", err
    assert "from python" in err
    assert "from native code" in err


def test_the_child_ends_with_a_killed_engine(tmp_path: Path) -> None:
    engine = run_engine(tmp_path, "print(toy.process(), flush=True)\ntoy.sleep(60)")
    assert engine.stdout is not None
    pid = int(engine.stdout.readline())
    os.kill(pid, signal.SIGINT)
    time.sleep(0.1)
    assert psutil.pid_exists(pid)
    engine.kill()
    assert wait_gone(pid, 2.0)
    engine.communicate()


def test_a_child_that_ends_leaves_no_semaphore_behind() -> None:
    script = """
    from models.isolation import Host
    from tests.models.test_isolation import Toy
    if __name__ == "__main__":
        host = Host("toy")
        host.build(Toy).semaphore()
        host.close()
    """
    command = [sys.executable, "-c", textwrap.dedent(script)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0
    assert not done.stderr
