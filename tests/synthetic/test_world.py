"""What the generator promises about its own state: effects, shares, places, folds."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest

from seq2exp.errors import SettingsError
from seq2exp.synthetic.bases import background, draw_composition
from seq2exp.synthetic.expression import NOISE_SD, draw_cage, expected_expression, label, truth
from seq2exp.synthetic.genes import coding_parts
from seq2exp.synthetic.motifs import BY_NAME, MOTIFS, draw, lay_out
from seq2exp.synthetic.presets import CELLS, Cell, fold_of, scale_of
from seq2exp.synthetic.tracks import draw_dnase, draw_h3k27ac
from seq2exp.synthetic.world import World, chrom_sizes, make_world


def make_all(seed: int, preset: str = "tiny") -> list[World]:
    scale = scale_of(preset)
    return [make_world(scale, chrom, seed, noise_sd=NOISE_SD) for chrom in scale.genes]


@pytest.fixture(scope="module")
def worlds() -> list[World]:
    return make_all(7)


@pytest.fixture(scope="module")
def demo() -> list[World]:
    return make_all(7, "demo")


def test_an_unknown_preset_is_refused() -> None:
    with pytest.raises(SettingsError, match="'huge' is unknown; choose one of tiny, demo, train, large, full"):
        scale_of("huge")


def test_motifs_have_realistic_information_and_every_group() -> None:
    assert len(MOTIFS) == 20
    assert all(8 <= motif.information_bits <= 16 for motif in MOTIFS)
    for motif in MOTIFS:
        np.testing.assert_allclose(motif.pwm.sum(axis=1), 1.0)


def test_drawn_copies_follow_the_matrix_on_both_strands() -> None:
    rng = np.random.default_rng(0)
    motif = BY_NAME["CREB"]  # TGACGTCA is its own reverse complement
    copies = np.stack([draw(motif, rng) for _ in range(2000)])
    frequencies = np.stack([(copies == base).mean(axis=0) for base in range(4)], axis=1)
    np.testing.assert_allclose(frequencies, motif.pwm, atol=0.03)


def test_laid_out_motifs_stay_inside_and_drop_what_does_not_fit() -> None:
    rng = np.random.default_rng(1)
    target = np.full(30, 4, dtype=np.uint8)
    codes = lay_out(target, [[BY_NAME["GATA"], BY_NAME["RUNX"]], [BY_NAME["EBF"]]], rng)
    assert len(codes) == 30
    assert (target == 4).all()
    assert (codes < 4).sum() == 16  # the third motif would not fit


def test_background_looks_human() -> None:
    composition = draw_composition(np.random.default_rng(2))
    codes = background(200_000, composition, np.random.default_rng(3))
    gc = np.isin(codes, (1, 2)).mean()
    cpg = np.mean((codes[:-1] == 1) & (codes[1:] == 2))
    assert 0.36 < gc < 0.52
    assert 0.1 < cpg / (np.mean(codes == 1) * np.mean(codes == 2)) < 0.4


def decoy_share(worlds: list[World], cell: Cell) -> float:
    opened = [element for world in worlds for element in world.elements if element.is_open(cell)]
    return sum(element.class_in(cell) == "open_decoy" for element in opened) / len(opened)


@pytest.mark.parametrize("cell", CELLS)
def test_decoys_are_30_to_50_percent_of_open_sites(demo: list[World], cell: Cell) -> None:
    assert 0.35 <= decoy_share(demo, cell) <= 0.48
    for seed in (7, 8, 9):
        assert 0.3 <= decoy_share(make_all(seed), cell) <= 0.5


def test_enhancers_are_none_to_three_and_make_a_third_to_half_of_the_variance(demo: list[World]) -> None:
    numbers, log_v, without = [], [], []
    for world, cell in itertools.product(demo, CELLS):
        bare = replace(world, elements=tuple(e for e in world.elements if e.activity[cell] == 0))
        for item in world.genes:
            numbers.append(sum(e.class_in(cell) == "active_enhancer" for e in world.elements_of(item.gene)))
            log_v.append(np.log(expected_expression(world, item, cell)))
            without.append(np.log(expected_expression(bare, item, cell)))
    shares = np.bincount(numbers, minlength=4) / len(numbers)
    np.testing.assert_allclose(shares, [0.12, 0.38, 0.32, 0.18], atol=0.1)
    assert 0.3 < np.var(np.subtract(log_v, without)) / np.var(log_v) < 0.5


def test_deleting_an_element_changes_v_by_exactly_its_stored_effect(worlds: list[World]) -> None:
    rows = [(world, row) for world in worlds for row in truth(world)]
    assert {row.causal for _, row in rows} == {True, False}
    for world, row in rows:
        deleted = replace(world, elements=tuple(e for e in world.elements if e is not row.element))
        assert len(deleted.elements) == len(world.elements) - 1
        before = expected_expression(world, row.gene, row.cell)
        after = expected_expression(deleted, row.gene, row.cell)
        assert after == pytest.approx(before * 10**row.effect_log10, rel=1e-12)
        if row.causal:
            assert row.effect_log10 < -0.02
        else:
            assert row.effect_log10 > -0.04  # what leaks through a wall


def test_classes_have_the_signals_they_should(worlds: list[World]) -> None:
    found = set()
    for world, element in ((made, element) for made in worlds for element in made.elements):
        for cell in CELLS:
            kind = element.class_in(cell)
            found.add(kind)
            closed = kind in ("other_cell_enhancer", "silent_cluster", "closed_decoy")
            assert element.is_open(cell) is not closed
            assert (element.activity[cell] > 0) is (kind in ("active_enhancer", "insulated_enhancer"))
            if kind == "insulator":
                assert element.h3k27ac[cell] == 0
            if kind == "artefact":
                place = element.interval
                assert any(region.start <= place.start and place.end <= region.end for region in world.blacklist)
    assert len(found) == 8


def test_insulated_enhancers_stand_behind_a_wall(worlds: list[World]) -> None:
    contacts: dict[str, list[float]] = {}
    for row in (row for world in worlds for row in truth(world)):
        contacts.setdefault(row.element.class_in(row.cell), []).append(row.contact)
    assert max(contacts["insulated_enhancer"]) < min(contacts["active_enhancer"])


@pytest.mark.parametrize(("made", "overhang_bp"), [("worlds", 500), ("demo", 1000)])
def test_windows_lie_inside_but_for_two_that_pass_an_end(
    request: pytest.FixtureRequest, made: str, overhang_bp: int
) -> None:
    outside = []
    for world in request.getfixturevalue(made):
        for item in world.genes:
            window = item.gene.window(world.scale.window_bp)
            if window.start < 0:
                outside.append((world.chrom, "left", -window.start))
            if window.end > len(world.codes):
                outside.append((world.chrom, "right", window.end - len(world.codes)))
    assert sorted(outside) == [("chr3", "right", overhang_bp), ("chrX", "left", overhang_bp)]


def test_no_promoter_or_label_reaches_into_another_gene(worlds: list[World]) -> None:
    for world in worlds:
        tss = np.array([item.gene.tss for item in world.genes])
        assert np.diff(tss).min() > 2 * 192 + 150


def test_elements_lie_in_the_window_and_touch_neither_the_centre_nor_each_other(
    worlds: list[World], demo: list[World]
) -> None:
    for world in worlds + demo:
        for before, after in itertools.pairwise(world.elements):
            assert before.interval.end < after.interval.start
        by_id = {item.gene.gene_id: item.gene for item in world.genes}
        for element in world.elements:
            gene, place = by_id[element.gene_id], element.interval
            window = gene.window(world.scale.window_bp)
            assert window.start <= place.start
            assert place.end <= window.end
            assert not place.overlaps(gene.window(world.scale.centre_bp))
            assert element in world.elements_of(gene)


def test_elements_of_a_window_are_those_that_overlap_it(worlds: list[World]) -> None:
    for world in worlds:
        for item in world.genes:
            window = item.gene.window(world.scale.window_bp)
            assert world.elements_of(item.gene) == tuple(e for e in world.elements if e.interval.overlaps(window))


def test_a_chromosome_does_not_depend_on_its_preset() -> None:
    in_demo, in_train = (make_world(scale_of(name), "chr21", 7, noise_sd=NOISE_SD) for name in ("demo", "train"))
    np.testing.assert_array_equal(in_demo.codes, in_train.codes)
    assert in_demo.genes == in_train.genes
    assert in_demo.elements == in_train.elements
    assert in_demo.noise == in_train.noise
    assert in_demo.genes[0].gene.gene_id == "SYNG0020001"
    assert chrom_sizes(scale_of("train"), 7)["chr21"] == len(in_demo.codes)
    demo, train, large = (scale_of(name).genes for name in ("demo", "train", "large"))
    assert demo.items() <= train.items() <= large.items()
    assert {fold_of(chrom) for chrom in large.keys() - demo.keys()} == {"train"}


def test_transcripts_start_at_the_tss_and_code_in_threes(worlds: list[World]) -> None:
    strands = set()
    for world, item in ((made, item) for made in worlds for item in made.genes):
        gene, transcript = item.gene, item.transcript
        strands.add(gene.strand)
        bounds = transcript.interval
        assert gene.tss == (bounds.start if gene.strand == "+" else bounds.end - 1)
        assert (gene.start, gene.end) == (bounds.start, bounds.end)
        assert 0 <= bounds.start < bounds.end <= len(world.codes)
        if not transcript.cds:
            assert not item.features
            assert item.stability == 0
            continue
        parts = coding_parts(transcript)
        assert parts.cds == transcript.cds
        assert sum(block.width for block in parts.cds) % 3 == 0
        assert sum(block.width for block in parts.stop) == 3
        pieces = (parts.utr5, parts.cds, parts.stop, parts.utr3)
        assert sum(b.width for part in pieces for b in part) == sum(e.width for e in transcript.exons)
    assert strands == {"+", "-"}


@pytest.mark.parametrize("cell", CELLS)
def test_tracks_stay_in_realistic_ranges(demo: list[World], cell: Cell) -> None:
    for world in demo:
        dnase = draw_dnase(world, cell, np.random.default_rng(1))
        h3k27ac = draw_h3k27ac(world, cell, np.random.default_rng(2))
        assert 0.03 < np.median(dnase) < 0.1
        assert 0.2 < np.median(h3k27ac) < 1.0
        for element in world.elements:
            span = slice(element.interval.start // 20, element.interval.end // 20)
            flanks = slice(max(span.start - 6, 0), span.stop + 6)
            kind = element.class_in(cell)
            if element.is_open(cell) and kind != "artefact":
                assert 0.25 < dnase[span].max() < 25
            if kind == "active_enhancer":
                assert 5 < h3k27ac[flanks].max() < 420


@pytest.mark.parametrize("cell", CELLS)
def test_labels_follow_v(worlds: list[World], cell: Cell) -> None:
    v, drawn = [], []
    for world in worlds:
        tags = draw_cage(world, cell, np.random.default_rng(1))
        v += [np.log10(1 + expected_expression(world, item, cell)) for item in world.genes]
        drawn += [np.log10(1 + label(tags, item)) for item in world.genes]
    assert np.corrcoef(v, drawn)[0, 1] > 0.85


def test_without_noise_the_labels_are_counts_of_v(worlds: list[World]) -> None:
    for world in worlds:
        quiet = replace(world, noise=dict.fromkeys(world.noise, 0.0))
        tags = draw_cage(quiet, "SynK", np.random.default_rng(0))
        v = np.array([expected_expression(quiet, item, "SynK") for item in quiet.genes])
        drawn = np.array([label(tags, item) for item in quiet.genes])
        assert np.abs((drawn - v) / np.sqrt(v)).max() < 4.5


def test_folds_go_by_chromosome() -> None:
    folds = {chrom: fold_of(chrom) for chrom in scale_of("tiny").genes}
    assert folds == {"chr1": "train", "chr3": "valid", "chr21": "valid", "chr22": "test", "chrX": "test"}
