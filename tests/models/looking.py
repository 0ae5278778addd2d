"""Tiny random checkpoints of the families of vision-language models, beside those in checkpoints.py."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.models.checkpoints import LOOK, LOOK_QWEN, MARKS, text_config, tokenizer

SIGHT: dict[str, Any] = {
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "image_size": 32,
    "patch_size": 8,
    "initializer_range": 0.3,
}


def smolvlm(folder: Path) -> Path:
    """SmolVLM: pictures may be cut into tiles, pooled by a connector."""
    import torch
    from transformers import (
        SmolVLMConfig,
        SmolVLMForConditionalGeneration,
        SmolVLMImageProcessor,
        SmolVLMProcessor,
        SmolVLMVideoProcessor,
    )

    torch.manual_seed(11)
    tiles = [f"<row_{row}_col_{column}>" for row in range(1, 7) for column in range(1, 7)]
    words = tokenizer(special=[*MARKS, *tiles], chat=None)
    text = text_config(len(words), max_position_embeddings=2048)
    config = SmolVLMConfig(
        text_config=text, vision_config=SIGHT, scale_factor=2, image_token_id=int(words.vocab["<image>"])
    )
    SmolVLMForConditionalGeneration(config).save_pretrained(folder)
    pictures = SmolVLMImageProcessor(size={"longest_edge": 96}, max_image_size={"longest_edge": 32})
    moving = SmolVLMVideoProcessor()
    SmolVLMProcessor(pictures, words, moving, image_seq_len=4, chat_template=LOOK).save_pretrained(folder)
    return folder


def qwen3(folder: Path) -> Path:
    """Qwen3-VL: features of several depths of the tower go into several layers of the text model."""
    import torch
    from transformers import (
        Qwen2VLImageProcessor,
        Qwen3VLConfig,
        Qwen3VLForConditionalGeneration,
        Qwen3VLProcessor,
        Qwen3VLVideoProcessor,
    )

    torch.manual_seed(12)
    marks = {"vision_start": "<|vision_start|>", "vision_end": "<|vision_end|>"}
    marks |= {"image": "<|image_pad|>", "video": "<|video_pad|>"}
    words = tokenizer(special=[*marks.values(), "<end_of_utterance>"], chat=None)
    rope = {"rope_type": "default", "mrope_section": [1, 1, 2], "rope_theta": 10000.0}
    text: dict[str, Any] = text_config(len(words), max_position_embeddings=2048).to_dict()
    text |= {"rope_parameters": rope, "head_dim": 8}
    del text["model_type"]
    sight: dict[str, Any] = {"depth": 3, "hidden_size": 32, "intermediate_size": 64, "num_heads": 4, "patch_size": 8}
    sight |= {"out_hidden_size": 32, "deepstack_visual_indexes": [0, 1], "num_position_embeddings": 64}
    ids: dict[str, Any] = {f"{name}_token_id": words.vocab[mark] for name, mark in marks.items()}
    config = Qwen3VLConfig(text_config=text, vision_config=sight | {"initializer_range": 0.3}, **ids)
    Qwen3VLForConditionalGeneration(config).save_pretrained(folder)
    cut: dict[str, Any] = {"patch_size": 8, "merge_size": 2, "temporal_patch_size": 2}
    pictures = Qwen2VLImageProcessor(size={"shortest_edge": 32 * 32, "longest_edge": 96 * 96}, **cut)
    moving = Qwen3VLVideoProcessor(**cut)
    Qwen3VLProcessor(pictures, words, moving, chat_template=LOOK_QWEN).save_pretrained(folder)
    return folder


def internvl(folder: Path) -> Path:
    """InternVL: tiles of a fixed size, shuffled down to fewer tokens."""
    import torch
    from transformers import (
        GotOcr2ImageProcessor,
        InternVLConfig,
        InternVLForConditionalGeneration,
        InternVLProcessor,
        InternVLVideoProcessor,
    )

    torch.manual_seed(13)
    marks = {"start_image_token": "<img>", "end_image_token": "</img>", "context_image_token": "<IMG_CONTEXT>"}
    marks |= {"video_token": "<video>"}
    words = tokenizer(special=[*marks.values(), "<end_of_utterance>"], chat=None)
    words.save_pretrained(folder)
    from transformers import AutoTokenizer

    words = AutoTokenizer.from_pretrained(folder, extra_special_tokens=marks)
    text = text_config(len(words), max_position_embeddings=2048)
    config = InternVLConfig(
        text_config=text,
        vision_config={**SIGHT, "image_size": (32, 32), "patch_size": (8, 8)},
        image_token_id=words.convert_tokens_to_ids("<IMG_CONTEXT>"),
        image_seq_length=4,
        downsample_ratio=0.5,
        tie_word_embeddings=False,
    )
    InternVLForConditionalGeneration(config).save_pretrained(folder)
    pictures = GotOcr2ImageProcessor(size={"height": 32, "width": 32})
    template = LOOK.replace("<image>", "<IMG_CONTEXT>\n")
    InternVLProcessor(
        pictures, words, InternVLVideoProcessor(), image_seq_length=4, chat_template=template
    ).save_pretrained(folder)
    return folder


def llava(folder: Path) -> Path:
    """LLaVA: a CLIP tower, one token a patch."""
    import torch
    from transformers import (
        CLIPImageProcessor,
        CLIPVisionConfig,
        LlavaConfig,
        LlavaForConditionalGeneration,
        LlavaProcessor,
    )

    torch.manual_seed(14)
    words = tokenizer(special=["<image>", "<end_of_utterance>"], chat=None)
    text = text_config(len(words), max_position_embeddings=2048)
    config = LlavaConfig(
        text_config=text,
        vision_config=CLIPVisionConfig(**SIGHT, projection_dim=32),
        image_token_index=int(words.vocab["<image>"]),
        vision_feature_layer=-2,
    )
    LlavaForConditionalGeneration(config).save_pretrained(folder)
    pictures = CLIPImageProcessor(size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32})
    LlavaProcessor(
        pictures,
        words,
        patch_size=8,
        vision_feature_select_strategy="default",
        chat_template=LOOK,
        num_additional_image_tokens=1,
    ).save_pretrained(folder)
    return folder
