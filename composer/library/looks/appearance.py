"""Measures of how a picture looks, from its preview: nothing here knows what it shows.

Widths are in pixels of the preview (at most 512 a side). Each measure is a few milliseconds of numpy and scipy.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.fft  # pyright: ignore[reportMissingTypeStubs]
import scipy.ndimage  # pyright: ignore[reportMissingTypeStubs]
from msgspec import Struct
from numpy.typing import NDArray
from PIL import Image

Grey = NDArray[np.floating[Any]]
Pixels = NDArray[np.uint8]
Mask = NDArray[np.bool_]

_filters: Any = scipy.ndimage
_transforms: Any = scipy.fft
_REPEATS = 200
"""Pixels of the shorter side below which repeats are not looked for."""
_NEAREST = 30
"""Pixels that what repeats is apart at least."""
_TILE = 32
"""Side of the tiles in which edges are measured: a sharp subject before a blurred ground is a sharp picture."""
_PLAIN = 6.0
"""Root mean square of the gradient, of 255, below which a tile holds no edge to measure."""
_CELL = 16
"""Side of the cells that are writing or not: two lines of small print."""
_INK = 40.0
"""Least difference of ink and paper, of 255."""


class Appearance(Struct, frozen=True):
    """What was measured in one picture."""

    edge: float | None
    """Width of its sharpest edges as the standard deviation of a Gaussian, in pixels; None without edges."""
    repeat: float | None
    """How far the strongest repeat of fine structure stands out, in standard deviations; None in small pictures."""
    writing: float
    """Share of the cells that look like writing, 0 to 1."""
    flat: float
    """Share of pixels, but for the ground's, that are as their neighbours."""
    palette: float
    """Bits of the entropy of its colours, but for the ground's, at 4 bits a channel."""
    saturation: float
    """Share of pixels, but for the ground's, of nearly pure colour."""
    noise: float
    """Logarithm of the typical difference of neighbours that are not the same."""
    ground: float
    """Share of the picture that is one colour."""


def measure(image: Image.Image) -> Appearance:
    """Measure an upright RGB picture of at most some 512 pixels a side."""
    pixels = np.asarray(image, np.uint8)
    grey = np.asarray(image.convert("L"), np.float32)
    return Appearance(edge_width(grey), repetition(grey), writing(grey), *_palette(pixels))


def edge_width(grey: Grey) -> float | None:
    """Width of the sharpest edges: standard deviation of the Gaussian that a step would be blurred by, in pixels.

    Of a blurred step, the energy of the second derivative is 1 / (2 s^2) of the first's, whatever its contrast: the
    variance of the Laplacian (Pech-Pacheco et al. 2000) normalised for content. The sharpest tenth of the tiles speaks.
    """
    smooth: Grey = _filters.gaussian_filter(grey, 0.8)  # against noise and the blocks of compression
    dy, dx = smooth[2:, 1:-1] - smooth[:-2, 1:-1], smooth[1:-1, 2:] - smooth[1:-1, :-2]
    inner = smooth[1:-1, 1:-1]
    curved = smooth[2:, 1:-1] + smooth[:-2, 1:-1] + smooth[1:-1, 2:] + smooth[1:-1, :-2] - 4 * inner
    slope, bend = _tiles((dx**2 + dy**2) / 4, _TILE), _tiles(curved**2, _TILE)
    strong = slope > max(_PLAIN**2 / 4, float(slope.max(initial=0.0)) * 0.02)
    if not strong.any():
        return None
    ratio = float(np.quantile(bend[strong] / slope[strong], 0.9))
    return float(np.sqrt(max(0.0, 1 / (2 * ratio) - 0.8**2))) if ratio > 0 else None


