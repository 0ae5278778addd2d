"""What the torch adapters share: finding and judging a model's files, choosing a device, stopping a forward pass.

The head of every transformers adapter is here too: `open_checkpoint` (where a model lies, its id, where it will run),
`words_of` (its tokenizer), `load` (its weights), `give_back` (its memory).

Nothing heavy is imported before it is used.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import json
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b
from pathlib import Path
from typing import Any, Literal

from composer.errors import ComposerError, ModelFailed, ModelNotReady
from composer.ports import Cancel
from composer.types import Language
from models.vocabulary import languages_by

Precision = Literal["auto", "fp32", "bf16"]

PICKLES = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl")
SAMPLES, SAMPLE = 16, 1 << 16
FETCH = "Fetch it again, or choose another model: `python main.py models list` shows what there is."
SMALLER = "Close other programs or choose a smaller model."
OTHER = "Choose another model: `python main.py models list` shows what there is."
HUB_ID = re.compile(r"\w[\w.-]*/\w[\w.-]*")
TOKENIZERS = ("tokenizer.json", "tokenizer.model", "tekken.json", "spiece.model", "sentencepiece.bpe.model")
"""Files of which a tokenizer can be made, besides vocab.json, vocab.txt and *.tiktoken."""
SPARE = 0.9
"""Share of a graphics card's free memory that weights may take: passages and pictures need some as well."""


@dataclass(frozen=True)
class Checkpoint:
    """A model's files on this disk, and how they are to be run."""

    folder: Path
    title: str
    """Its folder's name, its file's name, or its id on the hub."""
    files: tuple[Path, ...]
    device: str
    """ "cuda", "mps" or "cpu": where inputs go."""
    dtype: Any
    """The torch dtype to hold weights in; "auto" for weights that are quantised."""

    @cached_property
    def id(self) -> str:
        """Tells one set of weights from another, wherever they lie."""
        return f"transformers:{self.title}@{fingerprint(self.files)}"

    @property
    def gguf(self) -> dict[str, str]:
        """What transformers must be told of a .gguf file."""
        return {"gguf_file": self.files[0].name} if self.files[0].suffix == ".gguf" else {}

    @property
    def placed(self) -> dict[str, Any]:
        """How weights are put on the device: at once where they fit, over all devices where they do not."""
        if self.device == "cpu":
            return {}
        if self.device == "cuda" and sum(file.stat().st_size for file in self.files) > SPARE * free_on_card():
            return {"device_map": "auto"}
        return {"device_map": {"": self.device}}


def open_checkpoint(name: str | Path, precision: Precision = "auto", device: str = "auto") -> Checkpoint:
    """Find a model and settle how to run it. Loads no weights and never asks the network.

    `name`: a folder of safetensors, a .gguf file, or the hub's "owner/name" of a model that lies on this machine.
    Raises ModelNotReady when the files are missing or of a kind that cannot be used.
    """
    go_offline()
    path, title = located(name)
    if path.suffix == ".gguf" and path.is_file():
        folder, files, quantised = path.parent, (path,), False
    else:
        folder, files = path, weight_files(path)
        quantised = check_quantisation(folder)
    device = choose_device() if device == "auto" else device
    dtype = choose_dtype(precision, device)
    if quantised and precision == "auto" and not (device == "cpu" and _stored_in(folder) == "float16"):
        dtype = "auto"  # what the unpacking code was made for
    return Checkpoint(folder, title, files, device, dtype)


def located(name: str | Path) -> tuple[Path, str]:
    """Where a model lies, and what to call it: a path as it stands, a hub id from the disk's places for such models.

    Raises ModelNotReady with the command that fetches it.
    """
    path = Path(name).expanduser()
    if path.exists() or not HUB_ID.fullmatch(str(name)):
        return path, path.name
    found = pulled(str(name)) or _in_cache(str(name))
    if found is None:
        raise ModelNotReady(
            f"The model {name} is not on this machine.",
            f"Fetch it with `python main.py models pull hf:{name}`, or give the folder that it lies in.",
        )
    return found, str(name)


def pulled(repository: str) -> Path | None:
    """The folder of a hub repository in Pictorial's own models folder."""
    from models import catalogue

    offered = {**catalogue.catalogue(), **catalogue.remembered()}
    places = [catalogue.folder(model) for model in offered.values() if model.hub.partition("@")[0] == repository]
    return next((place for place in places if place.is_dir()), None)


