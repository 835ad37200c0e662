"""The compact store gives what the map gives: every gene, both modes, chromosome ends, after a kill.

One file, because the map and the stores made of it serve nearly every test.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import h5py
import hictkpy
import numpy as np
import pandas as pd
import pytest
import yaml

from seq2exp.errors import SourceError, WindowError
from seq2exp.genome import Gene, Interval
from seq2exp.processing import contacts as room
from seq2exp.processing.contacts import store_contacts
from seq2exp.settings import ContactMode
from seq2exp.sources.contact_store import read_store_facts, read_stored_chromosome, stored_sizes
from seq2exp.sources.dataset import Dataset, open_dataset
from seq2exp.sources.hic import contact_sizes
from seq2exp.synthetic import synthesize
from seq2exp.window.assemble import build_window, window_settings
from seq2exp.window.contacts import MAIN_2023, NASSER_2021, Contacts, ContactSource, abc_kr, vc_counts

MODES: tuple[ContactMode, ContactMode] = ("vc_counts", "abc_kr")
MAKE = {"vc_counts": vc_counts, "abc_kr": abc_kr}


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return open_dataset(synthesize("tiny", tmp_path_factory.mktemp("data") / "tiny"))


@pytest.fixture(scope="module")
def genes(tiny: Dataset) -> list[Gene]:
    """All of the data set, one at either end of a chromosome, one on its very first and one on its very last base."""
    chrom, length = next(iter(tiny.assembly.chrom_sizes.items()))
    ends = [Gene(f"END{tss}", f"END{tss}", chrom, tss, "+") for tss in (0, 700, length - 601, length - 1)]
    return [*tiny.genes, *ends]


@pytest.fixture(scope="module")
def map_path(tiny: Dataset) -> Path:
    path = tiny.path("contact", "SynK")
    assert path is not None
    return path


@pytest.fixture(scope="module")
def make_store(tiny: Dataset, genes: list[Gene], map_path: Path, tmp_path_factory) -> Callable[[ContactMode], Path]:
    folder = tmp_path_factory.mktemp("stores")
    facts = tiny.manifest.window

    def make(mode: ContactMode) -> Path:
        return store_contacts(
            map_path,
            genes,
            folder / f"{mode}.contacts.h5",
            mode=mode,
            normalisation="NONE",
            resolution_bp=facts.contact_resolution_bp,
            window_bp=facts.width_bp,
        )

    return make


def assert_same(one: Contacts, other: Contacts) -> None:
    np.testing.assert_array_equal(one.measured, other.measured)
    np.testing.assert_array_equal(one.filled, other.filled)
    assert one.missing == other.missing


@pytest.mark.parametrize("mode", MODES)
def test_every_gene_of_a_store_equals_the_map_to_the_last_bit(tiny, genes, map_path, make_store, mode) -> None:
    facts = tiny.manifest.window
    stored = ContactSource(make_store(mode), facts.contact_resolution_bp, "NONE")
    direct = ContactSource(map_path, facts.contact_resolution_bp, "NONE")
    past_ends = 0
    for gene in genes:
        length = tiny.assembly.chrom_sizes[gene.chrom]
        for width in (facts.width_bp, 600):  # the narrow one is less than the gate looks at
            window = gene.window(width)
            past_ends += window.start < 0 or window.end > length
            assert_same(*(MAKE[mode](source, window, tss=gene.tss, chrom_length=length) for source in (stored, direct)))
    assert past_ends >= 4
    assert stored_sizes(stored.path) == contact_sizes(map_path)


def test_a_store_holds_one_value_per_bin_and_each_tss_once(tiny, genes, map_path, make_store) -> None:
    path = make_store("vc_counts")
    n_tss = 0
    for chrom in {gene.chrom for gene in genes}:
        stored = read_stored_chromosome(path, chrom)
        assert stored.values.shape == (len(stored.tss), 4_096 // 256 + 1)
        n_tss += len(stored.tss)
    assert n_tss == len({(gene.chrom, gene.tss) for gene in genes})
    facts = read_store_facts(path)
    assert (facts.mode, facts.constants_name, facts.source_name) == ("vc_counts", "nasser_2021", map_path.name)
    assert facts.source_size == map_path.stat().st_size


def test_41_values_a_gene_at_the_published_geometry(tmp_path: Path) -> None:
    length, r = 1_000_000, 5_000
    rng = np.random.default_rng(4)
    rows, columns = np.triu_indices(length // r)
    near = columns - rows < 30
    counts = rng.integers(1, 50, int(near.sum()))
    pixels = pd.DataFrame({"bin1_id": rows[near], "bin2_id": columns[near], "count": counts})
    writer = hictkpy.cooler.FileWriter(tmp_path / "map.cool", {"chr1": length}, r, tmpdir=tmp_path)
    writer.add_pixels(pixels)
    writer.finalize()
    del writer
    genes = [Gene(f"G{tss}", f"G{tss}", "chr1", tss, "+") for tss in (500_000, 512_345, 5_000, 999_999)]
    out = store_contacts(
        tmp_path / "map.cool", genes, tmp_path / "K.contacts.h5", mode="vc_counts", normalisation="NONE"
    )
    assert read_stored_chromosome(out, "1").values.shape == (4, 41)
    for gene in genes:
        assert_same(
            *(
                vc_counts(ContactSource(path, r, "NONE"), gene.window(200_000), tss=gene.tss, chrom_length=length)
                for path in (out, tmp_path / "map.cool")
            )
        )


@pytest.mark.parametrize("mode", MODES)
def test_bands_and_single_rows_give_the_same_bytes_in_bounded_memory(
    tiny, genes, map_path, make_store, tmp_path, monkeypatch, mode
) -> None:
    bands: list[int] = []
    read = room.read_contact_matrix

    def watched(path, interval, **options):
        bands.append(interval.width // options["resolution_bp"])
        return read(path, interval, **options)

    monkeypatch.setattr(room, "read_contact_matrix", watched)
    whole = make_store(mode).read_bytes()
    for most in (1, 40):
        monkeypatch.setattr(room, "BAND_BINS", most)
        bands.clear()
        out = store_contacts(
            map_path,
            reversed(genes),
            tmp_path / f"{most}.contacts.h5",
            mode=mode,
            normalisation="NONE",
            resolution_bp=256,
            window_bp=4_096,
        )
        assert out.read_bytes() == whole
        assert max(bands, default=0) <= most
        assert bool(bands) == (most == 40)


KILLED = """
import os, signal, sys
from pathlib import Path
from seq2exp.processing.contacts import store_contacts
from seq2exp.sources.dataset import open_dataset
opened = open_dataset(Path(sys.argv[1]))
seen = []
def told(done, total, what):
    print(done, what, flush=True)
    if what.startswith("chr"):
        seen.append(what)
    if len(set(seen)) > int(sys.argv[3]):
        os.kill(os.getpid(), signal.SIGKILL)
