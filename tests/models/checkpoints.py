"""Tiny random checkpoints of real architectures, written through the real classes: no download, seconds to make."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from transformers import LlamaConfig, PreTrainedTokenizerFast

WORDS = (
    "the harbour lies quiet before dawn and boats leave for the sea while gulls cry over roofs of an old town "
    "where people sell fish bread and flowers near castle walls tell of it Yes No yes no User Assistant"
)
SENTENCES = [WORDS, "港口的渔船在黎明前出发，老城的屋顶还在雾里。", "user assistant system , . : ? !"]
CHAT = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
SPECIAL = ["<pad>", "<s>", "<|im_start|>", "<|im_end|>", "<unk>"]
ROLES = {"bos_token": "<s>", "eos_token": "<|im_end|>", "pad_token": "<pad>", "unk_token": "<unk>"}


def tokenizer(
    byte_level: bool = True, chat: str | None = CHAT, special: list[str] | None = None
) -> PreTrainedTokenizerFast:
    """A byte-pair tokenizer trained on a few sentences; `byte_level` can spell anything, else new words are lost."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    special = [*SPECIAL, *(special or [])]
    if byte_level:
        bare = Tokenizer(models.BPE())
        bare.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        bare.decoder = decoders.ByteLevel()
        trainer = trainers.BpeTrainer(
            vocab_size=700,
            special_tokens=special,
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        )
    else:
        bare = Tokenizer(models.BPE(unk_token=ROLES["unk_token"]))
        bare.pre_tokenizer = pre_tokenizers.Metaspace()
        bare.decoder = decoders.Metaspace()
        trainer = trainers.BpeTrainer(vocab_size=300, special_tokens=special, show_progress=False)
    bare.train_from_iterator(SENTENCES * 3, trainer)
    made = PreTrainedTokenizerFast(tokenizer_object=bare, **ROLES)
    made.chat_template = chat
    return made


def text_config(vocabulary: int, **changes: object) -> LlamaConfig:
    from transformers import LlamaConfig

    values: dict[str, Any] = {
        "vocab_size": vocabulary,
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 3,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "max_position_embeddings": 512,
        "bos_token_id": 1,
        "eos_token_id": 3,
        "pad_token_id": 0,
        "initializer_range": 0.4,  # far from uniform, so that two computations cannot agree by chance
    }
    values.update(changes)
    return LlamaConfig(**values)


def causal(folder: Path, byte_level: bool = False, chat: str | None = CHAT, **changes: object) -> Path:
    """A Llama of three layers with its tokenizer."""
    import torch
    from transformers import LlamaForCausalLM

    torch.manual_seed(5)
    words = tokenizer(byte_level, chat)
    model = LlamaForCausalLM(text_config(len(words), **changes))
    model.save_pretrained(folder)
    words.save_pretrained(folder)
    return folder


def sliding(folder: Path) -> Path:
    """A Mistral that looks back 16 tokens: what its cache has forgotten cannot be cropped back."""
    import torch
    from transformers import MistralConfig, MistralForCausalLM

    torch.manual_seed(5)
    words = tokenizer(byte_level=False)
    values: dict[str, Any] = text_config(len(words)).to_dict() | {"sliding_window": 16}
    del values["model_type"]
    MistralForCausalLM(MistralConfig(**values)).save_pretrained(folder)
    words.save_pretrained(folder)
    return folder


TINY_CLIP: dict[str, Any] = {
    "embed_dim": 24,
    "vision_cfg": {"image_size": 32, "layers": 2, "width": 32, "head_width": 8, "patch_size": 8},
    "text_cfg": {"context_length": 16, "vocab_size": 49408, "width": 32, "heads": 4, "layers": 2},
}
PREPARED = {"mean": [0.4, 0.5, 0.6], "std": [0.3, 0.2, 0.3], "interpolation": "bilinear", "resize_mode": "shortest"}


