"""The benchmarks, run in small."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]


def bench(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = (sys.executable, "-m", "ops.bench", *arguments)
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=110, check=False)


def figures(written: Path, name: str) -> dict[str, Any]:
    results = {result["name"]: result for result in json.loads(written.read_text())["results"]}
    return {figure["name"]: figure["value"] for figure in results[name]["figures"]}
