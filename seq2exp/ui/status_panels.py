"""The parts of Status & About: machine, caches, data, checkpoints, self-test, and whom to cite."""

from __future__ import annotations

import time
from pathlib import Path

import pandas as pd
import streamlit as st

from seq2exp.errors import TrainingError
from seq2exp.inference.selftest import CHECKS, Check, self_test
from seq2exp.model.checkpoint import CheckpointFacts
from seq2exp.ui import cache, data_set, status_about, status_caches
from seq2exp.ui.benchmark_view import show_benchmark
from seq2exp.ui.catalogue import checkpoint_paths
from seq2exp.ui.data_rows import NONE
from seq2exp.ui.inputs import known_datasets
from seq2exp.ui.runs import read_card, read_run
from seq2exp.ui.status_caches import Cache
from seq2exp.ui.status_machine import read_device, read_memory, short, size_in_words, versions
from seq2exp.ui.text import plain
from seq2exp.ui.training_panels import card_markdown

_EMPTIED = "status_emptied"
_TESTED = "status_tested"


def machine() -> None:
    """Device, threads, memory and versions."""
    device, memory = read_device(), read_memory()
    columns = st.columns(5)
    columns[0].metric("Device", "CPU" if device.kind == "cpu" else "CUDA")
    columns[1].metric("Threads", f"{device.threads} of {device.cores}", help="Threads the model uses, of cores it may")
    columns[2].metric(
        "This process", size_in_words(memory.process), help="Memory held now by the server of these pages"
    )
    columns[3].metric("At its peak", size_in_words(memory.process_peak))
    columns[4].metric("Machine, free", size_in_words(memory.available), help=f"Of {size_in_words(memory.total)} in all")
    words = [device.name, device.engine]
    if device.memory is not None:
        free, total = device.memory
        words.append(f"{size_in_words(free)} of {size_in_words(total)} free on the device")
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(plain(" · ".join(words)))
        st.button("Measure again", icon=":material/refresh:", key="status again", type="tertiary")
    st.markdown("**Versions**")
    st.dataframe(pd.DataFrame(versions().items(), columns=["Part", "Version"]).set_index("Part").T, hide_index=True)


def caches() -> None:
    """What is kept on disk, each with a button that empties it once confirmed."""
    st.markdown("**Kept on disk**")
    for kept in status_caches.known_caches():
        size = status_caches.measure(kept)
        title, place, number, button = st.columns([1, 2.2, 1.3, 1], vertical_alignment="center")
        title.markdown(kept.title)
        place.caption(plain(short(kept.folder)))
        number.markdown(f"{size.n_files:,} files, {size_in_words(size.n_bytes)}" if size.n_files else "empty")
        with button.popover("Empty …", disabled=not size.n_files, key=f"empty {kept.key}"):
            st.markdown(f"Delete {size.n_files:,} files, {size_in_words(size.n_bytes)}? {plain(kept.meaning)}")
            st.button("Delete them", key=f"delete {kept.key}", type="primary", on_click=_empty, args=(kept,))
    told = st.session_state.pop(_EMPTIED, None)
    if told is not None:
        passed, words = told
        (st.success if passed else st.error)(plain(words))


def _empty(kept: Cache) -> None:
    try:
        gone = status_caches.empty(kept)
        told = (True, f"{kept.title}: {gone.n_files:,} files deleted, {size_in_words(gone.n_bytes)}.")
    except OSError as error:
        told = (False, f"{kept.title}: {short(error.filename or kept.folder)} cannot be deleted ({error.strerror})")
    st.session_state[_EMPTIED] = told


def choose_manifest() -> Path | None:
    """The data set that is summed up and that the self-test opens; None where there is none."""
    state = st.session_state
    known = known_datasets()
    if not known:
        st.info("No data set is there. Make a small one with `make data`, or open one on the page Explore.")
        return None
    names = list(known)
    chosen = state.get("status_dataset", state.get("dataset"))
    state["status_dataset"] = chosen if chosen in known else names[0]
    st.selectbox("Data set", names, key="status_dataset", filter_mode=None, width=420)
    return known[state["status_dataset"]]


def data(path: Path | None) -> None:
    """What the data set is; its files are listed on the page Data."""
    if path is not None and data_set.summary(path) is not None:
        st.page_link(
            "pages/data.py",
            label="Its files with their licences, and every published file: Data",
            icon=":material/database:",
            query_params={"view": "set"},
        )


