"""Places of gold articles with candidates and the right answer: what weights of signals are fitted on.

For every figure of which its author said something two places are made: one that is looked for with the author's words,
as if the planner had worded it as well as a person, and one that is looked for with the paragraph's first sentence, as
if it had not. Candidates are what the program's own search finds, three times as many as it shows; a place where the
author's picture is not among them teaches nothing. Nor does whether a picture carries words: in a gold set that says
something of the right one (see pool.py), so the right one is held against those that are like it in that.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence

from composer import prose
from composer.choosing import Chooser
from composer.evaluation.gold import Gold
from composer.evaluation.nouns import Example, Figure, GoldArticle
from composer.evaluation.pool import Pool, author_words
from composer.evaluation.runner import Progress
from composer.evaluation.systems.ground import brief_of, text_at, texts_of
from composer.evaluation.systems.ours import after_of
from composer.ports import Cancel
from composer.stages.plan import CAPTION_LIMIT
from composer.types import Candidate, Slot

DEPTH = 3


def examples_of(gold: Gold, pool: Pool, cancel: Cancel) -> Generator[Progress, None, tuple[Example, ...]]:
    """Examples of all articles; yields how far it is. Raises ModelFailed as the models do, Cancelled on request."""
    made: list[Example] = []
    for done, article in enumerate(gold.articles):
        yield Progress("Measuring candidates", done, len(gold.articles))
        cancel.check()
        chooser = Chooser(pool.tools, brief_of(article, (pool.folder,)), cancel)
        for slots in (list(_worded(article, chooser)), list(_read(article, chooser))):
            made += _examples(article, [(slot, figure) for figure, slot in slots], chooser, pool)
    yield Progress("Measuring candidates", len(gold.articles), len(gold.articles))
    return tuple(made)


def _worded(article: GoldArticle, chooser: Chooser) -> Iterator[tuple[Figure, Slot]]:
    for number, figure in enumerate(article.figures):
        words = author_words(figure)
        if words:
            query = chooser.twins.of(words, article.language)
            yield figure, Slot(id=f"w{number}", after=after_of(article, figure.after), caption=words, query=query)


def _read(article: GoldArticle, chooser: Chooser) -> Iterator[tuple[Figure, Slot]]:
    if not chooser.reads or not texts_of(article):
        return  # the planner's own words are in a language that is read; a paragraph is not
    for number, figure in enumerate(article.figures):
        first = prose.sentences(text_at(article, figure.after))[0]
        words = prose.cut_words(first, CAPTION_LIMIT[article.language], article.language)
        yield figure, Slot(id=f"r{number}", after=after_of(article, figure.after), caption=words, query=words)


def _examples(
    article: GoldArticle, wanted: Sequence[tuple[Slot, Figure]], chooser: Chooser, pool: Pool
) -> Iterator[Example]:
    slots = [slot for slot, _ in wanted]
    found: dict[str, tuple[Candidate, ...]] = {}
    for aim, slot in zip(chooser.aims(slots, article.article, slots), slots, strict=True):
        found[slot.id] = chooser.ranked(slot, aim.text, chooser.shortlist(aim, DEPTH * pool.tools.candidates))
    together = chooser.together(found)
    for slot, figure in wanted:
        group = pool.group_of(pool.id_of(figure.image))
        right = next((each.picture for each in together[slot.id] if pool.group_of(each.picture.id) == group), None)
        if right is not None:
            alike = tuple(each for each in together[slot.id] if bool(each.picture.words) == bool(right.words))
            yield Example(group=article.id, candidates=alike, right=right.id)
