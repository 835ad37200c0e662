"""The verbs of ``python -m seq2exp data``: what exists, what is here, what is missing, and how to get it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from seq2exp.cli_benchmark import print_json
from seq2exp.errors import DownloadError, SettingsError

if TYPE_CHECKING:
    from seq2exp.sources.catalogue import Catalogue

data = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="Data files: what exists, what is here, how to get it."
)

CataloguePath = Annotated[
    Path | None,
    typer.Option("--catalogue", help="Another catalogue than the project's own.", show_default="data_manifest.yaml"),
]
Folder = Annotated[Path | None, typer.Option("--dir", help="Folder of the files; default: .data/real.")]
AsJson = Annotated[bool, typer.Option("--json", help="As JSON; sizes in bytes.")]
Cells = Annotated[list[str] | None, typer.Option("--cell", help="K562, GM12878 or H1; repeatable.")]


@data.callback()
def _common() -> None:
    """Keep the verbs together."""


@data.command("list")
def list_data(
    cell: Cells = None,
    task: Annotated[str | None, typer.Option(help="Only what this task needs or can use.")] = None,
    folder: Folder = None,
    catalogue: CataloguePath = None,
    as_json: AsJson = False,
) -> None:
    """What exists: id, size, state on disk, licence and title of every upstream file.

    Example: python -m seq2exp data list --cell K562 --task predict
    """
    from seq2exp.sources.catalogue_state import state_of
    from seq2exp.sources.catalogue_words import listing

    known, place = _read(catalogue)
    wanted = known.select(cell or (), task)
    states = {state.id: state for state in state_of(known, _files_dir(known, place, folder))}
    if as_json:
        print_json([_facts(known, source.id, states[source.id]) for source in wanted])
        return
    for line in listing(known, wanted, [states[source.id] for source in wanted]):
        typer.echo(line)


@data.command()
def explain(
    id: Annotated[str, typer.Argument(metavar="ID", help="As `data list` shows it.")],
    folder: Folder = None,
    catalogue: CataloguePath = None,
    as_json: AsJson = False,
) -> None:
    """Everything known of one file: what it is, how sure that is, its terms, its server, which tasks need it.

    Example: python -m seq2exp data explain k562.h3k27ac.signal
    """
    from seq2exp.sources.catalogue_ledger import read_ledger
    from seq2exp.sources.catalogue_state import one_state
    from seq2exp.sources.catalogue_words import explanation

    known, place = _read(catalogue)
    files_dir = _files_dir(known, place, folder)
    state = one_state(known.source(id), files_dir, read_ledger(files_dir))
    if as_json:
        print_json(_facts(known, id, state))
        return
    for line in explanation(known, known.source(id), state):
        typer.echo(line)


@data.command()
def check(
    only: Annotated[list[str] | None, typer.Option(help="Ids to check; repeatable; default: all.")] = None,
    verify: Annotated[bool, typer.Option("--verify", help="Also read every file through for its checksum.")] = False,
    folder: Folder = None,
    catalogue: CataloguePath = None,
    as_json: AsJson = False,
) -> None:
    """What is here, whether it is whole and as stated; exit status 1 where something is wrong.

    Sizes, end marks, chromosomes of bigWigs, rows and columns of tables; with --verify checksums too.

    Example: python -m seq2exp data check --verify
    """
    from seq2exp.sources.catalogue_check import check as look
    from seq2exp.sources.catalogue_measure import measure
    from seq2exp.sources.catalogue_state import FileState
    from seq2exp.sources.catalogue_words import findings
    from seq2exp.sources.download_bars import Bars
    from seq2exp.sources.download_cancel import Cancel

    known, place = _read(catalogue)
    with Bars() as bars:

        def digests(state: FileState) -> Any:
            return measure(state.path, "", lambda done, total: bars(state.id, done, total), Cancel())

        found = look(
            known,
            _files_dir(known, place, folder),
            measure=digests if verify else None,
            ids=tuple(only or ()),
        )
    if as_json:
        print_json([finding.to_dict() for finding in found])
    else:
        for line in findings(found):
            typer.echo(line)
    if any(finding.problems for finding in found):
        raise typer.Exit(1)


@data.command()
def get(
    cell: Cells = None,
    task: Annotated[
        str | None, typer.Option(help="predict, train, train_official, crispri or browse: fetch what it needs.")
    ] = None,
    only: Annotated[
        list[str] | None, typer.Option(help="Ids to fetch, these alone, whatever the task; repeatable.")
    ] = None,
    also: Annotated[
        list[str] | None, typer.Option(help="Ids to fetch beside what the task needs, such as labels.cage; repeatable.")
    ] = None,
    remote: Annotated[
        bool, typer.Option("--remote", help="Leave genome, tracks and contacts on their servers; fetch the tables.")
    ] = False,
    build: Annotated[
        Path | None,
        typer.Option(
            metavar="DATASET",
            help="Then make this data set of them, as `data build` does, and convert fetched checkpoints.",
        ),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the plan; needs no network.")] = False,
    jobs: Annotated[int | None, typer.Option(min=1, help="Files at once; default: the catalogue's.")] = None,
    accept_changed: Annotated[
        bool, typer.Option("--accept-changed", help="Take files that changed since their first download.")
    ] = False,
    folder: Folder = None,
    catalogue: CataloguePath = None,
    as_json: AsJson = False,
) -> None:
    """Fetch files: plan, question, then several at once; ctrl-C or a lost connection loses nothing, call it again.

    Example: python -m seq2exp data get --cell K562 --task predict --also labels.cage --build .data/hg38
    """
    from seq2exp.sources.catalogue_words import planned
    from seq2exp.sources.dataset_files import STREAMED_FORMATS
    from seq2exp.sources.download_bars import Bars
    from seq2exp.sources.download_cancel import Cancel
    from seq2exp.sources.download_http import Manner
    from seq2exp.sources.download_plan import make_plan
    from seq2exp.sources.download_run import Choices, carry_out

    known, place = _read(catalogue)
    if build is not None and not cell:
        raise SettingsError("--build needs the cell types of the data set: give --cell")
    plan = make_plan(
        known,
        _files_dir(known, place, folder),
        task=task,
        cells=cell or (),
        only=only or (),
        also=also or (),
        streamed=STREAMED_FORMATS if remote else (),
    )
    if dry_run and as_json:
        print_json(plan.to_dict(known))
    if not as_json:
        for line in planned(known, plan):
            typer.echo(line)
    if dry_run:
        return
    if plan.to_do:
        plan.require_room()
        if plan.needs_network:
            _ask(yes)
    manner = Manner(retries=known.download.retries, timeout_s=known.download.timeout_s)
    choices = Choices(jobs or known.download.jobs, manner, accept_changed)
    try:
        with Bars() as bars:
            outcome = carry_out(known, plan, choices, bars, Cancel())
    except KeyboardInterrupt as error:
        typer.echo("interrupted: what came is kept, and the same command resumes", err=True)
        raise typer.Exit(130) from error
    if as_json:
        print_json({**outcome.to_dict(), "files_dir": str(plan.files_dir)})
    else:
        typer.echo(f"{len(outcome.done)} came, {len(plan.steps) - len(plan.to_do)} were here")
    for problem in outcome.problems:
        typer.echo(f"error: {problem}", err=True)
    if outcome.problems:
        raise typer.Exit(1)
    if build is not None and cell:
        from seq2exp.cli_data_build import finish  # imported late: that verb hangs on this file's
        from seq2exp.processing.build import BuildOptions

        finish(known, plan, cell, build, BuildOptions(remote=remote), quiet=as_json)
    elif not as_json and cell:
        chosen = " ".join(f"--cell {one}" for one in cell)
        typer.echo(f"next: python -m seq2exp data build {chosen}{' --remote' if remote else ''}")


def _ask(yes: bool) -> None:
    if yes:
        return
    if not sys.stdin.isatty():
        raise DownloadError("nobody can be asked here; look at the plan with --dry-run, then give --yes")
    typer.confirm("Fetch these?", abort=True, err=True)


def _read(path: Path | None) -> tuple[Catalogue, Path]:
    """The catalogue, the project's own unless told, and where it lies."""
    from seq2exp.sources.catalogue import CATALOGUE, load_catalogue  # imported late: every verb starts with this file

    place = path or CATALOGUE
    return load_catalogue(place), place


def _files_dir(catalogue: Catalogue, path: Path, folder: Path | None) -> Path:
    return folder if folder is not None else path.absolute().parent / catalogue.files_dir


def _facts(catalogue: Catalogue, id: str, state: Any) -> dict[str, Any]:
    """One source with everything its keys stand for, and its state on disk."""
    source = catalogue.source(id)
    servers = [catalogue.server(address) for address in (source.url.primary, *source.url.mirrors) if address]
    return {
        **source.model_dump(),
        "licence": catalogue.licence(source.licence).model_dump(),
        "citations": [catalogue.citation(key).model_dump() for key in source.citations],
        "servers": [server.model_dump() for server in servers if server is not None],
        "tasks": dict(catalogue.tasks_of(source)),
        "on_disk": state.to_dict(),
    }
