"""Fits after which paragraphs pictures go, and tells how well that does on articles that were not fitted on.

`python bench/places.py GOLD [--write] [--json]`. GOLD is a folder of illustrated articles, see docs/evaluation.md. For
each of two ways to leave articles out (five folds of articles; whole repositories) it prints F1 of the places, exact
and within a paragraph, beside places at equal distances: as many as an article of that length gets, and as many as are
chosen.
`--write` puts weights from all articles into composer/stages/places.toml.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from composer.choosing import Chooser
from composer.evaluation import placing
from composer.evaluation.gold import Gold, read_gold
from composer.evaluation.metrics import matched
from composer.evaluation.nouns import GoldArticle
from composer.evaluation.pool import fill
from composer.evaluation.systems.even import spread
from composer.evaluation.systems.ground import brief_of, count_for, texts_of
from composer.evaluation.systems.planner import draft_of
from composer.library.catalogue import Catalogue
from composer.ports import Cancel
from composer.settings import Settings
from composer.stages import places
from models.registry import Models

TABLE = Path(places.__file__).with_name("places.toml")
HEAD = """# After which paragraphs people put pictures: weights of composer/stages/places.py.
# Made by `python bench/places.py GOLD --write` from {articles} articles
# of {repositories} repositories, whose hash is below.
"""
Chosen = Mapping[str, Sequence[int]]
"""Places by the article's id, counted as `Figure.after`."""


def evidence_of(gold: Gold) -> dict[str, list[float]]:
    """How well the set's own pictures can illustrate each text block, by article."""
    models, cancel = Models(Settings()), Cancel()
    try:
        with tempfile.TemporaryDirectory() as home, Catalogue(Path(home) / "c.sqlite", Path(home) / "p") as catalogue:
            tools = models.tools_on(catalogue)
            for _ in fill(gold, tools, cancel):
                pass
            found: dict[str, list[float]] = {}
            for article in gold.articles:
                folders = (str(gold.folder),)
                chooser, draft = Chooser(tools, brief_of(article, folders), cancel), draft_of(article, folders)
                assert draft.outline is not None
                shown = chooser.evidence(article.article, draft.outline)
                found[article.id] = [shown[block.id] for block in texts_of(article)]
            return found
    finally:
        models.close()


def chosen(gold: Gold, weights: Mapping[str, Mapping[str, float]], evidence: Mapping[str, Sequence[float]]) -> Chosen:
    made: dict[str, list[int]] = {}
    for article in gold.articles:
        likely = places.chances(placing.looked(article).table, weights[article.id], evidence[article.id])
        made[article.id] = [place - 1 for place in places.choose(likely, None)]
    return made


def f1(gold: Gold, made: Chosen, take: Callable[[GoldArticle], bool], reach: int) -> float:
    some = [article for article in gold.articles if take(article)]
    right = sum(len(matched(made[each.id], each.places, reach)) for each in some)
    return 2 * right / max(1, sum(len(set(made[each.id])) + len(each.places) for each in some))


def figures(gold: Gold, made: Chosen) -> dict[str, float]:
    kinds: dict[str, Callable[[GoldArticle], bool]] = {
        "en": lambda each: each.language == "en", "zh": lambda each: each.language == "zh", "all": lambda _: True,
    }  # fmt: skip
    return {
        f"{name}{'_near' * reach}": round(f1(gold, made, take, reach), 3)
        for name, take in kinds.items()
        for reach in (0, 1)
    }


def without(gold: Gold, name: str) -> dict[str, dict[str, float]]:
    """For each article weights that were fitted without its fold, or without its whole repository."""
    if name == "folds":
        return placing.unseen(gold.articles)
    found: dict[str, dict[str, float]] = {}
    for repository in {each.repository for each in gold.articles}:
        fitted = placing.fit([placing.looked(each) for each in gold.articles if each.repository != repository])
        found |= {each.id: fitted for each in gold.articles if each.repository == repository}
    return found


def measure(gold: Gold) -> tuple[dict[str, dict[str, float]], float]:
    evidence = evidence_of(gold)
    measured: dict[str, dict[str, float]] = {}
    library = 0.0
    for name in ("folds", "repositories"):
        weights = without(gold, name)
        seen = [(placing.looked(each), evidence[each.id]) for each in gold.articles]
        own = placing.fit_library(seen, [weights[each.id] for each in gold.articles])
        library = own if name == "folds" else library
        measured[f"{name}, text alone"] = figures(gold, chosen(gold, weights, evidence))
        joined = {name: {**each, "library": library} for name, each in weights.items()}
        made = chosen(gold, joined, evidence)
        measured[f"{name}, with the library ({own:+.2f})"] = figures(gold, made)
        same = {
            each.id: spread(min(len(made[each.id]), len(texts_of(each))), len(texts_of(each))) for each in gold.articles
        }
        measured[f"even, as many as {name}"] = figures(gold, same)
    rule = {each.id: spread(count_for(each), len(texts_of(each))) for each in gold.articles}
    measured["even, by length"] = figures(gold, rule)
    return measured, library


def write(gold: Gold, library: float) -> None:
    weights = {**placing.fit([placing.looked(each) for each in gold.articles]), "library": library}
    head = HEAD.format(articles=len(gold.articles), repositories=len({each.repository for each in gold.articles}))
    lines = [f'"{name}" = {value}' for name, value in weights.items()]
    TABLE.write_text("\n".join([f'{head}fitted_on = ["{gold.hash}"]\n', "[weights]", *lines, ""]), "utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("gold", type=Path)
    parser.add_argument("--write", action="store_true", help="fit on all articles, and keep the weights")
    parser.add_argument("--json", action="store_true", help="one JSON line and nothing else on stdout")
    options = parser.parse_args()
    gold = read_gold(options.gold)
    measured, library = measure(gold)
    if options.write:
        write(gold, library)
    if options.json:
        print(json.dumps(measured))
    else:
        print(f"{'F1':<40}" + "".join(f"{name:>10}" for name in next(iter(measured.values()))))
        for name, row in measured.items():
            print(f"{name:<40}" + "".join(f"{value:10.3f}" for value in row.values()))


if __name__ == "__main__":
    main()
