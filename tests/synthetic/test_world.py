"""What the generator promises about its own state: effects, shares, places, folds."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from seq2exp.errors import SettingsError
from seq2exp.synthetic.bases import background
from seq2exp.synthetic.expression import NOISE_SD, draw_cage, expected_expression, label, truth, without
from seq2exp.synthetic.genes import coding_parts
from seq2exp.synthetic.motifs import BY_NAME, MOTIFS, draw, lay_out
from seq2exp.synthetic.presets import CELLS, fold_of, scale_of
from seq2exp.synthetic.tracks import draw_dnase, draw_h3k27ac
from seq2exp.synthetic.world import World, make_world


@pytest.fixture(scope="module")
def world() -> World:
    return make_world(scale_of("tiny"), 7, noise_sd=NOISE_SD)


def test_an_unknown_preset_is_refused() -> None:
    with pytest.raises(SettingsError, match="'huge' is unknown; choose one of tiny"):
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
    codes = background({"a": 200_000}, np.random.default_rng(3))["a"]
    gc = np.isin(codes, (1, 2)).mean()
    cpg = np.mean((codes[:-1] == 1) & (codes[1:] == 2))
    assert 0.36 < gc < 0.52
    assert 0.1 < cpg / (np.mean(codes == 1) * np.mean(codes == 2)) < 0.4


@pytest.mark.parametrize("seed", [7, 8, 9])
def test_decoys_are_30_to_50_percent_of_open_sites(seed: int) -> None:
    made = make_world(scale_of("tiny"), seed, noise_sd=NOISE_SD)
    for cell in CELLS:
        opened = [element for element in made.elements if element.is_open(cell)]
        decoys = sum(element.class_in(cell) == "open_decoy" for element in opened)
        assert 0.3 <= decoys / len(opened) <= 0.5
        assert 0.3 <= decoys / (len(opened) + len(made.genes)) <= 0.5  # promoters counted as open sites


def test_deleting_an_element_changes_v_by_exactly_its_stored_effect(world: World) -> None:
    rows = list(truth(world))
    assert {row.causal for row in rows} == {True, False}
    for row in rows:
        deleted = without(world, row.element)
        assert len(deleted.elements) == len(world.elements) - 1
        before = expected_expression(world, row.gene, row.cell)
        after = expected_expression(deleted, row.gene, row.cell)
        assert after == pytest.approx(before * 10**row.effect_log10, rel=1e-12)
        if row.causal:
            assert row.effect_log10 < -0.02
        else:
            assert row.effect_log10 > -0.02


def test_classes_have_the_signals_they_should(world: World) -> None:
    found = set()
    for element in world.elements:
        for cell in CELLS:
            kind = element.class_in(cell)
            found.add(kind)
            closed = kind in ("other_cell_enhancer", "silent_cluster", "closed_decoy")
            assert element.is_open(cell) is not closed
            assert (element.activity[cell] > 0) is (kind in ("active_enhancer", "insulated_enhancer"))
            if kind == "insulator":
                assert element.h3k27ac[cell] == 0
            if kind == "artefact":
                assert any(
                    region.start <= element.interval.start and element.interval.end <= region.end
                    for region in world.blacklist
                    if region.chrom == element.interval.chrom
                )
    assert len(found) == 8


def test_insulated_enhancers_stand_behind_a_wall(world: World) -> None:
    contacts: dict[str, list[float]] = {}
    for row in truth(world):
        contacts.setdefault(row.element.class_in(row.cell), []).append(row.contact)
    assert max(contacts["insulated_enhancer"]) < min(contacts["active_enhancer"])


def test_windows_lie_inside_but_for_two_that_pass_an_end(world: World) -> None:
    outside = []
    for item in world.genes:
        window = item.gene.window(4096)
        if window.start < 0:
            outside.append((item.gene.chrom, "left", -window.start))
        if window.end > world.chrom_sizes[item.gene.chrom]:
            outside.append((item.gene.chrom, "right", window.end - world.chrom_sizes[item.gene.chrom]))
    assert sorted(outside) == [("chr1", "right", 500), ("chrX", "left", 500)]


def test_no_promoter_or_label_reaches_into_another_gene(world: World) -> None:
    for one in world.genes:
        for other in world.genes:
            if one is not other and one.gene.chrom == other.gene.chrom:
                assert abs(one.gene.tss - other.gene.tss) > 2 * 192 + 150


def test_elements_of_a_gene_do_not_touch(world: World) -> None:
    for before, after in zip(world.elements, world.elements[1:], strict=False):
        if before.gene_id == after.gene_id:
            assert before.interval.end < after.interval.start


def test_transcripts_start_at_the_tss_and_code_in_threes(world: World) -> None:
    strands = set()
    for item in world.genes:
        gene, transcript = item.gene, item.transcript
        strands.add(gene.strand)
        bounds = transcript.interval
        assert gene.tss == (bounds.start if gene.strand == "+" else bounds.end - 1)
        assert (gene.start, gene.end) == (bounds.start, bounds.end)
        assert 0 <= bounds.start < bounds.end <= world.chrom_sizes[gene.chrom]
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


def test_tracks_stay_in_realistic_ranges(world: World) -> None:
    for cell in CELLS:
        dnase = draw_dnase(world, cell, np.random.default_rng(1))
        h3k27ac = draw_h3k27ac(world, cell, np.random.default_rng(2))
        assert 0.03 < np.median(np.concatenate(list(dnase.values()))) < 0.12
        assert 0.2 < np.median(np.concatenate(list(h3k27ac.values()))) < 1.2
        for element in world.elements:
            span = slice(element.interval.start // 20, element.interval.end // 20)
            flanks = slice(max(span.start - 6, 0), span.stop + 6)
            kind = element.class_in(cell)
            if element.is_open(cell) and kind != "artefact":
                assert 0.25 < dnase[element.interval.chrom][span].max() < 25
            if kind == "active_enhancer":
                assert 5 < h3k27ac[element.interval.chrom][flanks].max() < 420


def test_labels_follow_v(world: World) -> None:
    for number, cell in enumerate(CELLS):
        tags = draw_cage(world, cell, np.random.default_rng(number))
        v = [np.log10(1 + expected_expression(world, item, cell)) for item in world.genes]
        drawn = [np.log10(1 + label(tags, item)) for item in world.genes]
        assert np.corrcoef(v, drawn)[0, 1] > 0.85


def test_without_noise_the_labels_are_counts_of_v(world: World) -> None:
    quiet = replace(world, noise=dict.fromkeys(world.noise, 0.0))
    tags = draw_cage(quiet, "SynK", np.random.default_rng(0))
    v = np.array([expected_expression(quiet, item, "SynK") for item in quiet.genes])
    drawn = np.array([label(tags, item) for item in quiet.genes])
    assert np.abs((drawn - v) / np.sqrt(v)).max() < 4.5


def test_folds_go_by_chromosome() -> None:
    folds = {chrom: fold_of(chrom) for chrom in scale_of("tiny").genes}
    assert folds == {"chr1": "train", "chr3": "valid", "chr21": "valid", "chr22": "test", "chrX": "test"}
