"""The verbs of ``python -m seq2exp data``: what exists, what is here, what is missing, and how to get it."""

from __future__ import annotations

import typer

data = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="Data files: what exists, what is here, how to get it."
)


@data.callback()
def _common() -> None:
    """Keep the verbs together."""
