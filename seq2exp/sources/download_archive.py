"""One member out of a downloaded zip file, whole or not at all, whatever the archive calls it."""

from __future__ import annotations

import stat
import zipfile
import zlib
from pathlib import Path, PurePosixPath

from seq2exp.errors import DownloadError
from seq2exp.sources.catalogue_ledger import Recorded
from seq2exp.sources.download_cancel import Cancel
from seq2exp.sources.download_http import Report, Wanted, as_recorded, not_as_stated
from seq2exp.sources.download_part import Origin, Part

_PIECE = 1 << 20


def unpack(archive: Path, member: str, wanted: Wanted, report: Report, cancel: Cancel) -> Recorded:
    """The member whose path ends with `member`, at `wanted.target`; the names in the archive lead nowhere else.

    Returns
    -------
    Recorded
        What came, for the ledger; without an address.

    Raises
    ------
    DownloadError
        No such member, several, a link, an encrypted or a broken one, a digest other than stated, a full disk.
    CancelledError
        `cancel` was set; nothing is left.
    """
    try:
        with zipfile.ZipFile(archive) as opened, Part(wanted.target) as part:
            entry = find_member(opened, member, archive)
            part.start_anew(Origin(address=str(archive), size_bytes=entry.file_size))
            part.require_room(entry.file_size)
            try:
                with opened.open(entry) as stream:
                    while piece := stream.read(_PIECE):
                        cancel.check()
                        part.append(piece)
                        report(part.size, entry.file_size)
                problem = not_as_stated(wanted, part)
            except BaseException:
                part.discard()
                raise
            if problem is not None:
                part.discard()
                raise DownloadError(f"{archive}: its member {entry.filename}: {problem}")
            part.finish()
            return as_recorded(wanted, part, None)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as error:
        raise DownloadError(f"{archive}: cannot be unpacked ({error}); remove it and get it again") from error
    except OSError as error:
        raise DownloadError(f"{archive}: cannot be read ({error.strerror or error})") from error


def find_member(archive: zipfile.ZipFile, member: str, path: Path) -> zipfile.ZipInfo:
    """The one file of the archive whose path ends with `member`.

    Raises
    ------
    DownloadError
        None, several, or one that is a link, encrypted or named so that it would leave a folder.
    """
    found = [
        entry for entry in archive.infolist() if f"/{entry.filename}".endswith(f"/{member}") and not entry.is_dir()
    ]
    if len(found) != 1:
        names = ", ".join(entry.filename for entry in found[:5])
        raise DownloadError(
            f"{path}: {f'several members end ({names})' if found else 'no member ends'} with {member!r}; "
            f"the archive is another than the catalogue describes"
        )
    entry = found[0]
    inside = PurePosixPath(entry.filename)
    if inside.is_absolute() or ".." in inside.parts:
        raise DownloadError(
            f"{path}: its member {entry.filename!r} leads out of its folder; the archive is not trusted"
        )
    if stat.S_ISLNK(entry.external_attr >> 16):
        raise DownloadError(f"{path}: its member {entry.filename} is a link, not a file")
    if entry.flag_bits & 1:
        raise DownloadError(f"{path}: its member {entry.filename} is encrypted")
    return entry
