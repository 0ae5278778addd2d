from __future__ import annotations

import io
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageEnhance

from composer.library.catalogue import Catalogue, Hashes
from composer.library.looks import duplicates
from composer.library.looks.duplicates import NEAR, fingerprint, group_ids, near_pairs
from tests.library.conftest import Scan, paint


def groups(catalogue: Catalogue) -> dict[str, str]:
    return {Path(each.path).stem: each.group for each in catalogue.pictures(catalogue.rows([]).tolist()).values()}


def test_versions_of_a_picture_share_a_group(catalogue: Catalogue, folder: Path, run: Scan) -> None:
    whole = paint(1, (600, 400))
    whole.save(folder / "whole.png")
    whole.save(folder / "compressed.jpg", quality=30)
    whole.resize((300, 200)).save(folder / "small.webp")
    ImageEnhance.Brightness(whole).enhance(1.1).save(folder / "bright.png")
    paint(2, (600, 400)).save(folder / "other.png")
    run()
    found = groups(catalogue)
    assert found.pop("other") == ""
    pictures = catalogue.pictures(catalogue.rows([]).tolist()).values()
    smallest = min(each.id for each in pictures if "other" not in each.path)
    assert set(found.values()) == {smallest}


def test_groups_follow_what_comes_and_goes(catalogue: Catalogue, folder: Path, run: Scan) -> None:
    paint(1, (600, 400)).save(folder / "a.png")
    run()
    assert groups(catalogue) == {"a": ""}
    paint(1, (600, 400)).save(folder / "b.jpg", quality=80)
    run()
    assert groups(catalogue)["a"] == groups(catalogue)["b"] != ""
    (folder / "a.png").unlink()
    run()
    assert groups(catalogue) == {"b": ""}


def drawing(number: int) -> Image.Image:
    """A flat drawing: one shape on white, as in a picture book for children."""
    random = np.random.default_rng(number)
    image = Image.new("RGB", (400, 400), "white")
    x, y, size = random.integers(40, 160), random.integers(40, 160), random.integers(80, 200)
    draw = ImageDraw.Draw(image)
    box = (int(x), int(y), int(x + size), int(y + size))
    colour = tuple(int(value) for value in random.integers(0, 200, 3))
    if number % 3 == 0:
        draw.ellipse(box, fill=colour)
    elif number % 3 == 1:
        draw.rectangle(box, fill=colour)
    else:
        draw.regular_polygon((box[0] + size / 2, box[1] + size / 2, size / 2), 3, fill=colour)
    return image


def test_flat_drawings_do_not_collapse() -> None:
    found = hashes([fingerprint(drawing(number)) for number in range(60)])
    assert group_ids(found) == [""] * 60


def test_the_same_picture_in_another_shape_stands_alone() -> None:
    prints = [fingerprint(paint(1, (600, 400))), fingerprint(paint(1, (400, 600)))]
    assert group_ids(hashes(prints, aspect=[1.5, 0.67])) == ["", ""]


def hashes(prints: list[tuple[int, bytes]], aspect: list[float] | None = None) -> Hashes:
    return Hashes(
        rows=np.arange(len(prints)),
        ids=[f"{number:03}" for number in range(len(prints))],
        phash=np.array([first for first, _ in prints], np.uint64),
        looks=[second for _, second in prints],
        aspect=np.array(aspect or [1.0] * len(prints)),
        groups=[""] * len(prints),
    )


@pytest.mark.parametrize("seed", range(5))
def test_no_pair_is_missed(seed: int) -> None:
    """Against every pair compared with every other."""
    random = np.random.default_rng(seed)
    seeds = random.integers(0, 1 << 63, 30, dtype=np.uint64)
    prints = list[tuple[int, bytes]]()
    for _ in range(400):
        value = int(random.choice(seeds))
        for bit in random.choice(64, random.integers(0, NEAR + 1), replace=False):
            value ^= 1 << int(bit)
        prints.append((value, bytes(192)))
    found = hashes(prints)
    first, second = np.triu_indices(len(prints), 1)
    near = np.bitwise_count(found.phash[first] ^ found.phash[second]) <= NEAR
    expected = set(zip(first[near].tolist(), second[near].tolist(), strict=True))
    left, right = near_pairs(found)
    twins = {pair for pair in expected if prints[pair[0]] == prints[pair[1]]}
    found_pairs = set(zip(np.minimum(left, right).tolist(), np.maximum(left, right).tolist(), strict=True))
    assert found_pairs <= expected
    labels = duplicates._connected(left, right, len(prints))  # of those that are the same one stands for all
    assert all(labels[one] == labels[two] for one, two in expected)
    assert expected - twins <= found_pairs | {pair for pair in expected if labels[pair[0]] == labels[pair[1]]}


