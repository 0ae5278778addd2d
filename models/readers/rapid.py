"""Reading Chinese and English in pictures with RapidOCR: PP-OCRv6 models on onnxruntime, both Apache-2.0.

The small models of that family (Cui et al. 2025, arXiv 2507.05595 describe the one before) lie in RapidOCR's wheel and
are named by path, because the library would fetch what it does not find. They find lines of text that run more or less
level or upright; handwriting, ornate lettering and text that is smaller than some ten pixels are missed.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module, util
from pathlib import Path
from typing import Any

import numpy as np
from PIL.Image import Image

from composer.errors import ModelNotReady

_FILES = {
    "Det": "PP-OCRv6_det_small.onnx",
    "Cls": "ch_ppocr_mobile_v2.0_cls_mobile.onnx",
    "Rec": "PP-OCRv6_rec_small.onnx",
}
LACKING = ("What reads text in pictures is not installed.", 'Run: pip install "pictorial[ocr]".')
_SIDE = 736
"""Longest side in pixels at which text is looked for. Enlarging small pictures, as is the library's default, takes
six times as long and finds letters in leaves and bricks."""
_SURE = 0.6
"""Mean probability of a line's characters, 0 to 1, below which it is not believed."""
_MOST = 4_000


class RapidReader:
    """Loads its models when first used: 32 MB of weights, about half a gigabyte of memory while it reads."""

    id = "rapidocr/PP-OCRv6-small"
    version = 1

    def __init__(self, threads: int = 0) -> None:
        """`threads` bounds the processor threads; 0 takes what onnxruntime thinks right."""
        self._threads = threads
        self._engine: Any = None

    @staticmethod
    def installed() -> bool:
        """Whether the packages are here."""
        return all(util.find_spec(name) is not None for name in ("rapidocr", "onnxruntime"))

    def read(self, images: Sequence[Image]) -> list[str]:
        """As the port says. A line is one run of text as it stands in the picture, from the top down."""
        engine = self._loaded()
        texts: list[str] = []
        for image in images:
            found = engine(np.asarray(image.convert("RGB"))[:, :, ::-1].copy())  # OpenCV's order of colours
            lines = zip(found.txts or (), found.scores or (), strict=True)
            kept = [" ".join(text.split()) for text, score in lines if score >= _SURE and _says(text)]
            texts.append("\n".join(kept)[:_MOST])
        return texts

    def close(self) -> None:
        """Free the models; reading again loads them anew."""
        self._engine = None

    def _loaded(self) -> Any:  # noqa: ANN401 - the package has no types
        if self._engine is None:
            if not self.installed():
                raise ModelNotReady(*LACKING)
            self._engine = import_module("rapidocr").RapidOCR(params=self._parameters())
        return self._engine

    def _parameters(self) -> dict[str, object]:
        found = util.find_spec("rapidocr")
        folder = Path(found.origin or "").parent / "models" if found else Path()
        files = {f"{part}.model_path": folder / name for part, name in _FILES.items()}
        missing = [path.name for path in files.values() if not path.is_file()]
        if missing:
            raise ModelNotReady(
                f"The model {missing[0]} is not in the installed RapidOCR.", 'Run: pip install "pictorial[ocr]" again.'
            )
        return {
            **{name: str(path) for name, path in files.items()},
            "Global.log_level": "error",
            "Global.text_score": _SURE,
            "Det.limit_type": "max",
            "Det.limit_side_len": _SIDE,
            "EngineConfig.onnxruntime.intra_op_num_threads": self._threads or -1,
        }


def _says(text: str) -> bool:
    """A single letter is mostly a leaf or a window that looks like one."""
    return sum(char.isalnum() for char in text) > 1
