"""Where each part of the authors' published folder lies, and whether it is there and whole (data-sources.md 8)."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeVar

from seq2exp.errors import SourceError
from seq2exp.processing.official_tables import read_places, read_symbols
from seq2exp.sources.bigwig import bigwig_sizes
from seq2exp.sources.boolean_pickle import MarkedChromosome, read_boolean_pickle
from seq2exp.sources.hic import contact_sizes
from seq2exp.sources.hic_feat import vector_length
from seq2exp.sources.tables import read_expression, read_rna_features, read_split

State = Literal["used", "not used", "missing", "damaged"]

_Read = TypeVar("_Read")


@dataclass(frozen=True, slots=True)
class OfficialCell:
    """Names of one cell type's files (data-sources.md 3, 4.1, 7.2)."""

    name: str
    h3k27ac: str
    dnase: str
    contact: str
    abc_folder: str
    neighbourhoods: str


CELLS = (
    OfficialCell(
        "K562",
        "ENCFF465GBD",
        "ENCFF414OGC",
        "4DNFITUOMFUQ",
        "K562_DNase_ENCFF257HEE_hic_4DNFITUOMFUQ_1MB_ABC_nominated",
        "DNase_ENCFF257HEE_Neighborhoods",
    ),
    OfficialCell(
        "GM12878",
        "ENCFF798KYP",
        "ENCFF960FMM",
        "4DNFI1UEG1HD",
        "GM12878_DNase_ENCFF020WZB_hic_4DNFI1UEG1HD_1MB_ABC_nominated",
        "DNase_ENCFF020WZB_Neighborhoods",
    ),
)
"""The cell types of the paper. H1 is not among them: its TSS come by gene symbol from another list (2.3)."""

TABLES = "promo_enhan_inter"
FASTA = "hg38/hg38.ml.fa"
EXPRESSION = f"{TABLES}/GM12878_K562_18377_gene_expr_fromXpresso.csv"
SPLIT = f"{TABLES}/leave_chrom_out_crossvalidation_split_18377genes.csv"
FEATURES = f"{TABLES}/mRNA_halflife_features.csv"
BLACKLISTS = ("hg38_blacklist_dict_v1.pkl", "hg38_blacklist_dict_v2.pkl")
"""In order of preference: the official configuration takes version 1 (data-sources.md 1.3)."""

REQUIRED = (FASTA, FEATURES, SPLIT)
"""Without these there is no data set."""

_FEAT_NAME = re.compile(r"hic_feat_(chr\w+)\.h5")
_LINKS = ("Gene_enhancer_links", "Gene-enhancer links")
"""The loader's name and the one inside the published zip."""


@dataclass(frozen=True, slots=True)
class OfficialPart:
    """One part of the folder and what became of it."""

    path: str
    """Relative to the folder."""
    state: State
    words: str
    """What it is, or what is wrong with it."""


@dataclass(frozen=True)
class CellFiles:
    """What of one cell type is there and whole."""

    cell: OfficialCell
    dnase: Path | None
    h3k27ac: Path | None
    gene_list: Path | None
    contact_map: Path | None
    """The map itself; only where there are no vectors."""
    vectors: Mapping[str, Path]
    """hic_feat files by chromosome."""
    vector_bp: int | None
    """Values per vector."""


@dataclass(frozen=True)
class OfficialFolder:
    """What a look at the folder found."""

    root: Path
    chrom_lengths: Mapping[str, int]
    """Of chr_length.json; empty where it is absent."""
    expression: Path | None
    blacklist: Path | None
    blacklisted: tuple[MarkedChromosome, ...]
    cells: tuple[CellFiles, ...]
    parts: tuple[OfficialPart, ...]

    @property
    def fasta(self) -> Path:
        """The reference."""
        return self.root / FASTA

    @property
    def split(self) -> Path:
        """Genes and folds."""
        return self.root / SPLIT

    @property
    def features(self) -> Path:
        """Features of the mRNA."""
        return self.root / FEATURES


def look_at(root: Path) -> OfficialFolder:
    """What of the published layout lies under ``root``; every file that is there is opened, tables are read whole.

    Raises
    ------
    SourceError
        ``root`` is no folder, or holds nothing of the layout.
    """
    if not root.is_dir():
        raise SourceError(f"{root}: no such folder")
    look = _Look(root)
    look.at(FASTA, "reference sequence", _not_empty)
    look.at(SPLIT, "12-fold split", _split_and_symbols)
    look.at(FEATURES, "mRNA features", read_rna_features)
    lengths = look.value("chr_length.json", "chromosome lengths", _lengths)
    expression = look.at(EXPRESSION, "CAGE labels", read_expression)
    blacklist, blacklisted = look.blacklist()
    cells = tuple(look.cell(cell) for cell in CELLS)
    look.unused()
    if not any(part.state != "missing" for part in look.parts):
        raise SourceError(
            f"{root}: nothing of the authors' data set is in this folder; it should hold {TABLES}/ and {FASTA} "
            f"(python -m seq2exp data get fetches it)"
        )
    return OfficialFolder(root, lengths or {}, expression, blacklist, blacklisted, cells, tuple(look.parts))