def _in_cache(repository: str) -> Path | None:
    """The folder of a hub repository in the cache that all programs of this user share."""
    from transformers.utils.hub import cached_file

    with contextlib.suppress(OSError, ValueError):
        if config := cached_file(repository, "config.json", local_files_only=True):
            return Path(config).parent
    return None


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
        raise ModelNotReady(*_without_config(folder))
    files = tuple(sorted(folder.glob("*.safetensors")))
    if not files and any(True for pattern in PICKLES for _ in folder.glob(pattern)):
        raise ModelNotReady(
            f"The weights in {folder} are pickles, which can run code when they are read.",
            "Fetch the model's safetensors files instead.",
        )
    if not files:
        raise ModelNotReady(f"{folder} holds no weights (*.safetensors).", FETCH)
    if missing := _missing_parts(folder):
        words = f"{len(missing)} of its weight files are missing, {missing[0]} for one"
        raise ModelNotReady(f"The model in {folder} is incomplete: {words}.", FETCH)
    return files


def _without_config(folder: Path) -> tuple[str, str]:
    """What to say of a folder without config.json."""
    if (folder / "model_index.json").is_file():
        return f"The model in {folder} makes pictures; it can neither write nor judge.", OTHER
    if (folder / "adapter_config.json").is_file():
        return f"{folder} holds an adapter (LoRA), not a whole model.", "Merge it into its model, and give that folder."
    if any(folder.glob("*.gguf")):
        return f"{folder} holds GGUF files.", "Name one of them as gguf:FILE."
    return f"{folder} is no model folder: it has no config.json.", FETCH


def _missing_parts(folder: Path) -> list[str]:
    """Weight files that the model's own index names and the folder lacks."""
    index = folder / "model.safetensors.index.json"
    try:
        names = set(json.loads(index.read_text("utf-8"))["weight_map"].values()) if index.is_file() else set()
    except (OSError, ValueError, KeyError, AttributeError):
        names = {index.name}  # an index that cannot be read is as good as none
    return sorted(name for name in names if name == index.name or not (folder / str(name)).is_file())


def check_quantisation(folder: Path) -> bool:
    """Whether the weights are quantised. Raises ModelNotReady when what unpacks them is missing."""
    from models.quantisation import check

    return check(folder, settings_of(folder))


def _stored_in(folder: Path) -> str:
    settings = settings_of(folder)
    return str(settings.get("dtype") or settings.get("torch_dtype") or "")


def settings_of(folder: Path) -> dict[str, Any]:
    """The model's config.json; empty when it cannot be read, which the library will then say."""
    try:
        found = json.loads((folder / "config.json").read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def words_of(checkpoint: Checkpoint) -> Any:  # noqa: ANN401 - transformers is untyped
    """The model's tokenizer. Raises ModelNotReady when it is missing, damaged, or needs code of its own."""
    from transformers import AutoTokenizer

    folder = checkpoint.folder
    several = ("vocab.json", "vocab.txt", "*.tiktoken", *TOKENIZERS)
    if not checkpoint.gguf and not any(True for pattern in several for _ in folder.glob(pattern)):
        raise ModelNotReady(
            f"The model in {folder} has no tokenizer, so it cannot read words.",
            "Fetch the model whole: tokenizer.json belongs beside its weights.",
        )
    with telling(folder, "one whose tokenizer"):
        return AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False, **checkpoint.gguf)


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
    """What the tokenizer's vocabulary was made for."""
    return languages_by(lambda text: len(tokenizer(text, add_special_tokens=False)["input_ids"]))


def choose_device() -> str:
    """ "cuda", "mps" or "cpu": the fastest this machine has."""
    import torch

    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def free_on_card() -> int:
    """Free bytes on the graphics card that torch uses."""
    import torch

    return int(torch.cuda.mem_get_info()[0])


def give_back() -> None:
    """Give memory that nothing uses any more back to the system: Python's cycles, freed blocks, the card's pool."""
    gc.collect()
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available():
        torch.cuda.empty_cache()
    if torch is not None and torch.backends.mps.is_available():
        torch.mps.empty_cache()
    with contextlib.suppress(OSError, AttributeError):  # glibc keeps freed blocks for later; others have no such call
        ctypes.CDLL(None).malloc_trim(0)


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
    return device == "mps" and torch.backends.mps.is_macos_or_newer(14, 0)


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
    except ComposerError:
        raise  # said already
    except ImportError as error:
        words = str(error).strip().splitlines()[0]
        raise ModelNotReady(f"The model in {folder} needs a package that is not installed.", words) from error
    except MemoryError as error:
        raise ModelFailed("The model does not fit into the memory.", SMALLER) from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        if "custom code" in str(error):
            words = f"The model in {folder} needs program code of its own, which Pictorial never runs."
            raise ModelNotReady(words, "Choose a model that transformers knows by itself.") from error
        raise ModelNotReady(f"The model in {folder} is not {purpose} that can be used here.", FETCH) from error
    except Exception as error:
        if is_out_of_memory(error):
            raise ModelFailed("The model does not fit into the memory.", SMALLER) from error
        if isinstance(error, RuntimeError) and ("GPU" in str(error) or "CUDA" in str(error)):
            raise ModelNotReady(f"The model in {folder} runs only on a graphics card.", OTHER) from error
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
