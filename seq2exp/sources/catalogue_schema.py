"""docs/catalogue.md: every field of the catalogue with its own documentation; run as a module, it prints the page."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from seq2exp.sources.blocks import block_of
from seq2exp.sources.catalogue import Catalogue

_TITLE = """# The catalogue: `data_manifest.yaml`

What exists in the world behind Seq2Exp for K562, GM12878 and H1: one entry per upstream file, as published, with its
unit, assembly, size, checksum, licence, citation, server, the tasks that need it, and how sure each of these facts
is. It is not a data set: `python -m seq2exp data build` makes one from the files it names, and opening it as one is
refused.

    python -m seq2exp data list --cell K562 --task predict
    python -m seq2exp data explain k562.h3k27ac.signal
    python -m seq2exp data get --cell K562 --task predict --dry-run
    python -m seq2exp data check --verify

Files land below `files_dir` (`.data/real`), each at its `local_path`. A size, checksum or count stands in the
catalogue only where a public text states it or it was computed from the public file; `ledger.json` beside the files
records what came at the first download (size, md5, sha256, address, ETag, date), and later downloads are compared
with it (`--accept-changed` takes a new one). A file on its way is `NAME.part` with `NAME.part.json`; the same command
resumes it.

A field that is not written has its default. Unknown keys, keys written twice, names that lead nowhere and hosts that
are not under `servers` are refused with their place in the file. This page is made from the schema: `python -m
seq2exp.sources.catalogue_schema > docs/catalogue.md`.
"""


def schema_markdown() -> str:
    """The whole page."""
    return _TITLE + "".join(f"\n{line}" for line in _block_lines(Catalogue, "The file"))


def _block_lines(block: type[BaseModel], title: str) -> Iterator[str]:
    yield f"## {title}"
    yield ""
    yield " ".join((block.__doc__ or "").split())
    yield ""
    yield "| field | | meaning |"
    yield "|---|---|---|"
    inner: list[tuple[str, type[BaseModel]]] = []
    for name, field in block.model_fields.items():
        yield f"| `{name}` | {_need(field)} | {_meaning(field)} |"
        found = _block_in(field)
        if found is not None:
            inner.append((name, found))
    yield ""
    for name, found in inner:
        path = name if block is Catalogue else f"{title}.{name}"
        yield from _block_lines(found, path)


def _block_in(field: FieldInfo) -> type[BaseModel] | None:
    try:
        return block_of(field)
    except TypeError:
        return None


def _need(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    default = field.get_default(call_default_factory=True, validated_data={})
    return "" if isinstance(default, BaseModel) or default in (None, [], (), {}) else f"`{default}` if absent"


def _meaning(field: FieldInfo) -> str:
    words = " ".join((field.description or "").split()).replace("``", "`").replace("|", "\\|")
    choices = _choices(field.annotation)
    return f"{words} One of {', '.join(f'`{choice}`' for choice in choices)}." if choices else words


def _choices(annotation: object) -> list[str]:
    """The words a field may hold, where they are counted."""
    found: list[str] = []
    for part in getattr(annotation, "__args__", ()):
        found += [part] if isinstance(part, str) else _choices(part)
    return found


if __name__ == "__main__":
    sys.stdout.write(schema_markdown())
