"""Tiny GGUF files with random weights of the real architectures: a chat model of letters, and the eyes that fit it.

Made in a tenth of a second with the format's own writer; llama.cpp loads them as it loads any other.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gguf
import numpy as np

CHATML = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
WORDS = ("yes", "no", "Yes", "No", "YES", "NO", "the", "harbour", "boat", "town", "picture", "caption", "light")
HAN = "港口的渔船在黎明前出发，老城屋顶还雾里。"
CONTROL = ("<|im_start|>", "<|im_end|>", "<fake_token_around_image>", "<global-img>", "<row_1_col_1>")
"""Marks of a chat, and of a picture in it."""
WIDTH, HEADS, WIDER = 64, 4, 128
"""Numbers a token, attention heads, numbers inside a layer."""
EYES, PATCH, SIDE, FOLDED = 32, 16, 64, 2
"""Numbers a patch of a picture, pixels of a patch and of a picture's side, how many patches a side become one token."""


def vocabulary(*, chinese: bool = False, without: tuple[str, ...] = ()) -> tuple[list[str], list[float], list[int]]:
    """Tokens, scores and kinds of a sentencepiece vocabulary: bytes, letters, a few words with all their beginnings."""
    kinds = gguf.TokenType
    tokens = {"<unk>": kinds.UNKNOWN, "<s>": kinds.CONTROL, "</s>": kinds.CONTROL}
    tokens |= {f"<0x{byte:02X}>": kinds.BYTE for byte in range(256)}
    tokens |= dict.fromkeys(CONTROL, kinds.CONTROL)
    letters = [chr(code) for code in range(33, 127)] + ["▁", "\n", "\n\n"] + (list(HAN) if chinese else [])
    words = [word[:end] for word in WORDS if word not in without for end in range(2, len(word) + 1)]
    tokens |= dict.fromkeys([*letters, *words, *(f"▁{word}" for word in words)], kinds.NORMAL)
    tokens |= {f"▁{letter}": kinds.NORMAL for letter in letters if letter.isalpha()}
    scores = [float(len(token)) if kind == kinds.NORMAL else 0.0 for token, kind in tokens.items()]
    return list(tokens), scores, [int(kind) for kind in tokens.values()]


