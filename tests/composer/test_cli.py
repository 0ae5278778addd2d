"""The terminal: exit codes, what goes where, reports, and going on where a run was stopped."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from composer import cli, project
from composer.errors import ModelFailed, ModelNotReady
from composer.ports import Cancel, Check, DiskUse, Fit, Gain, ModelRow, ModelSet, Prompt, Purpose
from composer.settings import Settings
from composer.types import Brief
from tests.composer.fakes import Bench, ScriptedWriter, author, is_outline, is_passage

MAIN = Path(__file__).resolve().parents[2] / "main.py"


class Shelf:
    """Two models, one of them damaged until it is pulled."""

    whole = True

    def rows(self) -> list[ModelRow]:
        return [
            ModelRow(name=name, setting=name, purpose="writer", title=name.title(), megabytes=5, memory_mb=9,
                     licence="CC0", languages=("en",), state="ready", about="Small.", origin="Somebody.",
                     fit=Fit("yes", "Fits."))
            for name in ("one", "two")
        ]  # fmt: skip

    def pull(self, name: str, cancel: Cancel) -> Iterator[tuple[str, int, int]]:
        cancel.check()
        if name not in {"one", "two"}:
            raise ModelNotReady(f"There is no model named {name}.", "Choose one of: one, two.")
        yield f"{name}.bin", 5, 5

    def verify(self, name: str) -> dict[str, str]:
        return {f"{name}.bin": "ready" if self.whole or name == "one" else "damaged"}

    def sets(self) -> list[ModelSet]:
        return []

    def remove(self, name: str) -> int:
        return len(name)

    def use(self, name: str, purpose: Purpose | None = None) -> None:
        raise ModelNotReady(f"There is no model named {name}.", f"See `models list` ({purpose}).")

    def allow(self, host: str) -> None:
        raise ModelNotReady(f"{host} is not a host.", "Give host:port.")

    def set_library(
        self, index: str | None = None, read_texts: bool | None = None, screen_content: bool | None = None
    ) -> None:
        raise ModelNotReady(f"{index} is no place.", f"Write another ({read_texts}, {screen_content}).")

    def disk(self) -> DiskUse:
        return DiskUse(models=5, unfinished=0, caches=0, free=9)

    def gain(self) -> Gain:
        return ""

    def checks(self) -> Iterator[Check]:
        yield Check("Python", True, "3.11")
        yield Check("Writer", self.whole, "two.bin", "Run this.")


class Terminal:
    """Runs verbs in this process, on fakes."""

    def __init__(self, home: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.home = home
        self.answer = author
        self.shelf = Shelf()
        self.chosen: list[Settings] = []
        self.writers: list[ScriptedWriter] = []
        self.wrong: list[str] = []
        """What is wrong with the indexes."""
        self._capsys = capsys
        self.out = self.err = ""

    def __call__(self, *arguments: object) -> int:
        code = cli.run([str(each) for each in arguments], self._workshop, lambda _settings: self.shelf, "1.2")
        self.out, self.err = self._capsys.readouterr()
        return code

    def _workshop(self, settings: Settings) -> Bench:
        self.chosen.append(settings)
        self.writers.append(ScriptedWriter(self.answer))
        bench = Bench(self.home, self.writers[-1])
        bench.wrong = self.wrong
        return bench


@pytest.fixture
def terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Terminal:
    monkeypatch.setenv("PICTORIAL_HOME", str(tmp_path / "home"))
    return Terminal(tmp_path / "home", capsys)


@pytest.fixture
def verb(library: Path, tmp_path: Path) -> list[object]:
    """A compose command with everything it needs."""
    return ["compose", "--brief", "Colours of the coast", "--library", library, "--out", tmp_path / "out",
            "--words", 300, "--pictures", 2]  # fmt: skip


def test_composing(terminal: Terminal, verb: list[object], tmp_path: Path) -> None:
    assert terminal(*verb) == 0
    out = tmp_path / "out"
    assert terminal.out.splitlines() == [
        str(out / name) for name in ("article.md", "article.html", "article.pictorial")
    ]
    assert "Writing" in terminal.err
    assert (out / "article.md").read_text("utf-8").count("](pictures/") == 2
    saved = project.open_project(out / "article.pictorial")
    assert saved.brief.length == 300
    assert len(saved.picks) == 2


def test_the_report(terminal: Terminal, verb: list[object], tmp_path: Path) -> None:
    assert terminal(*verb, "--report", tmp_path / "deep" / "report.json", "--json", "--seed", 3) == 0
    report = json.loads((tmp_path / "deep" / "report.json").read_text("utf-8"))
    assert set(report) == {"words", "seed", "models", "seconds", "tokens", "tokens_per_second", "slots"}
    assert 255 <= report["words"] <= 345
    assert report["seed"] == 3
    assert report["models"] == {"writer": "scripted", "encoder": "colours", "reranker": "words"}
    assert {"index", "outline", "write", "plan", "retrieve", "rank", "assign", "caption"} == set(report["seconds"])
    assert report["tokens"] > 200
    assert len(report["slots"]) == 2
    for slot in report["slots"]:
        assert set(slot) == {"paragraph", "caption", "query", "candidates", "pick", "reason"}
        assert set(slot["pick"]) == {"path"}
        assert len(slot["candidates"]) == 4
        for each in slot["candidates"]:
            assert set(each) == {"path", "signals", "final"}
            assert Path(each["path"]).is_file()
            assert 0 <= each["final"] <= 1
        assert slot["pick"]["path"] in {each["path"] for each in slot["candidates"]}
        assert slot["reason"]
    printed = json.loads(terminal.out)
    assert printed.pop("files") == [
        str(tmp_path / "out" / name) for name in ("article.md", "article.html", "article.pictorial")
    ]
    assert printed == report


def test_the_options_reach_the_brief(terminal: Terminal, tmp_path: Path) -> None:
    assert terminal(
        "compose", "--brief", "x", "--out", tmp_path / "out", "--words", 120, "--seed", 9, "--notes", "n",
        "--audience", "a", "--tone", "t", "--writer", "special",
    ) == 0  # fmt: skip
    wanted = Brief(topic="x", notes="n", audience="a", tone="t", length=120, seed=9)
    assert project.open_project(tmp_path / "out" / "article.pictorial").brief == wanted
    assert terminal.chosen[-1].writer == "special"
    assert not (terminal.home / "settings.toml").exists(), "for this run only"


def test_ctrl_c_keeps_what_is_done_and_the_same_command_goes_on(
    terminal: Terminal, verb: list[object], tmp_path: Path
) -> None:
    passages: list[Prompt] = []

    def interrupted(prompt: Prompt) -> str:
        if is_passage(prompt):
            passages.append(prompt)
            if len(passages) == 2:
                os.kill(os.getpid(), signal.SIGINT)
        return author(prompt)

    terminal.answer = interrupted
    before = signal.getsignal(signal.SIGINT)
    assert terminal(*verb) == 130
    assert terminal.out == ""
    assert "Cancelled" in terminal.err
    assert signal.getsignal(signal.SIGINT) is before
    started = project.open_project(tmp_path / "out" / "article.pictorial")
    assert started.article is not None
    first = next(block for block in started.article.blocks if block.kind == "paragraph" and block.done)
    terminal.answer = author
    assert terminal(*verb) == 0
    finished = project.open_project(tmp_path / "out" / "article.pictorial")
    assert finished.article is not None
    assert first in finished.article.blocks
    assert finished.outline == started.outline
    assert not terminal.writers[-1].asked(is_outline)
    assert len(terminal.writers[-1].asked(is_passage)) == 2


def test_a_finished_article_is_not_written_again_unless_asked(terminal: Terminal, verb: list[object]) -> None:
    assert terminal(*verb) == 0
    assert terminal(*verb) == 0
    assert not terminal.writers[-1].prompts
    assert terminal(*verb, "--fresh") == 0
    assert terminal.writers[-1].prompts
    assert terminal(*verb, "--seed", 2) == 0
    assert terminal.writers[-1].prompts, "another brief is another article"


def test_a_run_that_fails_keeps_what_is_done(terminal: Terminal, verb: list[object], tmp_path: Path) -> None:
    def failing(prompt: Prompt) -> str:
        if is_passage(prompt):
            raise ModelFailed("The writer's process ended.", "Try again.")
        return author(prompt)

    terminal.answer = failing
    assert terminal(*verb) == 1
    assert "The writer's process ended. Try again." in terminal.err
    assert project.open_project(tmp_path / "out" / "article.pictorial").outline is not None


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["compose"], 2, "--brief"),
        (["compose", "--brief", "x"], 2, "--out"),
        (["compose", "--brief", "x", "--out", "o", "--words", "many"], 2, "--words"),
        (["compose", "--brief", "x", "--out", "o", "--language", "fr"], 2, "fr"),
        (["fly"], 2, "fly"),
        (["library", "find", "x", "--limit", "0"], 2, "limit"),
        (["export", "x.pictorial", "--out", "o", "--format", "pdf"], 2, "pdf"),
        (["engine", "now"], 2, ""),
        (["compose", "--brief", " ", "--out", "o"], 1, "brief is empty"),
        (["compose", "--brief", "x", "--out", "o", "--words", "5"], 1, "out of range"),
        (["compose", "--brief", "x", "--out", "o", "--library", "/no/such/folder"], 1, "does not exist"),
        (["library", "scan", "/no/such/folder"], 1, "does not exist"),
        (["export", "gone.pictorial", "--out", "o"], 1, "cannot be opened"),
        (["models", "pull", "three"], 1, "no model named three"),
        (["models", "verify", "one"], 0, ""),
        (["--help"], 0, ""),
        (["compose", "--help"], 0, ""),
    ],
    ids=lambda each: " ".join(each) if isinstance(each, list) else "",
)
def test_exit_codes(
    terminal: Terminal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], code: int, said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    assert terminal(*arguments) == code
    assert said in terminal.err
    assert "Traceback" not in terminal.err
    if code:
        assert terminal.out == ""


def test_a_report_that_cannot_be_written(terminal: Terminal, verb: list[object], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    assert terminal(*verb, "--report", tmp_path / "file" / "report.json") == 1
    assert "could not be saved" in terminal.err


def test_settings_that_are_wrong(terminal: Terminal, verb: list[object]) -> None:
    terminal.home.mkdir()
    (terminal.home / "settings.toml").write_text("candidates = 99\n")
    assert terminal(*verb) == 1
    assert "candidates" in terminal.err


def test_the_library_verbs(terminal: Terminal, library: Path, tmp_path: Path) -> None:
    broken = tmp_path / "mixed"
    broken.mkdir()
    (broken / "cut.jpg").write_bytes(b"nothing")
    assert terminal("library", "add", library, "--json") == 0
    assert json.loads(terminal.out) == {
        "folder": str(library), "pictures": 8, "added": 8, "removed": 0, "skipped": [],
    }  # fmt: skip
    assert terminal("library", "scan", broken) == 0
    assert "cut.jpg" in terminal.out
    assert terminal("library", "find", "red boat", "--json", "--limit", 2) == 0
    found = json.loads(terminal.out)
    assert Path(found[0]["path"]).name == "red-boat.png"
    assert {"id", "path", "caption", "words", "vector", "score", "licence", "rights"} <= set(found[0])
    assert len(found) == 2
    assert terminal("library", "find", "red boat", "--words-only") == 0
    assert "red-boat.png" in terminal.out
    assert terminal("library", "prepare", library) == 0
    assert "8 of 8 pictures" in terminal.err
    assert terminal("library", "prepare", tmp_path) == 1
    assert "library add" in terminal.err
    assert terminal("library", "stats", "--json") == 0
    stats = json.loads(terminal.out)
    assert (stats["pictures"], stats["skipped"], stats["vectors"]) == (8, 1, {"colours": 8, "colours#captions": 8})
    assert stats["problems"] == []
    terminal.wrong = ["The index could not be rebuilt."]
    assert terminal("library", "stats") == 0
    assert "not usable" in terminal.out
    assert "The index could not be rebuilt." in terminal.err


def test_exporting_a_saved_article(terminal: Terminal, verb: list[object], tmp_path: Path) -> None:
    assert terminal(*verb) == 0
    saved = tmp_path / "out" / "article.pictorial"
    assert terminal("export", saved, "--out", tmp_path / "web", "--format", "html", "--json") == 0
    assert json.loads(terminal.out) == {"files": [str(tmp_path / "web" / "article.html")]}
    assert not (tmp_path / "web" / "article.md").exists()


# --- the program itself ----------------------------------------------------------------------------------------------


def program(home: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    """`python main.py ...` with a home of its own, in a user's folder where nothing may appear."""
    user = home.parent / "user"
    user.mkdir(exist_ok=True)
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("XDG_")},
        "HOME": str(user), "PICTORIAL_HOME": str(home),
    }  # fmt: skip
    command = [sys.executable, str(MAIN), *map(str, arguments)]
    return subprocess.run(
        command, capture_output=True, text=True, encoding="utf-8", env=environment, cwd=user, timeout=120, check=False
    )


