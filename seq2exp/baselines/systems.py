"""The ten systems of the paper in one table: what each is, what it reads, how it was trained, how it is built.

Importing it loads no torch, so that pages can show the table.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

from seq2exp.baselines.configs import BaselineConfig, EnformerConfig, EPInformerConfig, HyenaConfig
from seq2exp.errors import SettingsError
from seq2exp.settings import ModelConfig

if TYPE_CHECKING:
    from torch import Tensor, nn

    from seq2exp.model.scan import EngineName

SystemConfig = ModelConfig | BaselineConfig
"""What a system is built from."""
Recipe = Mapping[str, float | str]
Reads = Literal["signals", "elements", "mask"]
"""What a system reads beside bases and gene features; ``mask``: peaks laid on the bases."""

OWN = "seq2exp"
"""The key ``system`` of a training configuration for Seq2Exp itself, in whichever of its three forms."""


@dataclass(frozen=True)
class System:
    """One row of the paper's tables."""

    name: str
    title: str
    """As the paper's tables spell it."""
    published: SystemConfig
    """The network of the published comparison."""
    parameters: int
    """Of the published network, as counted there."""
    citation: str
    link: str
    build: Callable[[Any], nn.Module]
    """A freshly initialised network of a configuration of the type of ``published``."""
    reads: frozenset[Reads] = frozenset()
    recipe: Recipe = field(default_factory=lambda: MappingProxyType({}))
    """Where its training differs from the recipe of Seq2Exp (models.md 5 and 7): keys of the sections optimiser and run
    of a training configuration."""
    note: str = ""
    """What a reader of the tables should know."""

    @property
    def own(self) -> bool:
        """Whether it is Seq2Exp, which makes a mask."""
        return self.name.startswith(OWN)


def _enformer(config: EnformerConfig) -> nn.Module:
    from seq2exp.baselines.enformer import Enformer

    return Enformer(config)


def _hyena(config: HyenaConfig) -> nn.Module:
    from seq2exp.baselines.hyena import HyenaDNA

    return HyenaDNA(config)


def _mamba(config: ModelConfig) -> nn.Module:
    from seq2exp.baselines.mamba import Mamba

    return Mamba(config)


def _caduceus(config: ModelConfig) -> nn.Module:
    from seq2exp.baselines.caduceus import Caduceus

    return Caduceus(config)


def _epinformer(config: EPInformerConfig) -> nn.Module:
    from seq2exp.baselines.epinformer import EPInformer

    return EPInformer(config)


def _seq2exp(config: ModelConfig) -> nn.Module:
    from seq2exp.model.network import Seq2Exp

    return Seq2Exp(config)


_SOFT = ModelConfig.preset("soft")
_EXTERNAL = ModelConfig.preset("soft", external_mask=True)
_PAPER = ("Seq2Exp, ICLR 2025, arXiv 2502.13991", "https://arxiv.org/abs/2502.13991")
_CADUCEUS = ("Schiff et al. 2024, Caduceus, arXiv 2403.03234", "https://arxiv.org/abs/2403.03234")
_SIXTEEN: Recipe = MappingProxyType({"batch": 16, "valid_every": 500})
_ENFORMER_RECIPE: Recipe = MappingProxyType(
    {"batch": 4, "steps": 200_000, "start_rate": 0.0, "rate": 7e-6, "end_rate": 7e-6, "warmup_steps": 50_000,
     "valid_every": 1_998}
)  # fmt: skip
_EPINFORMER_RECIPE: Recipe = MappingProxyType(
    {"batch": 16, "steps": 20_000, "start_rate": 5e-4, "rate": 5e-4, "end_rate": 5e-4, "warmup_steps": 0,
     "precision": "16-mixed", "valid_every": 1_000}
)  # fmt: skip

