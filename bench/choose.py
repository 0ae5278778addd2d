"""How often the right picture is found and chosen in the demo library, and how often a slot is rightly left empty.

`python bench/choose.py [--quick] [--json]`. The queries are those of choose_queries.tsv: each says in other words what
some picture of the demo library shows, with the acceptable pictures as a regular expression over "file caption" ("-":
nothing in the library fits). Retrieval is the pipeline's own: vector and word rankings fused into a short list of 8,
each candidate then scored by vector, words and the judge, the scores joined with the weights of models/fusion.toml.

R@1 and R@8 are shares of the queries that something fits. "empty right": share of the others whose slot stays empty at
`empty_below`; "empty wrong": share of the first whose slot stays empty.

What this is not: an independent test. One person wrote the queries while looking at the captions, and the pictures were
collected for this program.
"""

from __future__ import annotations

import argparse
import csv
import json
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np

from composer.choosing import DEPTH, Chooser
from composer.library.finding.search import by_words
from composer.ports import Cancel
from composer.settings import Settings
from composer.stages.rank import Weights, final_score
from composer.tools import Tools
from composer.types import Article, Brief, Candidate, Picture, Slot
from models.fusion import own
from models.registry import Models

ROOT = Path(__file__).resolve().parents[1]
PICTURES = ROOT / "demo" / "pictures"
QUERIES = Path(__file__).with_name("choose_queries.tsv")
SHORT = 8
WEIGHTS = own(Settings()).weights


@dataclass(frozen=True)
class Query:
    text: str
    fits: re.Pattern[str] | None

    def accepts(self, picture: Picture) -> bool:
        name = Path(picture.path).relative_to(PICTURES).as_posix()
        return self.fits is not None and bool(self.fits.search(f"{name} {picture.caption}"))


@dataclass(frozen=True)
class Found:
    """What each way of looking gives for one query, best first."""

    query: Query
    vector: list[Picture]
    words: list[Picture]
    everywhere: list[Picture]
    """By the judge's cosine over the whole library, which the program does not do: what the short list costs."""
    scored: tuple[Candidate, ...]


def queries() -> list[Query]:
    with QUERIES.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream, delimiter="\t"))
    return [Query(row["query"], None if row["acceptable"] == "-" else re.compile(row["acceptable"])) for row in rows]


def look(tools: Tools, asked: list[Query]) -> Iterator[Found]:
    """The pipeline's retrieval and ranking, with the query as the caption and no paragraph around it."""
    folders = [str(PICTURES)]
    catalogue = tools.catalogue
    rows = catalogue.rows(folders)
    if not len(rows):
        raise SystemExit("The demo pictures are not in the library: run `make setup` first.")
    chooser = Chooser(tools, Brief(topic="", libraries=tuple(folders)), Cancel())
    slots = [Slot(id=str(at), after="", caption=query.text, query=query.text) for at, query in enumerate(asked)]
    everything = list(catalogue.pictures(rows.tolist(), folders).values())
    captions = tools.encoder.encode_texts([picture.caption or picture.words for picture in everything])
    for query, aim in zip(asked, chooser.aims(slots, Article("", ()), slots), strict=True):
        near = tools.search.nearest(aim.query[None, :], DEPTH, folders)[0]
        if not near:
            raise SystemExit("The demo pictures have no vectors yet: run `make setup` first.")
        words = by_words(catalogue, query.text, folders, DEPTH)
        known = catalogue.pictures([row for row, _ in [*near, *words]], folders)
        yield Found(
            query,
            [known[row] for row, _ in near if row in known],
            [known[row] for row, _ in words if row in known],
            [everything[place] for place in np.argsort(-(captions @ aim.query), kind="stable")[:SHORT]],
            chooser.ranked(aim.slot, "", chooser.shortlist(aim, SHORT)),
        )


def recall(found: list[Found], depth: int, order: dict[str, list[list[Picture]]], kind: str) -> float:
    hits = [
        any(each.query.accepts(picture) for picture in pictures[:depth])
        for each, pictures in zip(found, order[kind], strict=True)
        if each.query.fits is not None
    ]
    return float(np.mean(hits))


def by_score(candidates: tuple[Candidate, ...], weights: Weights) -> list[tuple[float, Picture]]:
    """The short list joined with these weights, best first; ties by picture id."""
    scored = [(final_score(each.signals, weights), each.picture) for each in candidates]
    return sorted(scored, key=lambda pair: (-pair[0], pair[1].id))


def orders(found: list[Found]) -> dict[str, list[list[Picture]]]:
    judge = Weights({"rerank": WEIGHTS.signals["rerank"]})
    return {
        "vector": [each.vector for each in found],
        "words": [each.words for each in found],
        "everywhere": [each.everywhere for each in found],
        "judge": [[picture for _, picture in by_score(each.scored, judge)] for each in found],
        "fused": [[picture for _, picture in by_score(each.scored, WEIGHTS)] for each in found],
    }


def emptiness(found: list[Found], weights: Weights, below: float) -> tuple[float, float]:
    """Share of slots rightly empty among those that nothing fits, and wrongly empty among the others."""
    empty = [(each.query.fits is None, by_score(each.scored, weights)[0][0] < below) for each in found]
    return (
        float(np.mean([was for nothing, was in empty if nothing])),
        float(np.mean([was for nothing, was in empty if not nothing])),
    )


def measure(found: list[Found]) -> dict[str, float]:
    order = orders(found)
    right, wrong = emptiness(found, WEIGHTS, Settings().empty_below)
    measured: dict[str, float] = {"queries": len(found)}
    for kind in ("vector", "words", "everywhere", "judge", "fused"):
        for depth in (1, 8):
            measured[f"{kind}_r{depth}"] = round(recall(found, depth, order, kind), 3)
    return {**measured, "empty_right": round(right, 3), "empty_wrong": round(wrong, 3)}


def show(found: list[Found], measured: dict[str, float]) -> None:
    some = sum(each.query.fits is not None for each in found)
    print(f"{len(found)} queries: {some} that something fits, {len(found) - some} that nothing fits")
    print(f"{'':<34}{'R@1':>8}{'R@8':>8}")
    names = {
        "vector": "vectors",
        "words": "words",
        "everywhere": "judge over everything (not done)",
        "judge": "judge over the short list",
        "fused": "all, joined",
    }
    for kind, name in names.items():
        print(f"{name:<34}{measured[f'{kind}_r1']:8.3f}{measured[f'{kind}_r8']:8.3f}")
    print(f"slots left empty below {Settings().empty_below}: {measured['empty_right']:.3f} of those that nothing fits,")
    print(f"{'':<31}{measured['empty_wrong']:.3f} of those that something fits")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="as without: it is quick")
    parser.add_argument("--json", action="store_true", help="one JSON line and nothing else on stdout")
    options = parser.parse_args()
    if not PICTURES.is_dir():
        raise SystemExit("The demo pictures are not here: run `make setup` first.")
    models = Models(Settings())
    try:
        found = list(look(models.tools(), queries()))
    finally:
        models.close()
    measured = measure(found)
    if options.json:
        print(json.dumps(measured))
    else:
        show(found, measured)


if __name__ == "__main__":
    main()
