"""The README's commands are run, and its make targets exist."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text()


def _blocks() -> list[str]:
    """The lines of code blocks without a language: the ones a reader can run as they stand."""
    return [line for block in re.findall(r"^```\n(.*?)^```", README, re.S | re.M) for line in block.splitlines()]


def test_command_lines_run(tmp_path: Path) -> None:
    lines = [line for line in _blocks() if line.startswith("python -m seq2exp")]
    assert len(lines) >= 3
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "SEQ2EXP_CACHE": str(tmp_path / "cache")}
    for line in lines:
        words = [sys.executable, *shlex.split(line)[1:]]
        done = subprocess.run(words, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, (line, done.stderr)
    assert (tmp_path / "elements.bed").is_file()


def test_make_targets_exist() -> None:
    makefile = (ROOT / "Makefile").read_text()
    targets = {line.split()[1] for line in _blocks() if line.startswith("make ")}
    assert targets == {"app", "test"}
    for target in targets:
        assert re.search(rf"^{target}:", makefile, re.M)


def test_files_the_readme_names_exist() -> None:
    for link in re.findall(r"\]\(((?!http)[^)]+)\)", README):
        assert (ROOT / link).exists(), link
