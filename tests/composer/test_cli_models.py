"""The terminal's verbs for models: what they print, what they say, exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from composer import cli, settings
from composer.ports import ModelRow
from composer.settings import Settings
from tests.composer.shelf import FITS, FakeShelf, row


class Shelf(FakeShelf):
    """The other fake's models, the starters, and a model of another program."""

    def __init__(self) -> None:
        super().__init__()
        self.go.set()
        self.states |= {"starter-writer": "missing", "starter-eye": "missing"}
        self.pulled: list[str] = []

    def rows(self) -> list[ModelRow]:
        found = row("gguf:/m/x.gguf", title="X", state="ready", found_in="LM Studio", megabytes=0)
        starters = [row(name, state=self.states[name]) for name in ("starter-writer", "starter-eye")]
        return [*super().rows(), *starters, found]

    def pull(self, name, cancel):  # noqa: ANN001, ANN201 - as the other fake's
        self.pulled.append(name)
        return super().pull(name, cancel)


class Terminal:
    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self.shelf = Shelf()
        self._capsys = capsys
        self.out = self.err = ""

    def __call__(self, *arguments: str) -> int:
        code = cli.run(list(arguments), lambda _: pytest.fail("no models are needed"), lambda _: self.shelf, "1.2")
        self.out, self.err = self._capsys.readouterr()
        return code


@pytest.fixture
def terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Terminal:
    monkeypatch.setenv("PICTORIAL_HOME", str(tmp_path / "home"))
    return Terminal(capsys)


def names(terminal: Terminal) -> list[str]:
    return [each["name"] for each in json.loads(terminal.out)]


def test_the_list_shows_what_is_here(terminal: Terminal) -> None:
    assert terminal("models", "list", "--json") == 0
    assert names(terminal) == ["small", "eye", "gguf:/m/x.gguf"]
    assert terminal("models", "list", "--all", "--json") == 0
    assert len(names(terminal)) == 6
    settings.save(Settings(writer="large"))
    assert terminal("models", "list") == 0
    assert "* large  [missing]" in terminal.out, "what the settings name is shown even where it is not here"
    assert "  small  [ready]  Small, 100 MB, en, licence: Apache-2.0" in terminal.out
    assert FITS.sentence in terminal.out
    assert "size told when the pull begins" in terminal.out
    assert terminal.out.index("writers:") < terminal.out.index("small") < terminal.out.index("re-rankers:")


def test_what_was_found(terminal: Terminal) -> None:
    assert terminal("models", "find", "--json") == 0
    assert names(terminal) == ["gguf:/m/x.gguf"]
    assert terminal("models", "find") == 0
    assert "[ready in LM Studio]" in terminal.out
    assert "models use" in terminal.err


def test_sets(terminal: Terminal) -> None:
    assert terminal("models", "sets", "--json") == 0
    assert json.loads(terminal.out)[0]["models"] == ["large", "eye"]
    assert terminal("models", "sets") == 0
    assert "ram-8-en  8 GB of memory: large, eye; 100 MB to fetch" in terminal.out


def test_pulling(terminal: Terminal) -> None:
    assert terminal("models", "pull", "large") == 0
    assert f"large: {FITS.sentence}" in terminal.err, "before it begins"
    assert "large is ready." in terminal.err
    assert terminal.out == ""
    assert terminal("models", "pull") == 0
    assert terminal.shelf.pulled == ["large", "starter-writer", "starter-eye"], "the starters, not everything offered"
    assert terminal("models", "pull", "ram-8-en", "eye") == 0
    assert terminal.shelf.pulled[3:] == ["large", "eye"], "a set stands for its models, each once"
    assert terminal("models", "pull", "three") == 1
    assert "no model named three" in terminal.err


def test_a_model_that_does_not_fit_is_said_and_fetched_all_the_same(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    tight = type(FITS)("no", "Needs 90.0 GB of memory; 8.0 GB are free.")
    monkeypatch.setattr(terminal.shelf, "rows", lambda: [row("large", fit=tight)])
    assert terminal("models", "pull", "large") == 0
    assert "large: Does not fit. Needs 90.0 GB" in terminal.err
    assert "large is ready." in terminal.err


def test_verifying(terminal: Terminal) -> None:
    terminal.shelf.states |= {"small": "damaged", "starter-writer": "ready", "starter-eye": "ready"}
    assert terminal("models", "verify", "--json") == 3
    assert json.loads(terminal.out)["small"] == {"weights.bin": "damaged"}
    assert "large" not in json.loads(terminal.out), "what was never fetched is not held against the machine"
    assert "models pull small" in terminal.err
    assert terminal("models", "verify", "eye") == 0
    assert terminal.out == "eye/weights.bin: ready\n"


def test_choosing_and_removing(terminal: Terminal) -> None:
    assert terminal("models", "use", "eye", "--as", "reranker") == 0
    assert settings.load().reranker == "eye"
    assert "eye is chosen" in terminal.err
    assert terminal("models", "use", "large") == 1
    assert "Get it first." in terminal.err
    assert terminal("models", "use", "eye", "--as", "painter") == 2
    assert terminal("models", "remove", "small") == 0
    assert terminal.shelf.states["small"] == "missing"
    assert "small is removed" in terminal.err


def test_servers_and_the_disk(terminal: Terminal) -> None:
    assert terminal("models", "allow", "nas.local:11434") == 0
    assert settings.load().allowed_hosts == ("nas.local:11434",)
    assert "texts and pictures are sent there" in terminal.err
    assert terminal("models", "disk") == 0
    assert "models: 0 MB" in terminal.out
    assert terminal("models", "disk", "--json") == 0
    assert json.loads(terminal.out)["free"] == 1000


def test_the_doctor(terminal: Terminal) -> None:
    assert terminal("doctor") == 3
    assert "ok  Python: 3.11" in terminal.out
    assert "NO  Disk: full  -> Make room." in terminal.out
    assert terminal("doctor", "--json") == 3
    assert [check["ok"] for check in json.loads(terminal.out)] == [True, False]
