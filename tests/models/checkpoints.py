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
