"""Two views of one gene side by side: what the second mask has more or less of, and what that is said to do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from seq2exp.errors import SettingsError
from seq2exp.genome import Gene, Interval, IntervalOverlap
from seq2exp.inference.elements import merged_runs
from seq2exp.inference.report import elements_bed
from seq2exp.results import BoolArray, Element, FloatArray, LocusView
from seq2exp.settings import ElementSettings
from seq2exp.sources.peaks import overlap

Side = Literal["both", "A only", "B only"]
LEAST_CHANGE = 0.05
"""A smaller difference of means is not listed, whatever the largest one is."""
LISTED_FROM = 0.5
"""Share of the window's largest difference from which a base belongs to a listed change."""
MOST_CHANGES = 20


@dataclass(frozen=True, slots=True)
class Pair:
    """One number of A and of B; None where it does not exist."""

    a: float | None
    b: float | None

    @property
    def difference(self) -> float | None:
        """B - A; None unless both exist."""
        return None if self.a is None or self.b is None else self.b - self.a


@dataclass(frozen=True, slots=True)
class Change:
    """A stretch over which the two mask means differ in one direction; gaps as between the runs of one element."""

    interval: Interval
    mean_a: float
    mean_b: float
    tss_distance_bp: int
    """Midpoint minus TSS, positive in the direction of transcription."""

    @property
    def difference(self) -> float:
        """Mean of B minus mean of A."""
        return self.mean_b - self.mean_a

    @property
    def bases(self) -> float:
        """Sum of the difference over the stretch: how many whole bases of mask are gained (+) or lost (-)."""
        return self.difference * self.interval.width


@dataclass(frozen=True)
class Comparison:
    """B against A over one window. Arrays are (L,), read-only."""

    difference: FloatArray
    """Mask mean of B minus that of A, -1..1."""
    settled: BoolArray
    """Bases that a rule decides on either side, or that have no sequence: their difference says nothing."""
    elements_a: tuple[Side, ...]
    """Class of each of A's elements, in A's order."""
    elements_b: tuple[Side, ...]
    overlap: IntervalOverlap
    """A's elements against B's: ``precision`` is the share of A's bases in B, ``recall`` of B's in A."""
    changes: tuple[Change, ...]
    """The biggest first, by `Change.bases`; at most `MOST_CHANGES`."""
    predicted: Pair
    """log10(1 + CAGE) of trained checkpoints."""
    observed: Pair


def compare(a: LocusView, b: LocusView) -> Comparison:
    """B against A.

    Raises
    ------
    SettingsError
        The views are of different genes, windows or assemblies.
    """
    _refuse_unlike(a, b)
    difference = (b.mask.mean - a.mask.mean).astype(np.float32)
    settled = _settled(a) | _settled(b)
    for values in (difference, settled):
        values.setflags(write=False)
    return Comparison(
        difference=difference,
        settled=settled,
        elements_a=_classes(a.mask.elements, b.mask.elements, "A only"),
        elements_b=_classes(b.mask.elements, a.mask.elements, "B only"),
        overlap=overlap(_places(a), _places(b), a.interval),
        changes=biggest_changes(a.mask.mean, b.mask.mean, settled=settled, gene=a.gene, window=a.interval),
        predicted=Pair(_prediction(a), _prediction(b)),
        observed=Pair(a.observed_log10, b.observed_log10),
    )


