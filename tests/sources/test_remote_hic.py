"""Contact maps read by ranges against hictk on the same file."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import hictkpy
import numpy as np
import pytest

from seq2exp.errors import RemoteError, SourceError
from seq2exp.genome import Interval
from seq2exp.sources import hic_format, remote_hic
from seq2exp.sources.hic import (
    contact_normalisations,
    contact_resolutions,
    contact_row_sums,
    contact_sizes,
    normalisation_weights,
    read_contact_matrix,
    read_contact_profile,
)
from seq2exp.sources.remote import RemoteFile
from tests.remote_files import add_norms, write_hic, write_hic_v8
from tests.servers import Fault, RangeServer

SIZES = {"1": 24_000_321, "2": 2_700_000, "X": 300_000}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("served")
    path = write_hic(made / "v9.hic", SIZES, [5_000, 25_000], per_bin=60, seed=4)
    rng = np.random.default_rng(8)
    vectors = {}
    for name in ("KR", "VC"):
        for number, length in enumerate(SIZES.values(), start=1):
            for width in (5_000, 25_000):
                values = rng.uniform(0.3, 3.0, -(-length // width))
                values[rng.random(len(values)) < 0.1] = np.nan
                vectors[name, number, width] = values
    add_norms(path, vectors)
    return made


@pytest.fixture
def server(folder: Path) -> Iterator[RangeServer]:
    with RangeServer(folder) as running:
        yield running


def _agree(path: Path, place: RemoteFile, chrom: str, resolution: int, anchors: Sequence[int]) -> None:
    """Profiles, square maps, row sums and weights under every normalisation."""
    assert contact_sizes(place) == contact_sizes(path)
    assert contact_resolutions(place) == contact_resolutions(path)
    names = contact_normalisations(path, resolution_bp=resolution)
    assert sorted(contact_normalisations(place, resolution_bp=resolution)) == sorted(names)
    for name in names:
        options = {"resolution_bp": resolution, "normalisation": name}
        for anchor in anchors:
            interval = Interval(chrom, anchor - 41 * resolution - 7, anchor + 40 * resolution)
            ours, theirs = (read_contact_profile(p, interval, anchor_bp=anchor, **options) for p in (place, path))
            assert (ours.first_bin_start, ours.resolution_bp) == (theirs.first_bin_start, theirs.resolution_bp)
            np.testing.assert_array_equal(ours.values, theirs.values, err_msg=f"{name} {interval}")
            ours, theirs = (read_contact_matrix(p, interval, **options) for p in (place, path))
            np.testing.assert_array_equal(ours, theirs)
        ours, theirs = (contact_row_sums(p, chrom, **options) for p in (place, path))
        np.testing.assert_allclose(ours, theirs, rtol=1e-9)
        ours, theirs = (normalisation_weights(p, chrom, **options) for p in (place, path))
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize(
    ("chrom", "resolution", "anchors"),
    [("chr1", 5_000, (0, 12_345_678, 24_000_000)), ("1", 25_000, (7_000_000,)), ("2", 5_000, (2_650_000,))],
)
def test_version_9_with_its_turned_grid_reads_as_hictk_reads_it(
    server: RangeServer, folder: Path, tmp_path: Path, chrom: str, resolution: int, anchors: Sequence[int]
) -> None:
    place = RemoteFile(f"{server.url}/v9.hic", tmp_path / "cache")
    _agree(folder / "v9.hic", place, chrom, resolution, anchors)


def test_pairs_far_from_the_diagonal_are_found_in_version_9(server: RangeServer, folder: Path, tmp_path: Path) -> None:
    place = RemoteFile(f"{server.url}/v9.hic", tmp_path / "cache")
    rows, columns = (200, 260), (3_000, 4_800)
    ours = remote_hic.read_matrix(place, "1", 5_000, "NONE", rows, columns)
    theirs = hictkpy.File(folder / "v9.hic", 5_000).fetch(
        "1\t1000000\t1300000", "1\t15000000\t24000000", query_type="BED"
    )
    np.testing.assert_array_equal(ours, theirs.to_numpy())
    assert ours.sum() > 0


@pytest.mark.parametrize("hint", [True, False], ids=["position stated", "position searched"])
def test_version_8_with_many_blocks_of_all_layouts_reads_as_hictk_reads_it(tmp_path: Path, hint: bool) -> None:
    path = write_hic_v8(tmp_path / "v8.hic", 3_000_123, 5_000, block_bins=100, seed=6)
    content = path.read_bytes()
    at = content.rindex(b"VC\0") - 4
    with RangeServer(tmp_path) as server:
        index = (at, 30) if hint else None
        place = RemoteFile(f"{server.url}/v8.hic", tmp_path / "cache", normalisation_index=index)
        _agree(path, place, "chr1", 5_000, (0, 497_000, 1_500_000, 3_000_000))


@pytest.mark.real
@pytest.mark.parametrize(
    ("resolution", "anchors"),
    [(100_000, (16_100_000, 17_000_000, 30_050_000, 51_304_000)), (2_500_000, (17_000_000, 50_000_000))],
)
def test_a_real_file_of_version_8_reads_as_hictk_reads_it(
    real_file: Callable[[str], Path], tmp_path: Path, resolution: int, anchors: Sequence[int]
) -> None:
    path = real_file("gm12878_chr21_hg19/test_chr22.hic")
    with RangeServer(path.parent) as server:
        place = RemoteFile(f"{server.url}/{path.name}", tmp_path / "cache")
        _agree(path, place, "chr22", resolution, anchors)


@pytest.mark.real
def test_the_stated_position_of_the_normalisations_saves_the_search(
    real_file: Callable[[str], Path], tmp_path: Path
) -> None:
    path = real_file("gm12878_chr21_hg19/test_chr22.hic")
    with RangeServer(path.parent) as server:
        found = RemoteFile(f"{server.url}/{path.name}", tmp_path / "cache")
        header = hic_format.read_header(found.read_at)
        assert (header.version, header.norm_index) == (8, None)
        _, after = hic_format.read_master_index(found.read_at, header)
        at = hic_format.find_norm_index(found.read_at, header, after)
        stated = RemoteFile(f"{server.url}/{path.name}", tmp_path / "cache", normalisation_index=(at, 0))
        names = [contact_normalisations(place, resolution_bp=100_000) for place in (found, stated)]
        assert names[0] == names[1] == ("NONE", "KR", "SCALE", "VC", "VC_SQRT")
        wrong = RemoteFile(f"{server.url}/{path.name}", tmp_path / "cache", normalisation_index=(at - 40, 0))
        with pytest.raises(RemoteError, match=r"test_chr22\.hic"):
            contact_normalisations(wrong, resolution_bp=100_000)


def test_the_search_for_the_normalisations_ends_where_the_file_says_they_are(folder: Path) -> None:
    content = (folder / "v9.hic").read_bytes()

    def read(at: int, length: int) -> bytes:
        return content[at : at + length]

    header = hic_format.read_header(read)
    _, after = hic_format.read_master_index(read, header)
    assert header.norm_index is not None
    assert hic_format.find_norm_index(read, header, after) == header.norm_index[0]


def test_what_the_map_lacks_is_said_as_for_a_file_on_disk(server: RangeServer, tmp_path: Path) -> None:
    place = RemoteFile(f"{server.url}/v9.hic", tmp_path / "cache")
    interval = Interval("chr1", 0, 50_000)
    options = {"anchor_bp": 0, "resolution_bp": 5_000}
    with pytest.raises(SourceError, match="no contacts at 1,000 bp; it has 5,000, 25,000"):
        read_contact_profile(place, interval, anchor_bp=0, resolution_bp=1_000)
    with pytest.raises(SourceError, match=r"no normalisation 'SCALE' at 5,000 bp; it has NONE, KR, VC"):
        read_contact_profile(place, interval, normalisation="SCALE", **options)
    with pytest.raises(SourceError, match="no chromosome chr7; it has 1, 2, X"):
        read_contact_profile(place, Interval("chr7", 0, 50_000), **options)
    with pytest.raises(SourceError, match="lies outside 2"):
        read_contact_profile(place, Interval("2", 0, 50_000), anchor_bp=9_000_000, resolution_bp=5_000)


def test_sums_of_a_whole_deep_chromosome_are_refused(
    server: RangeServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote_hic, "WHOLE_CHROMOSOME_LIMIT", 10_000)
    place = RemoteFile(f"{server.url}/v9.hic", tmp_path / "cache")
    with pytest.raises(RemoteError, match=r"the sums of all rows of 1 at 5,000 bp take .* MB; fetch the file"):
        contact_row_sums(place, "1", resolution_bp=5_000, normalisation="VC")
    assert place.traffic.moved_bytes < 300_000


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (Fault(status=404), "answers 404"),
        (Fault(wrong_bytes=True), "not a .hic file"),
        (Fault(captcha=200), "web page"),
    ],
    ids=["404", "wrong bytes", "captcha"],
)
def test_a_failing_server_is_an_error_and_can_be_asked_later(
    server: RangeServer, folder: Path, tmp_path: Path, fault: Fault, words: str
) -> None:
    server.faults["v9.hic"] = fault
    place = RemoteFile(f"{server.url}/v9.hic", tmp_path / "cache")
    with pytest.raises(RemoteError, match=words):
        read_contact_profile(place, Interval("1", 0, 50_000), anchor_bp=0, resolution_bp=5_000)
    del server.faults["v9.hic"]
    place.ask_again()
    _agree(folder / "v9.hic", place, "X", 5_000, (150_000,))


def test_a_damaged_block_is_an_error(server: RangeServer, folder: Path, tmp_path: Path) -> None:
    place = RemoteFile(f"{server.url}/v9.hic", tmp_path / "cache")
    opened = remote_hic._opened(place, place.generation)
    zoom = remote_hic._zoom(place, opened, "1", 5_000)
    assert zoom is not None
    spoilt = bytearray((folder / "v9.hic").read_bytes())
    for at, length in zoom.blocks.values():
        spoilt[at + length // 2] ^= 255
    (folder / "spoilt.hic").write_bytes(bytes(spoilt))
    other = RemoteFile(f"{server.url}/spoilt.hic", tmp_path / "cache")
    with pytest.raises(RemoteError, match=r"spoilt\.hic: damaged: a block cannot be unpacked"):
        read_contact_matrix(other, Interval("1", 0, 200_000), resolution_bp=5_000)
