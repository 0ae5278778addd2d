"""What the window and the planning of an article ask of a large catalogue, against plain tools over the same rows.

`python bench/catalogue.py [--n N] [--quick] [--json] [--keep FOLDER]`. `--quick` takes 100,000 pictures; the default is
1,000,000. `--keep` leaves the catalogue where another run finds it. The pictures are drawn (bench/_catalogue.py): no
file is there, and no vectors, which bench/search.py measures.

Times are medians in ms in one process, of the same call again and again: what it needs of the catalogue is in the
system's cache, and how many pictures have a word is known. `first` is the first call of its kind: with what is made
once and kept, and, where the catalogue does not fit into memory, with reading from the disk.

- words: `by_words` for 100 pictures, of rare, common and Chinese words, a caption (`slot`) and, for 1,000, a paragraph;
  rival: `grep -c -i -F` for the query's first word over a captions.tsv of the same rows, which neither ranks nor stems
  (its output goes through a pipe: grep that writes to /dev/null stops at the first line);
- filter: `matching` of each wish alone, for kind against `SELECT count(*)` on the bare table; joined with words: `find`
  and its first page;
- list: `find` without words, in each order, and its first page; rival: `SELECT row ... ORDER BY ... LIMIT 100` on a
  bare table of the same rows with an index for each order, which knows neither copies nor hidden pictures, gives
  rows alone and does not count;
  middle: the page in the middle (`hits`); rival: the same with OFFSET;
- star: a star is given and the list shown again; rival: UPDATE of the bare table and the first page.

Ratios are the rival's time over ours: above 1 we are faster. `over` names what takes longer than LIMITS allow.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import resource
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench._catalogue import Drawn, fill
from composer.collection import Filter, Order, Query
from composer.holdings import Census
from composer.library.catalogue import Catalogue
from composer.library.filling.pace import Pace
from composer.library.finding.details import describe
from composer.library.finding.filters import matching
from composer.library.finding.query import find, hits
from composer.library.finding.search import by_words
from composer.ports import Cancel

QUICK, FULL = 100_000, 1_000_000
ROUNDS, PAGE = 5, 100
LIMITS = ((1_000_000, 100.0), (10_000_000, 300.0))
"""Up to so many pictures every answer should come within so many ms."""
PARAGRAPH = """The old harbour of a small town where fishing boats leave before dawn, nets drying on the quay beside the
lighthouse; in summer evening light the white houses and the church tower stand above the sea, and children run along
the stone bridge to the market with bread and fruit from the village farm"""
WORDS = {
    "rare": "hedren", "two rare": "wedait kepruhout", "common": "water", "two common": "harbour town",
    "Chinese": "西湖", "Chinese common": "街道", "Chinese phrase": "湖边的小船",
    "slot": "old fishing boats in a small harbour at sunset",
}  # fmt: skip
FILTERS = {
    "folder": Filter(folders=("/photos/Press",)), "orientation": Filter(orientation="portrait"),
    "kind": Filter(kind="drawing"), "dates": Filter(taken_from="2010", taken_to="2012-06"),
    "place": Filter(place="nitrihot"), "person": Filter(person="mopim"), "people": Filter(people=True),
    "no people": Filter(people=False), "free": Filter(rights=("free",)), "unknown rights": Filter(rights=("unknown",)),
    "licence": Filter(licence="cc by"), "colour": Filter(colour="red"), "tag": Filter(tags=("cover",)),
    "rating": Filter(rating=3), "width": Filter(width=3000), "unused": Filter(unused=True),
    "hidden": Filter(hidden=True), "screens": Filter(screens=True),
}  # fmt: skip
PLAIN: dict[Order, str] = {
    "newest": "taken DESC, row DESC", "oldest": "taken, row", "name": "path", "rating": "rating DESC, row DESC",
    "largest": "area DESC, row DESC",
}  # fmt: skip
BARE = """
CREATE TABLE bare (row INTEGER PRIMARY KEY, path TEXT, taken TEXT, area INTEGER, rating INTEGER, kind TEXT);
CREATE INDEX bare_taken ON bare (taken, row);
CREATE INDEX bare_path ON bare (path);
CREATE INDEX bare_area ON bare (area, row);
CREATE INDEX bare_rating ON bare (rating, row);
CREATE INDEX bare_kind ON bare (kind);
"""


def ms(work: Callable[[], object], rounds: int = ROUNDS) -> tuple[float, float]:
    """The first and the median of the calls, in ms."""
    times: list[float] = []
    for _ in range(rounds):
        start = time.perf_counter()
        work()
        times.append(1000 * (time.perf_counter() - start))
    return times[0], statistics.median(times)


class Figures:
    """What was measured, told as it comes."""

    def __init__(self, count: int, *, quiet: bool) -> None:
        self.told: dict[str, dict[str, float]] = {}
        self._quiet = quiet
        self.limit = next((most for pictures, most in LIMITS if count <= pictures), LIMITS[-1][1])

    def put(self, name: str, work: Callable[[], object], rival: Callable[[], object] | None = None) -> None:
        first, median = ms(work)
        line = {"ms": round(median, 2), "first_ms": round(first, 2)}
        if rival is not None:
            _, theirs = ms(rival, 3)
            line |= {"rival_ms": round(theirs, 2), "ratio": round(theirs / max(median, 1e-3), 2)}
        self.told[name] = line
        if not self._quiet:
            print(f"{name:24}" + "".join(f"{key:>10} {value:10.2f}" for key, value in line.items()), flush=True)

    def over(self) -> list[str]:
        return [name for name, line in self.told.items() if line["ms"] > self.limit]


class Bare:
    """The same rows as a plain table and as a captions.tsv."""

    def __init__(self, catalogue: Catalogue, place: Path) -> None:
        self.list, file = place / "captions.tsv", place / "bare.sqlite"
        fresh = not file.exists()
        self.link = sqlite3.connect(file, isolation_level=None)
        if fresh:
            self.link.executescript("PRAGMA journal_mode = WAL;" + BARE)
            self._copy(catalogue.file)

    def _copy(self, file: Path) -> None:
        self.link.execute("ATTACH ? AS whole", [str(file)])
        self.link.execute(
            "INSERT INTO bare SELECT row, min(path || '/' || name), taken, width * height, coalesce(rating, 0), kind"
            " FROM whole.pictures LEFT JOIN whole.marks USING (id) JOIN whole.files ON picture = row"
            " JOIN whole.directories ON number = directory GROUP BY row"
        )
        with self.list.open("w", encoding="utf-8") as stream:
            stream.writelines("\t".join(line) + "\n" for line in self._lines())
        self.link.execute("DETACH whole")

    def _lines(self) -> Iterator[tuple[str, ...]]:
        columns = "caption, title, people, keywords, place, taken, creator, licence, credit, words"
        yield from self.link.execute(f"SELECT id, {columns} FROM whole.pictures")  # noqa: S608 - constants

    def page(self, order: Order, start: int = 0) -> object:
        sql = f"SELECT row FROM bare ORDER BY {PLAIN[order]} LIMIT ? OFFSET ?"  # noqa: S608 - constants
        return self.link.execute(sql, [PAGE, start]).fetchall()

    def grep(self, word: str) -> object:
        return subprocess.run(["grep", "-c", "-i", "-F", word, self.list], stdout=subprocess.PIPE, check=False)  # noqa: S607


def measure(catalogue: Catalogue, bare: Bare, figures: Figures, count: int) -> None:
    figures.put("open, arrays read", lambda: len(catalogue.rows([])))
    _measure_words(catalogue, bare, figures)
    _measure_filters(catalogue, bare, figures)
    _measure_lists(catalogue, bare, figures, count)
    _measure_rest(catalogue, bare, figures)


def _shown(catalogue: Catalogue, query: Query) -> object:
    return hits(catalogue, find(catalogue, query, Cancel()), 0, PAGE)


def _measure_words(catalogue: Catalogue, bare: Bare, figures: Figures) -> None:
    for name, text in WORDS.items():
        first = text.split()[0]
        figures.put(
            f"words, {name}",
            lambda text=text: by_words(catalogue, text, (), PAGE),
            lambda first=first: bare.grep(first),
        )
    figures.put("words, paragraph", lambda: by_words(catalogue, PARAGRAPH, (), 1000))
    folders = ("/photos/Press",)
    figures.put("words, slot in a folder", lambda: by_words(catalogue, WORDS["slot"], folders, PAGE))


def _measure_filters(catalogue: Catalogue, bare: Bare, figures: Figures) -> None:
    counted = "SELECT count(*) FROM bare WHERE kind = 'drawing'"
    for name, wish in FILTERS.items():
        rival = (lambda: bare.link.execute(counted).fetchall()) if name == "kind" else None
        figures.put(f"filter, {name}", lambda wish=wish: matching(catalogue, wish), rival)
    for name, wish in FILTERS.items():
        query = Query(text="harbour town", filter=wish)
        figures.put(f"words and {name}", lambda query=query: _shown(catalogue, query))


def _measure_lists(catalogue: Catalogue, bare: Bare, figures: Figures, count: int) -> None:
    for order in PLAIN:
        query = Query(order=order)
        figures.put(
            f"list, {order}", lambda query=query: _shown(catalogue, query), lambda order=order: bare.page(order)
        )
        found = find(catalogue, query, Cancel())
        middle = len(found.rows) // 2
        figures.put(
            f"middle, {order}",
            lambda found=found, middle=middle: hits(catalogue, found, middle, PAGE),
            lambda order=order: bare.page(order, count // 2),
        )
    wish = Query(filter=Filter(kind="drawing", orientation="portrait"), order="newest")
    figures.put("list, filtered", lambda: _shown(catalogue, wish))


def _measure_rest(catalogue: Catalogue, bare: Bare, figures: Figures) -> None:
    found = find(catalogue, Query(order="rating"), Cancel())
    ids = [hit.picture.id for hit in hits(catalogue, found, len(found.rows) // 2, 20)]
    stars = iter(range(1, 1000))

    def star() -> None:
        catalogue.marks.put([ids[next(stars) % 20]], rating=next(stars) % 5 + 1)
        _shown(catalogue, Query(order="rating"))

    def their_star() -> None:
        bare.link.execute("UPDATE bare SET rating = ? WHERE row = ?", [next(stars) % 5 + 1, next(stars)])
        bare.page("rating")

    figures.put("star, list again", star, their_star)
    figures.put("covers", lambda: catalogue.covers(("/photos",)))
    figures.put("rows of a folder", lambda: catalogue.rows(("/photos/Press",)))
    figures.put("rows of all", lambda: catalogue.rows(("/photos",)))
    figures.put("details", lambda: describe(catalogue, ids[0]))
    figures.put("state of the library", lambda: Census().state(catalogue, Pace()))


def run(place: Path, count: int, *, quiet: bool) -> dict[str, object]:
    file = place / "catalogue.sqlite"
    made = 0.0
    if not file.exists():
        start = time.monotonic()
        fill(file, count, Drawn())
        made = time.monotonic() - start
    figures = Figures(count, quiet=quiet)
    with Catalogue(file, place / "previews") as catalogue:
        bare = Bare(catalogue, place)
        base = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        measure(catalogue, bare, figures, count)
        bare.link.close()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {
        "n": count, "made_s": round(made, 1), "limit_ms": figures.limit, "over": figures.over(),
        "peak_mb": peak >> 10, "before_mb": base >> 10, "catalogue_mb": file.stat().st_size >> 20, **figures.told,
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n", type=int, help="pictures; 1,000,000 if nothing is said")
    parser.add_argument("--quick", action="store_true", help="100,000 pictures")
    parser.add_argument(
        "--keep", type=Path, help="folder for the catalogue: a second run measures it without making it"
    )
    parser.add_argument("--json", action="store_true", help="one JSON line and nothing else on stdout")
    args = parser.parse_args()
    with contextlib.ExitStack() as stack:
        place = args.keep or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        place.mkdir(parents=True, exist_ok=True)
        told = run(place, args.n or (QUICK if args.quick else FULL), quiet=args.json)
    rest = {name: value for name, value in told.items() if not isinstance(value, dict)}
    print(json.dumps(told) if args.json else "\n".join(f"{name:16} {value}" for name, value in rest.items()))


if __name__ == "__main__":
    main()
