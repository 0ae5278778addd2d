"""A catalogue of any number of pictures that nobody took: what it says of them is drawn, seeded, chunk by chunk.

Words follow Zipf's law with exponent 1 (Zipf 1949): real words of the language first, then made ones of syllables, so
that half of all tokens are of the 300 most frequent words and most words occur a few times. One caption in five is
Chinese, of words of two characters and particles. A third has no caption, only keywords, place and path. Places,
people, licences and creators are Zipfian too. Pictures lie in folders of 60 to 2,000 by area, year and event; 3 %
are near-duplicates of a neighbour, 1 % lie at a second path, 0.5 % of the files cannot be used, 2 % have stars.

`fill` writes the same lines as the catalogue's own means do, without asking first what is there already: `fill_slowly`
goes the usual way, and `python bench/_catalogue.py` compares the two, table by table.
"""

from __future__ import annotations

import sqlite3
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from functools import cached_property
from hashlib import blake2b
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
from numpy.typing import NDArray

from composer.library.catalogue import Catalogue, Entry
from composer.library.looks import colours
from composer.library.words.metadata import Words
from composer.library.words.tokens import tokens

CHUNK = 20_000
SEED = 5
VOCABULARY, HAN_WORDS, PLACES, PEOPLE, CREATORS = 60_000, 12_000, 3_000, 8_000, 4_000
REAL = """
the a of in and with on at by from two near old for over an his her their into street house water harbour boat
town market people woman man children river bridge sea mountain church tower castle garden tree flower bird
dog horse cat lake snow winter summer evening morning night light red blue green white black yellow small
large wooden stone sand beach window door road train station car bus bicycle field farm barn cow sheep village
city square festival parade music dance bread fruit fish coffee table chair book portrait smile hands dress
hat coat rain storm cloud sky sunset sunrise moon star forest path hill valley waterfall island lighthouse
ship sail fishing nets quay workers factory bridge museum painting statue temple palace wall gate roof stairs
school student teacher game football race runner child family wedding couple friends kitchen cooking tea wine
glass bottle lamp candle letter map clock machine engine aeroplane airport flag soldier protest crowd stage
singer guitar piano drum camera telescope laboratory scientist doctor hospital nurse glacier volcano desert
camel elephant lion tiger monkey bear wolf deer fox heron owl eagle swan duck goose butterfly bee spider frog
snake turtle coral whale dolphin seal penguin
""".split()  # noqa: SIM905 - shorter to read
HAN_REAL = """
湖边 城市 老人 孩子 街道 早晨 傍晚 红色 小船 古塔 寺庙 长城 西湖 花园 桥上 雪山 市场 火车 渔船 沙滩
日出 日落 茶园 竹林 石桥 河流 村庄 房屋 窗户 自行车 学生 老师 节日 灯笼 舞龙 书法 瓷器 丝绸 熊猫 仙鹤
荷花 梅花 樱花 枫叶
""".split()  # noqa: SIM905 - shorter to read
PARTICLES = ("的", "在", "和", "上", "一")
STARTS = "b br c d dr f g gl h k l m n p pr r s st t tr v w".split()  # noqa: SIM905 - shorter to read
SYLLABLES = [f"{start}{vowel}" for start in STARTS for vowel in ("a", "e", "i", "o", "u", "ai", "ou")]
ENDS = ("", "n", "r", "l", "s", "t", "nd", "rk", "ng", "m")
LICENCES = (
    "",
    "CC BY 4.0",
    "CC BY-SA 4.0",
    "CC0",
    "All rights reserved",
    "Public domain",
    "CC BY-NC 4.0",
    "CC BY-SA 3.0",
)
KINDS = ("photograph", "drawing", "", "text")
SIZES = ((6000, 4000), (4000, 6000), (4032, 3024), (3024, 4032), (1600, 1067), (1024, 768), (800, 1200), (2000, 2000),
         (640, 480), (5472, 3648), (3840, 2160), (1080, 1080))  # fmt: skip
