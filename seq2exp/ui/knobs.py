"""The settings a visitor moves by hand: name, range, step and meaning of each, for every page that offers them."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from seq2exp.settings import MaskMode

PRIOR_STRENGTHS = (0, 1, 2, 5, 10, 20, 50, 100, 200, 500)


@dataclass(frozen=True, slots=True)
class Knob:
    """One slider with its number field."""

    key: str
    """Its key in session state and in the link."""
    label: str
    minimum: float
    maximum: float
    step: float
    help: str
    decimals: int = 0
    unit: str = ""
    group: str = ""
    """Heading it stands under."""
    values: tuple[int, ...] | None = None
    """The only values it takes, where steps are not even."""
    modes: tuple[MaskMode, ...] | None = None
    """Mask modes in which it acts; None: all."""
    index: int | None = None
    """Its place among the three signal weights."""

    def to_dict(self) -> dict[str, Any]:
        """As the track component reads it."""
        fields = asdict(self)
        fields["min"], fields["max"] = fields.pop("minimum"), fields.pop("maximum")
        return fields


KNOBS: tuple[Knob, ...] = (
    Knob(
        "threshold",
        "Threshold",
        0.01,
        0.99,
        0.01,
        "Bases with a mask mean at or above it are called elements; in hard mode they are also the bases kept.",
        decimals=2,
        modes=("soft", "hard"),
    ),
    Knob(
        "top_percent",
        "Share kept",
        0.5,
        50.0,
        0.5,
        "The largest means are kept, this share of the window. Moves which bases are kept and called.",
        decimals=1,
        unit="%",
        modes=("top-k",),
    ),
    Knob(
        "signal_scale",
        "Signal scale",
        0.0,
        4.0,
        0.1,
        "Factor on what DNase, H3K27ac and contacts say. 1 is as trained. Moves the mask.",
        decimals=1,
        unit="x",
        group="What if …",
    ),
    Knob("weight_h3k27ac", "H3K27ac weight", 0.0, 5.0, 0.1, "Its share of the evidence.", decimals=1, index=0),
    Knob("weight_dnase", "DNase weight", 0.0, 5.0, 0.1, "Its share of the evidence.", decimals=1, index=1),
    Knob("weight_contact", "Contact weight", 0.0, 5.0, 0.1, "Its share of the evidence.", decimals=1, index=2),
    Knob(
        "prior_strength",
        "Prior strength",
        0,
        500,
        1,
        "How strongly every base is pulled towards the prior mean, in pseudo-counts. 0 is as trained. Moves the mask.",
        values=PRIOR_STRENGTHS,
    ),
    Knob(
        "prior_mean",
        "Prior mean",
        0.01,
        0.99,
        0.01,
        "What the mask is pulled towards; it acts once the prior strength is above 0.",
        decimals=2,
    ),
    Knob(
        "merge_gap",
        "Merge gaps",
        0,
        1_000,
        10,
        "Calls at most this far apart are one element. Moves calls and the table, not the mask.",
        unit="bp",
        group="Element calls",
    ),
    Knob(
        "min_length",
        "Shortest",
        10,
        500,
        10,
        "Shorter elements are dropped. Moves calls and the table, not the mask.",
        unit="bp",
    ),
)


def knob(key: str) -> Knob:
    """The knob called ``key``; KeyError where there is none."""
    return {known.key: known for known in KNOBS}[key]
