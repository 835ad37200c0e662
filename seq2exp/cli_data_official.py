"""The verb `data official`: the authors' published folder opened as a data set, their checkpoints converted."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from seq2exp.cli_benchmark import print_json
from seq2exp.cli_data import data
from seq2exp.errors import SourceError


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
    report["checkpoints"] = []
    report["parts"] = [{"path": part.path, "state": part.state, "words": part.words} for part in parts]
    if checkpoints is not None and not dry_run:
        from seq2exp.model.official_folder import convert_official_folder, require_all  # imported late: loads torch

        converted = convert_official_folder(checkpoints, out / "checkpoints")
        report["checkpoints"] = [
            {"source": str(one.source), "out": one.out and str(one.out), "refused": one.refused} for one in converted
        ]
    if as_json:
        print_json(report)
    else:
        _print_report(report)
    if report["problems"]:
        raise SourceError(f"{folder}: {len(report['problems'])} parts are missing or damaged; see above")
    if checkpoints is not None and not dry_run:
        require_all(checkpoints, converted)


def _print_report(report: dict[str, Any]) -> None:
    for part in report["parts"]:
        typer.echo(f"{part['state']:<9} {part['path']}  ({part['words']})")
    for note in report["notes"]:
        typer.echo(f"note: {note}")
    for one in report["checkpoints"]:
        typer.echo(f"refused   {one['refused']}" if one["refused"] else f"converted {one['source']} -> {one['out']}")
    if report["manifest"] is not None:
        typer.echo(f"{report['manifest']}: {report['n_genes']:,} genes in {', '.join(report['cell_types'])}")