def test_the_program_keeps_to_its_home(tmp_path: Path, library: Path) -> None:
    home = tmp_path / "home"
    scanned = program(home, "library", "scan", library, "--json")
    assert scanned.returncode == 0, scanned.stderr
    assert json.loads(scanned.stdout)["pictures"] == 8
    found = program(home, "library", "find", "red boat", "--words-only", "--json")
    assert found.returncode == 0, found.stderr
    assert Path(json.loads(found.stdout)[0]["path"]).name == "red-boat.png"
    assert (home / "library" / "catalogue.sqlite").is_file()
    assert not list((tmp_path / "user").iterdir()), "nothing is written elsewhere"
    assert {path.suffix for path in library.iterdir()} == {".png", ".tsv"}, "nor among the pictures"


def test_the_program_without_models(tmp_path: Path) -> None:
    home = tmp_path / "home"
    ran = program(home, "compose", "--brief", "x", "--out", tmp_path / "out", "--words", 150)
    assert ran.returncode == 1
    assert "models pull starter-" in ran.stderr
    assert "Traceback" not in ran.stderr
    assert ran.stdout == ""
    verified = program(home, "models", "verify", "--json")
    assert verified.returncode == 3
    assert {state for files in json.loads(verified.stdout).values() for state in files.values()} == {"missing"}
    assert program(home, "nonsense").returncode == 2