def clip(folder: Path, config: dict[str, Any] | None = None, weights: str = "open_clip_model.safetensors") -> Path:
    """A CLIP of two layers a tower in open_clip's local folder form."""
    import json

    import open_clip
    import torch
    from safetensors.torch import save_file

    torch.manual_seed(6)
    config = config or TINY_CLIP
    folder.mkdir(parents=True, exist_ok=True)
    kind = open_clip.CustomTextCLIP if "hf_model_name" in config["text_cfg"] else open_clip.CLIP
    model = kind(**config)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim > 1:  # biases as large as these would make all pictures alike
                parameter.copy_(torch.randn_like(parameter) * 0.3)
    save_file({name: tensor.contiguous() for name, tensor in model.state_dict().items()}, folder / weights)
    saved = {"model_cfg": config, "preprocess_cfg": PREPARED}
    (folder / "open_clip_config.json").write_text(json.dumps(saved))
    return folder


def multilingual_clip(folder: Path) -> Path:
    """A CLIP whose text tower is a tiny XLM-RoBERTa, with its tokenizer beside it."""
    from tokenizers.processors import TemplateProcessing
    from transformers import XLMRobertaConfig

    words = tokenizer()
    words.backend_tokenizer.post_processor = TemplateProcessing(
        single="<s> $A <|im_end|>", special_tokens=[("<s>", 1), ("<|im_end|>", 3)]
    )
    words.save_pretrained(folder)
    XLMRobertaConfig(
        vocab_size=len(words),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=64,
        max_position_embeddings=80,
        pad_token_id=0,
    ).save_pretrained(folder / "xlm-roberta-tiny")
    tower = str(folder / "xlm-roberta-tiny")
    text = {"hf_tokenizer_name": "xlm-roberta-tiny", "hf_pooler_type": "mean_pooler", "hf_proj_type": "linear"}
    text |= {"context_length": 20, "hf_model_pretrained": False}
    clip(folder, TINY_CLIP | {"text_cfg": text | {"hf_model_name": tower}})
    config = folder / "open_clip_config.json"
    config.write_text(config.read_text().replace(tower, "xlm-roberta-tiny"))
    return folder


LOOK = (
    "<|im_start|>{% for m in messages %}{{ m['role'] }}:{% for part in m['content'] %}"
    "{% if part['type'] == 'image' %}<image>{% else %}{{ part['text'] }}{% endif %}{% endfor %}<end_of_utterance>\n"
    "{% endfor %}{% if add_generation_prompt %}Assistant:{% endif %}"
)
MARKS = ["<fake_token_around_image>", "<image>", "<end_of_utterance>", "<global-img>"]


def looking(folder: Path, chat: str | None = LOOK) -> Path:
    """A tiny Idefics3 (the architecture of SmolVLM) with its processor; pictures are cut into up to nine tiles."""
    import torch
    from transformers import Idefics3Config, Idefics3ForConditionalGeneration, Idefics3ImageProcessor, Idefics3Processor

    torch.manual_seed(8)
    tiles = [f"<row_{row}_col_{column}>" for row in range(1, 7) for column in range(1, 7)]
    words = tokenizer(special=[*MARKS, *tiles], chat=None)
    config = Idefics3Config(
        text_config=text_config(len(words), max_position_embeddings=2048),
        vision_config={
            "hidden_size": 32,
            "intermediate_size": 64,
            "num_hidden_layers": 2,
            "num_attention_heads": 4,
            "image_size": 32,
            "patch_size": 8,
            "initializer_range": 0.3,
        },
        scale_factor=2,
        image_token_id=int(words.vocab["<image>"]),
    )
    Idefics3ForConditionalGeneration(config).save_pretrained(folder)
    pictures = Idefics3ImageProcessor(size={"longest_edge": 96}, max_image_size={"longest_edge": 32})
    Idefics3Processor(pictures, words, image_seq_len=4, chat_template=chat).save_pretrained(folder)
    return folder


LOOK_QWEN = LOOK.replace("<image>", "<|vision_start|><|image_pad|><|vision_end|>")


