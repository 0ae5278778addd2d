"""all-MiniLM-L6-v2: English sentences as vectors (Reimers and Gurevych 2019, arXiv 1908.10084)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from composer.ports import Vectors

if TYPE_CHECKING:
    from torch import Tensor

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
        """Shape (len(texts), 384). A text of more than TOKENS is read in pieces; its vector is their mean by length."""
        found = np.zeros((len(texts), DIMENSIONS), np.float32)
        for start in range(0, len(texts), BATCH):
            batch = list(texts[start : start + BATCH])
            tokens = self._tokenizer(
                batch, padding=True, truncation=True, max_length=TOKENS, return_overflowing_tokens=True,
                return_tensors="pt",
            )  # fmt: skip
            owners = start + tokens.pop("overflow_to_sample_mapping").numpy()
            for at in range(0, len(owners), BATCH):  # long texts make more rows than there are texts
                part = {name: rows[at : at + BATCH] for name, rows in tokens.items()}
                np.add.at(found, owners[at : at + BATCH], self._pieces(part))
        return found / np.linalg.norm(found, axis=1, keepdims=True)

    def _pieces(self, tokens: dict[str, Tensor]) -> Vectors:
        """One unit vector a row, times its number of tokens. Shape (rows, 384)."""
        import torch

        with torch.inference_mode():
            states = self._model(**tokens).last_hidden_state
        mask = tokens["attention_mask"].unsqueeze(-1).to(states.dtype)
        lengths = mask.sum(1)
        return (torch.nn.functional.normalize((states * mask).sum(1) / lengths, dim=1) * lengths).numpy()


@lru_cache(maxsize=1)
def shared(folder: Path) -> SentenceEncoder:
    """One copy in memory for the encoder and the judge, which live in the same process."""
    return SentenceEncoder(folder)
