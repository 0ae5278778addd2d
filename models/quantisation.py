"""Quantised checkpoints: which package unpacks which, and whether it is here, before any weight is read.

transformers finds out by itself, one obstacle at a time and in words for programmers.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

from composer.errors import ModelNotReady

PACKAGES: dict[str, tuple[str, ...]] = {
    "bitsandbytes": ("bitsandbytes",),
    "gptq": ("optimum", "gptqmodel"),
    "awq": ("gptqmodel",),
    "auto-round": ("auto-round",),
    "compressed-tensors": ("compressed-tensors",),
    "torchao": ("torchao",),
    "quanto": ("optimum-quanto",),
    "hqq": ("hqq",),
    "aqlm": ("aqlm",),
    "vptq": ("vptq",),
    "eetq": ("kernels",),
    "quark": ("amd-quark",),
    "spqr": ("spqr_quant",),
    "fbgemm_fp8": ("fbgemm-gpu",),
    "higgs": ("flute-kernel", "fast_hadamard_transform"),
    "fouroversix": ("fouroversix",),
    "fp_quant": ("fp_quant",),
    "sinq": ("sinq",),
    "fp8": (),
    "mxfp4": (),
    "mxfp8": (),
    "bitnet": (),
    "metal": (),
}
"""Packages that transformers needs for a kind of quantised weights, besides accelerate; by the name in config.json."""
MODULES = {"amd-quark": "quark", "optimum-quanto": "optimum.quanto", "flute-kernel": "flute"}
"""Packages that are imported by another name; the others by their own, with underscores."""
PLAIN = "Choose the model without quantisation, or a GGUF file, which llama.cpp runs as it is."


def check(folder: Path, settings: dict[str, Any]) -> bool:
    """Whether the weights are quantised, by the model's config.

    Raises ModelNotReady when a package for that is not installed, or the kind is not known.
    """
    text = settings.get("text_config")
    found = settings.get("quantization_config") or (text.get("quantization_config") if isinstance(text, dict) else None)
    if not isinstance(found, dict):
        return False
    kind = str(found.get("quant_method") or _older(found))
    if kind not in PACKAGES:
        raise ModelNotReady(f"The weights in {folder} are quantised in a way that is not known here ({kind}).", PLAIN)
    missing = [package for package in PACKAGES[kind] if not _installed(MODULES.get(package, package.replace("-", "_")))]
    if missing:
        raise ModelNotReady(
            f"The weights in {folder} are quantised with {kind}, for which {' and '.join(missing)} must be installed.",
            f"Run `pip install {' '.join(missing)}` in Pictorial's environment. {PLAIN}",
        )
    return True


def _older(found: dict[str, Any]) -> str:
    """Checkpoints of bitsandbytes' first years do not say that they are."""
    return "bitsandbytes" if found.get("load_in_8bit") or found.get("load_in_4bit") else "one without a name"


def _installed(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:  # the package above it is missing
        return False
