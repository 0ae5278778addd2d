"""What a model says of itself: the header of a GGUF file, the config of a folder. No weights are read.

GGUF files are read by `models/gguf.py`: the gguf package's own reader makes objects of every word of the vocabulary,
7.8 s for 262,000 words against 0.3 s.
"""

from __future__ import annotations

import json
import re
from functools import lru_cache
from pathlib import Path
from typing import Any

from msgspec import Struct

from composer.errors import ModelNotReady
from composer.shelf import Purpose
from composer.types import Language
from models import gguf as ggufs
from models.gguf import Gguf
from models.vocabulary import bytes_of, languages_by

LONGEST_SHOWN = 200
MOST_CONFIG_BYTES = 4 << 20
MOST_VOCABULARY_BYTES = 64 << 20
CONTEXT = 8_192
"""Tokens of memory that a GGUF model is reckoned with: what a long passage and its outline need."""
_QUANTISATIONS = {
    0: "F32", 1: "F16", 2: "Q4_0", 3: "Q4_1", 7: "Q8_0", 8: "Q5_0", 9: "Q5_1", 10: "Q2_K", 11: "Q3_K_S", 12: "Q3_K_M",
    13: "Q3_K_L", 14: "Q4_K_S", 15: "Q4_K_M", 16: "Q5_K_S", 17: "Q5_K_M", 18: "Q6_K", 19: "IQ2_XXS", 20: "IQ2_XS",
    21: "Q2_K_S", 22: "IQ3_XS", 23: "IQ3_XXS", 24: "IQ1_S", 25: "IQ4_NL", 26: "IQ3_S", 27: "IQ3_M", 28: "IQ2_S",
    29: "IQ2_M", 30: "IQ4_XS", 31: "IQ1_M", 32: "BF16", 36: "TQ1_0", 37: "TQ2_0", 38: "MXFP4",
}  # fmt: skip
"""general.file_type, as llama.cpp numbers it."""


class Header(Struct, frozen=True, kw_only=True):
    """What a model's files say of it."""

    title: str
    architecture: str
    size: int
    """Bytes on disk."""
    memory_mb: int
    context: int
    quantisation: str
    licence: str
    languages: tuple[Language, ...]
    purpose: Purpose
    chat: bool = True
    """Whether it was tuned to follow instructions, as far as the files tell: they have a chat template."""
    projector: bool = False
    """A GGUF that only turns pictures into what another model reads (mmproj)."""
    vision: bool = False
    width: int = 0
    """Numbers a token: a picture reader belongs only to a model of the same width. 0 while unknown."""


def gguf(path: Path) -> Header:
    """Raises ModelNotReady when the file is no GGUF, cut short or damaged."""
    try:
        sizes = [part.stat() for part in ggufs.parts(path)]
        return _gguf(str(path), sum(each.st_size for each in sizes), sizes[0].st_mtime_ns)
    except OSError as error:
        raise ModelNotReady(f"{path} cannot be read.", "Check the path, or choose another model.") from error


def folder(path: Path) -> Header:
    """A transformers or open_clip folder. Raises ModelNotReady when its config cannot be read."""
    if (path / "open_clip_config.json").is_file():
        return _encoder(path)
    config = json_file(path / "config.json")
    words = " ".join(str(each) for each in config.get("architectures") or ()).lower()
    vision = "vision_config" in config or "visual" in config or "imagetexttotext" in words
    inner = config.get("text_config")
    text: dict[str, Any] = inner if isinstance(inner, dict) else config
    size = _weights(path)
    return Header(
        title=path.name, architecture=_shown(config.get("model_type")), size=size,
        memory_mb=round(size / 1e6 * 1.2) + 700, context=_number(text.get("max_position_embeddings")),
        quantisation=_shown(_stored(config, text)), licence="unknown", languages=_folder_languages(path, text),
        purpose="reranker" if vision else "writer", chat=_has_template(path), vision=vision,
    )  # fmt: skip


@lru_cache(maxsize=512)
def _gguf(name: str, size: int, _changed: int) -> Header:
    path = Path(name)
    found = ggufs.read(path)
    fields, kind = found.fields, found.kind
    projector = kind == "clip" or fields.get("general.type") == "mmproj"
    named = _shown(fields.get("general.name")) or path.stem
    number = fields.get("general.file_type")
    quantisation = _QUANTISATIONS.get(number, "") if isinstance(number, int) else ""
    return Header(
        title=f"{named}, {quantisation}" if quantisation else named, architecture=_shown(kind), size=size,
        memory_mb=round((size + _cache_bytes(found)) / 1e6) + 250, context=found.number("context_length"),
        quantisation=quantisation, licence=_licence(fields), languages=_languages(found), purpose="writer",
        chat=bool(found.template), projector=projector,
        width=_number(fields.get("clip.vision.projection_dim")) if projector else found.number("embedding_length"),
    )  # fmt: skip


# --- what the fields mean --------------------------------------------------------------------------------------------


def _cache_bytes(found: Gguf) -> int:
    """Memory of the keys and values of CONTEXT tokens."""
    return min(min(CONTEXT, found.number("context_length") or CONTEXT) * ggufs.token_bytes(found), 1 << 40)


