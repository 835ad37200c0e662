"""Starting the app: libraries, kernels and the first gene are ready before the first visitor comes."""

from __future__ import annotations

import importlib
import logging
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from seq2exp.errors import CheckpointError, Seq2ExpError
from seq2exp.model.checkpoint import checkpoint_facts
from seq2exp.ui import catalogue
from seq2exp.ui.streaming import ARGUMENT

_PARTS_OF_EXPLORE = ("instrument", "plain_chart", "controls", "pickers")


def warm_up(dataset: Path | None, say: Callable[[str], None], *, remote: bool = False) -> None:
    """Load what every page needs and run one gene through, so that kernels are compiled and files are read.

    Parameters
    ----------
    dataset
        Manifest or its folder; None: the first data set in `.data`.
    remote
        What is not on disk is streamed.
    say
        Told each stage and its seconds. A data set or checkpoint that cannot be opened is told too; the app itself then
        shows the error where it belongs.
    """
    logging.disable(logging.WARNING)  # Streamlit warns of everything done before its server runs
    try:
        _warm_up(dataset, say, remote=remote)
    finally:
        logging.disable(logging.NOTSET)


def _warm_up(dataset: Path | None, say: Callable[[str], None], *, remote: bool) -> None:
    began = time.perf_counter()
    for name in _PARTS_OF_EXPLORE:
        importlib.import_module(f"seq2exp.ui.{name}")
    say(f"libraries {time.perf_counter() - began:.1f} s")
    for folder in catalogue.checkpoint_paths().values():
        if folder is not None:
            with suppress(CheckpointError):  # told where it is chosen
                checkpoint_facts(folder)
    try:
        began = time.perf_counter()
        say(f"{_one_gene(dataset, remote=remote)} {time.perf_counter() - began:.1f} s")
    except Seq2ExpError as error:
        say(f"not warmed up: {error}")


def _one_gene(dataset: Path | None, *, remote: bool) -> str:
    """Run the gene the app begins with through the checkpoint it begins with, into the caches of all tabs."""
    from seq2exp.inference.checkpoints import shipped_checkpoints
    from seq2exp.settings import MaskSettings
    from seq2exp.ui import cache, truth
    from seq2exp.ui.offers import FIRST_CHECKPOINT

    path = dataset or next(iter(catalogue.dataset_paths(()).values()), None)
    if path is None:
        return "no data set"
    opened = cache.dataset(path, remote=remote)
    checkpoint = cache.checkpoint(shipped_checkpoints()[FIRST_CHECKPOINT])
    fits = checkpoint.config.window_bp == opened.manifest.window.width_bp
    gene = (truth.first_gene(opened) if fits else None) or next(iter(opened.genes))
    cache.session(opened, gene, opened.cell_types[0], checkpoint if fits else None).view(MaskSettings())
    return f"{opened.manifest.name}, {checkpoint.name if fits else 'no checkpoint'}"


def run(dataset: Path | None, *, port: int | None, address: str, browser: bool, remote: bool = False) -> None:
    """Serve the app at ``address`` until it is stopped; ``browser``: open one on it; ``remote``: stream from the start.

    Raises
    ------
    Seq2ExpError
        ``app.py`` does not lie beside the package.
    """
    from streamlit.web import cli

    page = catalogue.ROOT / "app.py"
    if not page.is_file():
        raise Seq2ExpError(f"{page} is not there; run this from a checkout of the project")
    headless = "false" if browser else "true"
    options = ["run", str(page), f"--server.address={address}", f"--server.headless={headless}"]
    options += [] if port is None else [f"--server.port={port}"]
    own = [] if dataset is None else ["--dataset", str(dataset)]
    own += [ARGUMENT] if remote else []
    options += ["--", *own] if own else []
    cli.main(options, prog_name="streamlit", standalone_mode=False)
