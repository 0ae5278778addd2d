"""What one picture and one vector cost on the disk: the inputs of docs/scale.md that no other bench prints.

`python bench/scale.py [--quick] [--json] [--dimensions D]`. Makes a catalogue of 20,000 pictures (5,000 with `--quick`)
with a caption and words of usual length, and gives each a vector. Previews are not made: their size is the pictures'.

- catalogue_bytes: of the catalogue's file for each picture, words index included, without vectors;
- vector_bytes: what a vector adds to that file;
- keep_per_s: vectors kept in a second, in batches of 64 as they come.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np

from composer.library.catalogue import Catalogue, Entry
from composer.library.words.metadata import Words

QUICK, FULL, BATCH = 5_000, 20_000, 64
CAPTION = "Fishing boats leave the harbour of a small town before dawn, picture number {}"
WORDS = "harbour boats sea town morning fishing coast travel light water quay nets"


def measure(count: int, dimensions: int) -> dict[str, float | int]:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "catalogue.sqlite"
        with Catalogue(file, Path(folder) / "previews") as catalogue:
            for start in range(0, count, 1000):
                catalogue.record([_entry(number) for number in range(start, start + 1000)])
            bare = _size(catalogue, file)
            rows, random = catalogue.rows([]), np.random.default_rng(1)
            begun = time.perf_counter()
            for start in range(0, count, BATCH):
                some = rows[start : start + BATCH]
                catalogue.embeddings.store(
                    "bench", some, random.normal(size=(len(some), dimensions)).astype(np.float32)
                )
            seconds = time.perf_counter() - begun
            whole = _size(catalogue, file)
    return {
        "pictures": count, "dimensions": dimensions, "catalogue_bytes": round(bare / count),
        "vector_bytes": round((whole - bare) / count), "keep_per_s": round(count / seconds),
    }  # fmt: skip


def _entry(number: int) -> Entry:
    told = Words(caption=CAPTION.format(number), words=WORDS)
    return Entry(
        path=f"/pictures/{number // 1000:05}/{number:08}.jpg", size=1, mtime_ns=1, id=f"{number:032x}", width=4000,
        height=3000, told=told, phash=number, look=bytes(192), preview=f"{number % 256:02x}/{number:032x}.jpg",
    )  # fmt: skip


def _size(catalogue: Catalogue, file: Path) -> int:
    catalogue.database.all("PRAGMA wal_checkpoint(TRUNCATE)")
    return file.stat().st_size


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--dimensions", type=int, default=512)
    args = parser.parse_args()
    found = measure(QUICK if args.quick else FULL, args.dimensions)
    if args.json:
        print(json.dumps(found))
        return
    for name, value in found.items():
        print(f"{name:16} {value}")


if __name__ == "__main__":
    main()