def chat_model(
    path: Path,
    *,
    template: str | None = CHATML,
    context: int = 8192,
    layers: int = 2,
    chinese: bool = False,
    seed: int = 1,
    without: tuple[str, ...] = (),
    arch: str = "llama",
    width: int = WIDTH,
    split: int = 0,
    **extra: Any,  # noqa: ANN401 - further metadata, as strings, numbers or booleans
) -> Path:
    """A llama of random weights that reads and writes letters. `without`: words that its vocabulary lacks.

    `split`: how many tensors go into each of several files, named as llama.cpp names them beside `path`.
    """
    tokens, scores, kinds = vocabulary(chinese=chinese, without=without)
    writer = gguf.GGUFWriter(path, arch, split_max_tensors=split)
    writer.add_context_length(context)
    writer.add_embedding_length(width)
    writer.add_block_count(layers)
    writer.add_feed_forward_length(WIDER)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(HEADS // 2)
    writer.add_rope_dimension_count(width // HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_vocab_size(len(tokens))
    writer.add_tokenizer_model("llama")
    writer.add_token_list(tokens)
    writer.add_token_scores(scores)
    writer.add_token_types(kinds)
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(tokens.index("<|im_end|>"))
    writer.add_unk_token_id(0)
    if template is not None:
        writer.add_chat_template(template)
    _add(writer, extra)
    chance = np.random.default_rng(seed)
    for name, shape in _llama_shapes(len(tokens), layers, width).items():
        writer.add_tensor(name, _random(chance, name, shape))
    return _written(writer, path)


def projector(path: Path, *, width: int = WIDTH, seed: int = 2, **extra: Any) -> Path:  # noqa: ANN401 - as above
    """The eyes for `chat_model`: a small SigLIP and SmolVLM's connector (projector type idefics3)."""
    writer = gguf.GGUFWriter(path, "clip")
    writer.add_type("mmproj")
    writer.add_clip_has_vision_encoder(True)
    writer.add_clip_projector_type("idefics3")
    writer.add_vision_projection_dim(width)
    writer.add_vision_image_size(SIDE)
    writer.add_vision_preproc_image_size(SIDE)
    writer.add_vision_patch_size(PATCH)
    writer.add_vision_embedding_length(EYES)
    writer.add_vision_feed_forward_length(2 * EYES)
    writer.add_vision_block_count(1)
    writer.add_vision_head_count(2)
    writer.add_vision_attention_layernorm_eps(1e-6)
    writer.add_vision_image_mean([0.5, 0.5, 0.5])
    writer.add_vision_image_std([0.5, 0.5, 0.5])
    writer.add_vision_use_gelu(True)
    writer.add_vision_projector_scale_factor(FOLDED)
    _add(writer, extra)
    chance = np.random.default_rng(seed)
    for name, shape in _eye_shapes(width).items():
        writer.add_tensor(name, _random(chance, name, shape))
    return _written(writer, path)


def _llama_shapes(vocabulary: int, layers: int, width: int) -> dict[str, tuple[int, ...]]:
    shapes: dict[str, tuple[int, ...]] = {
        "token_embd.weight": (vocabulary, width),
        "output_norm.weight": (width,),
        "output.weight": (vocabulary, width),
    }
    for layer in range(layers):
        shapes |= {
            f"blk.{layer}.attn_norm.weight": (width,),
            f"blk.{layer}.attn_q.weight": (width, width),
            f"blk.{layer}.attn_k.weight": (width // 2, width),
            f"blk.{layer}.attn_v.weight": (width // 2, width),
            f"blk.{layer}.attn_output.weight": (width, width),
            f"blk.{layer}.ffn_norm.weight": (width,),
            f"blk.{layer}.ffn_gate.weight": (WIDER, width),
            f"blk.{layer}.ffn_up.weight": (WIDER, width),
            f"blk.{layer}.ffn_down.weight": (width, WIDER),
        }
    return shapes


def _eye_shapes(width: int) -> dict[str, tuple[int, ...]]:
    shapes: dict[str, tuple[int, ...]] = {
        "v.patch_embd.weight": (EYES, 3, PATCH, PATCH),
        "v.patch_embd.bias": (EYES,),
        "v.position_embd.weight": ((SIDE // PATCH) ** 2, EYES),
        "v.post_ln.weight": (EYES,),
        "v.post_ln.bias": (EYES,),
        "mm.model.fc.weight": (width, EYES * FOLDED**2),
    }
    for part in ("attn_q", "attn_k", "attn_v", "attn_out"):
        shapes |= {f"v.blk.0.{part}.weight": (EYES, EYES), f"v.blk.0.{part}.bias": (EYES,)}
    for part in ("ln1", "ln2"):
        shapes |= {f"v.blk.0.{part}.weight": (EYES,), f"v.blk.0.{part}.bias": (EYES,)}
    shapes |= {"v.blk.0.ffn_up.weight": (2 * EYES, EYES), "v.blk.0.ffn_up.bias": (2 * EYES,)}
    return shapes | {"v.blk.0.ffn_down.weight": (EYES, 2 * EYES), "v.blk.0.ffn_down.bias": (EYES,)}


def _random(chance: np.random.Generator, name: str, shape: tuple[int, ...]) -> np.ndarray:
    if name.endswith(("norm.weight", "ln.weight", "ln1.weight", "ln2.weight")):
        return np.ones(shape, dtype=np.float32)
    numbers = chance.normal(scale=1.0 if len(shape) < 2 else 2.0 / np.sqrt(shape[-1]), size=shape)
    # What llama.cpp makes of float16 depends on how many tokens it computes together; float32 can be compared.
    return numbers.astype(np.float16 if name == "v.patch_embd.weight" else np.float32)


def _add(writer: gguf.GGUFWriter, extra: dict[str, Any]) -> None:
    for name, value in extra.items():
        key = name.replace("__", ".")
        if isinstance(value, bool):
            writer.add_bool(key, value)
        elif isinstance(value, int):
            writer.add_uint32(key, value)
        else:
            writer.add_string(key, value)


def _written(writer: gguf.GGUFWriter, path: Path) -> Path:
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path
