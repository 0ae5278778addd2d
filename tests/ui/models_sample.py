"""Models that stand for a shelf: some here, some not, one found in another program's folder, one damaged."""

from __future__ import annotations

from msgspec.structs import replace

from composer import wire
from composer.shelf import Check, DiskUse, Fit, Gain, ModelRow, ModelSet, Purpose

CHOSEN: dict[Purpose, str] = {"writer": "starter", "encoder": "starter", "reranker": "starter"}
CHECKS = (
    Check("Python", ok=True, detail="3.11.9"),
    Check("Writer", ok=True, detail="Qwen2.5-Coder 1.5B Instruct, 4-bit"),
    Check("Memory", ok=True, detail="14300 MB free, 2500 MB needed by the chosen models"),
    Check("Disk", ok=False, detail="1.2 GB free in /home/ana", hint="Make room, or move PICTORIAL_HOME."),
)


def _fit(fits: str, needed: float) -> Fit:
    return Fit(fits, f"Needs {needed} GB of memory; 14.3 GB are free.")  # type: ignore[arg-type]


def _row(name: str, purpose: Purpose, title: str, about: str, **changes: object) -> ModelRow:
    made = ModelRow(
        name=name,
        setting=name,
        purpose=purpose,
        title=title,
        megabytes=1100,
        memory_mb=1600,
        licence="Apache-2.0",
        languages=("en", "zh"),
        state="missing",
        about=about,
        origin="Qwen team, Alibaba Cloud.",
        fit=_fit("yes", 1.6),
    )
    return replace(made, **changes)


ROWS = (
    _row(
        "starter-writer", "writer", "Qwen2.5-Coder 1.5B Instruct, 4-bit",
        "Writes English and Chinese. Small: reads well, but invents facts; check every name and figure.",
        setting="starter", state="ready", chosen=True, megabytes=1117, place="/models/starter-writer",
    ),
    _row(
        "starter-writer-tiny", "writer", "SmolLM2 135M Instruct, 4-bit",
        "English only, fast on any machine, and weak: it shows how the program works, not how an article should read.",
        setting="starter-tiny", state="damaged", megabytes=98, memory_mb=300, languages=("en",),
        fit=_fit("yes", 0.3), place="/models/starter-writer-tiny",
    ),
    _row(
        "writer-8b", "writer", "Qwen3 8B, 4-bit",
        "Writes English and Chinese well, and follows a plan. Takes some minutes an article on a laptop.",
        megabytes=5030, memory_mb=6900, fit=_fit("yes", 6.9),
    ),
    _row(
        "writer-14b", "writer", "Qwen3 14B, 4-bit", "Knows more, and writes with ease. Slow without a graphics card.",
        megabytes=9000, memory_mb=11800, state="partial", fit=_fit("tight", 11.8), place="/models/writer-14b",
    ),
    _row(
        "writer-32b", "writer", "Qwen3 32B, 4-bit", "For machines with much memory.",
        megabytes=19800, memory_mb=23000, fit=_fit("no", 23.0),
    ),
    _row(
        "gguf:/home/ana/.lmstudio/models/gemma-3-4b-it-Q4_K_M.gguf", "writer", "gemma-3-4b-it-Q4_K_M",
        "Found on this computer.", megabytes=2490, memory_mb=3600, licence="", state="ready", found_in="LM Studio",
        place="/home/ana/.lmstudio/models/gemma-3-4b-it-Q4_K_M.gguf", fit=_fit("yes", 3.6),
    ),
    _row(
        "starter-encoder", "encoder", "ConSE: EfficientNet-Lite2 and MiniLM-L6",
        "Finds pictures through the 1,000 things of ImageNet. English queries. Any open_clip model is better.",
        setting="starter", state="ready", chosen=True, megabytes=116, memory_mb=900, languages=("en",),
        fit=_fit("yes", 0.9), place="/models/starter-encoder",
    ),
    _row(
        "siglip2-base", "encoder", "SigLIP 2 base, 256 px",
        "Sees what is in a picture rather than which of a thousand things it is. Reads many languages.",
        megabytes=1500, memory_mb=2100, fit=_fit("yes", 2.1),
    ),
    _row(
        "judge-2b", "reranker", "Qwen3-VL 2B",
        "Looks at each picture and says whether it fits the paragraph. About a second a picture on a laptop.",
        megabytes=4260, memory_mb=5400, fit=_fit("yes", 5.4),
    ),
)  # fmt: skip
SETS = (
    ModelSet(
        name="ram-16-en", memory="ram", gigabytes=16, language="en", models=("writer-8b", "siglip2-base", "judge-2b"),
        megabytes=10790, fit=_fit("yes", 9.0),
    ),
    ModelSet(
        name="ram-32-en", memory="ram", gigabytes=32, language="en", models=("writer-32b", "siglip2-base", "judge-2b"),
        megabytes=25560, fit=_fit("no", 29.0),
    ),
    ModelSet(
        name="ram-16-zh", memory="ram", gigabytes=16, language="zh", models=("writer-8b", "siglip2-base", "judge-2b"),
        megabytes=10790, fit=_fit("yes", 9.0),
    ),
)  # fmt: skip
DISK = DiskUse(models=1_331_000_000, unfinished=420_000_000, caches=96_000_000, free=88_400_000_000)


def listing() -> wire.ModelsListed:
    return wire.ModelsListed(ROWS, SETS, DISK, dict(CHOSEN))


class Shelf:
    """Keeps account of what was done, as the engine's shelf does: pulls make ready, uses choose."""

    def __init__(self) -> None:
        self.rows, self.chosen = list(ROWS), dict(CHOSEN)
        self.gains: dict[str, Gain] = {"none": "", "starter": "nothing"}
        """Of each re-ranker; of any other nothing is known."""

    def listed(self) -> wire.ModelsListed:
        rows = tuple(replace(row, chosen=self.chosen[row.purpose] == row.setting) for row in self.rows)
        sets = tuple(replace(each, megabytes=self._missing(each.models)) for each in SETS)
        gain = self.gains.get(self.chosen["reranker"], "unmeasured")
        return wire.ModelsListed(rows, sets, DISK, dict(self.chosen), gain)

    def size(self, name: str) -> int:
        return next((row.megabytes for row in self.rows if row.name == name), 100) * 1_000_000

    def become(self, name: str, state: str) -> None:
        place = f"/models/{name}" if state != "missing" else ""
        self.rows = [replace(row, state=state, place=place) if row.name == name else row for row in self.rows]

    def use(self, name: str, purpose: Purpose) -> None:
        row = next((row for row in self.rows if row.name == name), None)
        self.chosen[purpose] = row.setting if row else name

    def _missing(self, names: tuple[str, ...]) -> int:
        return sum(row.megabytes for row in self.rows if row.name in names and row.state != "ready")
