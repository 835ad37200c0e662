"""Repositories on Hugging Face: which files a commit holds, with sizes, digests and addresses."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath

from seq2exp.errors import DownloadError
from seq2exp.sources.catalogue_entries import Repository


@dataclass(frozen=True, slots=True)
class HubFile:
    """One file of a repository at one commit."""

    path: str
    """Inside the repository."""
    address: str
    """Answers by a redirect to where the bytes are."""
    size_bytes: int | None
    sha256: str | None
    """Of large files (LFS); None: a small one, of which the hub states no such digest."""


@dataclass(frozen=True, slots=True)
class Listing:
    """What a repository holds."""

    revision: str
    """The commit."""
    files: tuple[HubFile, ...]


def list_repository(repository: Repository, revision: str | None = None, *, endpoint: str | None = None) -> Listing:
    """The files of a repository, or the one file it is asked for.

    Parameters
    ----------
    revision
        The commit of an earlier download, to stay with it; None: the catalogue's.
    endpoint
        Another hub; None: the library's own (huggingface.co, or HF_ENDPOINT).

    Raises
    ------
    DownloadError
        The hub does not answer, knows no such repository or commit, or names files outside their folder.
    """
    from huggingface_hub import HfApi, hf_hub_url  # imported late: half a second
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError

    place = f"{repository.repo_type} {repository.repo_id} on Hugging Face"
    asked = revision or repository.revision
    try:
        # token=False: these repositories are public, and nobody's token is sent for them
        api = HfApi(endpoint=endpoint, token=False)
        ask = api.dataset_info if repository.repo_type == "dataset" else api.model_info
        info = ask(repository.repo_id, revision=asked, files_metadata=True, timeout=60)
    except (HfHubHTTPError, HFValidationError, OSError, ValueError) as error:
        raise DownloadError(f"{place}: its files at {asked} cannot be listed ({_first_line(error)})") from error
    if info.sha is None:
        raise DownloadError(f"{place}: does not say at which commit it is")
    files = []
    for entry in info.siblings or []:
        path = PurePosixPath(entry.rfilename)
        if path.is_absolute() or ".." in path.parts or "\\" in entry.rfilename or "\0" in entry.rfilename:
            raise DownloadError(f"{place}: names a file outside its folder ({entry.rfilename!r})")
        address = hf_hub_url(
            repository.repo_id, entry.rfilename, repo_type=repository.repo_type, revision=info.sha, endpoint=endpoint
        )
        files.append(HubFile(entry.rfilename, address, entry.size, None if entry.lfs is None else entry.lfs.sha256))
    if repository.member is not None:
        files = [one_of(files, repository.member, place)]
    if not files:
        raise DownloadError(f"{place}: holds no file at {info.sha}")
    return Listing(info.sha, tuple(files))


def one_of(files: list[HubFile], member: str, place: str) -> HubFile:
    """The one file whose path ends with `member`.

    Raises
    ------
    DownloadError
        None does, or several do.
    """
    found = [file for file in files if f"/{file.path}".endswith(f"/{member}")]
    if len(found) != 1:
        words = f"{len(found)} files end" if found else "no file ends"
        raise DownloadError(
            f"{place}: {words} with {member!r}{': ' if found else ''}{', '.join(f.path for f in found)}"
        )
    return found[0]


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