def looking_qwen(folder: Path) -> Path:
    """A tiny Qwen2.5-VL: pictures of any size, positions in three dimensions."""
    import torch
    from transformers import (
        Qwen2_5_VLConfig,
        Qwen2_5_VLForConditionalGeneration,
        Qwen2_5_VLProcessor,
        Qwen2VLImageProcessor,
        Qwen2VLVideoProcessor,
    )

    torch.manual_seed(9)
    marks = {"vision_start": "<|vision_start|>", "vision_end": "<|vision_end|>"}
    marks |= {"image": "<|image_pad|>", "video": "<|video_pad|>"}
    words = tokenizer(special=[*marks.values(), "<end_of_utterance>"], chat=None)
    rope = {"rope_type": "default", "mrope_section": [1, 1, 2], "rope_theta": 10000.0}
    text: dict[str, Any] = text_config(len(words), max_position_embeddings=2048).to_dict() | {"rope_parameters": rope}
    del text["model_type"]
    sight: dict[str, Any] = {"depth": 2, "hidden_size": 32, "intermediate_size": 64, "num_heads": 4, "patch_size": 8}
    sight |= {"out_hidden_size": 32, "window_size": 32, "fullatt_block_indexes": [1], "initializer_range": 0.3}
    ids: dict[str, Any] = {f"{name}_token_id": words.vocab[mark] for name, mark in marks.items()}
    config = Qwen2_5_VLConfig(text_config=text, vision_config=sight, **ids)
    Qwen2_5_VLForConditionalGeneration(config).save_pretrained(folder)
    cut: dict[str, Any] = {"patch_size": 8, "merge_size": 2, "temporal_patch_size": 2}
    pictures = Qwen2VLImageProcessor(size={"shortest_edge": 32 * 32, "longest_edge": 96 * 96}, **cut)
    moving = Qwen2VLVideoProcessor(**cut)
    Qwen2_5_VLProcessor(pictures, words, moving, chat_template=LOOK_QWEN).save_pretrained(folder)
    return folder


# --- more writers ---


def encoder_only(folder: Path) -> Path:
    """A BERT of one layer: transformers knows a way to make it go on with texts, but it was not made for that."""
    import torch
    from transformers import BertConfig, BertForMaskedLM

    torch.manual_seed(5)
    words = tokenizer(byte_level=False)
    sizes: dict[str, Any] = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
    BertForMaskedLM(BertConfig(vocab_size=len(words), intermediate_size=64, **sizes)).save_pretrained(folder)
    words.save_pretrained(folder)
    return folder


def recurrent(folder: Path) -> Path:
    """A Mamba of two layers: it cannot take back what it read."""
    import torch
    from transformers import MambaConfig, MambaForCausalLM

    torch.manual_seed(5)
    words = tokenizer(byte_level=False)
    config = MambaConfig(
        vocab_size=len(words),
        hidden_size=32,
        num_hidden_layers=2,
        state_size=8,
        initializer_range=0.4,
        bos_token_id=1,
        eos_token_id=3,
        pad_token_id=0,
    )
    MambaForCausalLM(config).save_pretrained(folder)
    words.save_pretrained(folder)
    return folder


def looking_gemma(folder: Path) -> Path:
    """A tiny Gemma 3 with its picture tower; its layers look back eight tokens and all of them in turn."""
    import torch
    from transformers import Gemma3Config, Gemma3ForConditionalGeneration

    torch.manual_seed(9)
    words = tokenizer(special=["<start_of_image>", "<end_of_image>", "<image_soft_token>"])
    same = {name: getattr(text_config(len(words)), name) for name in ("vocab_size", "hidden_size", "intermediate_size")}
    text: dict[str, Any] = same | {"num_hidden_layers": 3, "num_attention_heads": 4, "num_key_value_heads": 2}
    text |= {
        "head_dim": 8,
        "sliding_window": 8,
        "layer_types": ["sliding_attention", "full_attention", "full_attention"],
    }
    text |= {"max_position_embeddings": 512, "bos_token_id": 1, "eos_token_id": 3, "pad_token_id": 0}
    text |= {"initializer_range": 0.4, "tie_word_embeddings": False}
    sight: dict[str, Any] = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 1, "patch_size": 8}
    sight |= {"num_attention_heads": 4, "image_size": 32}
    marks = {"boi": "<start_of_image>", "eoi": "<end_of_image>", "image": "<image_soft_token>"}
    ids: dict[str, Any] = {f"{name}_token_index": int(words.vocab[mark]) for name, mark in marks.items()}
    config = Gemma3Config(
        text_config=text, vision_config=sight, mm_tokens_per_image=4, tie_word_embeddings=False, **ids
    )
    Gemma3ForConditionalGeneration(config).save_pretrained(folder)
    words.save_pretrained(folder)
    return folder


