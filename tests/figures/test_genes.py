from __future__ import annotations

import itertools

from seq2exp.figures.genes import NAME_CHAR_PX, GeneModel, collapse, merge, pack
from seq2exp.genome import Gene, Interval, Transcript


def _model(number: int, start: int, end: int, *, target: bool = False) -> GeneModel:
    span = Interval("chr1", start, end)
    return GeneModel(f"G{number}", f"NAME{number}", "+", span, (span,), (), target)


def test_merge_joins_overlaps_and_touches() -> None:
    parts = [Interval("chr1", 10, 20), Interval("chr1", 0, 5), Interval("chr1", 20, 30), Interval("chr1", 12, 15)]
    assert merge(parts) == (Interval("chr1", 0, 5), Interval("chr1", 10, 30))


def test_transcripts_of_a_gene_become_one_model() -> None:
    one = Transcript("T1", "G1", "A", "-", (Interval("chr1", 0, 10), Interval("chr1", 50, 60)))
    two = Transcript("T2", "G1", "A", "-", (Interval("chr1", 5, 20),), (Interval("chr1", 8, 12),))
    (model,) = collapse([one, two], Gene("G1", "A", "chr1", 59, "-"))
    assert model.target
    assert model.span == Interval("chr1", 0, 60)
    assert model.exons == (Interval("chr1", 0, 20), Interval("chr1", 50, 60))
    assert model.cds == (Interval("chr1", 8, 12),)


def test_the_target_is_drawn_without_transcripts() -> None:
    with_bounds = Gene("G1", "A", "chr1", 100, "+", start=100, end=200)
    assert collapse([], with_bounds)[0].span == Interval("chr1", 100, 200)
    assert collapse([], Gene("G1", "A", "chr1", 100, "+"))[0].span == Interval("chr1", 100, 101)


def test_nothing_collides_in_a_row() -> None:
    visible = Interval("chr1", 0, 10_000)
    models = [_model(i, 150 * i, 150 * i + 400 + 37 * (i % 7)) for i in range(40)]
    rows = pack(models, visible, width_px=800, max_rows=50)
    assert rows.left_out == 0
    bp_per_px = visible.width / 800
    for _, group in itertools.groupby(sorted(rows.placed, key=lambda p: p.row), key=lambda p: p.row):
        boxes = []
        for placed in group:
            half = len(placed.model.label) * NAME_CHAR_PX / 2 * bp_per_px
            boxes.append(
                (
                    min(placed.model.span.start, placed.name_at - half),
                    max(min(placed.model.span.end, visible.end), placed.name_at + half),
                )
            )
        boxes.sort()
        assert all(left[1] <= right[0] for left, right in itertools.pairwise(boxes))


def test_the_target_always_has_a_place_and_the_rest_is_counted() -> None:
    visible = Interval("chr1", 0, 1_000)
    models = [_model(i, 0, 1_000) for i in range(5)] + [_model(9, 400, 410, target=True)]
    rows = pack(models, visible, width_px=800, max_rows=2)
    assert rows.placed[0].model.target
    assert len(rows.placed) == 2
    assert rows.left_out == 4


def test_names_stay_inside_the_picture() -> None:
    visible = Interval("chr1", 1_000, 2_000)
    rows = pack([_model(1, 0, 1_010), _model(2, 1_995, 9_000)], visible, width_px=500, max_rows=3)
    half = len("NAME1 →") * NAME_CHAR_PX / 2 * 2
    assert all(1_000 + half <= p.name_at + 1e-6 and p.name_at <= 2_000 - half + 1e-6 for p in rows.placed)


def test_genes_out_of_sight_are_not_placed() -> None:
    rows = pack([_model(1, 0, 100)], Interval("chr1", 500, 600), width_px=500, max_rows=3)
    assert rows.placed == ()
    assert rows.left_out == 0
