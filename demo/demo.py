"""Compose the demo article into demo/out, say where it lies, and open the window on it if there is a screen."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
MAIN = HERE.parent / "main.py"
OUT = HERE / "out"


def main() -> int:
    """Returns the exit code of `compose`. Arguments are passed on to it, `--fresh` for instance."""
    brief = json.loads((HERE / "brief.json").read_text("utf-8"))
    code = subprocess.call([
        sys.executable, str(MAIN), "compose",
        "--brief", brief["topic"], "--audience", brief["audience"], "--tone", brief["tone"],
        "--language", brief["language"], "--words", str(brief["length"]), "--pictures", str(brief["pictures"]),
        "--seed", str(brief["seed"]), "--library", str(HERE / "pictures"), "--out", str(OUT),
        "--report", str(OUT / "report.json"), *sys.argv[1:],
    ])  # fmt: skip
    if code:
        return code
    sys.stdout.write(f"\nThe demo article: {OUT / 'article.html'}\n")
    if has_screen():
        return subprocess.call([sys.executable, str(MAIN), str(OUT / "article.pictorial")])
    return 0


def has_screen() -> bool:
    """Whether a window could be seen by somebody."""
    if os.environ.get("CI"):
        return False
    return sys.platform in {"darwin", "win32"} or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


if __name__ == "__main__":
    sys.exit(main())
