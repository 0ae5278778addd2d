"""What the torch adapters share: finding and judging a model's files, choosing a device, stopping a forward pass.

Nothing heavy is imported before it is used.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from hashlib import blake2b
from pathlib import Path
from typing import Any, Literal

from composer.errors import ModelFailed, ModelNotReady
from composer.ports import Cancel
from composer.types import Language

Precision = Literal["auto", "fp32", "bf16"]

PICKLES = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl")
SAMPLES, SAMPLE = 16, 1 << 16
CHINESE = "港口的渔船在黎明前出发，老城的屋顶还在雾里。"
FETCH = "Fetch it again, or choose another model: `python main.py models list` shows what there is."
SMALLER = "Close other programs or choose a smaller model."


def go_offline() -> None:
    """Keep the hub's client of this process from the network, whether or not it was imported already."""
    os.environ.update({"HF_HUB_OFFLINE": "1", "HF_HUB_DISABLE_TELEMETRY": "1"})
    constants = sys.modules.get("huggingface_hub.constants")
    if constants is not None:
        vars(constants)["HF_HUB_OFFLINE"] = True


def weight_files(folder: Path) -> tuple[Path, ...]:
    """The safetensors files of a model's folder.

    Raises ModelNotReady when the folder, its config or its weights are missing, or the weights are pickles: reading a
    pickle can run code.
    """
    if not folder.is_dir():
        raise ModelNotReady(f"There is no model folder {folder}.", FETCH)
    if not (folder / "config.json").is_file():
        raise ModelNotReady(f"{folder} is no model folder: it has no config.json.", FETCH)
    files = tuple(sorted(folder.glob("*.safetensors")))
    if not files and any(True for pattern in PICKLES for _ in folder.glob(pattern)):
        raise ModelNotReady(
            f"The weights in {folder} are pickles, which can run code when they are read.",
            "Fetch the model's safetensors files instead.",
        )
    if not files:
        raise ModelNotReady(f"{folder} holds no weights (*.safetensors).", FETCH)
    return files


def fingerprint(files: Iterable[Path]) -> str:
    """16 hexadecimal digits that tell one set of weights from another.

    Hashes sizes and 16 samples of 64 KiB a file, ends included: training changes every tensor, and reading all of a
    large model would take longer than loading it.
    """
    digest = blake2b(digest_size=8)
    for path in files:
        size = path.stat().st_size
        digest.update(f"{path.name} {size}\n".encode())
        with path.open("rb") as file:
            for place in range(SAMPLES):
                file.seek(max(0, size - SAMPLE) * place // (SAMPLES - 1))
                digest.update(file.read(SAMPLE))
    return digest.hexdigest()


def languages(tokenizer: Any) -> tuple[Language, ...]:  # noqa: ANN401 - transformers is untyped
    """English, and Chinese if the vocabulary knows it: fewer than 1.5 tokens a character."""
    tokens = len(tokenizer(CHINESE, add_special_tokens=False)["input_ids"])
    return ("en", "zh") if tokens < 1.5 * len(CHINESE) else ("en",)


def choose_device() -> str:
    """ "cuda", "mps" or "cpu": the fastest this machine has."""
    import torch

    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def choose_dtype(precision: Precision, device: str) -> Any:  # noqa: ANN401 - torch.dtype, which is imported late
    """The torch dtype to hold weights in. "auto": bf16 where the processor computes in it, else fp32.

    Converted weights were 2.5x faster than fp32 on a processor with bf16 instructions, with vectors of cosine 0.9999;
    torch.autocast was slower than fp32 there, which is why the weights themselves are converted.
    """
    import torch

    if precision == "auto":
        precision = "bf16" if _computes_bf16(device) else "fp32"
    return {"fp32": torch.float32, "bf16": torch.bfloat16}[precision]


def _computes_bf16(device: str) -> bool:
    import torch

    if device == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    if device == "cpu":
        able = torch.cpu.get_capabilities()
        return any(bool(able.get(name)) for name in ("avx512_bf16", "amx_bf16", "bf16"))
    return False


def load(auto_class: Any, folder: Path, purpose: str, **options: Any) -> Any:  # noqa: ANN401 - transformers is untyped
    """`auto_class.from_pretrained` on a local folder, never the network, never remote code, never a pickle.

    `purpose` ("a writer") is for the sentence when the model is another kind. Raises ModelNotReady when the files
    are damaged or incomplete or of another architecture, ModelFailed when the memory is too small.
    """
    with telling(folder, purpose):
        model, info = auto_class.from_pretrained(
            folder,
            local_files_only=True,
            trust_remote_code=False,
            use_safetensors=True,
            output_loading_info=True,
            **options,
        )
    if info["missing_keys"] or info["mismatched_keys"]:  # the library would fill these with chance
        raise ModelNotReady(f"The weights in {folder} are incomplete or belong to another model.", FETCH)
    return model.eval()


@contextmanager
def telling(folder: Path, purpose: str) -> Iterator[None]:
    """Turn what goes wrong while a model loads into a sentence."""
    try:
        yield
    except ImportError as error:
        words = str(error).strip().splitlines()[0]
        raise ModelNotReady(f"The model in {folder} needs a package that is not installed.", words) from error
    except MemoryError as error:
        raise ModelFailed("The model does not fit into the memory.", SMALLER) from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ModelNotReady(f"The model in {folder} is not {purpose} that can be used here.", FETCH) from error
    except Exception as error:
        if is_out_of_memory(error):
            raise ModelFailed("The model does not fit into the memory.", SMALLER) from error
        raise ModelNotReady(f"The model in {folder} is damaged or incomplete.", FETCH) from error


def is_out_of_memory(error: BaseException) -> bool:
    """Whether memory ran out, on the graphics card or off it; torch tells the latter only in words."""
    import torch

    if isinstance(error, (MemoryError, torch.OutOfMemoryError)):
        return True
    words = str(error).lower()
    return isinstance(error, RuntimeError) and ("can't allocate memory" in words or "not enough memory" in words)


class Stop:
    """Lets a Cancel end a forward pass between two layers, as one pass may take longer than a caller will wait."""

    def __init__(self, model: Any) -> None:  # noqa: ANN401 - torch.nn.Module, which is imported late
        self._cancel: Cancel | None = None
        for layer in _layers(model):
            layer.register_forward_pre_hook(self._look)

    @contextmanager
    def on(self, cancel: Cancel) -> Iterator[None]:
        """Within this, forward passes raise Cancelled soon after `cancel` was thrown."""
        cancel.check()
        self._cancel = cancel
        try:
            yield
        finally:
            self._cancel = None

    def _look(self, *_: object) -> None:
        if self._cancel is not None:
            self._cancel.check()


def _layers(model: Any) -> Iterator[Any]:  # noqa: ANN401 - as above
    import torch

    for module in model.modules():
        if isinstance(module, torch.nn.ModuleList):
            yield from module


def quietly(work: Callable[[], Any]) -> Any:  # noqa: ANN401 - whatever the work gives
    """Run without progress bars and advice of transformers, which are not for the writer."""
    import transformers

    before = transformers.logging.get_verbosity()
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    try:
        return work()
    finally:
        transformers.logging.set_verbosity(before)
