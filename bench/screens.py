"""What the screens find and what they take for it wrongly, on the demo's pictures; blur against a plain Laplacian.

`python bench/screens.py [--quick] [--json] [--drawings FOLDER]`. `--quick` takes every fourth picture. The demo's
pictures (`make setup`) count as sharp photographs without marks. The same pictures blurred by 1.5 and 2.5 pixels, with
half-transparent words laid over all of them, and pages of rendered text are what is to be found; `--drawings` names a
folder of drawings. "found" is the share of those, "false" the share of the untouched photographs that the screen takes
for it. All are looked at as previews (512 pixels, JPEG), as the program does.

Faces and the unsafe are looked for where `starter-screens` was pulled. Which pictures show faces was written down by
looking at them all (`screens_faces.tsv`): of people; of figures only, that is statues, paintings and dolls; of people
too far away, turned away or hidden for a face to be seen. All others show none. "precision" takes figures for wrong,
"precision_with_figures" for right; pictures of distant people count in neither. No unsafe pictures were at hand: of
that screen only false alarms are told, at three thresholds; the filter stands at 0.5.

The rival for blur is the variance of the Laplacian (Pech-Pacheco et al. 2000), its threshold set so that it takes as
many untouched photographs for blurred as ours does. Thresholds of the screens were set on photographs of which these
are a part: expect a little less on your own.
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont
from scipy import ndimage

from composer.errors import ModelNotReady
from composer.library.decoding import quality, thumbnails
from composer.library.finding.filters import SAFE
from composer.library.looks.screens import look
from composer.ports import Content
from models.readers.content import StarterScreens, weights

ROOT = Path(__file__).resolve().parents[1]
Change = Callable[[Image.Image], Image.Image]


def preview(image: Image.Image) -> Image.Image:
    return Image.open(io.BytesIO(thumbnails.encoded(thumbnails.small(image)))).convert("RGB")


def named(folder: Path, every: int) -> dict[str, Image.Image]:
    """Previews by path below the folder."""
    files = sorted(file for file in folder.rglob("*") if file.suffix.lower().lstrip(".") in quality.SUFFIXES)
    opened: dict[str, Image.Image] = {}
    for file in files[::every]:
        try:
            opened[file.relative_to(folder).as_posix()] = preview(quality.open_upright(file, thumbnails.SIDE))
        except quality.UnusablePicture as error:
            print(f"{file}: {error}", file=sys.stderr)
    return opened


def pictures(folder: Path, every: int) -> list[Image.Image]:
    return list(named(folder, every).values())


def blurred(pixels: float) -> Change:
    return lambda image: preview(image.filter(ImageFilter.GaussianBlur(pixels)))


def marked(image: Image.Image) -> Image.Image:
    """With words all over it, as agencies' proofs have."""
    over = Image.new("RGBA", image.size)
    pen = ImageDraw.Draw(over)
    for top in range(10, image.height, 60):
        for left in range(-40 + top % 3 * 20, image.width, 120):
            pen.text((left, top), "PROOF ONLY", fill=(255, 255, 255, 110), font=ImageFont.load_default(16))
    return preview(Image.alpha_composite(image.convert("RGBA"), over).convert("RGB"))