def biggest_changes(
    mean_a: FloatArray, mean_b: FloatArray, *, settled: BoolArray, gene: Gene, window: Interval
) -> tuple[Change, ...]:
    """The stretches where B differs most from A, the largest gain or loss of bases first.

    Parameters
    ----------
    mean_a, mean_b
        (L,) mask means.
    settled
        (L,) bases no change may contain.

    Returns
    -------
    tuple of Change
        Gains and losses apart; a base counts from half the window's largest difference on, and runs are joined and
        dropped by the rule that calls elements. Empty where no base differs by `LEAST_CHANGE`.
    """
    difference = np.where(settled, 0, mean_b - mean_a)
    least = max(LEAST_CHANGE, LISTED_FROM * float(np.abs(difference).max(initial=0.0)))
    found = []
    for signed in (difference, -difference):
        barrier = settled | (signed <= -least)
        for start, end in merged_runs(signed >= least, barrier=barrier, settings=ElementSettings()).tolist():
            place = Interval(window.chrom, window.start + start, window.start + end)
            offset = (place.start + place.end) // 2 - gene.tss
            found.append(
                Change(
                    interval=place,
                    mean_a=float(mean_a[start:end].mean(dtype=np.float64)),
                    mean_b=float(mean_b[start:end].mean(dtype=np.float64)),
                    tss_distance_bp=offset if gene.strand == "+" else -offset,
                )
            )
    ranked = sorted(found, key=lambda change: (-abs(change.bases), change.interval))
    return tuple(ranked[:MOST_CHANGES])


def changes_csv(comparison: Comparison, a: LocusView, b: LocusView) -> str:
    """The biggest changes as CSV under ``#`` lines that say what A and B are; start and end 1-based, both included."""
    lines = [f"# {side}: {line}" for side, view in (("A", a), ("B", b)) for line in _origin(view)]
    lines += [
        "# mean_a, mean_b: mean of the mask mean over the stretch; difference: B - A; bases: difference x length",
        "# start and end: 1-based, both included; from_tss_bp: middle, positive in the direction of transcription",
        "rank,chromosome,start,end,length_bp,mean_a,mean_b,difference,bases,from_tss_bp",
    ]
    for rank, change in enumerate(comparison.changes, start=1):
        place = change.interval
        numbers = f"{change.mean_a:.4f},{change.mean_b:.4f},{change.difference:.4f},{change.bases:.1f}"
        lines.append(
            f"{rank},{place.chrom},{place.start + 1},{place.end},{place.width},{numbers},{change.tss_distance_bp}"
        )
    return "\n".join(lines) + "\n"


def _origin(view: LocusView) -> list[str]:
    """What a view's elements say of where they come from, one line each."""
    head = elements_bed(view).split("\n# ")
    return [" ".join(line.partition("\n")[0].removeprefix("# ").split()) for line in head]


def _refuse_unlike(a: LocusView, b: LocusView) -> None:
    for what, of_a, of_b in (
        ("genes", _gene_in_words(a.gene), _gene_in_words(b.gene)),
        ("windows", str(a.interval), str(b.interval)),
        ("assemblies", a.provenance.get("assembly", "unknown"), b.provenance.get("assembly", "unknown")),
    ):
        if of_a != of_b:
            raise SettingsError(f"A and B are of different {what}: {of_a} and {of_b}; choose one for both")


def _gene_in_words(gene: Gene) -> str:
    return f"{gene.symbol} {gene.gene_id} at {gene.chrom}:{gene.tss + 1:,} ({gene.strand})"


def _settled(view: LocusView) -> BoolArray:
    """(L,) bases whose mask is set by rule, and those before the chromosome's first or without a known letter."""
    settled: BoolArray = view.mask.forced_on | view.mask.forced_off
    settled[: max(0, -view.interval.start)] = True
    if view.sequence:
        settled |= np.frombuffer(view.sequence.encode("ascii"), dtype=np.uint8) == ord("N")
    return settled


def _places(view: LocusView) -> list[Interval]:
    return [element.interval for element in view.mask.elements]


def _classes(elements: Sequence[Element], others: Sequence[Element], alone: Side) -> tuple[Side, ...]:
    """For each element: both when it meets one of ``others`` by at least one base, as elements meet peaks."""
    return tuple(
        "both" if any(element.interval.overlaps(other.interval) for other in others) else alone for element in elements
    )


def _prediction(view: LocusView) -> float | None:
    """The prediction of trained weights; what untrained ones give means nothing."""
    return view.prediction_log10 if view.provenance.get("trained") == "yes" else None
