"""Settings: bounded when read, kept as a person wrote them when saved."""

from __future__ import annotations

from pathlib import Path

import pytest

from composer import settings
from composer.errors import SettingsError
from composer.settings import Settings


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PICTORIAL_HOME", str(tmp_path / "home"))
    (tmp_path / "home").mkdir()
    return tmp_path / "home" / "settings.toml"


def test_defaults_when_there_is_no_file(path: Path) -> None:
    assert settings.load() == Settings()
    assert not path.exists()


def test_round_trip(path: Path) -> None:
    chosen = Settings(
        writer="gguf:/模型/a b.gguf", candidates=5, empty_below=0.0, threads=256, theme="dark", interface="zh"
    )
    settings.save(chosen)
    assert path.is_file()
    assert settings.load() == chosen


def test_a_part_of_the_settings_is_enough(path: Path) -> None:
    path.write_text('writer = "starter-tiny"\n')
    assert settings.load() == Settings(writer="starter-tiny")


@pytest.mark.parametrize(
    ("line", "named"),
    [
        ("candidates = 3", "candidates"),
        ("candidates = 9", "candidates"),
        ("empty_below = 1.5", "empty_below"),
        ("empty_below = -0.1", "empty_below"),
        ("threads = -1", "threads"),
        ("threads = 257", "threads"),
        ('theme = "pink"', "theme"),
        ('interface = "fr"', "interface"),
        ("writer = 7", "writer"),
        ("wirter = 'starter'", "wirter"),
        ("version = 'x'", "version"),
    ],
)
def test_out_of_bounds(path: Path, line: str, named: str) -> None:
    path.write_text(line)
    with pytest.raises(SettingsError) as caught:
        settings.load()
    assert named in caught.value.message
    assert str(path) in caught.value.message
    assert caught.value.hint
    assert path.read_text() == line


@pytest.mark.parametrize("data", [b"writer = ", b"\xff\xfe", b"[[["])
def test_a_file_that_cannot_be_read(path: Path, data: bytes) -> None:
    path.write_bytes(data)
    with pytest.raises(SettingsError):
        settings.load()
    assert path.read_bytes() == data


def test_a_newer_version(path: Path) -> None:
    path.write_text("version = 2\nnew = 'thing'\n")
    with pytest.raises(SettingsError) as caught:
        settings.load()
    assert "newer version" in caught.value.message


def test_comments_stay(path: Path) -> None:
    path.write_text('# mine\nwriter = "starter" # the small one\n\n# faster\nthreads = 4\n')
    settings.save(Settings(writer="starter-tiny", threads=2))
    text = path.read_text()
    for kept in ("# mine", "# the small one", "# faster"):
        assert kept in text
    assert settings.load() == Settings(writer="starter-tiny", threads=2)
