"""Everything that the stages work with: models, searches, weights, and the limits of the settings."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from composer.library.catalogue import Catalogue
from composer.library.finding.vectors import VectorSearch
from composer.ports import Encoder, Reranker, Writer
from composer.stages.rank import Weights
from composer.types import Language


@dataclass(frozen=True, eq=False)
class Tools:
    """Everything the pipeline works with. Models are built when first used, not before."""

    catalogue: Catalogue
    writer_id: str
    """Names the writer without loading it."""
    writer: Callable[[], Writer]
    longest_passage: Callable[[Language], int]
    encoder: Encoder
    search: VectorSearch
    """By what is seen in the pictures."""
    captions: VectorSearch
    """By what is said of them."""
    reranker: Reranker | None
    weights: Weights
    candidates: int
    empty_below: float
    places: Mapping[str, float] | None = None
    """Weights of what tells where pictures stand; None: those that the program comes with, see stages/places.py."""

    @property
    def judge(self) -> Reranker | None:
        """The re-ranker, unless its weight says that it adds nothing: then it is not asked."""
        counted = self.weights.signals.get("rerank")
        return self.reranker if counted is not None and counted.weight > 0 else None
