"""A window equals what was written into the files, base by base, and says what it lacked."""

from __future__ import annotations

import dataclasses
import pickle
from pathlib import Path

import numpy as np
import pytest
import yaml

from seq2exp.errors import WindowError
from seq2exp.genome import Gene
from seq2exp.results import MissingInput
from seq2exp.settings import RNA_FEATURES, SIGNALS, WindowSettings
from seq2exp.sources.dataset import Dataset, open_dataset
from seq2exp.window.assemble import Window, build_window, window_settings
from seq2exp.window.contacts import NASSER_2021
from tests.window.conftest import CHROMS, CONTACT_BP, GENES, Tiny, write_bigwig

PSEUDOCOUNT = 0.0012292


@pytest.fixture(scope="session")
def dataset(tiny: Tiny) -> Dataset:
    return open_dataset(tiny.manifest)


def window_of(dataset: Dataset, symbol: str, cell: str = "A", **changes: object) -> Window:
    settings = dataclasses.replace(window_settings(dataset), **changes)
    return build_window(dataset, dataset.genes.get(symbol), cell, settings)


def reworked(tiny: Tiny, folder: Path, change) -> Dataset:
    """The tiny data set with a changed manifest; files stay where they are unless the change moves them."""
    manifest = yaml.safe_load(tiny.manifest.read_text())
    for source in manifest["sources"]:
        source["local_path"] = str(tiny.folder / source["local_path"])
    change(manifest)
    (folder / "manifest.yaml").write_text(yaml.safe_dump(manifest))
    return open_dataset(folder)


def padded(values: np.ndarray, chrom: str, start: int, width: int) -> np.ndarray:
    """Values at start .. start + width, NaN outside the chromosome; a plain loop."""
    return np.array(
        [values[p] if 0 <= p < CHROMS[chrom] else np.nan for p in range(start, start + width)], dtype=np.float32
    )


