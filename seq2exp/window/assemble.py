"""One model input for one gene and cell type, put together from the files of a data set."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from seq2exp.errors import RemoteError, WindowError
from seq2exp.genome import Gene, Interval
from seq2exp.results import BoolArray, FloatArray, MissingInput
from seq2exp.settings import RNA_FEATURES, SIGNALS, ContactMode, SignalName, WindowSettings
from seq2exp.sources.bigwig import read_signal
from seq2exp.sources.dataset import Dataset
from seq2exp.sources.remote import Traffic
from seq2exp.sources.sequence import read_sequence
from seq2exp.window.contacts import Contacts, ContactSource, abc_kr, power_law_contacts, vc_counts
from seq2exp.window.encoding import UNKNOWN, CodeArray, check_codes, decode, encode, one_hot
from seq2exp.window.signals import check_signal, fill_missing, log10p1, pad_twice

PUBLISHED_NORMALISATION: Mapping[ContactMode, str] = {"vc_counts": "VC", "abc_kr": "KR"}
"""Normalisation each contact mode was published with (data-sources.md 4.4)."""

TRACKS: tuple[Literal["h3k27ac"], Literal["dnase"]] = ("h3k27ac", "dnase")
"""The signals that are bigWig tracks, taken as they are."""

_Scalar = TypeVar("_Scalar", bound=np.generic)
_T = TypeVar("_T")


@dataclass(frozen=True, eq=False)
class Window:
    """Everything a model sees of one gene in one cell type; arrays are read-only.

    Base i of every (L,) array is position ``interval.start + i``; base L/2 is the TSS. The strand is never turned:
    minus-strand genes are read in the direction of the genome, as published.
    """

    gene: Gene
    cell_type: str
    interval: Interval
    """The window; may pass the chromosome's ends."""
    codes: CodeArray
    """(L,) uint8 base codes, N past the ends."""
    signals: FloatArray
    """(L, 3) model-ready, order SIGNALS: H3K27ac and DNase raw, log10(1 + contact); finite, never negative."""
    measured: Mapping[str, FloatArray]
    """(L,) per name of SIGNALS, for drawing: raw values in the track's own unit with NaN where nothing was measured;
    contact before filling, pseudocount and log10."""
    blacklist: BoolArray
    """(L,) True where the blacklist forces the mask to 0."""
    rna_features: FloatArray
    """(9,) in the order of RNA_FEATURES, 0 where unknown."""
    observed_log10: float | None
    """log10(1 + CAGE label); None where the data set has none."""
    missing: tuple[MissingInput, ...]
    """What was absent, how much of it, and what stood in."""
    dataset_hash: str
    unavailable: tuple[SignalName, ...] = ()
    """Tracks that the data set has and whose server did not give them: read again, the window may be another."""
    streamed: Traffic | None = None
    """What came over the network while the window was read; None: nothing of the data set is streamed."""

    def __post_init__(self) -> None:
        width = self.interval.width
        shapes: dict[str, tuple[NDArray[np.generic], tuple[int, ...]]] = {
            "codes": (self.codes, (width,)),
            "signals": (self.signals, (width, len(SIGNALS))),
            "blacklist": (self.blacklist, (width,)),
            "rna_features": (self.rna_features, (len(RNA_FEATURES),)),
        }
        shapes |= {f"measured[{name}]": (values, (width,)) for name, values in self.measured.items()}
        problems = [
            f"{name} has shape {array.shape}, expected {shape}"
            for name, (array, shape) in shapes.items()
            if array.shape != shape
        ]
        if self.interval != self.gene.window(width):
            problems.append(f"{self.interval} is not centred on the TSS at {self.gene.chrom}:{self.gene.tss + 1:,}")
        if set(self.measured) != set(SIGNALS):
            problems.append(f"measured holds {sorted(self.measured)}, expected {sorted(SIGNALS)}")
        if not (np.isfinite(self.signals).all() and (self.signals >= 0).all()):
            problems.append("signals must be finite and not negative")
        if not np.isfinite(self.rna_features).all():
            problems.append("rna_features must be finite")
        if self.blacklist.dtype != np.bool_:
            problems.append(f"blacklist must be bool, found {self.blacklist.dtype}")
        if self.observed_log10 is not None and not (math.isfinite(self.observed_log10) and self.observed_log10 >= 0):
            problems.append(f"observed_log10 must be finite and not negative, found {self.observed_log10}")
        if problems:
            raise WindowError(f"window of {self.gene.symbol} in {self.cell_type}: " + "; ".join(problems))
        check_codes(self.codes)
        for name in ("codes", "signals", "blacklist", "rna_features"):
            object.__setattr__(self, name, _read_only(getattr(self, name)))
        object.__setattr__(self, "measured", {name: _read_only(values) for name, values in self.measured.items()})

    def require_all(self) -> None:
        """Raise RemoteError where a server withheld a track: what is kept for good must not be made from stand-ins."""
        if self.unavailable:
            told = "; ".join(f"{one.name}: {one.stand_in}" for one in self.missing if one.name in self.unavailable)
            raise RemoteError(f"{self.gene.symbol} in {self.cell_type}: not all tracks could be streamed; {told}")

    @property
    def one_hot(self) -> FloatArray:
        """(L, 4) float32, columns A C G T; N is the zero row."""
        return one_hot(self.codes)

    @property
    def sequence(self) -> str:
        """The bases, upper case, N where unknown."""
        return decode(self.codes)

    @property
    def tss_index(self) -> int:
        """Index of the TSS base."""
        return self.gene.tss - self.interval.start


