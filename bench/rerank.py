"""What keeping looks saves when pictures are re-ranked, against full calls and against a letter to choose from.

`python bench/rerank.py [--quick] [--json] [--precision fp32|bf16]`. `--quick` takes three rounds (about two minutes).

The model has the architecture of SmolVLM-256M-Instruct with random weights, which cost what trained ones do; its
tokenizer is SmolLM2's, taken from the tiny starter writer, so that texts have the length they would have. Every side
looks at each picture once, at 512 px, without tiles, and opens it from its file. In each round, with a caption and a
paragraph that no round had before, the same eight pictures are judged

- plainly: eight full calls, one picture each (`VisionLanguageReranker(plain=True)`, priors known),
- by a letter: all eight in one prompt, "which picture, A to H?", one call, as InternLM-XComposer's demo chose,
- by `VisionLanguageReranker` with the pictures prepared, their looks read from disk.

Ratios are medians over the rounds of the other side's seconds over ours. `max_abs_diff` is the largest difference of
any score from the plain one, `same_order` whether all rounds rank the pictures alike. What the looks cost to make and
to keep is in the table.

Without `--quick`, four of the pictures are also compared with each other (models/rerankers/comparison.py), in four
shuffled orders: how often the letter names the picture that it named first, how often the mean over all places does,
and the seconds of one comparison.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
from PIL import Image

from composer.ports import Cancel, Vectors
from composer.types import Picture
from models import store
from models.rerankers.comparison import LETTERS, compared, letter_odds
from models.rerankers.pictures import opened
from models.rerankers.vision_language import SIDE, VisionLanguageReranker

COUNT = 8
MARKS = ["<fake_token_around_image>", "<image>", "<end_of_utterance>", "<global-img>"]
CHAT = (
    "<|im_start|>{% for message in messages %}{{ message['role'] | capitalize }}:{% for part in message['content'] %}"
    "{% if part['type'] == 'image' %}<image>{% else %}{{ part['text'] }}{% endif %}{% endfor %}<end_of_utterance>\n"
    "{% endfor %}{% if add_generation_prompt %}Assistant:{% endif %}"
)
SLOTS = (
    (
        "Fishing boats at the quay before sunrise",
        ("The town grew around its harbour. Before five the first boats leave, and by eight the catch is on the stones"
         " of the quay, where the cooks of three restaurants argue over it in low voices."),
    ),
    (
        "The mill on the ridge, its sails at rest",
        ("Wind came over the ridge on two days out of three, and that was enough. The miller slept in the cap of the "
         "mill, and when the sails began to turn the whole house told him so."),
    ),
    (
        "A castle wall above the river",
        ("Nobody lives in the castle now. Its walls still hold the slope together, and in spring the swifts come back "
         "to the holes that the beams have left."),
    ),
    (
        "Market stalls with winter vegetables",
        ("On Saturdays the square belongs to the growers from the plain. Leeks, cabbages and pale roots lie in rows, "
         "and whoever comes after ten takes what is left."),
    ),
    (
        "An old bridge of three arches",
        ("The road does not need the bridge any more, but the village does: it is where people wait, where children "
         "fish, and where the news is."),
    ),
    (
        "Snow on the pass in the evening",
        ("The last bus over the pass leaves at four. After that there is only the plough, and the light in the "
         "keeper's window, which has never been switched off in winter."),
    ),
    (
        "A reading room under a glass roof",
        ("It was built for newspapers. Now people come for the quiet and for the light."),
    ),
)  # fmt: skip


def checkpoint(folder: Path) -> Path:
    """SmolVLM-256M's architecture, random weights."""
    import torch
    from transformers import (
        AutoTokenizer,
        SmolVLMConfig,
        SmolVLMForConditionalGeneration,
        SmolVLMImageProcessor,
        SmolVLMProcessor,
        SmolVLMVideoProcessor,
    )

    torch.manual_seed(4)
    tiny = store.find("starter-writer-tiny")
    words = AutoTokenizer.from_pretrained(store.ready(tiny), gguf_file=tiny.files[0].name)
    tiles = [f"<row_{row}_col_{column}>" for row in range(1, 7) for column in range(1, 7)]
    words.add_special_tokens({"additional_special_tokens": [*MARKS, *tiles]})
    text = {
        "model_type": "llama", "hidden_size": 576, "intermediate_size": 1536, "num_hidden_layers": 30,
        "num_attention_heads": 9, "num_key_value_heads": 3, "vocab_size": 49280, "max_position_embeddings": 8192,
        "pad_token_id": 2, "bos_token_id": 1, "eos_token_id": 2, "initializer_range": 0.06,
    }  # fmt: skip
    sight = {
        "hidden_size": 768, "intermediate_size": 3072, "num_hidden_layers": 12, "num_attention_heads": 12,
        "image_size": 512, "patch_size": 16, "initializer_range": 0.06,
    }  # fmt: skip
    config = SmolVLMConfig(
        text_config=text, vision_config=sight, scale_factor=4, image_token_id=words.convert_tokens_to_ids("<image>")
    )
    SmolVLMForConditionalGeneration(config).save_pretrained(folder)
    pictures = SmolVLMImageProcessor(size={"longest_edge": 2048}, max_image_size={"longest_edge": 512})
    SmolVLMProcessor(pictures, words, SmolVLMVideoProcessor(), image_seq_len=64, chat_template=CHAT).save_pretrained(
        folder
    )
    return folder