SYSTEMS: tuple[System, ...] = (
    System(
        "enformer",
        "Enformer",
        EnformerConfig(),
        251_632_429,
        "Avsec et al. 2021, Enformer, Nature Methods 18, 1196",
        "https://doi.org/10.1038/s41592-021-01252-x",
        _enformer,
        recipe=_ENFORMER_RECIPE,
        note="From scratch, all 896 bins averaged. 21,375,788 of its parameters are two heads that take no part; they "
        "are left out here.",
    ),
    System(
        "hyenadna",
        "HyenaDNA",
        HyenaConfig(),
        903_681,
        "Nguyen et al. 2023, HyenaDNA, arXiv 2306.15794",
        "https://arxiv.org/abs/2306.15794",
        _hyena,
        note="From scratch, 4 blocks of width 128. Causal: it sees nothing behind the promoter centre.",
    ),
    System(
        "mamba",
        "Mamba",
        ModelConfig.preset("soft", signal_input=False, init_residual_layers=4),
        502_401,
        "Gu and Dao 2023, Mamba, arXiv 2312.00752",
        "https://arxiv.org/abs/2312.00752",
        _mamba,
        recipe=_SIXTEEN,
        note="One direction: it sees nothing behind the promoter centre.",
    ),
    System(
        "caduceus",
        "Caduceus",
        ModelConfig.preset("soft", signal_input=False, init_residual_layers=4),
        574_209,
        *_CADUCEUS,
        _caduceus,
        recipe=_SIXTEEN,
        note="No reverse-complement equivariance and no pre-training, as in the paper's comparison.",
    ),
    System(
        "caduceus-signals",
        "Caduceus w/ signals",
        ModelConfig.preset("soft", init_residual_layers=4),
        574_593,
        *_CADUCEUS,
        _caduceus,
        frozenset({"signals"}),
        _SIXTEEN,
        "Signals of every base beside its letter, unmasked.",
    ),
    System(
        "epinformer",
        "EPInformer",
        EPInformerConfig(),
        447_341,
        "Lin et al. 2024, EPInformer, bioRxiv 10.1101/2024.08.01.606099",
        "https://doi.org/10.1101/2024.08.01.606099",
        _epinformer,
        frozenset({"signals", "elements"}),
        _EPINFORMER_RECIPE,
        "Promoter and the nearest 60 candidate elements; its encoder is not pre-trained here, as in the comparison.",
    ),
    System(
        "macs3",
        "MACS3",
        _EXTERNAL,
        574_721,
        "Zhang et al. 2008, MACS, Genome Biology 9, R137",
        "https://doi.org/10.1186/gb-2008-9-9-r137",
        _seq2exp,
        frozenset({"signals", "mask"}),
        note="The mask is DNase peaks; the promoter is not forced into it. How the paper called its peaks is not "
        "published.",
    ),
    System(
        "seq2exp-retrain",
        "Seq2Exp-retrain",
        _EXTERNAL,
        1_115_401,
        *_PAPER,
        _seq2exp,
        frozenset({"signals"}),
        note="A new predictor on the tenth of the window that a trained soft model rates highest. 540,680 of its "
        "parameters are that frozen model.",
    ),
    System(
        "seq2exp-hard",
        "Seq2Exp-hard",
        ModelConfig.preset("hard"),
        26_174_985,
        *_PAPER,
        _seq2exp,
        frozenset({"signals"}),
        note="25,600,000 of its parameters are the position table.",
    ),
    System("seq2exp-soft", "Seq2Exp-soft", _SOFT, 1_114_249, *_PAPER, _seq2exp, frozenset({"signals"})),
)
"""In the order of the paper's tables."""

BASELINES = tuple(row.name for row in SYSTEMS if not row.own)
"""What the key ``system`` of a training configuration may name beside `OWN`."""


def system(name: str) -> System:
    """The row called ``name``.

    Raises
    ------
    SettingsError
        There is none; the message lists those there are.
    """
    for row in SYSTEMS:
        if row.name == name:
            return row
    raise SettingsError(f"system {name!r} is unknown; choose one of {', '.join(row.name for row in SYSTEMS)}")


def row_of(name: str, config: SystemConfig, *, retrain: bool = False) -> System:
    """The row of a training configuration's ``system``; for Seq2Exp itself its form is read off the network.

    Parameters
    ----------
    retrain
        Whether the network is trained on the mask of another checkpoint.
    """
    if name != OWN:
        return system(name)
    if retrain:
        return system("seq2exp-retrain")
    hard = isinstance(config, ModelConfig) and config.mask_mode == "hard"
    return system("seq2exp-hard" if hard else "seq2exp-soft")


def predict(
    row: System,
    network: nn.Module,
    sequence: Tensor,
    signals: Tensor,
    rna_features: Tensor,
    elements: Tensor,
    *,
    engine: EngineName = "auto",
) -> Tensor:
    """(B, 1) log10(1 + CAGE) that a baseline without a mask makes of a batch: it is given what it reads, no more.

    Parameters
    ----------
    sequence, signals, rna_features
        (B, L, 4) one-hot, (B, L, 3), (B, 9).
    elements
        (B, K, 2) candidate elements in window coordinates; rows with end <= start are none.
    """
    given = {"elements": elements} if "elements" in row.reads else {}
    seen = signals if "signals" in row.reads else None
    prediction: Tensor = network(sequence, seen, rna_features, engine=engine, **given)
    return prediction
