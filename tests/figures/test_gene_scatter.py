from __future__ import annotations

from typing import Literal

import numpy as np
import pytest

from seq2exp.figures.gene_scatter import MANY, GenePoints, gene_scatter


def _points(part: str, n: int, name: str = "Test") -> GenePoints:
    drawn = np.random.default_rng(n)
    ids = [f"G{number}" for number in range(n)]
    return GenePoints(part, name, ids, ids, drawn.uniform(0, 5, n), drawn.uniform(-0.5, 3, n))


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_both_axes_are_alike_and_hold_every_gene_and_the_identity(theme: Literal["light", "dark"]) -> None:
    groups = [_points("train", 30), _points("valid", 20), _points("test", 10), _points("", 5)]
    figure = gene_scatter(groups, x_title="observed", y_title="predicted", height=300, theme=theme)
    identity, *marks = figure.data
    low, high = figure.layout.xaxis.range
    assert figure.layout.yaxis.range == (low, high)
    assert list(identity.x) == list(identity.y) == [low, high]
    for group, trace in zip(groups, marks, strict=True):
        assert list(trace.customdata) == list(group.gene_ids)
        assert low < min(trace.x.min(), trace.y.min())
        assert max(trace.x.max(), trace.y.max()) < high
    assert len({trace.marker.symbol for trace in marks}) == len({trace.marker.color for trace in marks}) == 4


def test_many_genes_are_drawn_by_the_graphics_card() -> None:
    few = gene_scatter([_points("test", MANY)], x_title="x", y_title="y", height=300)
    many = gene_scatter([_points("test", MANY), _points("train", 1)], x_title="x", y_title="y", height=300)
    assert {trace.type for trace in few.data[1:]} == {"scatter"}
    assert {trace.type for trace in many.data[1:]} == {"scattergl"}


def test_names_are_letters_and_no_gene_is_no_error() -> None:
    hostile = GenePoints("test", "<b>x</b>", ["G"], ["<img src=x> %{y}"], np.array([1.0]), np.array([2.0]))
    (_, trace) = gene_scatter([hostile], x_title="x", y_title="y", height=300).data
    assert "<" not in trace.name + trace.text[0]
    assert "%{" not in trace.text[0]
    assert gene_scatter([], x_title="x", y_title="y", height=300).layout.xaxis.range[1] > 3
