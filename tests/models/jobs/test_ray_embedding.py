"""Vectors made by a Ray of this machine: all kept, bad pictures told, nothing done twice, nobody else reached."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest
from PIL import Image

from composer.errors import Cancelled, ModelFailed, ModelNotReady
from composer.library.catalogue import Catalogue
from composer.library.filling.scan import scan
from composer.library.filling.workers import Workers, embed_with
from composer.ports import Cancel
from models.isolation import Host
from models.jobs.ray_embedding import RayWorkers, checked
from tests.models.contracts import pictures
from tests.models.jobs.colours import Colours

pytest.importorskip("ray", reason="needs the extra ray")


@pytest.fixture(scope="module")
def host() -> Iterator[Host]:
    host = Host("job")
    yield host
    host.close()


@pytest.fixture(scope="module")
def workers(host: Host) -> Workers:
    """One Ray for all tests: it takes seconds to start."""
    return host.build(RayWorkers, "ray", Colours, (), (), 2)


@pytest.fixture
def catalogue(tmp_path: Path) -> Iterator[Catalogue]:
    folder = tmp_path / "pictures"
    folder.mkdir()
    for number, image in enumerate(pictures(12)):
        image.resize((160, 120)).save(folder / f"{number:02}.png")
    shutil.copy(folder / "03.png", folder / "zz.png")
    with Catalogue(tmp_path / "own" / "catalogue.sqlite", tmp_path / "own" / "previews") as opened:
        for _ in scan(opened, folder, Cancel()):
            pass
        yield opened


def test_what_is_missing_is_made_and_what_is_bad_is_told(
    catalogue: Catalogue, workers: Workers, host: Host, tmp_path: Path
) -> None:
    folder = tmp_path / "pictures"
    (folder / "03.png").write_bytes(b"broken since the scan")  # lies elsewhere as well
    (folder / "05.png").unlink()
    steps = list(embed_with(catalogue, [str(folder)], Colours.id, workers, Cancel()))
    assert (steps[-1].done, steps[-1].total) == (12, 12)
    rows, vectors = catalogue.embeddings.of(Colours.id)
    assert len(rows) == 11
    expected = {}
    for row in rows.tolist():
        with Image.open(catalogue.paths(row)[0]) as image:
            expected[row] = Colours().encode_images([image.convert("RGB")])[0]
    assert np.allclose(vectors, [expected[row] for row in rows.tolist()], atol=2e-2)
    assert {Path(each.path).name for each in catalogue.skipped(str(folder))} == {"03.png", "05.png"}
    assert list(embed_with(catalogue, [str(folder)], Colours.id, workers, Cancel())) == [], "nothing is done twice"
    assert host.pid is not None
    family = [psutil.Process(host.pid), *psutil.Process(host.pid).children(recursive=True)]
    listening = [each.laddr.ip for one in family for each in one.net_connections() if each.status == "LISTEN"]
    assert listening
    assert {ip.removeprefix("::ffff:") for ip in listening} <= {"127.0.0.1", "::1"}, "only this machine reaches it"


def test_another_encoder_on_the_workers_is_told(catalogue: Catalogue, workers: Workers, tmp_path: Path) -> None:
    with pytest.raises(ModelFailed, match="looked at pictures with colours, not with other"):
        list(embed_with(catalogue, [str(tmp_path / "pictures")], "other", workers, Cancel()))
    assert catalogue.embeddings.counts() == {}


def test_an_encoder_that_workers_cannot_make_is_told(catalogue: Catalogue, host: Host, workers: Workers) -> None:  # noqa: ARG001 - its Ray is used
    broken = host.build(RayWorkers, "ray", Colours, (True,))
    with pytest.raises(ModelNotReady, match="The weights are not on this machine"):
        list(embed_with(catalogue, [], Colours.id, broken, Cancel()))


def test_a_stop_is_heeded(catalogue: Catalogue, workers: Workers, tmp_path: Path) -> None:
    cancel = Cancel()
    cancel.cancel()
    with pytest.raises(Cancelled):
        list(embed_with(catalogue, [str(tmp_path / "pictures")], Colours.id, workers, cancel))
    assert catalogue.embeddings.counts() == {}


@pytest.mark.parametrize(
    "where", ["", "rays", "http://127.0.0.1:1", "ray://", "ray://a b", "ray://127.0.0.1:1/x", "ray://0.0.0.0"]
)
def test_what_is_no_address_is_told(where: str) -> None:
    with pytest.raises(ModelNotReady, match="is not the address of a Ray cluster"):
        checked(where, ())


def test_only_hosts_the_writer_named_are_reached() -> None:
    with pytest.raises(ModelNotReady, match="is not on this machine") as failed:
        checked("ray://big.example", ())
    assert "models allow big.example:10001" in failed.value.hint
    assert checked("ray://big.example", ["big.example:10001"]) == "ray://big.example:10001"
    assert checked("ray://127.0.0.1:10001", ()) == "ray://127.0.0.1:10001"