def _tiles(values: Grey, side: int) -> Grey:
    """Means of whole tiles."""
    height, width = max(1, values.shape[0] // side), max(1, values.shape[1] // side)
    cut = values[: height * side, : width * side]
    return cut.reshape(height, cut.shape[0] // height, width, cut.shape[1] // width).mean(axis=(1, 3))


def writing(grey: Grey) -> float:
    """Share of cells that look like writing: strokes of strong contrast, several a line, on paper of one shade.

    A cell counts when ink crosses its lines often, most of it is paper, and cells beside it are alike: writing runs on.
    """
    if min(grey.shape) < 3 * _CELL:
        return 0.0
    paper: Grey = _filters.uniform_filter(grey, 2 * _CELL - 1)
    ink: Mask = np.abs(grey - paper) > _INK
    crossings = _tiles((ink[:, 1:] != ink[:, :-1]).astype(np.float32), _CELL) * _CELL
    covered = _tiles(ink[:, 1:].astype(np.float32), _CELL)
    steps = np.abs(np.diff(grey, axis=1))
    even = _tiles((steps < 4).astype(np.float32), _CELL)
    middling = _tiles(((steps >= 4) & (steps < 16)).astype(np.float32), _CELL)
    cells: Mask = (crossings > 1.6) & (covered > 0.06) & (covered < 0.6) & (even > 0.25) & (middling < 0.3)
    run: Mask = _filters.binary_opening(cells, np.ones((1, 3), bool))
    return float(run.mean())


def repetition(grey: Grey) -> float | None:
    """How far the strongest repeat of fine structure stands out of all shifts, in standard deviations.

    Marks that are laid over a whole picture repeat exactly, and weakly: detail is brought to one strength everywhere,
    and the autocorrelation is flattened half way to phase alone, so that strong edges do not drown them. Windows, tiles
    and fences repeat as well.
    """
    if min(grey.shape) < _REPEATS:
        return None
    fine: Grey = grey - _filters.uniform_filter(grey, 5)
    energy: Grey = _filters.uniform_filter(fine**2, 15)
    strength = np.sqrt(np.maximum(energy, 0.0)) + 2.0
    fine = np.clip(fine / strength, -3, 3)
    spectrum: Any = _transforms.rfft2(fine - fine.mean())
    found: Grey = _transforms.irfft2((spectrum.real**2 + spectrum.imag**2) ** 0.6, s=fine.shape)
    down, across = (np.minimum(np.arange(side), side - np.arange(side)) for side in (len(found), found.shape[1]))
    far = found[down[:, None] ** 2 + across[None, :] ** 2 > _NEAREST**2]
    return float(far.max() / max(float(far.std()), 1e-9))


def _palette(pixels: Pixels) -> tuple[float, float, float, float, float]:
    """Flat, palette, saturation, noise and ground; see Appearance."""
    wide = pixels.astype(np.int16)
    step = np.abs(wide[1:, 1:] - wide[1:, :-1]).max(axis=2)
    step = np.maximum(step, np.abs(wide[1:, 1:] - wide[:-1, 1:]).max(axis=2))
    here = wide[1:, 1:]
    codes = (here[..., 0] >> 4) * 256 + (here[..., 1] >> 4) * 16 + (here[..., 2] >> 4)
    counts = np.bincount(codes.ravel(), minlength=4096)
    common = int(counts.argmax())
    ground = float(counts[common] / codes.size)
    figure: Mask = codes != common if ground > 0.15 else np.ones(codes.shape, bool)
    if figure.sum() < 200:
        figure = np.ones(codes.shape, bool)
    steps = step[figure]
    shares = np.bincount(codes[figure], minlength=4096) / len(steps)
    some = shares[shares > 0]
    colours = here[figure]
    high, low = colours.max(axis=1), colours.min(axis=1)
    pure = float(((high - low) > 0.85 * np.maximum(high, 60)).mean())
    rough = steps[steps > 2]
    noise = float(np.log1p(np.median(rough))) if len(rough) > 20 else 0.0
    return float((steps <= 2).mean()), float(-(some * np.log2(some)).sum()), pure, noise, ground
