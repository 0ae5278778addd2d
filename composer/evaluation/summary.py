"""From tallies to a report: every figure pooled, by language and by repository, and what to read with it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence

from composer.evaluation.gold import Gold
from composer.evaluation.intervals import interval
from composer.evaluation.nouns import GoldArticle, Interval, Tally
from composer.evaluation.pool import Pool, author_words

Tallies = Mapping[str, Mapping[str, Mapping[str, Tally]]]
"""System (or what was searched by) -> figure -> article -> Tally."""
Figures = dict[str, dict[str, Interval]]
"""System (or what was searched by) -> figure -> Interval."""
_LANGUAGES = {"en": "English", "zh": "Chinese"}
MOST_FAILURES = 5


def figures(tallies: Tallies, articles: Iterable[GoldArticle], seed: int) -> Figures:
    """Every figure of every system over those articles."""
    wanted = {article.id for article in articles}
    return {
        system: {
            name: interval({id_: each for id_, each in by_article.items() if id_ in wanted}, seed)
            for name, by_article in named.items()
        }
        for system, named in tallies.items()
    }


def by(
    of: Callable[[GoldArticle], str], tallies: Tallies, articles: Sequence[GoldArticle], seed: int
) -> dict[str, Figures]:
    """The figures of each part of the articles, such as each language."""
    parts: dict[str, list[GoldArticle]] = {}
    for article in articles:
        parts.setdefault(of(article), []).append(article)
    return {name: figures(tallies, part, seed) for name, part in sorted(parts.items())}


def limits(gold: Gold, taken: Sequence[GoldArticle], pool: Pool, failures: Sequence[str]) -> tuple[str, ...]:
    """Sentences without which the figures would say more than was found."""
    return (
        *_of_articles(gold, taken), *_of_fits(pool), *_of_words(taken, pool), *_of_languages(taken, pool),
        *_of_failures(failures),
    )  # fmt: skip


def _of_fits(pool: Pool) -> Iterable[str]:
    if pool.unseen:
        yield (
            "The program's weights were fitted on this set. Those of places were fitted anew without each article's"
            " fold; those that join the signals of pictures were not, and choosing looks a little better than it is."
        )


def _of_articles(gold: Gold, taken: Sequence[GoldArticle]) -> Iterable[str]:
    if len(taken) < len(gold.articles):
        yield (
            f"Only {len(taken)} of {len(gold.articles)} articles were taken, from each repository as many as from the"
            " next as far as there are; the pictures of all were candidates."
        )
    name, most = Counter(article.repository for article in taken).most_common(1)[0]
    if 4 * most > len(taken):
        yield (
            f"{most} of {len(taken)} articles are from {name}: read the figures by repository as well. Intervals take"
            " articles as independent, so with few repositories they are narrower than they should be."
        )


def _of_words(taken: Sequence[GoldArticle], pool: Pool) -> Iterable[str]:
    pictures = len(pool.by_id())
    if pool.words:
        yield (
            f"{pool.worded} of {pictures} pictures carry their author's alternative text; the others carry no words,"
            " because there is none or because it would be the query that looks for them."
        )
    else:
        yield "Pictures carried no words: they were found by what they show alone."
    mute = sum(not author_words(figure) for article in taken for figure in article.figures)
    if mute:
        total = sum(len(article.figures) for article in taken)
        yield (
            f"Of {mute} of {total} figures the author said nothing: they are not in the figures for choosing alone and"
            " for searching by the author's caption."
        )


def _of_languages(taken: Sequence[GoldArticle], pool: Pool) -> Iterable[str]:
    for language in sorted({article.language for article in taken if not pool.reads(article.language)}):
        yield (
            f"The encoder does not read {_LANGUAGES[language]}: searches with {_LANGUAGES[language]} texts used words"
            " alone, and the wrong candidates for choosing alone are those that look most like the right picture."
        )


def _of_failures(failures: Sequence[str]) -> Iterable[str]:
    yield from failures[:MOST_FAILURES]
    if len(failures) > MOST_FAILURES:
        yield f"{len(failures) - MOST_FAILURES} more articles could not be illustrated by a system."