def _read_only(array: NDArray[_Scalar]) -> NDArray[_Scalar]:
    """The array itself if nobody can write to it, else a copy nobody can write to."""
    if array.flags.writeable:
        array = array.copy()
        array.flags.writeable = False
    return array


def window_settings(dataset: Dataset) -> WindowSettings:
    """The window geometry the manifest states; published values where it is silent."""
    facts = dataset.manifest.window
    return WindowSettings(
        width_bp=facts.width_bp,
        contact_mode=facts.contact_mode,
        contact_resolution_bp=facts.contact_resolution_bp,
    )


def build_window(dataset: Dataset, gene: Gene, cell_type: str, settings: WindowSettings) -> Window:
    """The model input of ``gene`` in ``cell_type``, as models.md section 1 lays it down.

    Parameters
    ----------
    dataset
        Where every file comes from.
    gene
        Its TSS is the centre; need not be in the data set's table. The window's own gene has the chromosome named as
        in the reference.
    cell_type
        One of ``dataset.cell_types``.
    settings
        Width, contact mode and resolution.

    Returns
    -------
    Window
        Missing parts are filled (bases: N, tracks and features: 0, an absent contact map: the power law) and listed
        in its ``missing``. A streamed track whose server fails is missing too: NaN in ``measured``, and named in
        ``unavailable``.

    Raises
    ------
    WindowError
        Unknown cell type or chromosome, TSS outside the chromosome, a negative or infinite value in a file.
    SourceError
        A file cannot be read; RemoteError where a streamed reference cannot: there is no window without bases.
    """
    if cell_type not in dataset.cell_types:
        raise WindowError(f"{dataset.name} has no cell type {cell_type!r}; it has {', '.join(dataset.cell_types)}")
    chrom, chrom_length = _chromosome(dataset, gene)
    gene = replace(gene, chrom=chrom)
    interval = gene.window(settings.width_bp)
    before = dataset.traffic
    measured: dict[SignalName, FloatArray] = {}
    ready: dict[SignalName, NDArray[np.floating]] = {}
    unavailable: list[SignalName] = []
    with ThreadPoolExecutor(2 + len(TRACKS)) if dataset.streamed else nullcontext() as pool:
        bases = _started(pool, partial(_codes, dataset, interval))
        tracks = {name: _started(pool, partial(_track, dataset, name, cell_type, interval)) for name in TRACKS}
        contact = _started(pool, partial(_contacts, dataset, gene, cell_type, settings, chrom_length))
        codes, missing = bases()
        for name in TRACKS:
            stand_in = "zero"
            try:
                measured[name] = tracks[name]()
            except RemoteError as error:
                measured[name] = np.full(interval.width, np.nan, dtype=np.float32)
                stand_in = _not_available("zero", error)
                unavailable.append(name)
            ready[name], share = fill_missing(measured[name])
            missing += _missing(name, share, stand_in)
        try:
            contacts = contact()
        except RemoteError as error:
            contacts = power_law_contacts(interval, tss=gene.tss, chrom_length=chrom_length)
            told = tuple(replace(one, stand_in=_not_available(one.stand_in, error)) for one in contacts.missing)
            contacts = replace(contacts, missing=told)
            unavailable.append("contact")
    measured["contact"] = contacts.measured.astype(np.float32)
    log_contact = log10p1(contacts.filled)
    ready["contact"] = pad_twice(log_contact, interval, chrom_length) if settings.compat_double_padding else log_contact
    features, missing_features = _rna_features(dataset, gene, cell_type)

    return Window(
        gene=gene,
        cell_type=cell_type,
        interval=interval,
        codes=codes,
        signals=np.stack([ready[name] for name in SIGNALS], axis=1).astype(np.float32),  # (L, 3)
        measured={name: measured[name] for name in SIGNALS},
        blacklist=_blacklist(dataset, interval),
        rna_features=features,
        observed_log10=_observed_log10(dataset, gene, cell_type),
        missing=missing + contacts.missing + missing_features,
        dataset_hash=dataset.hash,
        unavailable=tuple(unavailable),
        streamed=dataset.traffic - before if dataset.streamed else None,
    )