store_contacts(opened.path("contact", "SynK"), opened.genes, Path(sys.argv[2]), mode="abc_kr", normalisation="NONE",
               resolution_bp=256, window_bp=4096, progress=told)
"""


def test_a_killed_run_goes_on_after_the_finished_chromosomes(tiny, tmp_path) -> None:
    def run(out: Path, chromosomes: int) -> tuple[int, list[str]]:
        done = subprocess.run(
            [sys.executable, "-c", KILLED, str(tiny.root), str(out), str(chromosomes)],
            capture_output=True,
            text=True,
            check=False,
        )
        return done.returncode, done.stdout.splitlines()

    through, killed = tmp_path / "through.contacts.h5", tmp_path / "killed.contacts.h5"
    code, words = run(through, 99)
    assert code == 0
    chromosomes = list(dict.fromkeys(line.split()[1] for line in words if "chr" in line and "checksum" not in line))
    assert len(chromosomes) == 5
    for more in (1, 2):  # so many chromosomes each run finishes
        code, _ = run(killed, more)
        assert code == -9
        assert not killed.exists()  # nothing half-written has the name
    code, words = run(killed, 99)
    assert code == 0
    read_again = {line.split()[1] for line in words if "chr" in line and "checksum" not in line}
    assert read_again == set(chromosomes[3:])
    assert killed.read_bytes() == through.read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == [killed.name, through.name]
    before = killed.stat()
    code, words = run(killed, 0)  # whole already: nothing is read, so nothing is there to be killed at
    assert (code, killed.stat().st_mtime_ns) == (0, before.st_mtime_ns)


def test_parts_of_another_recipe_or_damaged_ones_are_not_used(tiny, genes, map_path, tmp_path, make_store) -> None:
    out = tmp_path / "K.contacts.h5"

    def stop(done: int, total: int, what: str) -> None:
        if what == "chr22":
            raise KeyboardInterrupt

    options = {"normalisation": "NONE", "resolution_bp": 256, "window_bp": 4_096}
    with pytest.raises(KeyboardInterrupt):
        store_contacts(map_path, genes, out, mode="abc_kr", progress=stop, **options)
    parts = sorted(out.with_name(f"{out.name}.parts").glob("*.npz"))
    assert parts
    parts[0].write_bytes(parts[0].read_bytes()[:-40])
    store_contacts(map_path, genes, out, mode="abc_kr", **options)
    assert out.read_bytes() == make_store("abc_kr").read_bytes()
    with pytest.raises(KeyboardInterrupt):
        store_contacts(map_path, genes, out, mode="vc_counts", progress=stop, **options)
    store_contacts(map_path, genes, out, mode="vc_counts", **options)
    assert out.read_bytes() == make_store("vc_counts").read_bytes()


@pytest.mark.parametrize("double", [False, True])
def test_windows_of_a_data_set_with_a_store_are_those_of_the_map_at_both_ends(
    tiny, genes, make_store, tmp_path, double
) -> None:
    folder = tmp_path / "with_store"
    shutil.copytree(tiny.root, folder)
    shutil.copy(make_store("vc_counts"), folder / "SynK.contacts.h5")
    manifest = yaml.safe_load((folder / "manifest.yaml").read_text())
    (entry,) = (source for source in manifest["sources"] if source["id"] == "synk.contact")
    entry["local_path"], entry["file"] = "SynK.contacts.h5", {"format": "contacts"}
    (folder / "manifest.yaml").write_text(yaml.safe_dump(manifest))
    stored = open_dataset(folder)
    settings = replace(window_settings(stored), compat_double_padding=double)
    moved = 0
    for gene in [genes[0], *genes[-4:]]:
        one, other = (build_window(opened, gene, "SynK", settings) for opened in (stored, tiny))
        np.testing.assert_array_equal(one.signals, other.signals)
        np.testing.assert_array_equal(one.measured["contact"], other.measured["contact"])
        assert one.missing == other.missing
        plain = build_window(stored, gene, "SynK", replace(settings, compat_double_padding=False)).signals[:, 2]
        left = max(0, -one.interval.start)
        right = max(0, one.interval.end - stored.assembly.chrom_sizes[gene.chrom])
        shift = -(-left // 2) - right // 2 if double else 0
        expected = np.zeros_like(plain)
        expected[max(0, shift) : len(plain) + min(0, shift)] = plain[max(0, -shift) : len(plain) - max(0, shift)]
        np.testing.assert_array_equal(one.signals[:, 2], expected)
        moved += shift != 0
    assert moved == (4 if double else 0)


def test_a_store_of_another_assembly_is_refused_on_opening(tiny, genes, map_path, tmp_path) -> None:
    folder = tmp_path / "data"
    shutil.copytree(tiny.root, folder)
    other = Path(shutil.copy(map_path, tmp_path / "other.mcool"))
    with h5py.File(other, "r+") as file:
        for resolution in file["resolutions"].values():
            resolution["chroms/length"][0] += 10
    facts = tiny.manifest.window
    store_contacts(
        other,
        genes[:1],
        folder / "SynK.contacts.h5",
        mode="vc_counts",
        normalisation="NONE",
        resolution_bp=facts.contact_resolution_bp,
        window_bp=facts.width_bp,
    )
    manifest = yaml.safe_load((folder / "manifest.yaml").read_text())
    (entry,) = (source for source in manifest["sources"] if source["id"] == "synk.contact")
    entry["local_path"], entry["file"] = "SynK.contacts.h5", {"format": "contacts"}
    (folder / "manifest.yaml").write_text(yaml.safe_dump(manifest))
    with pytest.raises(SourceError, match=r"SynK\.contacts\.h5: chr1 has .* another assembly"):
        open_dataset(folder)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"mode": "abc_kr"}, "stored with mode vc_counts, abc_kr is asked"),
        ({"resolution": 512}, "resolution in bp 256, 512 is asked"),
        ({"normalisation": "VC"}, "normalisation NONE, VC is asked"),
        ({"constants": MAIN_2023}, "the constants nasser_2021, others are asked"),
        ({"width": 4_098}, r"holds contacts of .* \(4,096 bp around the TSS\)"),
        ({"off": 1}, r"no contacts of a TSS at .*; it holds \d+ TSS of chr1, the nearest at"),
        ({"chrom": "chr9"}, "no contacts of chr9; it has chr1"),
        ({"length": 10**6}, r"chr1 had .* bp where its contacts were made and has 1,000,000 bp in the reference"),
    ],
)
def test_a_store_refuses_what_it_was_not_made_for(tiny, genes, make_store, change, words) -> None:
    gene = next(gene for gene in genes if gene.chrom == "chr1")
    source = ContactSource(make_store("vc_counts"), change.get("resolution", 256), change.get("normalisation", "NONE"))
    tss, width = gene.tss + change.get("off", 0), change.get("width", 4_096)
    window = Interval(change.get("chrom", "chr1"), tss - width // 2, tss + width // 2)
    with pytest.raises(SourceError, match=words):
        MAKE[change.get("mode", "vc_counts")](
            source,
            window,
            tss=tss,
            chrom_length=change.get("length", tiny.assembly.chrom_sizes["chr1"]),
            constants=change.get("constants"),
        )


def test_a_store_keeps_to_the_constants_it_was_made_with(tiny, genes, map_path, tmp_path) -> None:
    out = store_contacts(
        map_path,
        genes,
        tmp_path / "main.contacts.h5",
        mode="abc_kr",
        normalisation="NONE",
        resolution_bp=256,
        window_bp=4_096,
        constants=MAIN_2023,
    )
    assert read_store_facts(out).constants_name == "main_2023"
    gene = genes[3]
    window, length = gene.window(4_096), tiny.assembly.chrom_sizes[gene.chrom]
    stored, direct = ContactSource(out, 256, "NONE"), ContactSource(map_path, 256, "NONE")
    main = abc_kr(direct, window, tss=gene.tss, chrom_length=length, constants=MAIN_2023)
    assert_same(abc_kr(stored, window, tss=gene.tss, chrom_length=length), main)
    nasser = abc_kr(direct, window, tss=gene.tss, chrom_length=length, constants=NASSER_2021)
    assert not np.array_equal(main.filled, nasser.filled)


def _truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def _other_value(path: Path) -> None:
    with h5py.File(path, "r+") as file:
        values = file["profiles/chr1/values"]
        values[0, 0] = values[0, 0] + 1


def _other_facts(path: Path) -> None:
    with h5py.File(path, "r+") as file:
        text = file["facts"].asstr()[()].replace('"vc_counts"', '"abc_kr"   ')
        del file["facts"]
        file["facts"] = text


def _other_version(path: Path) -> None:
    with h5py.File(path, "r+") as file:
        file.attrs["version"] = 2


def _no_profiles(path: Path) -> None:
    with h5py.File(path, "r+") as file:
        del file["profiles"]


@pytest.mark.parametrize(
    ("harm", "words"),
    [
        (_truncated, "truncated or damaged"),
        (_other_value, "the contacts of chr1 are not those written"),
        (_other_facts, "its facts are not those written"),
        (_other_version, "of version 2, this program reads version 1"),
        (_no_profiles, "truncated or damaged"),
        (lambda path: path.write_bytes(b"text"), "truncated or damaged"),
        (lambda path: path.unlink(), "no such contact store"),
    ],
)
def test_a_damaged_store_is_refused_in_one_line(tiny, genes, make_store, tmp_path, harm, words) -> None:
    path = tmp_path / "K.contacts.h5"
    shutil.copy(make_store("vc_counts"), path)
    harm(path)
    gene = next(gene for gene in genes if gene.chrom == "chr1")
    with pytest.raises(SourceError, match=words) as caught:
        vc_counts(
            ContactSource(path, 256, "NONE"),
            gene.window(4_096),
            tss=gene.tss,
            chrom_length=tiny.assembly.chrom_sizes["chr1"],
        )
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


def test_a_cooler_under_a_stores_name_is_not_taken_for_one(map_path, genes, tmp_path) -> None:
    path = tmp_path / "K.contacts.h5"
    shutil.copy(map_path, path)
    with pytest.raises(SourceError, match="not a contact store"):
        vc_counts(ContactSource(path, 256, "NONE"), genes[0].window(64), tss=genes[0].tss, chrom_length=10**6)


def test_what_cannot_be_stored_is_said_before_anything_is_written(map_path, genes, tmp_path) -> None:
    out = tmp_path / "K.contacts.h5"
    far, away = replace(genes[0], tss=10**9), replace(genes[0], chrom="chrQ")
    for some, words in (
        ([far], r"TSS of .* lies outside"),
        ([away], "no chromosome chrQ"),
        ([], "there is no gene to store"),
    ):
        with pytest.raises(SourceError, match=words):
            store_contacts(map_path, some, out, mode="vc_counts", normalisation="NONE", resolution_bp=256)
    with pytest.raises(SourceError, match=r"must end in \.contacts\.h5"):
        store_contacts(map_path, genes, tmp_path / "K.h5", mode="vc_counts", normalisation="NONE", resolution_bp=256)
    with pytest.raises(SourceError, match="no normalisation 'KR'"):
        store_contacts(map_path, genes, out, mode="vc_counts", normalisation="KR", resolution_bp=256)
    assert not out.exists()


@pytest.mark.real
@pytest.mark.parametrize(("mode", "normalisation"), [("vc_counts", "VC"), ("vc_counts", "NONE"), ("abc_kr", "KR")])
def test_a_real_juicer_map_is_stored_to_the_last_bit(real_file, tmp_path, mode, normalisation) -> None:
    path = real_file("gm12878_chr21_hg19/test_chr22.hic")
    length = contact_sizes(path)["22"]
    # Well-covered, beside the masked short arm, on it, and at either end of the chromosome.
    places = (30_140_000, 30_140_001, 17_050_000, 3_000_000, 51_250_000, 100, length - 1)
    genes = [Gene(f"G{tss}", f"G{tss}", "chr22", tss, "+") for tss in places]
    out = store_contacts(
        path,
        genes,
        tmp_path / "GM.contacts.h5",
        mode=mode,
        normalisation=normalisation,
        resolution_bp=100_000,
        window_bp=1_000_000,
    )
    for gene in genes:
        one, other = (
            MAKE[mode](
                ContactSource(file, 100_000, normalisation),
                gene.window(1_000_000),
                tss=gene.tss,
                chrom_length=length,
            )
            for file in (out, path)
        )
        assert_same(one, other)


@pytest.mark.real
def test_a_real_cooler_is_stored_to_the_last_bit(real_file, tmp_path) -> None:
    path = real_file("gm12878_chr21_hg19/GM12878_HiC_10kb.cool")
    length = contact_sizes(path)["chr21"]
    genes = [Gene(f"G{tss}", f"G{tss}", "21", tss, "+") for tss in range(28_000_000, 30_300_000, 170_000)]
    out = store_contacts(
        path, genes, tmp_path / "GM.contacts.h5", mode="vc_counts", normalisation="NONE", resolution_bp=10_000
    )
    for gene in genes:
        one, other = (
            vc_counts(ContactSource(file, 10_000, "NONE"), gene.window(200_000), tss=gene.tss, chrom_length=length)
            for file in (out, path)
        )
        assert_same(one, other)
        assert (one.filled > 1).any()


@pytest.mark.real
def test_an_unbalanced_map_is_refused_when_stored_as_balanced(real_file, tmp_path) -> None:
    path = real_file("gm12878_chr21_hg19/test_chr22.hic")
    gene = Gene("G", "G", "chr22", 30_140_000, "+")
    with pytest.raises(WindowError, match=r"rows of 22 under VC_SQRT at 100000 bp differ by"):
        store_contacts(
            path,
            [gene],
            tmp_path / "GM.contacts.h5",
            mode="abc_kr",
            normalisation="VC_SQRT",
            resolution_bp=100_000,
        )