@pytest.mark.parametrize("width", [4_000, 1_002, 25_000])
@pytest.mark.parametrize("symbol", GENES)
def test_window_equals_the_files_base_by_base(tiny: Tiny, dataset: Dataset, symbol: str, width: int) -> None:
    _, chrom, tss, strand = GENES[symbol]
    window = window_of(dataset, symbol, width_bp=width)
    start = tss - width // 2
    assert (window.interval.chrom, window.interval.start, window.interval.end) == (chrom, start, start + width)
    assert window.gene.strand == strand

    letters = [tiny.bases[chrom][p].upper() if 0 <= p < CHROMS[chrom] else "N" for p in range(start, start + width)]
    expected = "".join(letter if letter in "ACGT" else "N" for letter in letters)
    assert window.sequence == expected
    assert window.sequence[width // 2] == tiny.bases[chrom][tss].upper()
    assert window.tss_index == width // 2
    np.testing.assert_array_equal(window.one_hot.sum(axis=1), [letter != "N" for letter in expected])

    for channel, name in ((0, "h3k27ac"), (1, "dnase")):
        raw = padded(tiny.tracks[f"A.{name}"][chrom], chrom, start, width)
        np.testing.assert_array_equal(window.measured[name], raw)
        np.testing.assert_array_equal(window.signals[:, channel], np.nan_to_num(raw, nan=0.0))

    row = tiny.contacts[chrom][tss // CONTACT_BP]
    raw = padded(np.repeat(row, CONTACT_BP), chrom, start, width)
    np.testing.assert_array_equal(window.measured["contact"], raw)
    inside = ~np.isnan(raw)
    expected_contact = np.where(inside, np.log10(1 + np.nan_to_num(raw) + PSEUDOCOUNT), 0)
    np.testing.assert_allclose(window.signals[:, 2], expected_contact, atol=1e-6)
    assert (window.signals[~inside] == 0).all()


def test_channels_stand_in_the_order_of_signals() -> None:
    assert SIGNALS == ("h3k27ac", "dnase", "contact")


@pytest.mark.parametrize("symbol", GENES)
def test_missing_shares_are_counted_over_the_whole_window(dataset: Dataset, symbol: str) -> None:
    window = window_of(dataset, symbol)
    shares = {entry.name: entry.share for entry in window.missing}
    assert shares["dnase"] == pytest.approx(np.isnan(window.measured["dnase"]).mean())
    assert shares["h3k27ac"] == pytest.approx(np.isnan(window.measured["h3k27ac"]).mean())
    assert shares.get("contact", 0) == pytest.approx(np.isnan(window.measured["contact"]).mean())
    assert shares.get("sequence", 0) == pytest.approx(window.sequence.count("N") / 4_000)
    assert all(0 < share <= 1 for share in shares.values())


def test_a_cell_type_without_contacts_and_h3k27ac_still_has_a_window(tiny: Tiny, dataset: Dataset) -> None:
    window = window_of(dataset, "LEFT", "B")
    start = 601 - 2_000
    np.testing.assert_array_equal(window.signals[:, 0], 0)
    distance = np.arange(-2_000, 2_000)
    inside = np.arange(start, start + 4_000) >= 0
    expected = np.where(inside, np.log10(1 + NASSER_2021.power_law(distance)), 0)
    np.testing.assert_allclose(window.signals[:, 2], expected, rtol=1e-6)
    assert np.isnan(window.measured["contact"]).all()
    assert np.isnan(window.measured["h3k27ac"]).all()
    assert MissingInput("h3k27ac", 1.0, "zero") in window.missing
    assert MissingInput("contact", 1.0, "power law") in window.missing


def test_features_are_in_model_order_and_what_is_unknown_is_named(dataset: Dataset) -> None:
    # The table holds row + 0.1 * (position in model order + 1), written in reverse order.
    complete = window_of(dataset, "MIDDLE")
    np.testing.assert_allclose(complete.rna_features, [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 11.5], rtol=1e-6)
    assert "rna_features" not in {entry.name for entry in complete.missing}
    one_gone = window_of(dataset, "OTHER")
    np.testing.assert_allclose(one_gone.rna_features, [3.1, 0, 3.3, 3.4, 3.5, 3.6, 3.7, 3.8, 11.5], rtol=1e-6)
    assert MissingInput("rna_features", pytest.approx(1 / 9), f"zero for {RNA_FEATURES[1]}") in one_gone.missing
    other_cell = window_of(dataset, "MIDDLE", "B")
    assert other_cell.rna_features[8] == 0
    assert MissingInput("rna_features", pytest.approx(1 / 9), "zero for PROMOTER_ACTIVITY") in other_cell.missing
    unknown = window_of(dataset, "BARE")
    np.testing.assert_array_equal(unknown.rna_features, np.zeros(9))
    assert MissingInput("rna_features", 1.0, f"zero for {', '.join(RNA_FEATURES)}") in unknown.missing


def test_target_is_log10_of_one_plus_the_label(dataset: Dataset) -> None:
    assert window_of(dataset, "MIDDLE").observed_log10 == pytest.approx(2.0)
    assert window_of(dataset, "MIDDLE", "B").observed_log10 == 0.0
    assert window_of(dataset, "LEFT", "B").observed_log10 is None
    assert window_of(dataset, "OTHER").observed_log10 is None


def test_blacklist_marks_its_bases_and_nothing_past_the_ends(dataset: Dataset) -> None:
    middle = window_of(dataset, "MIDDLE")
    start = middle.interval.start
    assert np.flatnonzero(middle.blacklist).tolist() == list(range(10_000 - start, 10_050 - start))
    left = window_of(dataset, "LEFT")
    assert np.flatnonzero(left.blacklist).tolist() == list(range(1_399, 1_439))
    assert not window_of(dataset, "BARE").blacklist.any()


def test_a_gene_named_without_chr_gives_the_same_window(dataset: Dataset) -> None:
    gene = dataset.genes.get("MIDDLE")
    settings = window_settings(dataset)
    window = build_window(dataset, dataclasses.replace(gene, chrom="1"), "A", settings)
    same = build_window(dataset, gene, "A", settings)
    np.testing.assert_array_equal(window.signals, same.signals)
    np.testing.assert_array_equal(window.codes, same.codes)
    np.testing.assert_array_equal(window.blacklist, same.blacklist)


@pytest.mark.parametrize(("symbol", "shift"), [("LEFT", 700), ("RIGHT", -699), ("MIDDLE", 0)])
def test_compat_switch_displaces_contacts_alone_and_only_at_the_ends(dataset: Dataset, symbol: str, shift: int) -> None:
    # LEFT: padding 1,399, moved up by 700. RIGHT: padding 19,898 + 2,000 - 20,500 = 1,398, moved down by 699.
    right = window_of(dataset, symbol)
    compat = window_of(dataset, symbol, compat_double_padding=True)
    np.testing.assert_array_equal(compat.signals[:, :2], right.signals[:, :2])
    np.testing.assert_array_equal(compat.measured["contact"], right.measured["contact"])
    expected = np.zeros(4_000, dtype=np.float32)
    if shift >= 0:
        expected[shift:] = right.signals[: 4_000 - shift, 2]
    else:
        expected[:shift] = right.signals[-shift:, 2]
    np.testing.assert_array_equal(compat.signals[:, 2], expected)


def test_settings_come_from_the_manifest_with_published_values_where_it_is_silent(
    tiny: Tiny, dataset: Dataset, tmp_path: Path
) -> None:
    assert window_settings(dataset) == WindowSettings(width_bp=4_000, contact_resolution_bp=CONTACT_BP)
    silent = reworked(tiny, tmp_path, lambda manifest: manifest.pop("window"))
    assert window_settings(silent) == WindowSettings(200_000, "vc_counts", 5_000)


def test_the_files_own_normalisation_wins_over_the_manifests(tiny: Tiny, dataset: Dataset, tmp_path: Path) -> None:
    def change(manifest) -> None:
        manifest["window"]["contact_normalisation"] = "VC"  # the map has none
        contact = next(source for source in manifest["sources"] if source["role"] == "contact")
        contact["content"] = {"normalisation": "NONE"}

    changed = reworked(tiny, tmp_path, change)
    np.testing.assert_array_equal(window_of(changed, "MIDDLE").signals, window_of(dataset, "MIDDLE").signals)


def test_abc_mode_balances_the_row(tiny: Tiny, tmp_path: Path) -> None:
    def change(manifest) -> None:
        manifest["window"]["contact_mode"] = "abc_kr"

    changed = reworked(tiny, tmp_path, change)
    window = window_of(changed, "MIDDLE")
    row = tiny.contacts["chr1"][10] / tiny.contacts["chr1"][10].sum()
    row[10] = max(row[9], row[11])
    raw = padded(np.repeat(row, CONTACT_BP), "chr1", 8_300, 4_000)
    np.testing.assert_allclose(window.measured["contact"], raw, rtol=1e-6)
    np.testing.assert_allclose(window.signals[:, 2], np.log10(1 + raw + PSEUDOCOUNT), rtol=1e-4)


@pytest.mark.parametrize(("tss", "where"), [(20_500, "base 20,501"), (-1, "base 0")])
def test_a_tss_outside_the_chromosome_is_refused(dataset: Dataset, tss: int, where: str) -> None:
    gene = Gene("ENSG09", "LOST", "chr1", tss, "+")
    with pytest.raises(WindowError, match=rf"the TSS of LOST, {where}, lies outside chr1 of test1, which has 20,500"):
        build_window(dataset, gene, "A", window_settings(dataset))


def test_an_unknown_chromosome_or_cell_type_is_refused(dataset: Dataset) -> None:
    with pytest.raises(WindowError, match="LOST lies on chr9, which test1 of tiny lacks"):
        build_window(dataset, Gene("ENSG09", "LOST", "chr9", 5, "+"), "A", window_settings(dataset))
    with pytest.raises(WindowError, match="tiny has no cell type 'C'; it has A, B"):
        window_of(dataset, "MIDDLE", "C")


@pytest.mark.parametrize("role", ["dnase", "h3k27ac"])
def test_a_negative_signal_is_refused_with_file_and_place(tiny: Tiny, tmp_path: Path, role: str) -> None:
    values = {chrom: track.copy() for chrom, track in tiny.tracks["A.dnase"].items()}
    values["chr1"][9_999] = -0.5
    write_bigwig(tmp_path / "bad.bw", values)

    def change(manifest) -> None:
        source = next(s for s in manifest["sources"] if s["role"] == role and s["cell_type"] == "A")
        source["local_path"] = str(tmp_path / "bad.bw")

    changed = reworked(tiny, tmp_path, change)
    with pytest.raises(WindowError, match=rf"bad.bw: {role} is -0.5 at chr1:10,000 "):
        window_of(changed, "MIDDLE")
    assert window_of(changed, "OTHER").gene.symbol == "OTHER"  # the value lies outside that window


def test_a_window_cannot_be_written_to(dataset: Dataset) -> None:
    window = window_of(dataset, "MIDDLE")
    for array in (window.codes, window.signals, window.blacklist, window.rna_features, *window.measured.values()):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1
    with pytest.raises(dataclasses.FrozenInstanceError):
        window.cell_type = "B"


def test_a_window_survives_pickling_for_workers(dataset: Dataset) -> None:
    window = window_of(dataset, "MIDDLE")
    copy = pickle.loads(pickle.dumps(window))
    np.testing.assert_array_equal(copy.signals, window.signals)
    assert copy.missing == window.missing


def _nan(array: np.ndarray) -> np.ndarray:
    changed = array.copy()
    changed.flat[0] = np.nan
    return changed


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("codes", lambda codes: codes[1:], r"codes has shape \(3999,\), expected \(4000,\)"),
        ("codes", lambda codes: codes + np.uint8(5), "found"),
        ("signals", lambda signals: signals.T, r"signals has shape \(3, 4000\)"),
        ("signals", _nan, "signals must be finite"),
        ("signals", lambda signals: signals - 100, "signals must be finite and not negative"),
        ("rna_features", lambda features: features[:8], r"rna_features has shape \(8,\), expected \(9,\)"),
        ("rna_features", _nan, "rna_features must be finite"),
        ("blacklist", lambda mask: mask.astype(np.float32), "blacklist must be bool, found float32"),
        ("measured", lambda measured: {"dnase": measured["dnase"]}, "measured holds"),
        ("observed_log10", lambda value: -value, "observed_log10 must be finite and not negative"),
        ("observed_log10", lambda _: float("nan"), "observed_log10 must be finite"),
        ("interval", lambda interval: interval.shift(1), "is not centred on the TSS at chr1:10,301"),
    ],
)
def test_a_window_checks_itself(dataset: Dataset, name: str, change, message: str) -> None:
    window = window_of(dataset, "MIDDLE")
    with pytest.raises(WindowError, match=message):
        dataclasses.replace(window, **{name: change(getattr(window, name))})
