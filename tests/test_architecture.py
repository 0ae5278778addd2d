"""The rules of the architecture that a check enforces."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
HEAVY = ("torch", "torchvision", "transformers", "open_clip", "timm", "faiss", "xllamacpp", "openai", "httpx2")
NETWORK = {
    "socket", "socketserver", "ssl", "http", "urllib.request", "xmlrpc", "ftplib", "smtplib", "asyncio", "requests",
    "httpx", "httpx2", "openai", "aiohttp", "urllib3", "huggingface_hub", "PySide6.QtNetwork", "PySide6.QtWebSockets",
}  # fmt: skip
MODEL_SERVERS = {"models/address.py", "models/server.py", "models/refusals.py"}
"""What the writer and the re-ranker on a model server share: where it is, the way to speak with it, its refusals."""
MAY_CONNECT = {"models/sources/hub.py", *MODEL_SERVERS}


def sources() -> list[Path]:
    packages = [path for name in ("composer", "models", "ui") for path in sorted((ROOT / name).rglob("*.py"))]
    return [*packages, ROOT / "main.py"]


@pytest.mark.parametrize(
    ("modules", "absent"),
    [
        ("composer.cli, composer.pipeline, composer.service", (*HEAVY, "PySide6", "shiboken6")),
        ("models.registry, models.shelf, models.doctor, models.store", (*HEAVY, "PySide6", "huggingface_hub")),
        ("ui.app", HEAVY),
    ],
)
def test_what_importing_loads(modules: str, absent: tuple[str, ...]) -> None:
    program = f"import sys, {modules}; print(*sys.modules)"
    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT, check=False, timeout=60,
        env={**os.environ, "QT_QPA_PLATFORM": "offscreen"},
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    loaded = set(ran.stdout.split())
    assert modules.partition(",")[0] in loaded
    assert not loaded & set(absent)


def test_the_import_contracts_hold() -> None:
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    ran = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False, timeout=120)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "0 broken" in ran.stdout


def imported(path: Path) -> set[str]:
    """Every module that a file imports anywhere in it, with all the packages above it."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return names | {name.rpartition(".")[0] for name in names} | {name.partition(".")[0] for name in names}


def test_only_the_store_reaches_the_network() -> None:
    reaching = {
        path.relative_to(ROOT).as_posix(): sorted(found) for path in sources() if (found := imported(path) & NETWORK)
    }
    assert set(reaching) <= MAY_CONNECT, reaching
    assert "models/sources/hub.py" in reaching, "the check itself sees imports inside functions"


def test_nothing_downloads_by_itself() -> None:
    """The libraries' own doors to the hub: every use of them must say that it stays on this machine."""
    for path in sources():
        text = path.read_text("utf-8")
        assert "trust_remote_code=True" not in text, path
        assert "weights_only=False" not in text, path
        for call in ast.walk(ast.parse(text)):
            if (
                isinstance(call, ast.Call)
                and isinstance(call.func, ast.Attribute)
                and call.func.attr == "from_pretrained"
            ):
                stays = {word.arg: ast.unparse(word.value) for word in call.keywords}
                assert stays.get("local_files_only") == "True" or None in stays, f"{path}:{call.lineno}"


def test_stages_know_neither_the_library_nor_each_other() -> None:
    for path in sorted((ROOT / "composer" / "stages").glob("*.py")):
        wrong = {
            name for name in imported(path)
            if name.startswith(("composer.stages.", "composer.library", "composer.pipeline"))
        }  # fmt: skip
        assert not wrong, f"{path.name}: {wrong}"


def test_main_has_no_logic() -> None:
    tree = ast.parse((ROOT / "main.py").read_text("utf-8"))
    assert not [node for node in ast.walk(tree) if isinstance(node, ast.For | ast.While | ast.Try | ast.ClassDef)]
    assert len((ROOT / "main.py").read_text("utf-8").splitlines()) < 90