def page(number: int) -> Image.Image:
    """A page of text: the words of this project's documents in one of several sizes."""
    words = (ROOT / "docs" / "models.md").read_text("utf-8").split()
    chance = np.random.default_rng(number)
    image = Image.new("RGB", (600, 800), tuple(chance.integers(225, 256, 3).tolist()))
    size = int(chance.integers(14, 26))
    pen, start = ImageDraw.Draw(image), int(chance.integers(0, len(words) - 900))
    lines = [" ".join(words[start + 8 * line :][:8]) for line in range(800 // (size + 6))]
    for line, text in enumerate(lines):
        pen.text((40, 30 + line * (size + 6)), text, fill=(20, 20, 30), font=ImageFont.load_default(size))
    return preview(image)


def laplacian(image: Image.Image) -> float:
    return float(ndimage.laplace(np.asarray(image.convert("L"), np.float32)).var())


def share(images: Sequence[Image.Image], wanted: Callable[[Image.Image], bool]) -> float:
    return round(sum(map(wanted, images)) / max(1, len(images)), 3)


def is_blurred(image: Image.Image) -> bool:
    sharpness = look(image).sharpness
    return sharpness is not None and sharpness < 0.5


def is_marked(image: Image.Image) -> bool:
    return (look(image).mark or 0.0) > 0.5


def faces(seen: dict[str, Content]) -> dict[str, float]:
    """Of the pictures that show faces, how many are found; of those found, how many do."""
    with (ROOT / "bench" / "screens_faces.tsv").open(encoding="utf-8", newline="") as file:
        shows = {line["file"]: line["shows"] for line in csv.DictReader(file, delimiter="\t")}
    found = {name for name, content in seen.items() if content.faces}
    of = {kind: {name for name in seen if shows.get(name, "") == kind} for kind in ("people", "figures", "distant", "")}
    right, judged = len(found & of["people"]), found - of["distant"]
    counts: dict[str, float] = {
        "pictures": len(seen),
        "with_people": len(of["people"]),
        "found": right,
        "figures_found": len(found & of["figures"]),
        "distant_found": len(found & of["distant"]),
        "false": len(found & of[""]),
    }
    if not (of["people"] and judged):
        return counts  # too few to speak of shares
    return counts | {
        "recall": round(right / len(of["people"]), 3),
        "precision": round(right / len(judged), 3),
        "precision_with_figures": round(len(judged - of[""]) / len(judged), 3),
    }


def content(previews: dict[str, Image.Image]) -> dict[str, dict[str, float]]:
    """Of faces and the unsafe; nothing where what looks for them is not there."""
    try:
        screen = StarterScreens(weights())
    except ModelNotReady as error:
        print(f"faces and unsafe were left out: {error} {error.hint}", file=sys.stderr)
        return {}
    seen = dict(zip(previews, screen.look(list(previews.values())), strict=True))
    false = {limit: sum((each.unsafe or 0) >= limit for each in seen.values()) for limit in (0.2, SAFE, 0.8)}
    return {
        "faces": faces(seen),
        "unsafe": {"pictures": len(seen), **{f"false_at_{limit}": count for limit, count in false.items()}},
    }


def measure(every: int, drawings: Path | None) -> dict[str, dict[str, float]]:
    previews = named(ROOT / "demo" / "pictures", every)
    plain = list(previews.values())
    strong, weak = [blurred(2.5)(image) for image in plain], [blurred(1.5)(image) for image in plain]
    false = share(plain, is_blurred)
    limit = float(np.quantile([laplacian(image) for image in plain], max(false, 1 / len(plain))))
    pages = [page(number) for number in range(20 if every > 1 else 60)]
    found: dict[str, dict[str, float]] = {
        "blur": {
            "found": share(strong, is_blurred),
            "found_of_weak": share(weak, is_blurred),
            "false": false,
            "laplacian_found": share(strong, lambda image: laplacian(image) < limit),
            "laplacian_found_of_weak": share(weak, lambda image: laplacian(image) < limit),
        },
        "mark": {"found": share([marked(image) for image in plain], is_marked), "false": share(plain, is_marked)},
        "text": {
            "found": share(pages, lambda image: look(image).kind == "text"),
            "false": share(plain, lambda image: look(image).kind == "text"),
        },
        "drawing": {"false": share(plain, lambda image: look(image).kind == "drawing")},
        **content(previews),
    }
    if drawings is not None:
        found["drawing"]["found"] = share(pictures(drawings, every), lambda image: look(image).kind == "drawing")
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description="What the screens find and what they take for it wrongly.")
    parser.add_argument("--quick", action="store_true", help="every fourth picture")
    parser.add_argument("--json", action="store_true", help="one JSON line and nothing else on stdout")
    parser.add_argument("--drawings", type=Path, help="a folder of drawings")
    args = parser.parse_args()
    found = measure(4 if args.quick else 1, args.drawings)
    if args.json:
        print(json.dumps(found))
        return
    for screen, figures in found.items():
        print(f"{screen:8} " + "  ".join(f"{name} {value}" for name, value in figures.items()))


if __name__ == "__main__":
    main()