def checkpoints() -> None:
    """Every checkpoint there is, and the card and held-out figures of the chosen one."""
    folders = {name: folder for name, folder in checkpoint_paths().items() if folder is not None}
    if not folders:
        st.info("No checkpoint is there. Train one with `python -m seq2exp train configs/demo-soft-large.yaml`.")
        return
    says = {name: cache.checkpoint_says(folder) for name, folder in folders.items()}
    st.dataframe(pd.DataFrame([_checkpoint_row(name, folders[name], says[name]) for name in folders]), hide_index=True)
    state = st.session_state
    chosen = state.get("status_checkpoint", state.get("checkpoint"))
    state["status_checkpoint"] = chosen if chosen in folders else next(iter(folders))
    st.selectbox("Checkpoint", list(folders), key="status_checkpoint", filter_mode=None, width=420)
    folder, facts = folders[state["status_checkpoint"]], says[state["status_checkpoint"]]
    if isinstance(facts, str):
        st.error(plain(short(facts)))
        return
    if not facts.trained:
        st.warning("These weights are not trained: their numbers mean nothing.")
    _card(status_about.told_beside(folder))


def _card(folder: Path) -> None:
    card, held_out = st.columns([1, 1], gap="medium")
    with card:
        st.markdown("**Model card**")
        try:
            text = read_card(folder)
        except TrainingError as error:
            st.error(plain(short(str(error))))
            text = None
        else:
            if text is None:
                st.caption("This checkpoint came without a card.")
        if text is not None:
            with st.container(border=True, height=520):
                st.markdown(card_markdown(text))
    with held_out:
        st.markdown("**Held-out figures**")
        show_benchmark(folder)


def _checkpoint_row(name: str, folder: Path, says: CheckpointFacts | str) -> dict[str, str]:
    none = NONE
    if isinstance(says, str):
        return {"Name": name, "Hash": none, "Weights": "cannot be read"}
    run = read_run(status_about.told_beside(folder), now=time.time())
    told = {**run.facts, **says.provenance}
    step = told.get("step")
    data_set = " ".join(str(told[key]) for key in ("dataset", "dataset_hash") if told.get(key))
    return {
        "Name": name,
        "Hash": says.hash,
        "Weights": "trained" if says.trained else "not trained",
        "Updates": f"{step:,}" if isinstance(step, int) else none,
        "Learned from": data_set or none,
        "Mode": says.config.mask_mode,
        "Threshold": f"{says.config.threshold:g}",
        "Window, bp": f"{says.config.window_bp:,}",
        "Size": size_in_words((folder / "model.safetensors").stat().st_size),
    }


def run_self_test(path: Path | None) -> None:
    """A button that runs the checks one after the other, and what the last run found."""
    st.caption(
        "A small network on the plain definition and on the fast kernels, the data set chosen above opened, "
        "one window read, and one peak called by MACS3. Some seconds; the first time up to a minute."
    )
    place = st.container()
    if st.button("Run the self-test", type="primary", icon=":material/health_and_safety:", key="self-test"):
        found: list[Check] = []
        with place, st.status("Checking …", expanded=True) as status:
            for check in self_test(path):
                found.append(check)
                _show_check(check)
            n_failed = sum(not check.passed for check in found)
            words = f"{n_failed} of {len(found)} checks failed" if n_failed else f"all {len(found)} checks passed"
            status.update(label=words, state="error" if n_failed else "complete", expanded=True)
        st.session_state[_TESTED] = (time.strftime("%H:%M:%S UTC", time.gmtime()), tuple(found))
    elif _TESTED in st.session_state:
        when, found_before = st.session_state[_TESTED]
        with place:
            st.caption(f"Last run at {when}")
            for check in found_before:
                _show_check(check)
    else:
        with place:
            st.caption(f"Not run yet in this tab: {', '.join(CHECKS)}.")


def _show_check(check: Check) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        if check.passed:
            st.badge(f"{check.name}: passed", color="green", icon=":material/check:")
        else:
            st.badge(f"{check.name}: FAILED", color="red", icon=":material/error:")
        st.markdown(f"{plain(short(check.words))} — {check.seconds:.2f} s", width="content")


def about() -> None:
    """Whom to cite, licences and changelog."""
    st.markdown("**Please cite**")
    for work in status_about.REFERENCES:
        st.markdown(
            f"- {work.what}: {plain(work.text)} [{plain(work.address.removeprefix('https://'))}]({work.address})"
        )
    st.caption("A data set's own sources and their citations are listed with it, above.")
    with st.expander("Licences"):
        own = status_about.read_project_file("LICENSE")
        st.markdown("Seq2Exp Explorer: " + (plain(own.splitlines()[0]) if own else "its licence file is not here"))
        requirements = status_about.read_project_file("requirements.txt")
        if requirements is None:
            st.caption("requirements.txt is not here, so the packages cannot be listed.")
        else:
            st.dataframe(status_about.package_rows(requirements), hide_index=True)
    with st.expander("Changelog"):
        text = status_about.read_project_file("CHANGELOG.md")
        if text is None:
            st.caption("CHANGELOG.md is not here.")
        else:
            st.markdown(card_markdown(text))
