"""Systems that illustrate a bare text: this program, and the rivals that it is measured against."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from composer.evaluation.nouns import Figure, GoldArticle, Illustrated, SystemName
from composer.ports import Cancel

if TYPE_CHECKING:
    from composer.evaluation.pool import Pool
    from composer.pipeline import Tools


class System(Protocol):
    """Places and chooses pictures. It reads the article and the pool, never the article's figures."""

    name: SystemName

    def illustrate(self, gold: GoldArticle, cancel: Cancel) -> Illustrated:
        """Illustrate the bare text. Raises ModelFailed where it cannot, Cancelled on request."""
        ...

    def choose(
        self, gold: GoldArticle, figure: Figure, words: str, candidates: Sequence[str], cancel: Cancel
    ) -> str | None:
        """One of the candidates, ids of the pool's catalogue, for the figure's place; None for none of them.

        `words` are the author's for the figure; of the figure itself only its place may be read.
        """
        ...


def build(name: SystemName, pool: Pool, tools: Tools) -> System:
    """The system of that name. `tools` work on the pool's catalogue. Raises ModelNotReady where a model is missing."""
    raise NotImplementedError(name)