def _licence(fields: dict[str, Any]) -> str:
    name = fields.get("general.license.name") or fields.get("general.license") or "unknown"
    return _shown(name) or "unknown"


def _languages(found: Gguf) -> tuple[Language, ...]:
    """What the file says itself, if it names Chinese; else what its vocabulary was made for."""
    said = found.fields.get("general.languages")
    named = {each[:2].lower() for each in said if isinstance(each, bytes)} if isinstance(said, list) else set()
    words = [word for word in found.words if isinstance(word, bytes) and not word.isascii()]
    if found.text("tokenizer.ggml.model") == "gpt2":
        words = [bytes_of(word) for word in words]
    return ("en", "zh") if b"zh" in named else languages_by(lambda text: tokens_of(text, words))


def tokens_of(text: str, words: list[bytes]) -> int:
    """About how many tokens of a vocabulary a text takes: the longest word each time, else a byte."""
    known = {word for word in words if len(word) <= 48}
    data = text.encode()
    at = count = 0
    while at < len(data):
        step = next((size for size in range(min(24, len(data) - at), 1, -1) if data[at : at + size] in known), 1)
        at += step
        count += 1
    return count


# --- folders ---------------------------------------------------------------------------------------------------------


def _encoder(path: Path) -> Header:
    config = json_file(path / "open_clip_config.json").get("model_cfg")
    if not isinstance(config, dict) or not isinstance(config.get("text_cfg"), dict):
        raise ModelNotReady(f"The config in {path} is damaged.", "Fetch it again, or choose another model.")
    size, text = _weights(path), config["text_cfg"]
    return Header(
        title=path.name, architecture="open_clip", size=size, memory_mb=round(size / 1e6 * 1.2) + 500,
        context=_number(text.get("context_length")), quantisation="", licence="unknown",
        languages=encoder_languages(path.name, text), purpose="encoder",
    )  # fmt: skip


def encoder_languages(name: str, text: dict[str, Any]) -> tuple[Language, ...]:
    """Told by the text tower's names or the size of its vocabulary, as the open_clip adapter does."""
    from models.encoders.openclip import LARGE_VOCABULARY, MULTILINGUAL

    names = f"{name} {text.get('hf_model_name')} {text.get('hf_tokenizer_name')}".lower()
    many = _number(text.get("vocab_size")) >= LARGE_VOCABULARY or any(each in names for each in MULTILINGUAL)
    return ("en", "zh") if many else ("en",)


def _folder_languages(path: Path, text: dict[str, Any]) -> tuple[Language, ...]:
    """English, and Chinese when the tokenizer's vocabulary was made for it."""
    tokenizer = path / "tokenizer.json"
    try:
        raw = json.loads(_bounded(tokenizer, MOST_VOCABULARY_BYTES))["model"]["vocab"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return ("en", "zh") if _number(text.get("vocab_size")) > 100_000 else ("en",)
    names = [str(each[0]) if isinstance(each, list) and each else str(each) for each in raw]
    words = [name.encode() for name in names if not name.isascii()]
    letters = sum(word.startswith("Ġ".encode()) for word in words) > 100
    if letters:
        words = [bytes_of(word) for word in words]
    return languages_by(lambda text: tokens_of(text, words))


def json_file(path: Path) -> dict[str, Any]:
    """A config. Raises ModelNotReady when it is missing, too large or no config."""
    try:
        found = json.loads(_bounded(path, MOST_CONFIG_BYTES))
    except (OSError, ValueError, RecursionError) as error:
        raise ModelNotReady(
            f"{path} is missing or cannot be read.", "Fetch the model again, or choose another one."
        ) from error
    if not isinstance(found, dict):
        raise ModelNotReady(f"{path} is no model's config.", "Fetch the model again, or choose another one.")
    return found


def _bounded(path: Path, most: int) -> bytes:
    if path.stat().st_size > most:
        raise ValueError("too large")
    return path.read_bytes()


def _weights(path: Path) -> int:
    return sum(each.stat().st_size for each in path.glob("*") if each.suffix in {".safetensors", ".bin", ".pt", ".pth"})


def _stored(config: dict[str, Any], text: dict[str, Any]) -> object:
    packed = config.get("quantization_config")
    if isinstance(packed, dict):
        return packed.get("quant_method")
    return config.get("dtype") or config.get("torch_dtype") or text.get("dtype") or text.get("torch_dtype")


def _has_template(path: Path) -> bool:
    if (path / "chat_template.jinja").is_file() or (path / "chat_template.json").is_file():
        return True
    try:
        return "chat_template" in json_file(path / "tokenizer_config.json")
    except ModelNotReady:
        return False


def _number(value: object) -> int:
    return int(value) if isinstance(value, (int, float)) and 0 <= value < 1 << 40 else 0


def _shown(value: object) -> str:
    """A text of the file as it may be shown: one line, not long."""
    return re.sub(r"[\x00-\x1f\x7f-\x9f\s]+", " ", value).strip()[:LONGEST_SHOWN] if isinstance(value, str) else ""
