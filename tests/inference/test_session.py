import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from seq2exp.errors import SettingsError
from seq2exp.genome import Interval
from seq2exp.inference import masks
from seq2exp.inference.checkpoints import LoadedCheckpoint, resolve_device
from seq2exp.inference.session import LocusSession, open_session
from seq2exp.inference.turns import ACCELERATOR
from seq2exp.model.beta import BetaParameters
from seq2exp.model.network import NetworkInput
from seq2exp.results import FloatArray
from seq2exp.settings import MaskSettings, ModelConfig
from seq2exp.sources.dataset import Dataset

FAITHFUL = MaskSettings()


def _session(
    tiny: Dataset, tmp_path: Path, checkpoint: LoadedCheckpoint | None = None, gene: str = "SQX2"
) -> LocusSession:
    return open_session(tiny, tiny.genes.get(gene), "SynK", checkpoint=checkpoint, device="cpu", cache_dir=tmp_path)


def _batch(session: LocusSession) -> NetworkInput:
    window = session.window
    tensors = [
        torch.from_numpy(np.array(a))[None]
        for a in (window.one_hot, window.signals, window.rna_features, window.blacklist)
    ]
    return NetworkInput(*tensors)


@pytest.mark.parametrize("which", ["soft", "hard", "summits"])
def test_faithful_session_equals_the_network(
    which: str, tiny: Dataset, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    checkpoint: LoadedCheckpoint = request.getfixturevalue(which)
    session = _session(tiny, tmp_path, checkpoint)
    with torch.inference_mode():
        out = checkpoint.network(_batch(session))
    mask = session.mask(FAITHFUL)
    assert mask.faithful
    np.testing.assert_allclose(mask.mask, out.mask[0], atol=1e-6)
    np.testing.assert_allclose(mask.mean, out.z[0], atol=1e-6)
    assert mask.ratio == pytest.approx(float(out.mask.mean()), rel=1e-5)
    assert session.predict(FAITHFUL) == pytest.approx(float(out.prediction), rel=1e-5, abs=1e-6)


def test_generator_runs_once_and_predictions_are_kept(
    tiny: Dataset, tmp_path: Path, soft: LoadedCheckpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = _session(tiny, tmp_path, soft)
    calls = {"sequence_beta": 0, "predict": 0}
    for name in calls:
        original = getattr(soft.network, name)

        def counted(*arguments: object, _name: str = name, _original: object = original, **options: object) -> object:
            calls[_name] += 1
            return _original(*arguments, **options)  # type: ignore[operator]

        monkeypatch.setattr(soft.network, name, counted)
    for scale in (1.0, 0.5, 1.0, 0.5):
        session.predict(MaskSettings(signal_scale=scale))
    assert calls == {"sequence_beta": 1, "predict": 2}
    # what the soft mode ignores asks for no new prediction
    for ignored in (
        MaskSettings(threshold=0.3),
        MaskSettings(mode="soft", top_share=0.2),
        MaskSettings(prior_mean=0.4),
    ):
        assert session.predict(ignored) == session.predict(FAITHFUL)
    assert calls == {"sequence_beta": 1, "predict": 2}
    session.predict(MaskSettings(mode="hard", threshold=0.3))
    assert calls == {"sequence_beta": 1, "predict": 3}


def test_two_that_need_the_generator_at_once_both_get_it(tiny: Dataset, tmp_path: Path, soft: LoadedCheckpoint) -> None:
    """One has its turn already, as a page that stood in line; the other comes straight to the session."""
    session = _session(tiny, tmp_path, soft)
    other = threading.Thread(target=lambda: found.append(session.mask(FAITHFUL).mean), daemon=True)
    found: list[FloatArray] = []
    with ACCELERATOR.turn():
        other.start()
        other.join(0.5)
        assert other.is_alive()
        mean = session.mask(FAITHFUL).mean
    other.join(60)
    assert not other.is_alive()
    np.testing.assert_array_equal(found[0], mean)


def test_threshold_moves_calls_in_soft_and_the_prediction_in_hard(
    tiny: Dataset, tmp_path: Path, soft: LoadedCheckpoint, hard: LoadedCheckpoint
) -> None:
    session = _session(tiny, tmp_path, soft)
    low, high = (MaskSettings(threshold=t) for t in (0.3, 0.6))
    assert session.mask(low).elements != session.mask(high).elements
    assert session.predict(low) == session.predict(high)
    assert session.mask(low).faithful
    session = _session(tiny, tmp_path, hard)
    assert session.predict(low) != session.predict(high)
    assert session.mask(low).changes == ("threshold 0.3 instead of 0.5",)


def test_every_what_if_is_named(tiny: Dataset, tmp_path: Path, soft: LoadedCheckpoint) -> None:
    session = _session(tiny, tmp_path, soft)
    settings = MaskSettings(
        mode="top-k",
        top_share=0.2,
        signal_scale=2,
        signal_weights=(1, 0, 0),
        signal_thresholds=(1, 1, 1),
        prior_mean=0.05,
        prior_strength=3,
        off=(Interval("chr1", 7000, 7100),),
    )
    found = " | ".join(session.mask(settings).changes)
    for words in (
        "mode top-k",
        "top share 0.2",
        "signal scale 2",
        "signal weights 1, 0, 0",
        "signal thresholds",
        "strength 3",
        "switched off",
    ):
        assert words in found
    assert not session.mask(settings).faithful


def test_prior_pulls_the_mean_towards_its_own(tiny: Dataset, tmp_path: Path, soft: LoadedCheckpoint) -> None:
    session = _session(tiny, tmp_path, soft)
    plain = session.mask(FAITHFUL).mean
    pulled = session.mask(MaskSettings(prior_mean=0.05, prior_strength=1e7)).mean
    assert np.abs(pulled - 0.05).max() < 1e-3
    assert np.abs(plain - 0.05).max() > 0.1


def test_edits_switch_bases_but_never_the_promoter(tiny: Dataset, tmp_path: Path, hard: LoadedCheckpoint) -> None:
    session = _session(tiny, tmp_path, hard)
    window = session.window.interval
    everything = MaskSettings(off=(window,))
    mask = session.mask(everything)
    assert mask.mask.sum() == 256
    assert mask.elements == ()
    assert mask.ratio_outside_promoter == 0
    on = Interval(window.chrom, window.start + 100, window.start + 400)
    mask = session.mask(MaskSettings(off=(window,), on=(on,)))
    assert [element.interval for element in mask.elements] == [on]
    assert session.predict(everything) != session.predict(MaskSettings(off=(window,), on=(on,)))


def test_top_k_keeps_its_share(tiny: Dataset, tmp_path: Path, soft: LoadedCheckpoint) -> None:
    mask = _session(tiny, tmp_path, soft).mask(MaskSettings(mode="top-k", top_share=0.1))
    unforced = mask.mask[~mask.forced_on]
    assert set(np.unique(mask.mask)) == {0.0, 1.0}
    assert unforced.sum() <= 409
    for element in mask.elements:
        assert element.peak >= mask.threshold


def test_a_packing_checkpoint_refuses_a_soft_mask(tiny: Dataset, tmp_path: Path, hard: LoadedCheckpoint) -> None:
    with pytest.raises(SettingsError, match="choose mode hard or top-k"):
        _session(tiny, tmp_path, hard).mask(MaskSettings(mode="soft"))


def test_without_a_checkpoint_the_signals_alone_make_the_mask(tiny: Dataset, tmp_path: Path) -> None:
    session = _session(tiny, tmp_path)
    mask = session.mask(FAITHFUL)
    share = session.window.signals.astype(np.float64) @ np.array([0.4, 0.4, 0.2])
    expected = (share + 1) / (share + 1 + 1.88)  # soft preset: m = 1, c = 10, threshold 0.88
    np.testing.assert_allclose(mask.mean, expected, rtol=1e-5)
    assert mask.source == "signals"
    assert not mask.faithful
    assert session.predict(FAITHFUL) is None
    with pytest.raises(SettingsError, match="signal scale must be above 0"):
        session.mask(MaskSettings(signal_scale=0))


def test_the_floor_is_what_no_evidence_looks_like(
    tiny: Dataset, tmp_path: Path, soft: LoadedCheckpoint, hard: LoadedCheckpoint, summits: LoadedCheckpoint
) -> None:
    floors = [_session(tiny, tmp_path, checkpoint).mask(FAITHFUL).floor for checkpoint in (soft, hard, None, summits)]
    assert floors == pytest.approx([11 / 30.8, 0, 1 / 2.88, 0.01 * 11 / 30.8], abs=1e-6)


def test_the_signal_slider_draws_the_mask_in_more_or_less(
    tiny: Dataset, tmp_path: Path, summits: LoadedCheckpoint
) -> None:
    session = _session(tiny, tmp_path, summits)
    dnase = torch.from_numpy(np.array(session.window.signals[None, :, 1]))
    highest = torch.nn.functional.max_pool1d(dnase, 121, stride=1, padding=60)
    contact = np.array(session.window.signals[:, 2], dtype=np.float64)
    share = (dnase / (highest + summits.config.summit_floor)).clamp(min=0.01)[0].numpy()
    share = np.maximum(share * contact**2 / (contact**2 + 0.25), 0.01)
    plain, made_of = replace(summits.config, summit_bp=0, contact_half=0.0), session.ingredients()
    for scale in (0.0, 0.5, 1.0, 2.0):
        settings = MaskSettings(signal_scale=scale)
        drawn = session.mask(settings).mean
        free = masks.mask_beta(
            torch.from_numpy(np.array(session.window.signals))[None],
            settings,
            plain,
            sequence=BetaParameters(*(torch.from_numpy(np.array(x))[None] for x in (made_of.alpha, made_of.beta))),
            generator=summits.network.generator,
        ).mean[0]
        np.testing.assert_allclose(drawn, free.detach().numpy() * share**scale, atol=1e-6)


def test_view_is_complete(tiny: Dataset, tmp_path: Path, soft: LoadedCheckpoint) -> None:
    session = _session(tiny, tmp_path, soft)
    view = session.view(FAITHFUL)
    assert [track.name for track in view.tracks] == ["dnase", "h3k27ac", "contact"]
    assert all(track.available and track.values.shape == (4096,) for track in view.tracks)
    assert view.centre.width == 256
    assert view.centre.start + 128 == view.gene.tss
    assert view.peaks
    assert all(region.interval.intersect(view.interval) == region.interval for region in view.peaks)
    assert view.overlap is not None
    assert view.overlap.n_elements == len(view.mask.elements)
    assert len(view.sequence) == 4096
    assert view.provenance["trained"] == "no"
    assert view.observed_log10 is not None
    timings = session.timings
    assert None not in (timings.window_ms, timings.generator_ms, timings.combine_ms, timings.predictor_ms)


def test_missing_tracks_make_a_what_if(tiny: Dataset, tmp_path: Path, soft: LoadedCheckpoint) -> None:
    kept = [source for source in tiny.manifest.sources if source.role not in ("contact", "h3k27ac")]
    less = replace(tiny, manifest=tiny.manifest.model_copy(update={"sources": kept}))
    view = _session(less, tmp_path, soft).view(FAITHFUL)
    assert {missing.name for missing in view.missing} >= {"contact", "h3k27ac"}
    assert any("contact missing" in change for change in view.mask.changes)
    assert not view.mask.faithful
    unavailable = {track.name: track.note for track in view.tracks if not track.available}
    assert set(unavailable) == {"contact", "h3k27ac"}
    assert "power law" in unavailable["contact"]


def test_window_over_the_chromosome_end_calls_nothing_beyond_it(tiny: Dataset, tmp_path: Path) -> None:
    beyond = [
        gene
        for gene in tiny.genes
        if gene.window(4096).start < 0 or gene.window(4096).end > tiny.assembly.chrom_sizes[gene.chrom]
    ]
    assert beyond
    for gene in beyond:
        session = open_session(tiny, gene, "SynK", device="cpu", cache_dir=tmp_path)
        for element in session.mask(MaskSettings(threshold=0.0)).elements:
            assert element.interval.start >= 0
            assert element.interval.end <= tiny.assembly.chrom_sizes[gene.chrom]


def test_devices_are_not_guessed() -> None:
    with pytest.raises(SettingsError, match="choose auto, cpu or cuda"):
        resolve_device("tpu")
    if not torch.cuda.is_available():
        with pytest.raises(SettingsError, match="no CUDA device"):
            resolve_device("cuda")


def test_window_follows_the_checkpoint(tiny: Dataset, tmp_path: Path, soft: LoadedCheckpoint) -> None:
    shorter = ModelConfig.preset(
        "soft", window_bp=1024, centre_bp=128, d_model=8, generator_layers=1, predictor_layers=1
    )
    from seq2exp.model.checkpoint import build_network

    checkpoint = replace(soft, network=build_network(shorter).eval())
    session = _session(tiny, tmp_path, checkpoint)
    assert session.window.interval.width == 1024
    assert session.mask(FAITHFUL).mean.shape == (1024,)


def test_a_peak_file_of_the_manifest_wins_and_may_be_empty(tiny: Dataset, tmp_path: Path) -> None:
    gene = tiny.genes.get("SQX2")
    bed = tmp_path / "peaks.bed"
    dnase = tiny.source("dnase", "SynK")
    assert dnase is not None
    listed = dnase.model_copy(
        update={
            "id": "p",
            "role": "peaks",
            "local_path": str(bed),
            "file": dnase.file.model_copy(update={"format": "bed"}),
        }
    )
    manifest = tiny.manifest.model_copy(update={"sources": [*tiny.manifest.sources, listed]})
    window = gene.window(4096)
    bed.write_text(
        f"{gene.chrom}\t{window.start - 50}\t{window.start + 50}\n{gene.chrom}\t{window.end}\t{window.end + 9}\n"
    )
    view = _session(replace(tiny, manifest=manifest), tmp_path).view(FAITHFUL)
    assert [region.interval for region in view.peaks] == [Interval(gene.chrom, window.start, window.start + 50)]
    assert view.peak_note == "peaks of peaks.bed"
    bed.write_text("")
    view = _session(replace(tiny, manifest=manifest), tmp_path).view(FAITHFUL)
    assert view.peaks == ()
    assert view.peak_note == "peaks of peaks.bed: none in this window"
    assert view.overlap is not None
    assert np.isnan(view.overlap.recall)


@pytest.mark.parametrize("which", ["soft", "hard"])
def test_promoter_only_is_the_network_on_a_mask_of_the_centre_alone(
    which: str, tiny: Dataset, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    checkpoint: LoadedCheckpoint = request.getfixturevalue(which)
    session = _session(tiny, tmp_path, checkpoint)
    batch = _batch(session)
    mask = torch.zeros(1, checkpoint.config.window_bp)
    mask[:, checkpoint.network.centre] = 1
    with torch.inference_mode():
        expected = float(checkpoint.network.predict(batch.sequence, batch.signals, mask, batch.rna_features))
    alone = session.predict_promoter_only()
    assert alone == pytest.approx(expected, rel=1e-5, abs=1e-6)
    assert session.view(MaskSettings(signal_scale=2)).promoter_only_log10 == alone
    assert alone != session.predict(FAITHFUL)
    assert _session(tiny, tmp_path).predict_promoter_only() is None


@pytest.mark.parametrize("failures", [1, 2])
@pytest.mark.parametrize("stage", ["sequence_beta", "predict"])
def test_out_of_memory_is_tried_again_and_then_falls_back_to_the_cpu(
    tiny: Dataset, tmp_path: Path, soft: LoadedCheckpoint, monkeypatch: pytest.MonkeyPatch, stage: str, failures: int
) -> None:
    # "cpu:0" is the CPU under another name, so it can play the accelerator that is full.
    session = _session(tiny, tmp_path, replace(soft, device="cpu:0"))
    expected = _session(tiny, tmp_path, soft).predict(FAITHFUL)
    left = [failures]
    original = getattr(soft.network, stage)

    def full(*arguments: object, **options: object) -> object:
        if session.device == "cpu:0" and left[0]:
            left[0] -= 1
            raise torch.OutOfMemoryError("full")
        return original(*arguments, **options)

    monkeypatch.setattr(soft.network, stage, full)
    assert session.predict(FAITHFUL) == pytest.approx(expected, rel=1e-6)
    assert left == [0]
    assert session.device == ("cpu:0" if failures == 1 else "cpu")
    assert ("ran out of memory" in session.notice) is (failures == 2)
    assert session.checkpoint is not None
    assert (session.checkpoint.network is soft.network) is (failures == 1)


def test_a_cpu_without_memory_says_so(
    tiny: Dataset, tmp_path: Path, soft: LoadedCheckpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> object:
        raise torch.OutOfMemoryError("full")

    monkeypatch.setattr(soft.network, "predict", full)
    with pytest.raises(SettingsError, match=r"not enough memory for a window of 4,096 bp"):
        _session(tiny, tmp_path, soft).predict(FAITHFUL)
