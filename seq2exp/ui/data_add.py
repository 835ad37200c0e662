"""Add your cells: the form, what the check of its files found, and the step that writes and opens the data set."""

from __future__ import annotations

import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from seq2exp.errors import Seq2ExpError
from seq2exp.processing.add import CellPlan, write_cell
from seq2exp.processing.add_check import CheckedFile
from seq2exp.processing.add_format import CellRole
from seq2exp.processing.add_words import TITLES, absent_inputs
from seq2exp.ui import inputs, streaming
from seq2exp.ui.data_request import UNUSABLE, CellRequest
from seq2exp.ui.status_machine import short, size_in_words
from seq2exp.ui.text import plain

_FOUND = "data_add_found"
_FIELDS: dict[CellRole, tuple[str, str]] = {
    "dnase": ("DNase, bigWig", "Read-depth normalised signal, as ENCODE's DNase pipeline gives it."),
    "h3k27ac": ("H3K27ac, bigWig", "Signal p-value, as ENCODE's ChIP-seq pipeline gives it; not fold change."),
    "contact": ("Hi-C, .hic or .cool", "With bins as wide as the data set's, 5,000 bp in the published setting."),
    "cage": ("CAGE, bigWig or CTSS BED", "Tag counts of both strands, not TPM; makes the labels."),
    "dnase_alignment": ("DNase reads, BAM", "Sorted by coordinate; MACS3 then calls peaks from reads."),
}
_DASH = "\u2013"


def show() -> None:
    """The form at the left, what is known at the right."""
    known = inputs.known_datasets()
    if not known:
        st.info(
            "There is no data set to borrow a genome and genes from. Make one with `python -m seq2exp data build`, "
            "or a small synthetic one with `make data`."
        )
        return
    form, found = st.columns([5, 8], gap="large")
    with form:
        asked = _form(list(known))
    if asked is not None:
        name, base, keep, files = asked
        request = CellRequest(name, known[base], keep, files, remote=streaming.is_on())
        with found:
            st.session_state[_FOUND] = (request, _checked(request))
    with found:
        _outcome()


def _form(known: list[str]) -> tuple[str, str, bool, dict[CellRole, str]] | None:
    """The fields; what they hold once the button is pressed."""
    state = st.session_state
    if state.get("add_base", state.get("dataset")) in known:
        state["add_base"] = state.get("add_base", state.get("dataset"))
    else:
        state.pop("add_base", None)
    with st.form("add_cell", border=False):
        name_column, base_column = st.columns([2, 3])
        name = name_column.text_input(
            "Name", value="MyCells", key="add_name", max_chars=64, persist_state="session",
            help="Of the cell type and of its folder in .data: letters, digits and . _ + -",
        )  # fmt: skip
        base = base_column.selectbox(
            "Genome and genes of", known, key="add_base", filter_mode=None, persist_state="session",
            help="Your data set borrows its genome, genes, features, split and blacklist where they lie.",
        )  # fmt: skip
        typed = {
            role: st.text_input(
                title, key=f"add_{role}", help=words, persist_state="session",
                placeholder="/data/my_cells/dnase.bw" if role == "dnase" else "not given",
            )
            for role, (title, words) in _FIELDS.items()
        }  # fmt: skip
        keep = st.toggle(
            "Keep its cell types beside mine", value=True, key="add_keep", persist_state="session",
            help="So that Compare can set them side by side. The other data set itself is not touched.",
        )  # fmt: skip
        sent = st.form_submit_button("Check the files", type="primary", icon=":material/fact_check:")
    if not sent:
        return None
    files = {role: text.strip() for role, text in typed.items() if text and text.strip()}
    return (name or "").strip(), str(base), bool(keep), files


def _checked(request: CellRequest) -> CellPlan | str:
    """What the check found, or why there was nothing to check."""
    place = st.empty()
    try:
        plan = request.plan(lambda words: _tell(place, words))
    except (Seq2ExpError, *UNUSABLE) as error:
        return str(error)
    finally:
        place.empty()
    return plan


def _tell(place: DeltaGenerator, words: str) -> None:
    place.info(f"Checking {plain(words)} …", icon=":material/hourglass_top:")


