"""all-MiniLM-L6-v2: English sentences as vectors (Reimers and Gurevych 2019, arXiv 1908.10084)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np

from composer.ports import Vectors

DIMENSIONS = 384
TOKENS = 256
BATCH = 64


class SentenceEncoder:
    """Mean of the last layer's vectors over the tokens, length 1."""

    def __init__(self, folder: Path) -> None:
        from transformers import AutoModel, AutoTokenizer
        from transformers.utils import logging

        logging.disable_progress_bar()
        self._tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
        self._model = AutoModel.from_pretrained(folder, local_files_only=True, use_safetensors=True).eval()

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Shape (len(texts), 384)."""
        import torch

        found = np.zeros((len(texts), DIMENSIONS), np.float32)
        for start in range(0, len(texts), BATCH):
            batch = list(texts[start : start + BATCH])
            tokens = self._tokenizer(batch, padding=True, truncation=True, max_length=TOKENS, return_tensors="pt")
            with torch.inference_mode():
                states = self._model(**tokens).last_hidden_state
            mask = tokens["attention_mask"].unsqueeze(-1).to(states.dtype)
            means = (states * mask).sum(1) / mask.sum(1).clamp(min=1e-9)
            found[start : start + len(batch)] = torch.nn.functional.normalize(means, dim=1).numpy()
        return found


@lru_cache(maxsize=1)
def shared(folder: Path) -> SentenceEncoder:
    """One copy in memory for the encoder and the judge, which live in the same process."""
    return SentenceEncoder(folder)