def test_one_drawing_in_two_colours_is_two_pictures() -> None:
    red, green = (Image.new("RGB", (300, 300), "white") for _ in range(2))
    ImageDraw.Draw(red).ellipse((60, 60, 240, 240), fill=(220, 0, 0))
    ImageDraw.Draw(green).ellipse((60, 60, 240, 240), fill=(0, 112, 0))
    assert group_ids(hashes([fingerprint(red), fingerprint(green)])) == ["", ""]


def test_a_thousand_blank_pages_are_grouped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(duplicates, "_BLOCK", 50_000)
    monkeypatch.setattr(duplicates, "_LOOKS", 7_000)
    assert set(group_ids(hashes([(0, bytes(192))] * 1000))) == {"000"}


def test_nothing_is_no_group() -> None:
    assert group_ids(hashes([])) == []


def test_a_fingerprint_outlives_compression() -> None:
    file = io.BytesIO()
    paint(3, (512, 384)).save(file, "JPEG", quality=40)
    first, second = fingerprint(paint(3, (512, 384))), fingerprint(Image.open(file))
    assert (first[0] ^ second[0]).bit_count() <= NEAR


@pytest.mark.parametrize("few", [0, 1000])
def test_what_is_new_is_compared_with_all(few: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """In steps the groups are those of all at once."""
    monkeypatch.setattr(duplicates, "_FEW", few)
    random = np.random.default_rng(few)
    seeds = random.integers(0, 1 << 63, 60, dtype=np.uint64).tolist()
    prints = [(seeds[random.integers(60)] ^ (1 << int(random.integers(64))), bytes(192)) for _ in range(300)]
    whole = hashes(prints)
    expected = group_ids(whole)
    groups = [""] * 300
    for done in (100, 150, 151, 300):
        part = Hashes(
            rows=whole.rows[:done], ids=whole.ids[:done], phash=whole.phash[:done], looks=whole.looks[:done],
            aspect=whole.aspect[:done], groups=groups[:done],
        )  # fmt: skip
        before = 0 if done == 100 else {150: 100, 151: 150, 300: 151}[done]
        groups[:done] = group_ids(part, part.rows >= before)
    assert groups == expected


def test_a_crowd_of_flat_drawings_costs_little(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pairs looked at do not grow with the square; copies within the crowd are still found."""
    monkeypatch.setattr(duplicates, "_CROWD", 50)
    random = np.random.default_rng(1)
    prints = [(7, random.integers(0, 256, 192, np.uint8).tobytes()) for _ in range(500)]
    near = bytes(min(255, value + 2) for value in prints[0][1])
    found = hashes([*prints, prints[5], (7, near)])
    centred = duplicates._centred(found.looks)
    pairs = duplicates._candidates(found.phash, centred, np.ones(len(found.rows), np.bool_))
    assert sum(len(left) for left, _ in pairs) <= 64 * len(found.rows)
    groups = group_ids(found)
    assert groups[5] == groups[500] != ""
    assert groups[0] == groups[501] != ""


def test_a_chain_that_lost_its_middle_falls_apart(catalogue: Catalogue, folder: Path, run: Scan) -> None:
    for number in range(3):
        paint(number, (600, 400)).save(folder / f"{number}.png")
    run()
    one, two, three = catalogue.rows([]).tolist()
    with catalogue.database.writing() as link:
        for row, phash in ((one, 0), (two, 0b111111), (three, 0b111111111111)):
            link.execute("UPDATE pictures SET phash = ?, look = zeroblob(192) WHERE row = ?", [phash, row])
        link.execute("UPDATE meta SET value = 0 WHERE name = 'grouped'")
    assert duplicates.group(catalogue) == 1
    [middle] = catalogue.paths(two)
    Path(middle).unlink()
    run()
    assert set(groups(catalogue).values()) == {""}


def test_a_long_chain_is_no_group() -> None:
    """Forty hashes, each five bits from the one before: the first and the last have nothing in common."""
    value, chain = 0, [0]
    for link in range(39):
        value ^= 0b11111 << (5 * (link % 12))
        chain.append(value)
    found = duplicates.group_ids(hashes([(each, bytes(192)) for each in chain]))
    sizes = Counter(found)
    del sizes[""]
    assert max(sizes.values()) <= duplicates.CHAIN
    assert found[0] != found[20]