def _outcome() -> None:
    found: tuple[CellRequest, CellPlan | str] | None = st.session_state.get(_FOUND)
    if found is None:
        _what_files_are_for()
        return
    request, plan = found
    if isinstance(plan, str):
        st.error(plain(short(plan)))
        return
    if not plan.problems:
        _write(plan)
    for problem in plan.problems:
        st.error(plain(short(problem), limit=700))
    taken = [file for file in plan.files if not file.problem]
    if taken:
        _files(taken)
    for warning in [words for file in taken for words in file.warnings]:
        st.warning(plain(short(warning), limit=900), icon=":material/warning:")
    if plan.problems:
        st.caption("Nothing was written. Mend the paths and check again.")
        return
    _missing(plan)
    st.caption("The same on the command line:")
    st.code(request.command(), language="bash", wrap_lines=True)


def _what_files_are_for() -> None:
    """Before anything is checked: what each input does, told by what it costs to go without."""
    st.markdown("**What each file is for**")
    st.caption(
        "DNase or H3K27ac alone is enough to begin with. Paths are those of the machine that runs this app; the files "
        "stay where they are. What each costs to go without:"
    )
    _list({absent.name: absent.cost for absent in absent_inputs((), activity=True)})


def _missing(plan: CellPlan) -> None:
    if plan.absent:
        st.markdown("**What is missing, and what that costs**")
        _list({absent.name: absent.cost for absent in plan.absent})
    st.caption(plain(plan.standing))


def _list(rows: dict[str, str]) -> None:
    """Names in bold with a sentence each, every pair on a line of its own."""
    for name, words in rows.items():
        left, right = st.columns([1.1, 5], gap="small")
        left.markdown(f"**{plain(name)}**")
        right.markdown(plain(words, limit=600))


def _files(files: list[CheckedFile]) -> None:
    st.markdown("**What was found**")
    rows = []
    for file in files:
        row: dict[str, object] = {
            "Input": TITLES[file.role],
            "File": file.path.name,
            "Size": size_in_words(file.size_bytes),
        }
        if file.statistics is not None:
            figures = file.statistics
            row |= {
                "Mean": figures.mean,
                "p50": figures.p50,
                "p99": figures.p99,
                "p99.9": figures.p99_9,
                "Max": figures.max,
                "No value": 100 * figures.share_missing,
            }
        rows.append(row)
    table = pd.DataFrame(rows)
    formats = {
        name: st.column_config.NumberColumn(name, format="%.3g", help=words)
        for name, words in {
            "Mean": "Over windows around genes, a base without a value counted as 0",
            "p50": "Median over bases",
            "p99": "99th percentile over bases",
            "p99.9": "99.9th percentile over bases",
            "Max": "Highest value",
        }.items()
    }
    formats["No value"] = st.column_config.NumberColumn(
        "No value", format="%.1f %%", help="Share of bases the file says nothing about"
    )
    st.dataframe(table, hide_index=True, column_config=formats, placeholder=_DASH, row_height=33, alt="Files checked")
    windows = next((file.statistics.n_windows for file in files if file.statistics is not None), None)
    told = [f"{TITLES[file.role]}: {'; '.join(file.facts)}" for file in files if file.facts]
    if windows is not None:
        told.insert(0, f"Figures over {windows:,} windows around genes")
    if told:
        st.caption(plain(". ".join(told) + ".", limit=900))


def _write(plan: CellPlan) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        pressed = st.button(
            plain(f"Add {plan.name} and open it in Explore"), type="primary", icon=":material/add:", key="add_write"
        )
        st.caption(plain(f"Writes {short(plan.manifest_path)}; your files stay where they are."), width="content")
    if not pressed:
        return
    try:
        with st.spinner("Writing and opening …"):
            added = write_cell(plan)
    except (Seq2ExpError, *UNUSABLE) as error:
        st.error(plain(short(str(error)), limit=700))
        return
    st.session_state.pop(_FOUND, None)
    _open(added.manifest, plan.name)


def _open(manifest: object, cell: str) -> None:
    """Leave for Explore on the new cell type."""
    state = st.session_state
    state["dataset"] = next(name for name, path in inputs.known_datasets().items() if path == manifest)
    state["cell"] = cell
    state["gene"] = None
    inputs.whole_window()
    st.switch_page("pages/explore.py")
