"""GGUF headers: read like the format's own package reads them; refused in words where llama.cpp would end."""

from __future__ import annotations

import random
import struct
from pathlib import Path

import gguf as reference
import pytest

from composer.errors import ModelNotReady
from models import gguf
from tests.models.gguf_files import chat_model, projector


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return chat_model(tmp_path_factory.mktemp("gguf") / "tiny.gguf", chinese=True)


def test_it_reads_what_the_formats_own_reader_reads(file: Path) -> None:
    for path in (file, projector(file.with_name("eyes.gguf"))):
        ours, theirs = gguf.read(path), reference.GGUFReader(path)
        assert ours.tensors == {each.name: tuple(int(n) for n in each.shape) for each in theirs.tensors}
        for name, field in theirs.fields.items():
            if name.startswith("GGUF."):
                continue
            told, said = ours.fields[name], field.contents()
            assert told == said or [each.decode() for each in told] == said


def test_every_kind_of_tensor_is_known_by_its_size() -> None:
    known = {int(kind): size for kind, size in reference.GGML_QUANT_SIZES.items()}
    assert known == gguf.BLOCKS


def test_what_it_says_of_a_model(file: Path) -> None:
    header = gguf.read(file)
    assert header.kind == "llama"
    assert header.number("block_count") == 2
    assert header.number("nonsense") == 0
    assert header.special == {"bos_token": "<s>", "eos_token": "<|im_end|>", "unk_token": "<unk>"}
    assert header.words[-1].decode()
    assert "im_start" in header.template


def changed(file: Path, old: bytes, new: bytes) -> Path:
    data = file.read_bytes()
    assert old in data
    assert len(old) == len(new)
    other = file.with_name("changed.gguf")
    other.write_bytes(data.replace(old, new, 1))
    return other


def field(name: str, kind: int, form: str, value: object) -> bytes:
    return name.encode() + struct.pack(f"<I{form}", kind, value)


def test_what_llama_cpp_would_end_over_is_refused(file: Path) -> None:
    layers, context, epsilon = "llama.block_count", "llama.context_length", "llama.attention.layer_norm_rms_epsilon"
    near = struct.unpack("<f", struct.pack("<f", 1e-5))[0]
    for old, new, words in (
        (field(layers, 4, "I", 2), field(layers, 4, "I", 0), "block_count is 0"),
        (field(layers, 4, "I", 2), field(layers, 4, "I", 1000), "block_count is 1000"),
        (field(context, 4, "I", 8192), field(context, 4, "I", 0), "context_length is 0"),
        (field(context, 4, "I", 8192), field(context, 4, "I", 2**32 - 1), "context_length is"),
        (field(epsilon, 6, "f", near), field(epsilon, 6, "f", float("nan")), "epsilon is nan"),
        (field(epsilon, 6, "f", near), field(epsilon, 6, "f", -1.0), "epsilon is -1"),
        (b"<0x5D>", b"<0xDD>", "a word stands twice"),
        (struct.pack("<I", 3), struct.pack("<I", 9), r"version 9\) is too new"),
        (struct.pack("<I", 3), struct.pack(">I", 3), "not for this machine"),
    ):
        with pytest.raises(ModelNotReady, match=words) as refused:
            gguf.read(changed(file, old, new))
        assert refused.value.hint


def test_files_cut_short_at_any_place_are_refused(file: Path) -> None:
    data, cut = file.read_bytes(), file.with_name("cut.gguf")
    for share in (0.0001, 0.001, 0.01, 0.05, 0.1, 0.5, 0.9, 0.999):
        cut.write_bytes(data[: int(len(data) * share)])
        with pytest.raises(ModelNotReady, match=r"cut short|not a GGUF file"):
            gguf.read(cut)


def test_bytes_of_chance_are_read_or_refused_never_more(file: Path) -> None:
    """Neither another error than ours, nor more memory or time than the file is worth."""
    data, other, chance = file.read_bytes(), file.with_name("other.gguf"), random.Random(1)
    refused = 0
    for _ in range(150):
        spoilt = bytearray(data)
        for _ in range(chance.choice((1, 2, 8))):
            spoilt[chance.randrange(4, 12_000)] = chance.randrange(256)
        other.write_bytes(spoilt)
        try:
            gguf.read(other)
        except ModelNotReady:
            refused += 1
    assert refused > 20


def test_no_files(tmp_path: Path) -> None:
    with pytest.raises(ModelNotReady, match="missing or cannot be read"):
        gguf.read(tmp_path / "none.gguf")
    with pytest.raises(ModelNotReady, match="missing or cannot be read"):
        gguf.read(tmp_path)
    (tmp_path / "empty.gguf").write_bytes(b"")
    with pytest.raises(ModelNotReady, match="not a GGUF file"):
        gguf.read(tmp_path / "empty.gguf")


def test_the_parts_of_a_model(tmp_path: Path) -> None:
    names = [tmp_path / f"big-{part:05d}-of-00003.gguf" for part in (1, 2, 3)]
    for name in names:
        name.touch()
    assert gguf.parts(names[0]) == gguf.parts(names[2]) == names
    assert gguf.parts(tmp_path / "small.gguf") == [tmp_path / "small.gguf"]
    names[1].unlink()
    with pytest.raises(ModelNotReady, match=r"3 files; big-00002-of-00003\.gguf is missing") as refused:
        gguf.parts(names[0])
    assert refused.value.hint
