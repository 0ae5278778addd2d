"""Settings that name a place on Milvus, and those that only look like one."""

from __future__ import annotations

from pathlib import Path

import pytest

from composer.errors import ModelNotReady
from models.indexes.milvus_place import parse, permit, reachable
from tests.models.test_address import resolving


def test_a_server_is_taken_apart() -> None:
    place = parse("milvus://192.168.1.5:19531/pictures?index=diskann")
    assert place.server is not None
    assert place.server.place == "192.168.1.5:19531"
    assert (place.collection, place.kind, place.file) == ("pictures", "DISKANN", None)
    short = parse("milvus://127.0.0.1")
    assert short.server is not None
    assert (short.server.port, short.collection, short.kind) == (19530, "pictorial", "AUTOINDEX")
    safe = parse("milvus+tls://big.example:443/a")
    assert safe.server is not None
    assert (safe.server.scheme, safe.server.port) == ("https", 443)


def test_a_file_is_taken_as_it_is(tmp_path: Path) -> None:
    place = parse(f"milvus:{tmp_path / 'index.db'}")
    assert (place.file, place.server, place.kind) == (tmp_path / "index.db", None, "FLAT")


@pytest.mark.parametrize(
    "setting",
    [
        "", "milvus", "milvus:", "milvus:/a/index.sqlite", "faiss:/a.db", "http://127.0.0.1:19530/a", "milvus://",
        "milvus://127.0.0.1:port/a", "milvus://127.0.0.1/a-b", "milvus://127.0.0.1/a/b", "milvus://127.0.0.1/a?index=X",
        "milvus://127.0.0.1/a?other=FLAT", "milvus://me:secret@127.0.0.1/a", "milvus://0.0.0.0/a", "milvus://127.1/a",
    ],
)  # fmt: skip
def test_what_is_no_place_is_told(setting: str) -> None:
    with pytest.raises(ModelNotReady, match="is no place for an index on Milvus") as failed:
        parse(setting)
    assert "secret" not in str(failed.value)
    assert "milvus://" in failed.value.hint


def test_only_this_machine_and_hosts_the_writer_named_are_reached(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = resolving(monkeypatch, "10.0.0.7")
    place = parse("milvus://big.example:19530/a")
    with pytest.raises(ModelNotReady, match="is not on this machine") as failed:
        reachable(place, ())
    assert "models allow big.example:19530" in failed.value.hint
    assert asked == [], "not even its name was looked up"
    assert reachable(place, ["big.example:19530"]) == ["10.0.0.7"]
    permit(parse("milvus://localhost/a"), ())
    permit(parse("milvus:/a/index.db"), ())


def test_vectors_do_not_cross_the_public_network_in_the_clear(monkeypatch: pytest.MonkeyPatch) -> None:
    resolving(monkeypatch, "8.8.8.8")
    with pytest.raises(ModelNotReady, match="public network"):
        reachable(parse("milvus://big.example:19530/a"), ["big.example:19530"])
    assert reachable(parse("milvus+tls://big.example:19530/a"), ["big.example:19530"]) == ["8.8.8.8"]


def test_a_server_with_ipv6_only_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    resolving(monkeypatch, "fd00::7")
    with pytest.raises(ModelNotReady, match="no IPv4 address"):
        reachable(parse("milvus://big.example:19530/a"), ["big.example:19530"])
