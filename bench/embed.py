"""How near giving pictures vectors comes to the machine's limit, and what it gains on the usual ways.

`python bench/embed.py [--quick] [--json] [--photos] [--clip-retrieval PYTHON]`. `--quick` takes three rounds.

The encoder is open_clip's ViT-B-32 with random weights, which cost what trained ones do. The pictures are JPEGs of
640 x 480 pixels cut from the demo's, with `--photos` photographs of 7.5 megapixels. In each round, one after another:

- the forward alone, on pixels that lie ready: in fp32, in bf16, and in bf16 by parts side by side, one thread each.
  The fastest of them over all rounds is the limit; it is timed before and after ours;
- our way: a folder that was scanned gets its vectors (decoding, preparing, the encoder in its own process, storing);
- the loop of open_clip's README: PIL, preprocess, encode_image, one picture at a time, fp32;
- with `--clip-retrieval` clip_inference of that package, with the same weights and pictures, two workers and batches
  of 64. Its rate is taken from its own statistics, so that starting and loading do not count.

Ratios are medians over the rounds. `cosine` compares our vectors with those of open_clip's own preprocessing of the
pictures at full size, both in fp32: over the demo's pictures as they are, and over pictures of 7.5 megapixels, enlarged
ones and ones of nothing but detail. `cosine_apart` is the median between different pictures: what 1 is to be held
against.

clip-retrieval needs an environment of its own, with older libraries:

    python3.11 -m venv DIR && DIR/bin/pip install "setuptools<81" clip-retrieval

It passes over files whose names end in .JPEG.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from threading import Barrier, Thread
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
from PIL import Image

from composer.library.catalogue import Catalogue
from composer.library.decoding import quality
from composer.library.filling.embed import embed
from composer.library.filling.scan import scan
from composer.ports import WHOLE, Cancel, Vectors
from models.encoders.openclip import OpenClipEncoder
from models.isolation import Host

MODEL = "ViT-B-32"
PICTURES = Path(__file__).parents[1] / "demo" / "pictures"
SMALL, LARGE = (640, 480), (3162, 2372)
BATCH, PART = 32, 32
FORMS = ("fp32", "bf16", "bf16 side by side")


def make_model(folder: Path) -> None:
    """The architecture with seeded random weights, as a folder that open_clip reads."""
    import open_clip
    import torch
    from safetensors.torch import save_file

    torch.manual_seed(1)
    config = open_clip.get_model_config(MODEL)
    create: Any = open_clip.create_model
    model = create(MODEL, pretrained=None)
    folder.mkdir(parents=True)
    weights = {name: each.contiguous() for name, each in model.state_dict().items()}
    save_file(weights, folder / "open_clip_model.safetensors")
    torch.save(model.state_dict(), folder / "weights.pt")
    saved = {"model_cfg": config, "preprocess_cfg": model.visual.preprocess_cfg}
    (folder / "open_clip_config.json").write_text(json.dumps(saved))


class Rivals:
    """The forward alone and the README's loop, in a process of their own."""

    def __init__(self, folder: Path) -> None:
        import open_clip
        import torch

        create: Any = open_clip.create_model_and_transforms
        self._whole, _, self._preprocess = create(f"local-dir:{folder}")
        self._half, _, _ = create(f"local-dir:{folder}")
        self._whole.eval()
        self._half.eval().to(torch.bfloat16)
        self._threads = torch.get_num_threads()

    def forward(self, form: str, count: int) -> float:
        """Pictures a second."""
        import torch

        model, dtype = (self._whole, torch.float32) if form == "fp32" else (self._half, torch.bfloat16)
        if form == FORMS[2]:
            return self._side_by_side(count)
        with torch.inference_mode():
            pixels = torch.randn(BATCH, 3, 224, 224).to(dtype)
            model.encode_image(pixels)
            began = time.perf_counter()
            for _ in range(-(-count // BATCH)):
                model.encode_image(pixels)
        return -(-count // BATCH) * BATCH / (time.perf_counter() - began)

    def _side_by_side(self, count: int) -> float:
        import torch

        start, times = Barrier(self._threads + 1), max(2, -(-count // (PART * self._threads)))

        def part() -> None:
            torch.set_num_threads(1)
            with torch.inference_mode():
                pixels = torch.randn(PART, 3, 224, 224).to(torch.bfloat16)
                self._half.encode_image(pixels)
                start.wait()
                for _ in range(times):
                    self._half.encode_image(pixels)

        threads = [Thread(target=part) for _ in range(self._threads)]
        for each in threads:
            each.start()
        start.wait()
        began = time.perf_counter()
        for each in threads:
            each.join()
        torch.set_num_threads(self._threads)
        return times * PART * self._threads / (time.perf_counter() - began)

    def readme(self, paths: Sequence[str]) -> float:
        """Pictures a second."""
        import torch

        began = time.perf_counter()
        for path in paths:
            image = self._preprocess(Image.open(path)).unsqueeze(0)
            with torch.no_grad():
                features = self._whole.encode_image(image)
                features /= features.norm(dim=-1, keepdim=True)
        return len(paths) / (time.perf_counter() - began)

    def reference(self, paths: Sequence[str]) -> Vectors:
        """Vectors of the pictures at full size, by open_clip's own preprocessing."""
        import torch

        with torch.inference_mode():
            made = [
                self._whole.encode_image(self._preprocess(quality.open_upright(path)).unsqueeze(0), normalize=True)
                for path in paths
            ]
        return torch.cat(made).numpy()


# --- pictures ---


def demo_pictures() -> list[Path]:
    return [path for path in sorted(PICTURES.rglob("*")) if path.suffix in {".jpg", ".png", ".webp"}]


def noise(chance: np.random.Generator, size: tuple[int, int]) -> Image.Image:
    """Detail at every scale, as strong at each: nothing is left out that a wrong filter could spoil."""
    made = np.zeros((size[1], size[0], 3), np.float32)
    for step in (1, 2, 4, 16, 64):
        small = chance.integers(0, 256, (-(-size[1] // step), -(-size[0] // step), 3)).astype(np.uint8)
        made += np.asarray(Image.fromarray(small).resize(size, Image.Resampling.BICUBIC), np.float32) / 5
    return Image.fromarray(made.astype(np.uint8))


def fill(folder: Path, count: int, size: tuple[int, int], chance: np.random.Generator) -> None:
    """JPEGs cut at random from the demo's pictures, or of nothing but detail where there are none."""
    folder.mkdir(parents=True)
    sources = demo_pictures()
    for number in range(count):
        if not sources:
            image = noise(chance, size)
        else:
            with Image.open(sources[int(chance.integers(len(sources)))]) as opened:
                whole = opened.convert("RGB")
            scale = float(chance.uniform(0.6, 1.0)) * min(whole.width / size[0], whole.height / size[1])
            wide, high = int(size[0] * scale), int(size[1] * scale)
            left, top = int(chance.integers(whole.width - wide + 1)), int(chance.integers(whole.height - high + 1))
            image = whole.resize(size, Image.Resampling.LANCZOS, (left, top, left + wide, top + high))
        image.save(folder / f"{number:05}.jpg", quality=88)


# --- what is timed ---


def ours(catalogue: Catalogue, encoder: OpenClipEncoder, folder: Path) -> float:
    """Pictures a second."""
    began, done = time.perf_counter(), 0
    for step in embed(catalogue, [str(folder)], encoder, Cancel()):
        done = step.done
    assert done
    return done / (time.perf_counter() - began)


def clip_inference(python: str, weights: Path, pictures: Path, out: Path) -> float:
    """Pictures a second by its own statistics: reading, computing and writing, batch after batch."""
    script = (
        "import sys\nfrom clip_retrieval.clip_inference.main import main\n"
        "main(input_dataset=sys.argv[1], output_folder=sys.argv[2], input_format='files', enable_text=False,"
        " enable_metadata=False, batch_size=64, num_prepro_workers=2, use_jit=False, enable_wandb=False,"
        " clip_model='open_clip:' + sys.argv[3])\n"
    )
    command = [python, "-c", script, str(pictures), str(out), f"{MODEL}/{weights}"]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    found = sorted((out / "stats").glob("*.json"))
    if ran.returncode or not found:
        raise SystemExit(f"clip-retrieval did not run: {ran.stderr[-600:]}")
    told = json.loads(found[-1].read_text())
    print(f"clip_inference: {told}", file=sys.stderr)
    return told["sample_count"] / told["total_duration"]


def cosines(encoder: OpenClipEncoder, rivals: Rivals, paths: Sequence[str]) -> tuple[float, float]:
    """The lowest of our vectors with the reference's, and the median between different pictures."""
    images: list[Image.Image] = []
    for path in paths:
        image = quality.open_upright(path, encoder.image_size)
        with quality.open_file(path) as file:
            _, width, height, _ = quality.decode(file)
        image.info[WHOLE] = (width, height)
        images.append(image)
    here, there = encoder.encode_images(images), rivals.reference(paths)
    apart = (there @ there.T)[np.triu_indices(len(paths), 1)]
    return float((here * there).sum(axis=1).min()), float(np.median(apart))


def usable(paths: Sequence[Path]) -> list[str]:
    kept: list[str] = []
    for path in paths:
        try:
            quality.open_upright(path, 224)
        except quality.UnusablePicture:
            continue
        kept.append(str(path))
    return kept


def measure(args: argparse.Namespace, folder: Path, hosts: Callable[[str], Host]) -> dict[str, object]:
    chance = np.random.default_rng(1)
    rounds, count = (3, 256) if args.quick else (7, 384)
    if args.photos:
        count //= 4
    make_model(folder / "model")
    for number in range(rounds + 1):
        fill(folder / "pictures" / str(number), count if number else 2 * BATCH, LARGE if args.photos else SMALL, chance)
    encoder = hosts("encoder").build(OpenClipEncoder, str(folder / "model"))
    rivals = hosts("rivals").build(Rivals, folder / "model")
    with Catalogue(folder / "own" / "catalogue.sqlite", folder / "own" / "previews") as catalogue:
        for _ in scan(catalogue, folder / "pictures", Cancel()):
            pass
        ours(catalogue, encoder, folder / "pictures" / "0")
        table: list[dict[str, float]] = []
        for number in range(1, rounds + 1):
            table.append(one_round(args, folder, number, catalogue, encoder, rivals))
            print({name: round(rate, 1) for name, rate in table[-1].items()}, file=sys.stderr)
    limit = max(FORMS, key=lambda form: statistics.median(row[form] for row in table))

    def ratio(name: str) -> float:
        return round(statistics.median(row["ours"] / row[name] for row in table), 3)

    found: dict[str, object] = {
        "share_of_limit": ratio(limit),
        "ratio_to_readme_loop": ratio("readme"),
        "ratio_to_clip_retrieval": ratio("clip_inference") if args.clip_retrieval else None,
        "limit": limit,
        "pictures_per_second": round(statistics.median(row["ours"] for row in table), 1),
        "rounds": rounds,
    }
    return found | compare(args, folder, hosts("plain"), rivals, chance)


def one_round(
    args: argparse.Namespace, folder: Path, number: int, catalogue: Catalogue, encoder: OpenClipEncoder, rivals: Rivals
) -> dict[str, float]:
    place = folder / "pictures" / str(number)
    before = {form: rivals.forward(form, BATCH) for form in FORMS}
    row = {"ours": ours(catalogue, encoder, place)}
    row |= {form: (before[form] + rivals.forward(form, BATCH)) / 2 for form in FORMS}
    row["readme"] = rivals.readme([str(path) for path in sorted(place.iterdir())[:8]])
    if args.clip_retrieval:
        weights = folder / "model" / "weights.pt"
        row["clip_inference"] = clip_inference(args.clip_retrieval, weights, place, folder / "retrieval" / str(number))
    return row


def compare(
    args: argparse.Namespace, folder: Path, host: Host, rivals: Rivals, chance: np.random.Generator
) -> dict[str, object]:
    """Our vectors beside the reference's."""
    plain = host.build(OpenClipEncoder, str(folder / "model"), precision="fp32")
    step = 12 if args.quick else 3
    paths = usable(demo_pictures()[::step])
    large = folder / "large"
    fill(large, 8 if args.quick else 24, LARGE, chance)
    for number in range(2 if args.quick else 6):
        noise(chance, LARGE).save(large / f"detail{number}.jpg", quality=92)
    found: dict[str, object] = {}
    if paths:
        lowest, apart = cosines(plain, rivals, paths)
        found |= {"cosine": round(lowest, 5), "cosine_apart": round(apart, 3), "compared": len(paths)}
    lowest, _ = cosines(plain, rivals, [str(path) for path in sorted(large.iterdir())])
    return found | {"cosine_of_7.5_megapixels": round(lowest, 5)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--photos", action="store_true", help="photographs of 7.5 megapixels")
    parser.add_argument("--clip-retrieval", metavar="PYTHON", help="the Python of an environment with clip-retrieval")
    args = parser.parse_args()
    made: list[Host] = []

    def host(name: str) -> Host:
        made.append(Host(name))
        return made[-1]

    with tempfile.TemporaryDirectory() as folder:
        try:
            found = measure(args, Path(folder), host)
        finally:
            for each in made:
                each.close()
    if args.json:
        print(json.dumps(found))
        return
    for name, value in found.items():
        print(f"{name:28} {value}")


if __name__ == "__main__":
    main()
