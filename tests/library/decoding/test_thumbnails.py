from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from composer.library.decoding import thumbnails
from tests.library.conftest import paint


@pytest.mark.parametrize(
    ("size", "expected"), [((2000, 1000), (512, 256)), ((100, 80), (100, 80)), ((70, 7000), (5, 512))]
)
def test_previews_fit_and_are_never_enlarged(size: tuple[int, int], expected: tuple[int, int]) -> None:
    assert thumbnails.small(paint(1, size)).size == expected


def test_a_preview_is_written_once_and_again_when_it_is_empty(tmp_path: Path) -> None:
    name = thumbnails.save(thumbnails.encoded(paint(1)), tmp_path, "abcdef")
    file = tmp_path / name
    assert name == "ab/abcdef.jpg"
    with Image.open(file) as image:
        assert (image.format, image.mode) == ("JPEG", "RGB")
    before = file.stat().st_mtime_ns
    thumbnails.save(thumbnails.encoded(paint(2)), tmp_path, "abcdef")
    assert file.stat().st_mtime_ns == before
    file.write_bytes(b"")
    thumbnails.save(thumbnails.encoded(paint(2)), tmp_path, "abcdef")
    assert file.stat().st_size > 0
    assert [each.name for each in file.parent.iterdir()] == ["abcdef.jpg"]
    thumbnails.remove(tmp_path, name)
    thumbnails.remove(tmp_path, name)
    assert not file.exists()
