"""A whole evaluation as one generator: gold folder -> pool -> every system on every article -> Report."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import product

from msgspec import Struct

from composer.errors import ModelFailed
from composer.evaluation.choices import Question, questions
from composer.evaluation.gold import Gold, selection
from composer.evaluation.metrics import planner_ranks, rank_of, ranking, tallies
from composer.evaluation.nouns import (
    SYSTEMS,
    Choice,
    Figure,
    GoldArticle,
    Illustrated,
    Report,
    SystemName,
    Tally,
)
from composer.evaluation.pool import Pool, author_words, fill
from composer.evaluation.results import Result, Results, key_of
from composer.evaluation.summary import by, figures, limits
from composer.evaluation.systems import System
from composer.ports import Cancel
from composer.tools import Tools

Build = Callable[[SystemName, Pool, Tools], System]
NEED_NO_RERANKER: frozenset[SystemName] = frozenset({"even", "encoder", "mmc4"})
_Named = dict[str, dict[str, Tally]]
"""Figure -> article -> Tally."""


class Wanted(Struct, frozen=True, kw_only=True):
    """What is to be evaluated."""

    systems: tuple[SystemName, ...] = SYSTEMS
    limit: int | None = None
    """At most so many articles; None: all."""
    words: bool = True
    """Whether pictures carry words."""
    seed: int = 1
    """Decides on which articles are taken, on the order of candidates, and on the resamples."""


class Progress(Struct, frozen=True):
    """`done` of `total` pictures, searches or articles, and which was the last."""

    title: str
    done: int
    total: int
    notice: str = ""
    """Something to be known; work goes on."""


def evaluate(
    gold: Gold, wanted: Wanted, tools: Tools, build: Build, results: Results, cancel: Cancel
) -> Generator[Progress, None, Report]:
    """Have every system illustrate every article, and measure what it made. `tools` work on a catalogue of their own.

    What a system made of an article is kept in `results` at once and not made again, unless the article, the set, the
    models, their settings or the program have changed since. An article that a system's models fail at counts as one
    without pictures, is told of, and is tried again the next time.
    Raises LibraryError when a picture cannot be used, ModelNotReady when a model is not there, Cancelled on request.
    """
    pool = yield from filled(gold, wanted, tools, cancel)
    taken = selection(gold.articles, len(gold.articles) if wanted.limit is None else wanted.limit, wanted.seed)
    run = _Run(gold, wanted, pool, build, results, cancel)
    searched = yield from run.searched(taken)
    for system in wanted.systems:
        run.tallies[system] = {}
    steps = list(product(taken, wanted.systems))
    for done, (article, system) in enumerate(steps):
        yield Progress("Illustrating articles", done, len(steps))
        notice = run.step(article, system)
        if notice:
            yield Progress("Illustrating articles", done, len(steps), notice)
    yield Progress("Illustrating articles", len(steps), len(steps))
    return run.report(taken, searched)


def models_of(systems: Sequence[SystemName], tools: Tools) -> dict[str, str]:
    """Ids of the models that those systems work with, by role."""
    models = {"encoder": tools.encoder.id, "writer": tools.writer_id}  # a writer also translates for the encoder
    if set(systems) - NEED_NO_RERANKER:
        models["reranker"] = tools.reranker.id if tools.reranker else "none"
    return models


def filled(gold: Gold, wanted: Wanted, tools: Tools, cancel: Cancel) -> Generator[Progress, None, Pool]:
    """The pool of a gold set, as `fill` makes it, with its progress as that of an evaluation."""
    filling = fill(gold, tools, cancel, words=wanted.words)
    while True:
        try:
            step = next(filling)
        except StopIteration as end:
            return end.value
        yield Progress("Looking at pictures", step.done, step.total, step.notice)


@dataclass
class _Run:
    gold: Gold
    wanted: Wanted
    pool: Pool
    build: Build
    results: Results
    cancel: Cancel
    systems: dict[SystemName, System] = field(default_factory=dict[SystemName, System])
    """Those that had something to do; models are loaded by then."""
    asked: dict[str, tuple[Question, ...]] = field(default_factory=dict[str, tuple[Question, ...]])
    """By article."""
    tallies: dict[str, _Named] = field(default_factory=dict[str, _Named])
    planned: dict[str, list[int | None]] = field(default_factory=dict[str, list[int | None]])
    """By article: ranks of its pictures among the candidates of this program's slots."""
    failures: list[str] = field(default_factory=list[str])

    # --- searching, which no system decides on

    def searched(self, articles: Sequence[GoldArticle]) -> Generator[Progress, None, dict[str, _Named]]:
        """Recall of the author's pictures by the author's words and by the paragraph before."""
        found: dict[str, _Named] = {"caption": {}, "paragraph": {}}
        for done, gold in enumerate(articles):
            yield Progress("Searching", done, len(articles))
            texts = [block.text for block in gold.article.blocks if block.kind == "paragraph"]
            before = [(figure, texts[figure.after]) for figure in gold.figures if figure.after >= 0]
            said = [(figure, author_words(figure)) for figure in gold.figures if author_words(figure)]
            _put(found["caption"], gold.id, ranking(list(self._ranks(said))))
            _put(found["paragraph"], gold.id, ranking(list(self._ranks(before))))
        return found

    def _ranks(self, queries: Sequence[tuple[Figure, str]]) -> Iterator[int | None]:
        for figure, text in queries:
            group = self.pool.group_of(self.pool.id_of(figure.image))
            yield rank_of(group, self.pool.found(text, self.cancel), self.pool)

    # --- one system on one article

    def step(self, gold: GoldArticle, system: SystemName) -> str:
        """Illustrate, choose and measure; returns a sentence when that failed."""
        self.cancel.check()
        notice = ""
        try:
            made, choices = self._done(gold, system)
        except ModelFailed as error:
            notice = f"{system} could not illustrate {gold.id}, which counts as no pictures: {error.message}"
            made = Illustrated(article=gold.id, system=system, slots=(), seconds=0.0)
            choices = tuple(_chosen(gold, system, question, None) for question in self._questions(gold))
            self.failures.append(notice)
        _put(self.tallies[system], gold.id, tallies(gold, made, choices, self.pool))
        if system == "ours":
            self.planned[gold.id] = planner_ranks(gold, made, self.pool)
        return notice

    def _done(self, gold: GoldArticle, system: SystemName) -> tuple[Illustrated, tuple[Choice, ...]]:
        """From the kept results, or made now."""
        key = self._key(gold, system)
        found = self.results.find(system, gold.id, key)
        if found is None:
            made = self._system(system).illustrate(gold, self.cancel)
            choices = tuple(self._choice(gold, system, question) for question in self._questions(gold))
            found = Result(key=key, illustrated=made, choices=choices)
            self.results.keep(system, gold.id, found)
        return found.illustrated, found.choices

    def _key(self, gold: GoldArticle, system: SystemName) -> str:
        tools = self.pool.tools
        settings = (tools.weights, tools.candidates, tools.empty_below)
        return key_of(gold, self.gold.hash, self.wanted.words, self.wanted.seed, models_of([system], tools), settings)

    def _system(self, name: SystemName) -> System:
        if name not in self.systems:
            self.systems[name] = self.build(name, self.pool, self.pool.tools)
        return self.systems[name]

    def _questions(self, gold: GoldArticle) -> tuple[Question, ...]:
        if gold.id not in self.asked:
            self.asked[gold.id] = tuple(questions(gold, self.pool, self.wanted.seed))
        return self.asked[gold.id]

    def _choice(self, gold: GoldArticle, system: SystemName, question: Question) -> Choice:
        self.cancel.check()
        chooser = self._system(system)
        picture = chooser.choose(gold, question.figure, question.words, question.candidates, self.cancel)
        return _chosen(gold, system, question, picture)

    # --- all together

    def report(self, articles: Sequence[GoldArticle], searched: dict[str, _Named]) -> Report:
        seed = self.wanted.seed
        whole: dict[str, _Named] = {**searched}
        if self.planned:
            whole["planner"] = {}
            for article, ranks in self.planned.items():
                _put(whole["planner"], article, ranking(ranks))
        return Report(
            gold=self.gold.title,
            articles=len(articles),
            pictures=len({figure.image for article in articles for figure in article.figures}),
            words=self.wanted.words,
            models=models_of(self.wanted.systems, self.pool.tools),
            seed=seed,
            systems=figures(self.tallies, articles, seed),
            by_language=by(lambda article: article.language, self.tallies, articles, seed),
            by_repository=by(lambda article: article.repository, self.tallies, articles, seed),
            retrieval=figures(whole, articles, seed),
            tallies=self.tallies,
            limits=limits(self.gold, articles, self.pool, self.failures),
        )


def _chosen(gold: GoldArticle, system: SystemName, question: Question, picture: str | None) -> Choice:
    return Choice(article=gold.id, system=system, right=question.right, candidates=question.candidates, picture=picture)


def _put(named: _Named, article: str, measured: dict[str, Tally]) -> None:
    for name, tally in measured.items():
        named.setdefault(name, {})[article] = tally
