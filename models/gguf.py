"""The GGUF format, read with care before llama.cpp sees a file: it trusts what it loads, and ends the process over some
of what is wrong.

Layout after the format's specification (ggml, docs/gguf.md). Files come from strangers: every length is held against
what the file has, every tensor must lie within it.
"""

from __future__ import annotations

import math
import mmap
import re
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from msgspec import Struct

from composer.errors import ModelNotReady

MAGIC = b"GGUF"
MOST_FIELDS, MOST_TENSORS, MOST_ITEMS, LONGEST_TEXT = 65_536, 1_000_000, 16_000_000, 16 << 20
MOST_DIMENSIONS, LONGEST_NAME = 4, 256
MOST_LAYERS = 512
"""llama.cpp's own limit."""
AGAIN = "Fetch it again, or choose another model file."
BLOCKS = {
    0: (1, 4), 1: (1, 2), 2: (32, 18), 3: (32, 20), 6: (32, 22), 7: (32, 24), 8: (32, 34), 9: (32, 40), 10: (256, 84),
    11: (256, 110), 12: (256, 144), 13: (256, 176), 14: (256, 210), 15: (256, 292), 16: (256, 66), 17: (256, 74),
    18: (256, 98), 19: (256, 50), 20: (32, 18), 21: (256, 110), 22: (256, 82), 23: (256, 136), 24: (1, 1), 25: (1, 2),
    26: (1, 4), 27: (1, 8), 28: (1, 8), 29: (256, 56), 30: (1, 2), 34: (256, 54), 35: (256, 66), 39: (32, 17),
    40: (64, 36), 41: (128, 18),
}  # fmt: skip
"""Numbers and bytes in a block of each kind of tensor, as ggml counts them."""
_NUMBERS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
_TEXT, _LIST = 8, 9
_PART = re.compile(r"^(.*)-(\d{5})-of-(\d{5})\.gguf$", re.IGNORECASE)


class Gguf(Struct, frozen=True, kw_only=True):
    """The header of one file."""

    path: Path
    fields: dict[str, Any]
    """By name; texts as bytes where they are words of a list."""
    tensors: dict[str, tuple[int, ...]]
    """Shapes by name, the length of a row first."""

    @property
    def kind(self) -> str:
        """The architecture's name: "llama", "qwen3", "clip"."""
        return self.text("general.architecture")

    def text(self, name: str) -> str:
        value = self.fields.get(name)
        return value if isinstance(value, str) else ""

    def number(self, name: str) -> int:
        """A number of the architecture's ("block_count"), 0 while unknown; the largest where each layer has its own."""
        value = self.fields.get(f"{self.kind}.{name}", 0)
        if isinstance(value, list):
            value = max((each for each in value if isinstance(each, int)), default=0)
        return int(value) if isinstance(value, int) and 0 <= value < 1 << 40 else 0

    @property
    def words(self) -> list[bytes]:
        """The vocabulary, as the file spells it."""
        return self.fields.get("tokenizer.ggml.tokens") or []

    @property
    def template(self) -> str:
        """The chat template; empty for a model that has none."""
        return self.text("tokenizer.chat_template")

    @property
    def special(self) -> dict[str, str]:
        """The marks that chat templates name, such as bos_token."""
        names = {"bos": "bos", "eos": "eos", "unknown": "unk", "padding": "pad"}
        found = {f"{short}_token": self._word(f"tokenizer.ggml.{name}_token_id") for name, short in names.items()}
        return {name: word for name, word in found.items() if word}

    def _word(self, field: str) -> str:
        at = self.fields.get(field)
        return self.words[at].decode("utf-8", "replace") if isinstance(at, int) and 0 <= at < len(self.words) else ""


def token_bytes(model: Gguf) -> int:
    """Memory that a token's keys and values take at 16 bits; more than needed where layers look at a window only."""
    heads = model.number("attention.head_count")
    groups = model.fields.get(f"{model.kind}.attention.head_count_kv")
    own = sum(each for each in groups if isinstance(each, int)) if isinstance(groups, list) else 0
    total = own or model.number("block_count") * (model.number("attention.head_count_kv") or heads)
    width = model.number("embedding_length") // max(heads, 1)
    keys, values = (model.number(f"attention.{part}_length") or width for part in ("key", "value"))
    return 2 * total * (keys + values)


def split_pair(names: str) -> list[str]:
    """ "MODEL.gguf+MMPROJ.gguf" as two paths, whatever else a path holds; a single path as it is."""
    at = names.lower().find(".gguf+")
    return [names] if at < 0 else [names[: at + 5], names[at + 6 :]]


def parts(path: Path) -> list[Path]:
    """All files of a model, the first one first. Any part of a model in several names them all.

    Raises ModelNotReady when one is missing.
    """
    found = _PART.match(path.name)
    if found is None:
        return [path]
    name, count = found[1], int(found[3])
    every = [path.with_name(f"{name}-{part:05d}-of-{found[3]}.gguf") for part in range(1, count + 1)]
    missing = [each.name for each in every if not each.is_file()]
    if missing and path.is_file():
        more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        raise ModelNotReady(
            f"This model comes in {count} files; {missing[0]}{more} is missing beside {path.name}.",
            "Put all its parts into one folder.",
        )
    return every or [path]


