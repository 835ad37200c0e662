"""The gene index: from what a person types to a Gene."""

from __future__ import annotations

import re
import string
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple

from seq2exp.errors import GeneError
from seq2exp.genome import Gene

HitKind = Literal["exact", "prefix", "alias", "id"]

_LETTERS = string.ascii_lowercase + string.digits + "-"
_LONGEST_NAME = 30
"""Longer queries are cut before slips are tried; gene names are shorter."""

_VERSION = re.compile(r"\.\d+(?=$|_)")


@dataclass(frozen=True, slots=True)
class GeneHit:
    """A gene found by a search."""

    gene: Gene
    matched: str
    """The symbol, alias or id that met the query, as written in the gene table."""
    kind: HitKind
    """exact: the whole symbol; id: the whole Ensembl id; prefix: the symbol's or id's beginning; alias: an alias."""


class _Key(NamedTuple):
    text: str
    position: int
    matched: str


def strip_version(gene_id: str) -> str:
    """``ENSG00000102145.15`` -> ``ENSG00000102145``; the _PAR_Y mark of GENCODE stays, it tells two genes apart."""
    return _VERSION.sub("", gene_id)


class GeneIndex:
    """Genes by symbol, alias and Ensembl id, regardless of case.

    Three sorted key lists (symbols, ids, aliases) are bisected, so that a search costs a few comparisons and
    the hits it returns, whatever the number of genes.

    Parameters
    ----------
    genes
        In the order they are to be listed; ids must be unique.

    Raises
    ------
    GeneError
        An id stands there twice.
    """

    def __init__(self, genes: Iterable[Gene]) -> None:
        self._genes = tuple(genes)
        self._by_id: dict[str, int] = {}
        for position, gene in enumerate(self._genes):
            key = gene.gene_id.casefold()
            if key in self._by_id:
                raise GeneError(f"gene id {gene.gene_id} stands twice in the gene list")
            self._by_id[key] = position
        self._symbols = self._sorted_keys((gene.symbol,) for gene in self._genes)
        self._ids = self._sorted_keys((gene.gene_id,) for gene in self._genes)
        self._aliases = self._sorted_keys(gene.aliases for gene in self._genes)

    @staticmethod
    def _sorted_keys(names: Iterable[Iterable[str]]) -> list[_Key]:
        return sorted(_Key(name.casefold(), at, name) for at, several in enumerate(names) for name in several if name)

    def __len__(self) -> int:
        return len(self._genes)

    def __iter__(self) -> Iterator[Gene]:
        return iter(self._genes)

    def search(self, query: str, *, limit: int = 20) -> tuple[GeneHit, ...]:
        """Genes that meet `query`, best first: whole symbol or id, then beginnings, then aliases.

        Parameters
        ----------
        query
            Symbol, alias or Ensembl id (with or without version), or the beginning of one; case and outer
            white space are ignored. An empty query finds nothing.
        limit
            Most hits to return.

        Returns
        -------
        tuple of GeneHit
            Each gene once, under its best match. Equal ranks are alphabetical.
        """
        wanted = query.strip().casefold()
        if not wanted or limit < 1:
            return ()
        bare = strip_version(wanted)
        found: dict[int, GeneHit] = {}
        # Alphabetical order inside a key list puts whole names before longer ones with the same beginning.
        steps: tuple[tuple[list[_Key], str, HitKind, bool], ...] = (
            (self._symbols, wanted, "exact", True),
            (self._ids, bare, "id", True),
            (self._symbols, wanted, "prefix", False),
            (self._ids, bare, "prefix", False),
            (self._aliases, wanted, "alias", True),
            (self._aliases, wanted, "alias", False),
        )
        for keys, text, kind, whole in steps:
            for key in self._range(keys, text, whole=whole):
                if len(found) == limit:
                    return tuple(found.values())
                found.setdefault(key.position, GeneHit(self._genes[key.position], key.matched, kind))
        return tuple(found.values())

    @staticmethod
    def _range(keys: list[_Key], text: str, *, whole: bool) -> Iterator[_Key]:
        at = bisect_left(keys, _Key(text, -1, ""))
        while at < len(keys) and (keys[at].text == text if whole else keys[at].text.startswith(text)):
            yield keys[at]
            at += 1

    def get(self, query: str) -> Gene:
        """The one gene called `query`: by symbol, else by id, else by alias; case is ignored.

        Raises
        ------
        GeneError
            No gene of that name, or several; ``suggestions`` holds what could have been meant: symbols near
            to the query, or the ids of the genes that share the name.
        """
        wanted = query.strip().casefold()
        for keys, text in ((self._symbols, wanted), (self._ids, strip_version(wanted)), (self._aliases, wanted)):
            positions = sorted({key.position for key in self._range(keys, text, whole=True)}) if text else []
            if len(positions) == 1:
                return self._genes[positions[0]]
            if positions:
                genes = [self._genes[position] for position in positions]
                raise GeneError(
                    f"{query.strip()!r} names {len(genes)} genes: "
                    + ", ".join(f"{gene.gene_id} ({gene.symbol}, {gene.chrom})" for gene in genes)
                    + "; give the Ensembl id",
                    tuple(gene.gene_id for gene in genes),
                )
        suggestions = self._near(wanted)
        hint = f"; near: {', '.join(suggestions)}" if suggestions else ""
        raise GeneError(f"no gene {query.strip()!r:.60} among {len(self)} genes{hint}", suggestions)

    def _near(self, wanted: str) -> tuple[str, ...]:
        """Up to five names one slip of the finger away, then symbols that begin alike."""
        near = [
            key.matched
            for edited in _one_slip(wanted[:_LONGEST_NAME])
            for keys in (self._symbols, self._aliases)
            for key in self._range(keys, edited, whole=True)
        ]
        for length in range(min(len(wanted), _LONGEST_NAME), 1, -1):
            alike = self.search(wanted[:length], limit=5)
            if alike:
                near.extend(hit.gene.symbol for hit in alike)
                break
        return tuple(dict.fromkeys(near))[:5]


def _one_slip(name: str) -> Iterator[str]:
    """Names that become `name` by swapping neighbours, or leaving out, changing or adding one character."""
    splits = [(name[:at], name[at:]) for at in range(len(name) + 1)]
    yield from (left + right[1] + right[0] + right[2:] for left, right in splits if len(right) > 1)
    yield from (left + letter + right[1:] for left, right in splits if right for letter in _LETTERS)
    yield from (left + letter + right for left, right in splits for letter in _LETTERS)
    yield from (left + right[1:] for left, right in splits if right)
