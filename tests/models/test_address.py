"""Which servers may be reached: spellings that pretend, names that lie, and the writer's yes."""

from __future__ import annotations

import socket
from typing import Any

import pytest

from composer.errors import ModelNotReady
from models import address
from models.address import LOCALHOST, parse, permit, reachable, warning


def resolving(monkeypatch: pytest.MonkeyPatch, *found: str) -> list[str]:
    """Names stand for these addresses from now on; returns the names that were looked up."""
    asked: list[str] = []

    def getaddrinfo(host: str, port: int, **_: Any) -> list[Any]:  # noqa: ANN401
        asked.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (each, port)) for each in found]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return asked


def test_a_setting_is_taken_apart() -> None:
    found = parse("server:http://127.0.0.1:11434/v1#qwen2.5vl:7b")
    assert (found.host, found.port, found.path, found.model) == ("127.0.0.1", 11434, "/v1", "qwen2.5vl:7b")
    assert found.url == "http://127.0.0.1:11434/v1"
    assert found.root == "http://127.0.0.1:11434"
    assert parse(found.setting) == found


@pytest.mark.parametrize(
    ("setting", "url", "model"),
    [
        ("http://localhost:1234", "http://localhost:1234/v1", ""),
        ("http://LOCALHOST:1234/v1/", "http://localhost:1234/v1", ""),
        ("https://[::1]/v1#a/b", "https://[::1]:443/v1", "a/b"),
        ("http://127.0.0.1:8080/llm/v1#x", "http://127.0.0.1:8080/llm/v1", "x"),
        ("http://[::ffff:127.0.0.1]:8080", "http://127.0.0.1:8080/v1", ""),
    ],
)
def test_spellings_of_this_machine(setting: str, url: str, model: str, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = resolving(monkeypatch, "93.184.216.34")
    found = parse(setting)
    assert (found.url, found.model) == (url, model)
    permit(found, ())
    assert set(reachable(found, ())) <= {"127.0.0.1", "::1"}
    assert asked == [], "nothing about this machine is looked up"


@pytest.mark.parametrize(
    "setting",
    [
        "127.0.0.1:11434", "ftp://127.0.0.1/", "http://", "http:///v1", "http://127.0.0.1:99999/v1", "", "#model",
        "http://127.0.0.1:port/", "http://2130706433/v1", "http://0x7f000001/v1", "http://127.1/v1",
        "http://127.0.0.1\\@example.org/v1", "http://127.0.0.1 .example.org/", "http://exämple.org/", "http://a..b/",
        "http://127.0.0.1/v1?to=example.org", "http://[::1/v1", "http://%31%32%37.0.0.1/", "http://0.0.0.0:11434/v1",
        "http://-a/", "http://\x00/",
    ],
)  # fmt: skip
def test_what_is_no_address_is_told(setting: str) -> None:
    with pytest.raises(ModelNotReady) as failed:
        parse(setting)
    assert failed.value.hint


@pytest.mark.parametrize("url", ["http://127.0.0.1@example.org/v1", "http://me:secret@127.0.0.1/v1"])
def test_a_user_name_or_key_in_an_address_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(ModelNotReady, match="user name or a key") as failed:
        parse(url)
    assert "PICTORIAL_SERVER_KEY" in failed.value.hint
    assert "secret" not in str(failed.value)


@pytest.mark.parametrize(
    "host",
    ["localhost.example.org", "127.0.0.1.example.org", "192.168.1.5", "example.org", "box", "[fd00::7]", "10.0.0.1"],
)
def test_other_machines_need_a_yes_and_are_not_looked_up(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = resolving(monkeypatch, "127.0.0.1")
    found = parse(f"http://{host}:8080/v1")
    for reach in (permit, reachable):
        with pytest.raises(ModelNotReady, match="not on this machine") as failed:
            reach(found, (f"{host}:8081", "other:8080"))
        assert f"python main.py models allow {found.place}" in failed.value.hint
    assert asked == []


def test_a_yes_opens_that_host_and_port(monkeypatch: pytest.MonkeyPatch) -> None:
    resolving(monkeypatch, "192.168.1.5", "192.168.1.5", "10.0.0.2")
    assert reachable(parse("http://Box.lan:8080"), ("BOX.lan:8080",)) == ["192.168.1.5", "10.0.0.2"]
    assert reachable(parse("http://[fd00::7]:80/v1"), ("[fd00::7]:80",)) == ["fd00::7"]
    assert reachable(parse("http://localhost:1"), ()) == list(LOCALHOST)


@pytest.mark.parametrize("found", ["93.184.216.34", "2606:4700::1111"])
def test_plain_http_stays_off_the_public_network(found: str, monkeypatch: pytest.MonkeyPatch) -> None:
    resolving(monkeypatch, "192.168.1.5", found)
    with pytest.raises(ModelNotReady, match="readable by all") as failed:
        reachable(parse("http://box:8080"), ("box:8080",))
    assert "https://" in failed.value.hint
    assert reachable(parse("https://box:8080"), ("box:8080",)) == ["192.168.1.5", found]


@pytest.mark.parametrize("found", ["0.0.0.0", "224.0.0.1", "255.255.255.255", "::"])  # noqa: S104 - looked up
def test_names_of_no_servers_address(found: str, monkeypatch: pytest.MonkeyPatch) -> None:
    resolving(monkeypatch, found)
    with pytest.raises(ModelNotReady, match="no server's address"):
        reachable(parse("http://box:8080"), ("box:8080",))


def test_a_name_that_nobody_knows(monkeypatch: pytest.MonkeyPatch) -> None:
    def getaddrinfo(*_: object, **__: object) -> list[Any]:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    with pytest.raises(ModelNotReady, match="No machine named box"):
        reachable(parse("http://box:8080"), ("box:8080",))


def test_who_reads_along_is_said() -> None:
    assert warning("server:http://127.0.0.1:1#x") == ""
    assert "box:8080, unencrypted" in warning("server:http://box:8080#x")
    assert "box:443, encrypted" in warning("server:https://box#x")
    assert address.FORM.startswith("Write it as server:http")
