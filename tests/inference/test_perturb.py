from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from seq2exp.errors import SettingsError
from seq2exp.genome import Interval
from seq2exp.inference import perturb
from seq2exp.inference.agreement import agreement, measured_effects, true_effects
from seq2exp.inference.checkpoints import LoadedCheckpoint, load_checkpoint_for_inference
from seq2exp.inference.edits import BaseEdit, base_at, edited_session
from seq2exp.inference.perturb import ElementEffect, deletion_scan, element_effects, scan_places
from seq2exp.inference.perturb_report import effects_csv, scan_csv
from seq2exp.inference.session import LocusSession, open_session
from seq2exp.model.network import Seq2Exp
from seq2exp.settings import MaskSettings
from seq2exp.sources.crispri import Knockdown
from seq2exp.sources.dataset import Dataset
from seq2exp.sources.truth import TruthElement
from tests.random_checkpoints import write_random

FAITHFUL = MaskSettings()


def _far_sighted(network: Seq2Exp) -> None:
    """Scaled up so that far elements reach the prediction well above rounding."""
    network.head.layers[-1].weight.mul_(50)
    for name, weight in network.named_parameters():
        if name.endswith("A_log"):
            weight.sub_(7.0)  # the state fades over a thousand bases instead of a few


@pytest.fixture(scope="session")
def soft(tmp_path_factory: pytest.TempPathFactory) -> LoadedCheckpoint:
    folder = write_random(tmp_path_factory.mktemp("far") / "soft", "soft", adapt=_far_sighted, init_residual_layers=1)
    return load_checkpoint_for_inference(folder, "cpu")


@pytest.fixture(scope="session")
def hard(tmp_path_factory: pytest.TempPathFactory) -> LoadedCheckpoint:
    folder = write_random(tmp_path_factory.mktemp("far") / "hard", "hard", adapt=_far_sighted, init_residual_layers=1)
    return load_checkpoint_for_inference(folder, "cpu")


def _session(
    tiny: Dataset, tmp_path: Path, checkpoint: LoadedCheckpoint | None = None, gene: str = "SQX2"
) -> LocusSession:
    return open_session(tiny, tiny.genes.get(gene), "SynK", checkpoint=checkpoint, device="cpu", cache_dir=tmp_path)


def _places(session: LocusSession, count: int = 5) -> list[Interval]:
    """Stretches outside the promoter, of several lengths, one of them half inside it."""
    start, chrom = session.window.interval.start, session.window.interval.chrom
    places = [Interval(chrom, start + 100 + 500 * i, start + 250 + 560 * i) for i in range(count - 1)]
    return [*places, Interval(chrom, session.centre.end - 50, session.centre.end + 70)]