FP8_BLOCK = 64


def eight_bits(folder: Path) -> tuple[Path, Path]:
    """A Llama with weights in blocks of eight-bit floats, as published models have them, and the same one unpacked."""
    import json

    import torch
    from safetensors.torch import load_file, save_file

    packed, plain = (
        causal(folder / name, hidden_size=128, intermediate_size=256, head_dim=32, num_key_value_heads=4)
        for name in ("packed", "plain")
    )
    small: dict[str, Any] = {}
    whole: dict[str, Any] = {}
    for name, weight in load_file(plain / "model.safetensors").items():
        small[name] = whole[name] = weight
        if "proj" not in name:
            continue
        high, wide = weight.shape
        blocks = weight.view(high // FP8_BLOCK, FP8_BLOCK, wide // FP8_BLOCK, FP8_BLOCK)
        scale = blocks.abs().amax(dim=(1, 3)) / torch.finfo(torch.float8_e4m3fn).max
        eighth = (blocks / scale[:, None, :, None]).to(torch.float8_e4m3fn)
        small[name], small[f"{name}_scale_inv"] = eighth.view(high, wide), scale
        whole[name] = (eighth.float() * scale[:, None, :, None]).view(high, wide)
    save_file(small, packed / "model.safetensors", metadata={"format": "pt"})
    save_file(whole, plain / "model.safetensors", metadata={"format": "pt"})
    config = json.loads((packed / "config.json").read_text())
    config["quantization_config"] = {
        "quant_method": "fp8",
        "activation_scheme": "dynamic",
        "weight_block_size": [FP8_BLOCK, FP8_BLOCK],
    }
    (packed / "config.json").write_text(json.dumps(config))
    return packed, plain


# --- more encoders ---

SIGLIP: dict[str, Any] = {
    "embed_dim": 64,
    "init_logit_bias": -10,
    "custom_text": True,
    "vision_cfg": {
        "image_size": 160,
        "timm_model_name": "test_vit",
        "timm_model_pretrained": False,
        "timm_pool": "map",
        "timm_proj": "none",
    },
    "text_cfg": {
        "context_length": 64,
        "hf_tokenizer_name": "someone/siglip",
        "tokenizer_kwargs": {"clean": "canonicalize"},
        "width": 64,
        "heads": 4,
        "layers": 2,
        "no_causal_mask": True,
        "proj_bias": True,
        "pool_type": "last",
        "norm_kwargs": {"eps": 1e-6},
    },
}
"""The settings of open_clip's SigLIP models, with timm's own tiny tower for tests."""
CONVOLUTIONS = {
    "image_size": 160,
    "timm_model_name": "test_resnet",
    "timm_model_pretrained": False,
    "timm_pool": "avg",
    "timm_proj": "linear",
}


def siglip(folder: Path, vision: dict[str, Any] | None = None) -> Path:
    """A SigLIP: a picture tower of timm, 64 tokens of text read in both directions, a tokenizer of its own."""
    import json

    import open_clip
    import torch
    from safetensors.torch import save_file
    from tokenizers.processors import TemplateProcessing

    torch.manual_seed(7)
    words = tokenizer()
    words.backend_tokenizer.post_processor = TemplateProcessing(
        single="$A <|im_end|>", special_tokens=[("<|im_end|>", 3)]
    )
    words.save_pretrained(folder)
    config = SIGLIP | {"text_cfg": SIGLIP["text_cfg"] | {"vocab_size": len(words)}}
    config["vision_cfg"] = vision or SIGLIP["vision_cfg"]
    model = open_clip.CustomTextCLIP(**{name: value for name, value in config.items() if name != "custom_text"})
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim > 1:
                parameter.copy_(torch.randn_like(parameter) * 0.1)
    kept = {name: tensor.contiguous() for name, tensor in model.state_dict().items()}
    save_file(kept, folder / "open_clip_model.safetensors")
    saved = {"model_cfg": config, "preprocess_cfg": PREPARED | {"resize_mode": "squash"}}
    (folder / "open_clip_config.json").write_text(json.dumps(saved))
    return folder