AREAS = ("Archive", "Assignments", "Family", "Press", "Scans", "Travel", "Wikimedia", "照片")


def _zipf(count: int, exponent: float = 1.0) -> NDArray[np.float64]:
    weight = 1.0 / np.arange(1, count + 1) ** exponent
    return np.cumsum(weight / weight.sum())


class Drawn:
    """Everything that is drawn, a chunk of CHUNK pictures at a time; a chunk is the same whenever it is asked for."""

    @cached_property
    def vocabulary(self) -> list[str]:
        random, known = np.random.default_rng(SEED), {str(word): None for word in REAL}
        while len(known) < VOCABULARY:
            parts = random.choice(SYLLABLES, (VOCABULARY, 3))
            for one, two, three, end, long in zip(*parts.T, random.choice(ENDS, VOCABULARY), random.random(VOCABULARY),
                                                  strict=True):  # fmt: skip
                known[f"{one}{two}{three if long > 0.6 else ''}{end}"] = None
        return list(known)[:VOCABULARY]

    @cached_property
    def han(self) -> list[str]:
        random, known = np.random.default_rng(SEED + 1), {str(word): None for word in HAN_REAL}
        reach = _zipf(2500, 0.8)
        while len(known) < HAN_WORDS:
            for pair in np.searchsorted(reach, random.random((HAN_WORDS, 2))).tolist():
                known["".join(chr(0x4E00 + 7 * code) for code in pair)] = None
        return list(known)[:HAN_WORDS]

    @cached_property
    def names(self) -> list[str]:
        return [word.capitalize() for word in self.vocabulary[2000:20000]]

    @cached_property
    def places(self) -> list[str]:
        countries, names = self.names[:120], self.names[200:]
        return [f"{names[n]}, {countries[n * n % 120]}" if n % 6 else f"{self.han[n]}市" for n in range(PLACES)]

    @cached_property
    def people(self) -> list[str]:
        return [f"{self.names[n % 900]} {self.names[3000 + n]}" for n in range(PEOPLE)]

    def chunk(self, number: int, count: int = CHUNK) -> Iterator[tuple[Entry, tuple[Any, ...], dict[str, Any]]]:
        """Entry of each picture, what the screens say (kind, sharpness, writing, mark, colours), and more:
        `group` (how many before it is the first of its near-duplicates), `copy` (a second path), `hidden`, `tags`."""
        random = np.random.default_rng((SEED, number))
        share, long = random.random((9, count)), random.integers(4, 14, count)
        words = np.searchsorted(_zipf(VOCABULARY), random.random((count, 14))).clip(0, VOCABULARY - 1)
        keys = np.searchsorted(_zipf(VOCABULARY, 0.9), random.random((count, 8))).clip(0, VOCABULARY - 1)
        han = np.searchsorted(_zipf(HAN_WORDS), random.random((count, 8))).clip(0, HAN_WORDS - 1)
        place, person = (np.searchsorted(_zipf(n, 0.9), random.random(count)).clip(0, n - 1) for n in (PLACES, PEOPLE))
        creator = np.searchsorted(_zipf(CREATORS), random.random(count)).clip(0, CREATORS - 1)
        size, licence = (
            random.integers(0, len(SIZES), count),
            np.searchsorted(_zipf(len(LICENCES), 0.7), random.random(count)),
        )
        day, kind = random.integers(0, 12_000, count), np.searchsorted((0.82, 0.92, 0.97, 1.0), random.random(count))
        tints, hashes = random.integers(0, 11, (count, 3)), random.integers(-(1 << 63), (1 << 63) - 1, count)
        looks, sharp = random.bytes(192 * count), random.beta(6, 1, count)
        folder, left, first = "", 0, -1
        vocabulary, words, keys, han = self.vocabulary, words.tolist(), keys.tolist(), han.tolist()
        for n in range(count):
            serial = number * CHUNK + n
            if left == 0:
                area, left = AREAS[int(random.integers(0, len(AREAS)))], int(random.integers(60, 2000))
                event = f"{vocabulary[words[n][3]]} {vocabulary[keys[n][2]]}"
                folder = f"{area}/{1995 + int(day[n]) // 365}/{number:04}-{n:05} {event}"
            left -= 1
            caption, listed = self._caption(words[n], han[n], int(long[n]), share[:, n])
            keywords = "; ".join(dict.fromkeys(vocabulary[each] for each in keys[n][: int(9 * share[2, n])]))
            where = self.places[place[n]] if share[3, n] < 0.4 else ""
            who = self.people[person[n]] if share[4, n] < 0.12 else ""
            date = np.datetime64("1995-01-01") + int(day[n])
            taken = (
                "" if share[5, n] < 0.15 else str(date)[: 4 if share[5, n] < 0.2 else 7 if share[5, n] < 0.25 else 10]
            )
            author = self.people[creator[n]] if share[6, n] < 0.7 else ""
            parts = [caption, keywords.replace("; ", " "), where, who, folder.replace("/", " "), listed]
            told = Words(
                caption=caption, words=" ".join(filter(None, parts)), licence=LICENCES[licence[n]], people=who,
                place=where, taken=taken, creator=author, keywords=keywords,
                credit=f"Photo: {author}" if author else "",
            )  # fmt: skip
            key = blake2b(serial.to_bytes(8, "little"), digest_size=16).hexdigest()
            first = first if share[7, n] < 0.02 and first >= 0 and n - first < 4 else n
            width, height = SIZES[size[n]]
            yield (
                Entry(
                    path=f"/photos/{folder}/DSC_{serial % 100_000:05}.jpg", size=int(4e6 * share[8, n]) + 9,
                    mtime_ns=1_700_000_000_000_000_000 + serial, id=key, width=width, height=height, told=told,
                    rating=int(share[8, n] * 250) + 1 if share[8, n] < 0.02 else 0, phash=int(hashes[n]) % (1 << 64),
                    look=looks[192 * n : 192 * n + 192], preview=f"{key[:2]}/{key}.jpg",
                ),
                (KINDS[kind[n]], float(sharp[n]), float(share[1, n] ** 4),
                 float(share[0, n] ** 6) if not kind[n] else None,
                 " ".join(dict.fromkeys(colours.NAMES[tint] for tint in tints[n]))),
                {"first": number * CHUNK + first, "copy": share[7, n] > 0.99, "skipped": share[6, n] > 0.995,
                 "hidden": share[5, n] > 0.9995,
                 "tags": ("cover", "later")[int(serial) % 2] if share[4, n] > 0.998 else ""},
            )  # fmt: skip

    def _caption(
        self, words: Sequence[int], han: Sequence[int], long: int, share: NDArray[np.float64]
    ) -> tuple[str, str]:
        """A caption, and the camera's name for the rest of the words."""
        listed = f"DSC {self.names[words[0] % 40]}"
        if share[0] < 0.33:
            return "", listed
        if share[0] < 0.46:
            return "".join(
                self.han[each] + PARTICLES[each % 5] * (each % 2) for each in han[: max(2, long // 2)]
            ), listed
        text = " ".join(self.vocabulary[each] for each in words[:long])
        return text[0].upper() + text[1:], listed


PICTURE = (
    "row", "id", "width", "height", "caption", "words", "licence", "credit", "phash", "look", "grp", "preview",
    "length", "title", "people", "place", "taken", "creator", "copyright", "terms", "source", "keywords", "screened",
    "kind",
    "sharpness", "writing", "mark", "colours",
)  # fmt: skip


def fill(file: Path, count: int, drawn: Drawn) -> None:
    """Write `count` pictures into a new catalogue without looking what is in it."""
    Catalogue(file, file.parent / "previews").close()
    link = sqlite3.connect(file, isolation_level=None)
    for pragma in ("journal_mode = OFF", "synchronous = OFF", "cache_size = -1500000", "foreign_keys = OFF"):
        link.execute(f"PRAGMA {pragma}")
    link.execute("INSERT INTO words (words, rank) VALUES ('hashsize', 50000000)")  # segments are merged less often
    numbers: dict[str, int] = {}
    begun = time.monotonic()
    for chunk, start in enumerate(range(0, count, CHUNK)):
        link.execute("BEGIN")
        _write(link, start, list(drawn.chunk(chunk, min(CHUNK, count - start))), numbers)
        link.execute("COMMIT")
        if chunk % 10 == 9:
            print(
                f"\r{start + CHUNK:,} pictures, {time.monotonic() - begun:.0f} s", end="", file=sys.stderr, flush=True
            )
    link.execute("DELETE FROM words_config WHERE k = 'hashsize'")
    link.execute("UPDATE directories SET count = (SELECT count(*) FROM files WHERE directory = number), digest = x'00'")
    link.execute("INSERT OR REPLACE INTO folders (path) VALUES ('/photos')")
    link.execute("UPDATE meta SET value = 1 WHERE name = 'version'")
    link.execute("PRAGMA journal_mode = WAL")
    link.close()


def _write(link: sqlite3.Connection, start: int, drawn: list[Any], numbers: dict[str, int]) -> None:
    pictures: list[tuple[Any, ...]] = []
    texts: list[tuple[int, str, str]] = []
    files: list[tuple[Any, ...]] = []
    marks: list[tuple[Any, ...]] = []
    members = np.bincount([more["first"] - start for _, _, more in drawn], minlength=len(drawn))
    groups = _groups(drawn, start)
    for n, (entry, (kind, sharpness, writing, mark, tints), more) in enumerate(drawn):
        row, told = start + n + 1, entry.told
        rest = told.words.replace(told.caption, " ") if told.caption else told.words
        indexed = (tokens(told.caption), tokens(f"{rest} "))
        phash = entry.phash - (1 << 64) if entry.phash >= 1 << 63 else entry.phash
        grp = groups[more["first"] - start] if members[more["first"] - start] > 1 else ""
        pictures.append((
            row, entry.id, entry.width, entry.height, told.caption, told.words, told.licence, told.credit, phash,
            entry.look, grp, entry.preview, sum(len(text.split()) for text in indexed), told.title, told.people,
            told.place, told.taken, told.creator, told.copyright, told.terms, told.source, told.keywords, 1, kind,
            sharpness, writing, mark, tints,
        ))  # fmt: skip
        texts.append((row, *indexed))
        for path, reason in _paths(entry, more):
            place, _, name = path.rpartition("/")
            if place not in numbers:
                numbers[place] = len(numbers) + 1
                link.execute("INSERT INTO directories (number, path) VALUES (?, ?)", [numbers[place], place])
            files.append((numbers[place], name, entry.size, entry.mtime_ns, 0, None if reason else row, reason))
        if entry.rating or more["hidden"] or more["tags"]:
            marks.append((entry.id, entry.rating, int(more["hidden"]), more["tags"]))
    into = f"INSERT INTO pictures ({', '.join(PICTURE)}) VALUES ({', '.join('?' * len(PICTURE))})"  # noqa: S608 - constants
    link.executemany(into, pictures)
    link.executemany("INSERT INTO words (rowid, caption, rest) VALUES (?, ?, ?)", texts)
    link.executemany(
        "INSERT INTO files (directory, name, size, mtime_ns, beside, picture, reason) VALUES (?, ?, ?, ?, ?, ?, ?)",
        sorted(files),
    )
    link.executemany("INSERT INTO marks (id, rating, hidden, tags) VALUES (?, ?, ?, ?)", marks)


def _groups(drawn: list[Any], start: int) -> dict[int, str]:
    """The smallest id of each group, by its first member."""
    names: dict[int, str] = {}
    for entry, _, more in drawn:
        first = more["first"] - start
        names[first] = min(names.get(first, entry.id), entry.id)
    return names


def _paths(entry: Entry, more: dict[str, Any]) -> list[tuple[str, str | None]]:
    """The entry's path, perhaps a second one, and perhaps a file beside it that cannot be used."""
    paths: list[tuple[str, str | None]] = [(entry.path, None)]
    if more["copy"]:
        paths.append((entry.path.replace("/photos/", "/photos/Backup/", 1), None))
    if more["skipped"]:
        paths.append((entry.path.replace(".jpg", ".tif"), "it is cut short"))
    return paths


def fill_slowly(file: Path, count: int, drawn: Drawn) -> None:
    """The same by the catalogue's own means, in the order in which a scan and the screens use them."""
    from msgspec.structs import replace

    from composer.library.filling.folders import Folder
    from composer.library.looks.screens import Seen, _keep

    with Catalogue(file, file.parent / "previews") as catalogue:
        catalogue.folders.put(Folder("/photos"))
        for chunk, start in enumerate(range(0, count, CHUNK)):
            those = list(drawn.chunk(chunk, min(CHUNK, count - start)))
            for entry, _, more in those:
                entries = [entry]
                for path, reason in _paths(entry, more)[1:]:
                    bare = Entry(path=path, size=entry.size, mtime_ns=entry.mtime_ns, reason=reason)
                    entries.append(bare if reason else replace(entry, path=path, width=0))
                catalogue.record(entries)
            rows = {entry.id: start + n + 1 for n, (entry, _, _) in enumerate(those)}
            _keep(catalogue, [
                (rows[entry.id], Seen(kind, sharpness, writing, mark, tuple(tints.split())))
                for entry, (kind, sharpness, writing, mark, tints), _ in those
            ])  # fmt: skip
            members = np.bincount([more["first"] - start for _, _, more in those], minlength=len(those))
            names = _groups(those, start)
            catalogue.settle(
                (rows[entry.id], names[more["first"] - start]) for entry, _, more in those
                if members[more["first"] - start] > 1
            )  # fmt: skip
            for entry, _, more in those:
                if more["hidden"] or more["tags"]:
                    tags = [more["tags"]] if more["tags"] else []
                    catalogue.marks.put([entry.id], hidden=bool(more["hidden"]), tags=tags)
        for place in catalogue.places("/photos"):
            catalogue.close_place(place, b"\0")


def differences(one: Path, two: Path) -> list[str]:
    """What the two catalogues differ in, besides how often they were written to."""
    found: list[str] = []
    queries = {
        "pictures": "SELECT * FROM pictures ORDER BY row",
        "files": "SELECT path, name, size, mtime_ns, beside, picture, reason FROM files JOIN directories"
        " ON number = directory ORDER BY path, name",
        "directories": "SELECT path, count, digest FROM directories ORDER BY path",
        "marks": "SELECT * FROM marks ORDER BY id",
        "meta": "SELECT * FROM meta WHERE name IN ('texts', 'tokens', 'unsettled') ORDER BY name",
        "words": "SELECT rowid, caption, rest FROM words ORDER BY rowid",
        "terms": "SELECT * FROM terms ORDER BY term, doc, col, offset",
        "config": "SELECT * FROM words_config ORDER BY k",
        "folders": "SELECT * FROM folders ORDER BY path",
        "schema": "SELECT type, name, sql FROM sqlite_master ORDER BY type, name",
    }
    links = [sqlite3.connect(each) for each in (one, two)]
    for link in links:
        link.execute("CREATE VIRTUAL TABLE temp.terms USING fts5vocab (main, words, instance)")
    for name, sql in queries.items():
        left, right = (link.execute(sql).fetchall() for link in links)
        if left != right:
            odd = next(((a, b) for a, b in zip(left, right, strict=False) if a != b), (len(left), len(right)))
            found.append(f"{name}: {odd}")
    return found


def main() -> None:
    if len(sys.argv) > 1:
        fill(Path(sys.argv[1]), int(sys.argv[2]), Drawn())
        return
    with tempfile.TemporaryDirectory() as place:
        drawn, files = Drawn(), [Path(place) / name for name in ("fast.sqlite", "slow.sqlite")]
        fill(files[0], 3_000, drawn)
        fill_slowly(files[1], 3_000, drawn)
        print("\n".join(differences(*files)) or "the same")


if __name__ == "__main__":
    main()