def read(path: Path) -> Gguf:
    """The header. Raises ModelNotReady when the file is missing, no GGUF, cut short or damaged.

    Of a model in several files, only of the one named.
    """
    try:
        with path.open("rb") as file:
            if file.read(4) != MAGIC:
                raise ModelNotReady(f"{path.name} is not a GGUF file.", AGAIN)
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
                fields, tensors = _header(data)
                _check(fields)
    except OSError as error:
        raise ModelNotReady(f"The model file {path} is missing or cannot be read.", "Check its path.") from error
    except (ValueError, struct.error) as error:
        raise ModelNotReady(f"{path.name} could not be loaded: {error}.", AGAIN) from error
    return Gguf(path=path, fields=fields, tensors=tensors)


def _check(fields: dict[str, Any]) -> None:
    """Raise ValueError over what llama.cpp would end the process for instead of refusing it."""
    kind = fields.get("general.architecture")
    for name, value in fields.items():
        if isinstance(value, float) and not (math.isfinite(value) and value >= 0) and "epsilon" in name:
            raise ValueError(f"it is damaged: {name} is {value}")
    for name, least, most in (("block_count", 1, MOST_LAYERS), ("context_length", 1, 1 << 30)):
        value = fields.get(f"{kind}.{name}", least)
        if not isinstance(value, int) or not least <= value <= most:
            raise ValueError(f"it is damaged: {name} is {value}")
    words = [word for word in fields.get("tokenizer.ggml.tokens", ()) if word]
    if len(set(words)) != len(words):
        raise ValueError("it is damaged: a word stands twice in its vocabulary")


class _Reader:
    """A place in the file; nothing is read beyond its end."""

    def __init__(self, data: mmap.mmap) -> None:
        self.data, self.at = data, 4

    def take(self, size: int) -> int:
        """Where the next `size` bytes begin."""
        start = self.at
        if start + size > len(self.data):
            raise ValueError("it is cut short")
        self.at = start + size
        return start

    def number(self, kind: int) -> Any:  # noqa: ANN401 - whatever the format holds
        form = f"<{_NUMBERS[kind]}"
        return struct.unpack_from(form, self.data, self.take(struct.calcsize(form)))[0]

    def raw(self) -> bytes:
        size = self.number(10)
        if size > LONGEST_TEXT:
            raise ValueError("it is damaged: a text in it has no end")
        start = self.take(size)
        return self.data[start : start + size]

    def text(self) -> str:
        return self.raw().decode("utf-8", "replace")

    def value(self, kind: int) -> Any:  # noqa: ANN401 - as above
        if kind == _TEXT:
            return self.text()
        if kind == _LIST:
            return self._list()
        if kind not in _NUMBERS:
            raise ValueError("it is damaged, or of a newer format than this version knows")
        return self.number(kind)

    def _list(self) -> list[Any]:
        kind, count = self.number(4), self.number(10)
        if count > MOST_ITEMS or kind == _LIST or (kind != _TEXT and kind not in _NUMBERS):
            raise ValueError("it is damaged: a list in it is none")
        if kind == _TEXT:
            return [self.raw() for _ in range(count)]
        form = f"<{count}{_NUMBERS[kind]}"
        return list(struct.unpack_from(form, self.data, self.take(struct.calcsize(form))))


def _header(data: mmap.mmap) -> tuple[dict[str, Any], dict[str, tuple[int, ...]]]:
    reader = _Reader(data)
    version = reader.number(4)
    if version not in {2, 3}:
        known = version == 1 or version > 0xFFFF  # the latter: written for processors with bytes the other way round
        raise ValueError(f"its format {'is not for this machine' if known else f'(version {version}) is too new'}")
    tensors, count = reader.number(10), reader.number(10)
    if tensors > MOST_TENSORS or count > MOST_FIELDS:
        raise ValueError("it is damaged: it claims too many entries")
    fields: dict[str, Any] = {}
    for _ in range(count):
        name = reader.text()
        fields[name] = reader.value(reader.number(4))
    return fields, dict(_tensors(reader, tensors, fields))


def _tensors(reader: _Reader, count: int, fields: dict[str, Any]) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Names and shapes. Raises ValueError unless each lies within the file."""
    ends = [0]
    for _ in range(count):
        name, shape, end = _tensor(reader)
        ends.append(end)
        yield name, shape
    align = fields.get("general.alignment", 32)
    if not isinstance(align, int) or align < 1 or align & (align - 1) or align > 1 << 20:
        raise ValueError("it is damaged: its alignment is none")
    start = -(-reader.at // align) * align
    if count and start + max(ends) > len(reader.data):
        raise ValueError("it is cut short: some of its weights are missing")


def _tensor(reader: _Reader) -> tuple[str, tuple[int, ...], int]:
    """Name, shape, and where its bytes end in the part of the file that holds the weights."""
    name, dimensions = reader.text(), reader.number(4)
    if not 1 <= dimensions <= MOST_DIMENSIONS or len(name) > LONGEST_NAME:
        raise ValueError("it is damaged: a tensor in it has no shape")
    shape = tuple(reader.number(10) for _ in range(dimensions))
    kind, offset = reader.number(4), reader.number(10)
    if kind not in BLOCKS:
        raise ValueError("its weights are of a kind that this version does not know")
    numbers, size = BLOCKS[kind]
    total = 1
    for length in shape:
        total *= length
    if not 0 < total < 1 << 50 or shape[0] % numbers or offset >= 1 << 60:
        raise ValueError("it is damaged: a tensor in it has no shape")
    return name, shape, offset + total // numbers * size