def _started(pool: ThreadPoolExecutor | None, read: Callable[[], _T]) -> Callable[[], _T]:
    """What gives the result of ``read``: begun at once in a pool, where servers are waited for together."""
    return read if pool is None else pool.submit(read).result


def _not_available(stand_in: str, error: RemoteError) -> str:
    return f"{stand_in} (not available: {error})"


def measured_track(
    dataset: Dataset, name: SignalName, gene: Gene, cell_type: str, settings: WindowSettings
) -> FloatArray:
    """(L,) one track of the window of ``gene`` as measured, whatever the rest of it holds; all NaN where there is none.

    ``gene`` has its chromosome named as in the reference, as the gene of a `Window` has. Raises as `build_window`, and
    RemoteError where the server of a streamed track fails.
    """
    if name in TRACKS:
        return _track(dataset, name, cell_type, gene.window(settings.width_bp))
    _, chrom_length = _chromosome(dataset, gene)
    return _contacts(dataset, gene, cell_type, settings, chrom_length).measured.astype(np.float32)


def _missing(name: str, share: float, stand_in: str) -> tuple[MissingInput, ...]:
    """The one entry, or none where nothing is missing."""
    return (MissingInput(name, share, stand_in),) if share else ()


def _chromosome(dataset: Dataset, gene: Gene) -> tuple[str, int]:
    """The assembly's name of the gene's chromosome and its length; WindowError where the TSS does not lie on it."""
    name = dataset.assembly.match(gene.chrom)
    if name is None:
        raise WindowError(f"{gene.symbol} lies on {gene.chrom}, which {dataset.assembly.name} of {dataset.name} lacks")
    length = int(dataset.assembly.chrom_sizes[name])
    if not 0 <= gene.tss < length:
        raise WindowError(
            f"the TSS of {gene.symbol}, base {gene.tss + 1:,}, lies outside {name} of {dataset.assembly.name}, "
            f"which has {length:,} bases"
        )
    return name, length


def _codes(dataset: Dataset, interval: Interval) -> tuple[CodeArray, tuple[MissingInput, ...]]:
    reference = dataset.place("reference")
    if reference is None:
        raise WindowError(f"{dataset.name} has no reference sequence; a window cannot be made without one")
    codes = encode(read_sequence(reference, interval))
    return codes, _missing("sequence", float((codes == UNKNOWN).mean()), "N")


def _track(dataset: Dataset, name: SignalName, cell_type: str, interval: Interval) -> FloatArray:
    """(L,) the track's own values; all NaN where the cell type has none."""
    path = dataset.place(name, cell_type)
    if path is None:
        return np.full(interval.width, np.nan, dtype=np.float32)
    values = read_signal(path, interval)
    check_signal(values, name=name, path=path, interval=interval)
    return values


def _contacts(dataset: Dataset, gene: Gene, cell_type: str, settings: WindowSettings, chrom_length: int) -> Contacts:
    interval = gene.window(settings.width_bp)
    source, path = dataset.source("contact", cell_type), dataset.place("contact", cell_type)
    if source is None or path is None:
        return power_law_contacts(interval, tss=gene.tss, chrom_length=chrom_length)
    normalisation = source.content.normalisation
    if normalisation is None:
        facts = dataset.manifest.window
        same_mode = facts.contact_mode == settings.contact_mode
        # The manifest's normalisation belongs to the manifest's mode; another mode takes the one it was published with.
        normalisation = facts.contact_normalisation if same_mode else PUBLISHED_NORMALISATION[settings.contact_mode]
    make = abc_kr if settings.contact_mode == "abc_kr" else vc_counts
    return make(
        ContactSource(path, settings.contact_resolution_bp, normalisation),
        interval,
        tss=gene.tss,
        chrom_length=chrom_length,
    )


def _blacklist(dataset: Dataset, interval: Interval) -> BoolArray:
    mask = np.zeros(interval.width, dtype=np.bool_)
    for forbidden in dataset.blacklist(interval):
        mask[forbidden.start - interval.start : forbidden.end - interval.start] = True
    return mask


def _rna_features(dataset: Dataset, gene: Gene, cell_type: str) -> tuple[FloatArray, tuple[MissingInput, ...]]:
    """(9,) with 0 for NaN, and the names of what was absent."""
    features = dataset.rna_features(gene, cell_type)
    filled, share = fill_missing(features)
    absent = [name for name, value in zip(RNA_FEATURES, features, strict=True) if np.isnan(value)]
    return filled, _missing("rna_features", share, f"zero for {', '.join(absent)}")


def _observed_log10(dataset: Dataset, gene: Gene, cell_type: str) -> float | None:
    """log10(1 + v) of the label v (models.md section 1.5), or None."""
    label = dataset.observed(gene, cell_type)
    if label is None:
        return None
    if not (math.isfinite(label) and label >= 0):
        raise WindowError(
            f"expression of {gene.symbol} in {cell_type} is {label:g}; a CAGE sum is finite and 0 or more"
        )
    return math.log10(1 + label)