class _Look:
    """Notes every part it is asked for."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.parts: list[OfficialPart] = []

    def note(self, path: str, state: State, words: str) -> None:
        self.parts.append(OfficialPart(path, state, words))

    def at(self, path: str, what: str, check: Callable[[Path], object]) -> Path | None:
        """The file if it is there and ``check`` takes it."""
        return self.root / path if self.value(path, what, lambda file: (check(file),)) is not None else None

    def value(self, path: str, what: str, read: Callable[[Path], _Read]) -> _Read | None:
        """What ``read`` makes of the file, or None with a note."""
        file = self.root / path
        if not file.is_file():
            self.note(path, "missing", what)
            return None
        try:
            read_value = read(file)
        except SourceError as error:
            self.note(path, "damaged", f"{what}: {error}")
            return None
        self.note(path, "used", what)
        return read_value

    def blacklist(self) -> tuple[Path | None, tuple[MarkedChromosome, ...]]:
        """The first version that is there, and what it marks."""
        there = [name for name in BLACKLISTS if (self.root / name).is_file()]
        chosen = (there or BLACKLISTS)[0]
        marked = self.value(chosen, "blacklist", lambda file: tuple(read_boolean_pickle(file)))
        for name in there[1:]:
            self.note(name, "not used", "the other version of the blacklist")
        return (None, ()) if marked is None else (self.root / chosen, marked)

    def cell(self, cell: OfficialCell) -> CellFiles:
        name = cell.name
        self._links(cell)
        vectors, vector_bp = self._vectors(cell)
        return CellFiles(
            cell=cell,
            dnase=self._track(f"DNase-seq/{name}", cell.dnase, f"DNase of {name}"),
            h3k27ac=self._track(f"H3K27ac/{name}", cell.h3k27ac, f"H3K27ac of {name}"),
            gene_list=self.at(
                f"{TABLES}/{cell.abc_folder}/{cell.neighbourhoods}/GeneList.txt",
                f"ABC gene list of {name}",
                read_places,
            ),
            contact_map=None if vectors else self._map(cell),
            vectors=vectors,
            vector_bp=vector_bp,
        )

    def _under(self, path: str) -> str:
        """Tracks and contacts lie beside the tables; a copy that has them at the top is taken too."""
        return path if (self.root / path).is_dir() and not (self.root / TABLES / path).is_dir() else f"{TABLES}/{path}"

    def _track(self, folder: str, accession: str, what: str) -> Path | None:
        folder = self._under(folder)
        endings = (".bigWig", ".bw")
        name = next((e for e in endings if (self.root / folder / f"{accession}{e}").is_file()), endings[0])
        return self.at(f"{folder}/{accession}{name}", what, bigwig_sizes)

    def _map(self, cell: OfficialCell) -> Path | None:
        path = f"{self._under(f'HiC/{cell.name}')}/{cell.contact}.hic"
        if not (self.root / path).is_file():
            self.note(path, "missing", f"contacts of {cell.name}: neither hic_feat_chrN.h5 nor the map")
            return None
        return self.at(path, f"contact map of {cell.name}", contact_sizes)

    def _vectors(self, cell: OfficialCell) -> tuple[dict[str, Path], int | None]:
        folder = self._under(f"HiC/{cell.name}")
        found: dict[str, Path] = {}
        lengths: dict[int, str] = {}
        for file in sorted((self.root / folder).glob("hic_feat_*.h5")):
            match = _FEAT_NAME.fullmatch(file.name)
            if match is None:
                continue
            path = f"{folder}/{file.name}"
            chrom = match[1]
            length = self.value(path, f"contacts of {cell.name} on {chrom}", lambda f, c=chrom: vector_length(f, c))  # type: ignore[misc]
            if length is not None:
                found[chrom] = file
                lengths.setdefault(length, path)
        if len(lengths) > 1:
            told = ", ".join(f"{length:,} in {path}" for length, path in lengths.items())
            self.note(folder, "damaged", f"contacts of {cell.name}: vectors differ in length: {told}")
            return {}, None
        return found, next(iter(lengths), None)

    def _links(self, cell: OfficialCell) -> None:
        for name in _LINKS:
            if (self.root / TABLES / cell.abc_folder / name).is_dir():
                self.note(f"{TABLES}/{cell.abc_folder}/{name}", "not used", f"ABC links of {cell.name}")

    def unused(self) -> None:
        """What the layout has and a data set of ours has no use for."""
        for path, words in _UNUSED.items():
            for file in sorted(self.root.glob(path)):
                self.note(file.relative_to(self.root).as_posix(), "not used", words)


_UNUSED = {
    "hg38_includelist_dict.pkl": "promoters the published commands load and never use",
    f"{TABLES}/*encoding.h5": "gene order and inputs of EPInformer",
    f"{TABLES}/RNA_seq": "RNA-seq of 57 epigenomes; the labels are CAGE",
    f"{TABLES}/CRISPRi-FlowFISH_Fulco2019": "CRISPRi screen of 2019; the benchmark has its own",
    f"{TABLES}/H1_ABC": "H1 is not supported: its TSS come by gene symbol from another gene list",
    f"{TABLES}/*/H1": "H1 is not supported: its TSS come by gene symbol from another gene list",
    f"{TABLES}/DNase-seq/*/peaks": "peaks are called from the DNase track",
}


def _lengths(path: Path) -> dict[str, int]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        lengths = {str(chrom): int(length) for chrom, length in content.items()}
    except (OSError, ValueError, AttributeError, TypeError) as error:
        raise SourceError(f"{path}: not a JSON object of chromosome lengths ({error})") from error
    return lengths


def _split_and_symbols(path: Path) -> None:
    read_split(path)
    read_symbols(path)


def _not_empty(path: Path) -> None:
    if not path.stat().st_size:
        raise SourceError(f"{path}: is empty; get it again")


def problems(parts: tuple[OfficialPart, ...]) -> Iterator[str]:
    """What keeps the folder from becoming a data set, one phrase each."""
    for part in parts:
        if part.state == "damaged":
            yield f"damaged: {part.path} ({part.words})"
        elif part.state == "missing" and part.path in REQUIRED:
            yield f"missing: {part.path} ({part.words})"
