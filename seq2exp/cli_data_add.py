"""The verb `data add`: a user's own cell type beside an existing data set's genome and genes."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from seq2exp.cli_benchmark import print_json
from seq2exp.cli_data import data
from seq2exp.errors import SettingsError, SourceError

if TYPE_CHECKING:
    from seq2exp.processing.add import AddedCell, CellPlan


@data.command("add")
def add_cell(
    name: Annotated[str, typer.Option(help="Cell type, data set and folder: letters, digits and . _ + -")],
    dnase: Annotated[Path | None, typer.Option(help="DNase bigWig (read-depth normalised signal).")] = None,
    h3k27ac: Annotated[Path | None, typer.Option(help="H3K27ac bigWig (signal p-value).")] = None,
    hic: Annotated[Path | None, typer.Option(help="Contact map: .hic, .cool or .mcool.")] = None,
    cage: Annotated[Path | None, typer.Option(help="CAGE tag counts: bigWig of both strands, or CTSS BED.")] = None,
    bam: Annotated[Path | None, typer.Option(help="DNase reads, sorted by coordinate, for MACS3.")] = None,
    to: Annotated[
        Path | None, typer.Option(help="Data set to stand beside: its cell types are listed in the new one too.")
    ] = None,
    base: Annotated[
        Path | None,
        typer.Option(help="Data set to borrow genome, genes, features, split and blacklist from; default: .data/hg38."),
    ] = None,
    data_dir: Annotated[Path, typer.Option(help="Folder in which the new data set's folder is made.")] = Path(".data"),
    remote: Annotated[
        bool, typer.Option("--remote", help="Read what of the other data set is not on disk from its servers.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check and explain; write nothing.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Report as JSON; shares lie in 0..1.")] = False,
) -> None:
    """Check your own files, say what is missing and what that costs, and write a data set of them.

    No manifest is edited: a new one, FOLDER/NAME/manifest.yaml, borrows the other data set's files where they lie.

    Example: python -m seq2exp data add --name MyCells --dnase dnase.bw --h3k27ac h3k27ac.bw --to .data/hg38
    """
    from seq2exp.processing.add import default_base, plan_cell, write_cell  # imported late: loads the readers
    from seq2exp.processing.add_format import CellRole

    if to is not None and base is not None:
        raise SettingsError("give either --to or --base: --to keeps the other data set's cell types, --base does not")
    given: dict[CellRole, Path | None] = {
        "dnase": dnase,
        "h3k27ac": h3k27ac,
        "contact": hic,
        "cage": cage,
        "dnase_alignment": bam,
    }
    plan = plan_cell(
        name,
        {role: path for role, path in given.items() if path is not None},
        to or base or default_base(data_dir),
        keep_cells=to is not None,
        data_dir=data_dir,
        remote=remote,
        say=lambda words: typer.echo(f"checking {words}", err=True),
    )
    added = None if dry_run or plan.problems else write_cell(plan)
    if as_json:
        written: dict[str, Any] | None = None
        if added is not None:
            written = {**dataclasses.asdict(added), "manifest": str(added.manifest)}
        print_json({**plan.to_dict(), "written": written})
    else:
        _print_plan(plan, added)
    if plan.problems:
        raise SourceError(f"{plan.name}: {len(plan.problems)} of {len(plan.files)} files refused; nothing was written")


def _print_plan(plan: CellPlan, added: AddedCell | None) -> None:
    """The plan in lines for people."""
    typer.echo(f"{plan.name} on {plan.base.name} ({plan.base.assembly.name})")
    for file in plan.files:
        if file.problem:
            typer.echo(f"refused  {file.what}: {file.problem}")
            continue
        told = list(file.facts)
        if file.statistics is not None:
            figures = file.statistics
            told.insert(
                0,
                f"mean {figures.mean:.3g}, p50 {figures.p50:.3g}, p99 {figures.p99:.3g}, p99.9 {figures.p99_9:.3g}, "
                f"max {figures.max:.3g}, no value at {100 * figures.share_missing:.1f} % "
                f"({figures.n_windows:,} windows)",
            )
        typer.echo(f"ok       {file.what}: {file.format}, {file.size_bytes / 1e6:,.2f} MB; {'; '.join(told)}")
        for warning in file.warnings:
            typer.echo(f"warning  {warning}")
    for absent in plan.absent:
        typer.echo(f"missing  {absent.name}: {absent.cost}")
    if plan.problems:
        return
    typer.echo(f"so       {plan.standing}")
    if added is not None:
        typer.echo(f"{added.manifest}: written, opened (hash {added.hash}), window of {added.gene} made")
        typer.echo(f"open it: python -m seq2exp app --dataset {added.manifest.parent}")
    else:
        typer.echo(f"{plan.manifest_path}: not written (--dry-run)")