def _count_batches(checkpoint: LoadedCheckpoint, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    sizes: list[int] = []
    original = checkpoint.network.predict

    def counted(bases: torch.Tensor, *others: torch.Tensor) -> torch.Tensor:
        sizes.append(len(bases))
        return original(bases, *others)

    monkeypatch.setattr(checkpoint.network, "predict", counted)
    return sizes


@pytest.mark.parametrize("which", ["soft", "hard"])
def test_effects_are_those_of_switching_off_alone(
    which: str, tiny: Dataset, tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkpoint: LoadedCheckpoint = request.getfixturevalue(which)
    session = _session(tiny, tmp_path, checkpoint)
    places = _places(session)
    base = MaskSettings(signal_scale=2)
    baseline = session.predict(base)
    sizes = _count_batches(checkpoint, monkeypatch)
    effects = element_effects(session, places, base)
    assert sizes == ([len(places)] if which == "soft" else [1] * len(places))
    alone = _session(tiny, tmp_path, checkpoint)  # keeps nothing of the batch
    for place, effect in zip(places, effects, strict=True):
        expected = alone.predict(replace(base, off=(place,)))
        assert expected is not None
        assert baseline is not None
        assert effect.interval == place
        assert effect.delta_log10 == pytest.approx(expected - baseline, abs=5e-6)
        assert effect.factor == pytest.approx(10 ** (expected - baseline), rel=1e-5)
    assert min(abs(effect.delta_log10) for effect in effects) > 5e-5
    assert element_effects(session, ()) == ()


def test_what_was_asked_of_an_element_gives_way_to_its_deletion(
    tiny: Dataset, tmp_path: Path, soft: LoadedCheckpoint
) -> None:
    session = _session(tiny, tmp_path, soft)
    first, second = _places(session)[:2]
    (effect,) = element_effects(session, [first], MaskSettings(half=(first,), on=(second,)))
    expected = session.predict_each(
        [MaskSettings(off=(first,), on=(second,)), MaskSettings(half=(first,), on=(second,))]
    )
    assert effect.delta_log10 == pytest.approx(expected[0] - expected[1], abs=5e-6)


def test_without_a_checkpoint_there_is_nothing_to_perturb(tiny: Dataset, tmp_path: Path) -> None:
    session = _session(tiny, tmp_path)
    with pytest.raises(SettingsError, match="no prediction without a checkpoint"):
        element_effects(session, _places(session))


def test_half_is_a_mask_of_one_half_and_soft_only(
    tiny: Dataset, tmp_path: Path, soft: LoadedCheckpoint, hard: LoadedCheckpoint
) -> None:
    session = _session(tiny, tmp_path, soft)
    start, chrom = session.window.interval.start, session.window.interval.chrom
    off, half, on = (Interval(chrom, start + a, start + b) for a, b in ((100, 400), (300, 600), (500, 700)))
    mask = session.mask(MaskSettings(off=(off,), half=(half,), on=(on,)))
    forced_off = mask.forced_off[100:700]
    expected = np.repeat([0.0, 0.5, 1.0], [200, 200, 200])
    np.testing.assert_array_equal(mask.mask[100:700], expected)
    assert forced_off.shape == expected.shape
    assert mask.changes == (f"{off} switched off", f"{half} at half", f"{on} switched on")
    promoter = MaskSettings(half=(session.window.interval,))
    assert session.mask(promoter).mask[mask.forced_on].min() == 1
    with pytest.raises(SettingsError, match="at half: mode hard knows only 0 and 1"):
        _session(tiny, tmp_path, hard).mask(MaskSettings(half=(half,)))
    with pytest.raises(SettingsError, match="mode soft only"):
        MaskSettings(mode="top-k", half=(half,))
    with pytest.raises(SettingsError, match="switched twice"):
        MaskSettings(off=(half,), half=(half,))


def test_the_scan_tries_every_base_outside_the_promoter_once_or_twice(
    tiny: Dataset, tmp_path: Path, soft: LoadedCheckpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = _session(tiny, tmp_path, soft)
    told: list[tuple[int, int]] = []
    monkeypatch.setitem(perturb.BATCH_BP, "cpu", 8 * 4096)
    sizes = _count_batches(soft, monkeypatch)
    scan = deletion_scan(session, progress=lambda known: told.append((known.tried, len(known.places))))
    n = len(scan.places)
    assert max(sizes) == 8
    assert sum(sizes) == n + 1  # and the prediction they are compared with
    assert told[0] == (0, n)
    assert told[-1] == (n, n)
    assert told == sorted(told)
    assert scan.complete
    assert not any(place.overlaps(session.centre) for place in scan.places)
    by_position = scan.by_position()
    inside = session.on_chromosome
    known = slice(inside.start - scan.window.start, inside.end - scan.window.start)
    forced = session.mask(FAITHFUL).forced_on
    np.testing.assert_array_equal(np.isnan(by_position[known]), forced[known])
    place = scan.places[3]
    expected = session.predict_each([MaskSettings(off=(place,)), FAITHFUL])
    assert scan.delta_log10[3] == pytest.approx(expected[0] - expected[1], abs=5e-6)
    covering = [i for i, one in enumerate(scan.places) if one.contains(place.start)]
    mean = np.mean([scan.delta_log10[i] for i in covering])
    assert by_position[place.start - scan.window.start] == pytest.approx(mean, abs=5e-6)


def test_a_stopped_scan_says_what_it_knows(tiny: Dataset, tmp_path: Path, hard: LoadedCheckpoint) -> None:
    session = _session(tiny, tmp_path, hard)
    answers = iter([False, False, True])
    scan = deletion_scan(session, width_bp=400, step_bp=400, stop=lambda: next(answers))
    assert not scan.complete
    assert np.isfinite(scan.delta_log10).tolist() == [True, True] + [False] * (len(scan.places) - 2)
    assert "stopped after 2 of" in scan_csv(session.view(FAITHFUL), scan)


@pytest.mark.parametrize(("width_bp", "step_bp"), [(200, 0), (100, 200), (5_000, 100)])
def test_impossible_scans_are_refused(
    tiny: Dataset, tmp_path: Path, soft: LoadedCheckpoint, width_bp: int, step_bp: int
) -> None:
    with pytest.raises(SettingsError, match="deletion scan"):
        scan_places(_session(tiny, tmp_path, soft), width_bp=width_bp, step_bp=step_bp)


def _edit(session: LocusSession, index: int, turn: int = 1) -> BaseEdit:
    """The base at ``index`` replaced by the one ``turn`` places on in ACGT."""
    place = session.window.interval
    ref = base_at(session.window, place.start + index)
    return BaseEdit(place.chrom, place.start + index, ref, "ACGT"[("ACGT".index(ref) + turn) % 4])


@pytest.mark.parametrize("which", ["soft", "hard"])
def test_an_edit_runs_the_generator_anew_and_shares_nothing(
    which: str, tiny: Dataset, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    session = _session(tiny, tmp_path, request.getfixturevalue(which))
    before, mean = session.predict(FAITHFUL), session.mask(FAITHFUL).mean.copy()
    edits = [_edit(session, 2_000), _edit(session, 2_000, 2), _edit(session, 2_001)]
    sessions = [edited_session(session, [edit]) for edit in edits]
    answers = [one.predict(FAITHFUL) for one in sessions]
    betas = [session._sequence_beta(), *(one._sequence_beta() for one in sessions)]
    for i, one in enumerate(betas):
        for other in betas[:i]:
            assert one is not None
            assert other is not None
            assert not torch.equal(one.alpha, other.alpha)
    assert len({before, *answers}) == 4
    assert session.predict(FAITHFUL) == before
    np.testing.assert_array_equal(session.mask(FAITHFUL).mean, mean)
    assert session.mask(FAITHFUL).faithful
    assert sessions[0].mask(FAITHFUL).changes == (f"base {edits[0]}",)
    changed = [a != b for a, b in zip(session.window.sequence, sessions[0].window.sequence, strict=True)]
    assert np.flatnonzero(changed).tolist() == [2_000]


def test_bad_edits_are_named(tiny: Dataset, tmp_path: Path) -> None:
    session = _session(tiny, tmp_path)
    window, good = session.window.interval, _edit(session, 700)
    wrong = BaseEdit(good.chrom, good.position, good.alt, good.ref)
    with pytest.raises(SettingsError, match=f"is {good.ref}, not {good.alt}"):
        edited_session(session, [wrong])
    with pytest.raises(SettingsError, match="edited already"):
        edited_session(session, [good, _edit(session, 700, 2)])
    for text in (
        "",
        "A>T",
        "chr1:12 AT>C",
        "chr1:12 N>A",
        "<b>",
        "1" * 500,
        f"{good.position + 1} {good.ref}>{good.ref}",
    ):
        with pytest.raises(SettingsError):
            BaseEdit.parse(text, window)
    for text in (f"{good.chrom}:1{good.position} A>C", f"chr99:{good.position} A>C", "0 A>C"):
        with pytest.raises(SettingsError, match=r"outside|begin at 1"):
            BaseEdit.parse(text, window)
    where = good.position + 1
    for text in (
        str(good),
        good.code,
        f"{where:,} {good.ref.lower()}>{good.alt}",
        f"{good.chrom}-{where}-{good.ref}-{good.alt}",
    ):
        assert BaseEdit.parse(text, window) == good


def test_known_effects_find_their_elements_and_agree_or_not(tiny: Dataset, tmp_path: Path) -> None:
    places = [Interval("chr1", 1000 * i, 1000 * i + 400) for i in range(1, 6)]
    true = [
        TruthElement(
            f"e{i}", "active_enhancer", place.shift(100), causal=True, effect_log10=-0.1 * i, contact=1, activity=1
        )
        for i, place in enumerate(places[:4], start=1)
    ]
    twice = replace(true[0], element_id="e9", effect_log10=-0.2)
    known = true_effects(places, [*true, twice])
    assert known[0] is not None
    assert known[0].effect_log10 == pytest.approx(-0.3)
    assert known[4] is None
    effects = [ElementEffect(place, -0.05 * i) for i, place in enumerate(places, start=1)]
    found = agreement(effects, true_effects(places, true))
    assert (found.n, found.spearman, found.n_signed, found.same_sign) == (4, 1.0, 4, 4)
    weak = [
        ElementEffect(effect.interval, effect.delta_log10 * (1e-5 if i < 2 else 1)) for i, effect in enumerate(effects)
    ]
    assert agreement(weak, true_effects(places, true)).same_sign == 2
    few = agreement(effects[:2], true_effects(places[:2], true))
    assert (few.n, few.spearman, few.same_sign) == (2, None, None)

    silenced = [
        Knockdown(places[0].shift(350), -0.9, significant=True, p_adjusted=0.01, dataset="near"),
        Knockdown(places[0].shift(10), -0.5, significant=True, p_adjusted=0.01, dataset="screen"),
        Knockdown(places[1], -1.0, significant=True, p_adjusted=0.01, dataset="screen"),
        Knockdown(places[2], 0.1, significant=False, p_adjusted=0.9, dataset="screen"),
        Knockdown(places[3], float("nan"), significant=False, p_adjusted=0.9, dataset="screen"),
    ]
    measured = measured_effects(places, silenced)
    assert measured[0] is not None
    assert measured[0].effect_log10 == pytest.approx(np.log10(0.5))
    assert measured[3:] == (None, None)
    found = agreement(effects, measured)
    assert (found.n, found.n_signed, found.same_sign) == (3, 2, None)
    assert found.spearman == pytest.approx(-0.5)


def test_tables_carry_where_they_come_from(tiny: Dataset, tmp_path: Path, soft: LoadedCheckpoint) -> None:
    session = _session(tiny, tmp_path, soft)
    view = session.view(FAITHFUL)
    effects = element_effects(session, _places(session))
    head, rows = _split(effects_csv(view, effects))
    assert any(soft.hash in line for line in head)
    assert any("faithful" in line for line in head)
    assert len(rows) == len(effects) + 1
    place = effects[0].interval
    assert rows[1].startswith(f"E1,{place.chrom},{place.start + 1},{place.end},{effects[0].delta_log10:.6f},")
    scan = deletion_scan(session, width_bp=800, step_bp=800)
    assert len(_split(scan_csv(view, scan))[1]) == len(scan.places) + 1


def _split(text: str) -> tuple[list[str], list[str]]:
    lines = text.splitlines()
    head = [line for line in lines if line.startswith("#")]
    assert lines[: len(head)] == head
    return head, lines[len(head) :]
