"""The verb `data official`: the authors' published folder opened as a data set, their checkpoints converted."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any

import typer

from seq2exp.cli_benchmark import print_json
from seq2exp.cli_data import data
from seq2exp.errors import CheckpointError, Seq2ExpError, SourceError


@data.command("official")
def official(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The authors' data folder ($DATA_ROOT).")],
    out: Annotated[Path, typer.Option(help="Folder for the manifest and the small tables made from DIR.")],
    checkpoints: Annotated[
        Path | None, typer.Option(help="Folder of official *.ckpt files: each is converted to OUT/checkpoints/NAME.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Look and report; write nothing.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Report as JSON.")] = False,
) -> None:
    """Open the folder the authors published as a data set, where it lies; nothing is copied or written into it.

    Example: python -m seq2exp data official ~/GeneExp --out .data/official --checkpoints ~/GeneExp_Seq2Exp
    """
    from seq2exp.processing.official import official_dataset  # imported late: loads the readers
    from seq2exp.processing.official_layout import look_at, problems

    report: dict[str, Any]
    if dry_run:
        parts = look_at(folder).parts
        report = {"manifest": None, "parts": parts, "notes": [], "problems": list(problems(parts))}
    else:
        made = official_dataset(folder, out)
        parts = made.parts
        report = {**made.to_dict(), "parts": parts, "problems": []}
    report["parts"] = [{"path": part.path, "state": part.state, "words": part.words} for part in parts]
    converted = {} if checkpoints is None or dry_run else _convert(checkpoints, out / "checkpoints")
    report["checkpoints"] = converted
    if as_json:
        print_json(report)
    else:
        _print_report(report)
    if report["problems"]:
        raise SourceError(f"{folder}: {len(report['problems'])} parts are missing or damaged; see above")
    refused = [name for name, words in converted.items() if words["error"] is not None]
    if refused:
        raise CheckpointError(f"{checkpoints}: {len(refused)} of {len(converted)} checkpoints refused; see above")


def _convert(checkpoints: Path, out: Path) -> dict[str, dict[str, Any]]:
    """Every ``*.ckpt`` under the folder, by its name, with the folder it became or what is wrong with it."""
    from seq2exp.model.checkpoint import save_checkpoint  # imported late: loads torch
    from seq2exp.model.official import read_official_checkpoint

    files = sorted(checkpoints.rglob("*.ckpt"))
    if not files:
        raise SourceError(f"{checkpoints}: holds no *.ckpt file; give the folder of the fetched checkpoints")
    found: dict[str, dict[str, Any]] = {}
    for file in files:
        name = file.relative_to(checkpoints).with_suffix("").as_posix()
        # A metric in the file's name (val/mse=0.2.ckpt) makes a stray folder; the converted one is flat.
        target = out / re.sub(r"[^A-Za-z0-9._=-]+", "-", name)
        try:
            network, provenance = read_official_checkpoint(file)
            save_checkpoint(target, network, provenance=provenance)
            found[name] = {"out": str(target), "error": None}
        except Seq2ExpError as error:
            found[name] = {"out": None, "error": str(error)}
    return found


def _print_report(report: dict[str, Any]) -> None:
    for part in report["parts"]:
        typer.echo(f"{part['state']:<9} {part['path']}  ({part['words']})")
    for note in report["notes"]:
        typer.echo(f"note: {note}")
    for name, words in report["checkpoints"].items():
        typer.echo(f"checkpoint {name}: {words['error'] or words['out']}")
    if report["manifest"] is not None:
        typer.echo(f"{report['manifest']}: {report['n_genes']:,} genes in {', '.join(report['cell_types'])}")
