"""What a rescan of an unchanged folder costs, against `find -printf` over the same files.

`python bench/rescan.py [--quick] [--json] [--files N] [--in-folder N] [--folder PATH]`. `--quick` takes 5 rounds
instead of 15. Prints `{"ratio_to_find"}`: the median over rounds of our seconds over find's, one after the other.

100,000 files of a few bytes with pictures' names lie in folders of 1,000 (`--in-folder`), and the catalogue knows them:
a rescan never opens a file, so what is in them does not count. `--folder` takes a folder of your own instead, which is
scanned once before. Our side is `scan` to its end, with the catalogue opened; find's is the process that prints path,
size and time of every file. Names and stamps are in the system's cache in all rounds (warm). With `--cold`, as root on
Linux, the cache is emptied before each side: the disk then decides, and the figure tells little of either program.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from composer.library.catalogue import Catalogue
from composer.library.filling.scan import scan
from composer.ports import Cancel


def make(folder: Path, files: int, in_folder: int) -> None:
    for number in range(files):
        place = folder / f"{number // in_folder:05} a month's pictures"
        if number % in_folder == 0:
            place.mkdir(parents=True)
        (place / f"DSC_{number:07}.jpg").write_bytes(b"x" * (number % 50))


def ours(catalogue: Catalogue, folder: Path) -> tuple[float, int]:
    started = time.perf_counter()
    *_, last = scan(catalogue, folder, Cancel())
    seconds = time.perf_counter() - started
    assert (last.added, last.removed) == (0, 0), "something changed meanwhile"
    return seconds, last.total


def find(folder: Path) -> float:
    started = time.perf_counter()
    subprocess.run(["find", folder, "-printf", "%p %s %T@\\n"], stdout=subprocess.DEVNULL, check=True)  # noqa: S607
    return time.perf_counter() - started


def forget_cache() -> None:
    subprocess.run(["sync"], check=True)  # noqa: S607
    Path("/proc/sys/vm/drop_caches").write_text("3")


def measure(catalogue: Catalogue, folder: Path, rounds: int, *, cold: bool) -> dict[str, float]:
    started = time.perf_counter()
    for _ in scan(catalogue, folder, Cancel()):
        pass
    first = time.perf_counter() - started
    pairs: list[tuple[float, float]] = []
    total = 0
    for _ in range(rounds):
        if cold:
            forget_cache()
        theirs = find(folder)
        if cold:
            forget_cache()
        seconds, total = ours(catalogue, folder)
        pairs.append((seconds, theirs))
    return {
        "ratio_to_find": round(statistics.median(mine / theirs for mine, theirs in pairs), 3),
        "files": total,
        "seconds": round(statistics.median(mine for mine, _ in pairs), 3),
        "find_seconds": round(statistics.median(theirs for _, theirs in pairs), 3),
        "first_scan_seconds": round(first, 1),
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--cold", action="store_true")
    parser.add_argument("--files", type=int, default=100_000)
    parser.add_argument("--in-folder", type=int, default=1_000)
    parser.add_argument("--folder", type=Path)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        own = Path(place)
        folder = args.folder or own / "pictures"
        if args.folder is None:
            make(folder, args.files, args.in_folder)
        with Catalogue(own / "catalogue.sqlite", own / "previews") as catalogue:
            found = measure(catalogue, folder, 5 if args.quick else 15, cold=args.cold)
    if args.json:
        print(json.dumps({"ratio_to_find": found["ratio_to_find"]}))
        return
    for name, value in found.items():
        print(f"{name:>20}  {value}")


if __name__ == "__main__":
    main()
