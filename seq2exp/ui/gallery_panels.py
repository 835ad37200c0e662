"""The cards of the gallery, the masks behind them, and the way from a card to Explore."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import streamlit as st

from seq2exp.errors import Seq2ExpError
from seq2exp.figures.thumbnail import locus_thumbnail
from seq2exp.genome import Gene
from seq2exp.inference.checkpoints import LoadedCheckpoint
from seq2exp.inference.session import open_session
from seq2exp.results import TrueElement
from seq2exp.settings import MaskSettings
from seq2exp.sources.dataset import Dataset
from seq2exp.sources.truth import TruthElement
from seq2exp.ui import badges, cache, gallery, inputs, truth
from seq2exp.ui.gallery import Glance, Pick
from seq2exp.ui.genes_data import GeneRows
from seq2exp.ui.held_out import acquaintance
from seq2exp.ui.panels import theme_name
from seq2exp.ui.text import plain

COLUMNS = 3
QUICK_BP = 32_768
"""Windows up to this long are drawn on a CPU without asking: a second or so each."""
_OPEN = "gallery_open"
READING = (
    "Curve: mask mean up to 0.5, or 1 where it is higher. Dashed: threshold. Bars: called elements. "
    "Grey band: promoter, forced on."
)
READING_TRUTH = " Below: causal elements full, others hollow."


def follow_click(opened: Dataset) -> None:
    """Open Explore on the gene of the card that was clicked, if one was."""
    inputs.open_in_explore(opened, st.session_state.pop(_OPEN, None))


def _open_gene(gene_id: str) -> None:
    st.session_state[_OPEN] = gene_id


def chosen(opened: Dataset, cell_type: str, loaded: LoadedCheckpoint, rows: GeneRows) -> tuple[Pick, ...]:
    """The cards of a scored data set; what needs masks is looked for where they are quickly made."""
    held_out = gallery.held_out(rows.table)
    found = list(gallery.picks(held_out))
    if truth.has_truth(opened, cell_type) and quick(opened, loaded):
        try:
            known = cache.truth(opened, cell_type)
        except Seq2ExpError as error:
            st.error(f"No truth to choose by: {plain(str(error))}")
            known = {}
        decoy = _decoy(opened, cell_type, loaded, held_out["gene_id"].tolist(), known, rows)
        if decoy is not None:
            found.insert(min(3, len(found)), decoy)
    return tuple(found)


def _decoy(
    opened: Dataset,
    cell_type: str,
    loaded: LoadedCheckpoint,
    gene_ids: Sequence[str],
    known: Mapping[tuple[str, str], tuple[TruthElement, ...]],
    rows: GeneRows,
) -> Pick | None:
    of_genes = {gene_id: known.get((gene_id, cell_type), ()) for gene_id in gene_ids}
    for gene_id in gallery.decoy_candidates(gallery.held_out(rows.table), of_genes):
        seen = glance_or_none(opened, opened.genes.get(gene_id), cell_type, loaded)
        pick = None if seen is None else gallery.rejected_decoy(gene_id, seen, of_genes[gene_id])
        if pick is not None:
            return pick
    return None


def quick(opened: Dataset, loaded: LoadedCheckpoint) -> bool:
    """Whether a mask is made in about a second."""
    return opened.manifest.window.width_bp <= QUICK_BP or loaded.device == "cuda"


def glance_or_none(opened: Dataset, gene: Gene, cell_type: str, loaded: LoadedCheckpoint) -> Glance | None:
    """The gene's mask, or None where its window cannot be made."""
    try:
        return _glance(opened.hash, gene.gene_id, cell_type, loaded.hash, opened, gene, loaded)
    except Seq2ExpError:  # Explore tells why when the card is opened
        return None


@st.cache_resource(max_entries=48, show_spinner="Looking at the loci …")
def _glance(
    dataset_hash: str,
    gene_id: str,
    cell_type: str,
    checkpoint_hash: str,
    _opened: Dataset,
    _gene: Gene,
    _loaded: LoadedCheckpoint,
) -> Glance:
    session = open_session(_opened, _gene, cell_type, checkpoint=_loaded)
    mask = session.mask(MaskSettings())
    return Glance(
        session.window.interval,
        session.centre,
        mask.mean,
        ~(mask.forced_on | mask.forced_off),
        mask.threshold,
        tuple(element.interval for element in mask.elements),
    )


def cards(opened: Dataset, cell_type: str, loaded: LoadedCheckpoint | None, shown: Sequence[Pick]) -> None:
    """One card per pick, three to a row."""
    for first in range(0, len(shown), COLUMNS):
        for column, pick in zip(st.columns(COLUMNS), shown[first : first + COLUMNS], strict=False):
            with column.container(border=True, height="stretch"):
                _card(opened, cell_type, loaded, pick.gene_id, gallery.TITLES[pick.kind], pick.why, key=pick.kind)
    absent = [title for kind, title in gallery.TITLES.items() if kind not in {pick.kind for pick in shown}]
    if absent:
        st.caption(f"No gene fits: {', '.join(absent)}.")


def examples(opened: Dataset, cell_type: str, loaded: LoadedCheckpoint | None) -> None:
    """Three genes without any claim: the one Explore begins with, and two from the middle and the end of the list."""
    genes = list(opened.genes)
    first = truth.first_gene(opened)
    held_out = [gene for gene in genes if opened.fold(gene) == "test"] or genes
    wanted = [*([first] if first is not None else held_out[:1]), held_out[len(held_out) // 2], held_out[-1]]
    shown = list({gene.gene_id: gene for gene in wanted}.values())
    for number, (column, gene) in enumerate(zip(st.columns(COLUMNS), shown, strict=False)):
        with column.container(border=True, height="stretch"):
            _card(opened, cell_type, loaded, gene.gene_id, "Example", "", key=f"example {number}")


def _card(
    opened: Dataset, cell_type: str, loaded: LoadedCheckpoint | None, gene_id: str, title: str, why: str, *, key: str
) -> None:
    gene = opened.genes.get(gene_id)
    name = gene.symbol or gene.gene_id
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown(f"**{title}**", width="content")
        badges.gene_badge(None if loaded is None else acquaintance(opened, gene, cell_type, loaded.provenance))
    if why:
        st.markdown(plain(f"{name}: {why}."))
    _thumbnail(opened, gene, cell_type, loaded)
    st.button(
        f"Open {plain(name)} in Explore",
        key=f"gallery {key}",
        icon=":material/open_in_full:",
        on_click=_open_gene,
        args=(gene_id,),
    )


def _thumbnail(opened: Dataset, gene: Gene, cell_type: str, loaded: LoadedCheckpoint | None) -> None:
    """The mask of the gene, where there is one to show and it is quickly made."""
    if loaded is None or not loaded.trained or not quick(opened, loaded):
        return
    seen = glance_or_none(opened, gene, cell_type, loaded)
    if seen is None:
        st.caption("This window cannot be drawn; Explore tells why.")
        return
    known: tuple[TrueElement, ...] = ()
    if truth.has_truth(opened, cell_type):
        try:
            known = truth.true_elements(opened, gene, cell_type, seen.window)
        except Seq2ExpError:  # told above the cards
            known = ()
    picture = locus_thumbnail(
        seen.mean,
        seen.window,
        threshold=seen.threshold,
        centre=seen.centre,
        called=seen.called,
        truth=known,
        theme=theme_name(),
    )
    st.image(picture, width="stretch")