def photographs(folder: Path) -> list[Picture]:
    """Eight pictures of the demo library, or patchworks of colour where it is not there."""
    there = sorted((Path(__file__).resolve().parents[1] / "demo" / "pictures").rglob("*.jpg"))
    some = there[:: max(1, len(there) // COUNT)][:COUNT]
    random = np.random.default_rng(1)
    while len(some) < COUNT:
        path = folder / f"{len(some)}.jpg"
        patches = random.integers(0, 256, (24, 32, 3), dtype=np.uint8)
        Image.fromarray(patches).resize((1600, 1200), Image.Resampling.BICUBIC).save(path)
        some.append(path)
    return [Picture(id=f"{at:032x}", path=str(path), width=0, height=0) for at, path in enumerate(some)]


def timed(work: Callable[..., Vectors], *given: object) -> tuple[float, Vectors]:
    start = time.perf_counter()
    made = work(*given)
    return time.perf_counter() - start, made


def by_letter(reranker: VisionLanguageReranker, pictures: Sequence[Picture], caption: str, context: str) -> Vectors:
    images = [image for image in (opened(picture, SIDE) for picture in pictures) if image is not None]
    return letter_odds(reranker.sight, images, caption, context, Cancel())


def shuffled(reranker: VisionLanguageReranker, pictures: Sequence[Picture]) -> tuple[float, float, float]:
    """Shares of shuffles that keep the choice, by one letter and over all places; seconds of the latter."""
    (caption, context), four = SLOTS[0], list(pictures[:4])
    letters: list[str] = []
    means: list[str] = []
    seconds: list[float] = []
    for seed in range(4):
        order = [four[at] for at in np.random.default_rng(seed).permutation(len(four))]
        letters.append(order[int(by_letter(reranker, order, caption, context).argmax())].id)
        by_id = sorted(order, key=lambda picture: picture.id)
        images = [image for image in (opened(picture, SIDE) for picture in by_id) if image is not None]
        taken, odds = timed(compared, reranker.sight, images, caption, context, Cancel())
        means.append(by_id[int(odds.argmax())].id)
        seconds.append(taken)
    kept, fair = (sum(each == choices[0] for each in choices[1:]) / 3 for choices in (letters, means))
    return kept, fair, statistics.median(seconds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="three rounds")
    parser.add_argument("--json", action="store_true", help="one JSON line and nothing else on stdout")
    parser.add_argument("--precision", choices=("fp32", "bf16"), default="fp32")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="pictorial-rerank-") as scratch:
        measure(Path(scratch), options)


def measure(scratch: Path, options: argparse.Namespace) -> None:
    folder, pictures = checkpoint(scratch / "smolvlm-256m-random"), photographs(scratch)
    settings: dict[str, Any] = {"precision": options.precision, "device": "cpu"}
    plainly = VisionLanguageReranker(folder, **settings, plain=True)
    ours = VisionLanguageReranker(folder, **settings, looks=scratch / "looks")
    assert ours.ways == "prefix"
    filling, _ = timed(lambda: np.array(list(ours.prepare(pictures, Cancel())), np.float32))
    kept = {
        part: sum(path.stat().st_size for path in (scratch / "looks").rglob(f"*.{part}.*"))
        for part in ("features", "prefix")
    }
    plainly.rerank(pictures, "Warming up", "", Cancel())  # and the priors
    ours.rerank(pictures, "Warming up", "", Cancel())
    rounds: list[tuple[float, float, float, float]] = []
    difference, alike, spread = 0.0, True, 0.0
    for caption, context in SLOTS[: 3 if options.quick else len(SLOTS)]:
        calls, expected = timed(plainly.rerank, pictures, caption, context, Cancel())
        letter, _ = timed(by_letter, plainly, pictures, caption, context)
        ours.forget()
        fast, scores = timed(ours.rerank, pictures, caption, context, Cancel())
        again, _ = timed(ours.rerank, pictures, f"{caption}, again", context, Cancel())
        rounds.append((calls, letter, fast, again))
        difference = max(difference, float(np.abs(scores - expected).max()))
        spread = max(spread, float(np.ptp(expected)))
        alike = alike and np.argsort(-scores).tolist() == np.argsort(-expected).tolist()
    result = {
        "ratio_to_calls": round(statistics.median(calls / fast for calls, _, fast, _ in rounds), 2),
        "ratio_to_letter": round(statistics.median(letter / fast for _, letter, fast, _ in rounds), 2),
        "max_abs_diff": float(f"{difference:.2g}"),
        "same_order": alike,
    }
    if options.json:
        print(json.dumps(result))
        return
    middle = [statistics.median(column) for column in zip(*rounds, strict=True)]
    print(f"SmolVLM-256M's architecture, random weights, {options.precision}, {COUNT} pictures, {len(rounds)} rounds")
    print(f"{'eight full calls, s':<48} {middle[0]:9.2f}")
    print(f"{f'one call that chooses a letter, A to {LETTERS[COUNT - 1]}, s':<48} {middle[1]:9.2f}")
    print(f"{'ours, looks from disk, s':<48} {middle[2]:9.2f}")
    print(f"{'ours, looks in memory, s':<48} {middle[3]:9.2f}")
    print(f"{'filling: to look at a picture once, s':<48} {filling / COUNT:9.2f}")
    print(f"{'keeping: features of a picture, kB':<48} {kept['features'] / COUNT / 1e3:9.1f}")
    print(f"{'keeping: keys and values of a picture, kB':<48} {kept['prefix'] / COUNT / 1e3:9.1f}")
    print(f"{'scores spread over, log-odds':<48} {spread:9.3f}")
    if not options.quick:
        kept, fair, seconds = shuffled(plainly, pictures)
        print(f"{'one letter of four: choice kept after a shuffle':<48} {kept:9.2f}")
        print(f"{'mean over all places: choice kept':<48} {fair:9.2f}")
        print(f"{'mean over all places, four pictures, s':<48} {seconds:9.2f}")
    for name, value in result.items():
        print(f"{name:<48} {value!s:>9}")


if __name__ == "__main__":
    main()
