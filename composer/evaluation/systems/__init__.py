"""Systems that illustrate a bare text: this program, and the rivals that it is measured against."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Protocol

from composer.evaluation.nouns import Figure, GoldArticle, Illustrated, SystemName
from composer.ports import Cancel

if TYPE_CHECKING:
    from composer.evaluation.pool import Pool
    from composer.evaluation.systems.ground import Ground
    from composer.tools import Tools


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
    from composer.evaluation.systems.encoder import NearestToCaption
    from composer.evaluation.systems.even import Even
    from composer.evaluation.systems.ground import ground_of
    from composer.evaluation.systems.mmc4 import Assigned
    from composer.evaluation.systems.ours import Ours
    from composer.evaluation.systems.xcomposer import XComposer

    kinds: dict[SystemName, Callable[[Ground], System]] = {
        "ours": Ours, "xcomposer": XComposer, "even": Even, "encoder": NearestToCaption, "mmc4": Assigned,
    }  # fmt: skip
    return kinds[name](ground_of(pool, tools))
