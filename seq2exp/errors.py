"""Every error a user can cause or meet, in one tree.

    Seq2ExpError
    |-- ManifestError    (ValueError)   data_manifest.yaml is wrong, or names files that are not there
    |-- SourceError      (ValueError)   a data file is unreadable, foreign, truncated or of another assembly
    |   `-- RemoteError              a server does not answer, or answers with something else
    |-- DownloadError    (RuntimeError) a file could not be fetched whole
    |-- GeneError        (LookupError)  no gene of that name, or several; carries suggestions
    |-- WindowError      (ValueError)   a model input cannot be built from these sources
    |-- SettingsError    (ValueError)   a setting is out of range or contradicts another
    |-- CheckpointError  (ValueError)   a checkpoint is unreadable, unsafe or of other names and shapes
    |-- TrainingError    (ValueError)   a training run cannot start, go on or be read
    |-- ScoringError     (RuntimeError) genes cannot be scored into a folder, or not to the end
    `-- PeakCallError    (RuntimeError) MACS3 failed; carries its own words

Messages are one line: which file, which place in it, what was found, what to do.
"""

from __future__ import annotations


class Seq2ExpError(Exception):
    """Base of every error this package raises on purpose; pages show these and let others surface."""


class ManifestError(Seq2ExpError, ValueError):
    """A manifest has unknown keys, wrong values, or names files that are absent."""


class SourceError(Seq2ExpError, ValueError):
    """A data file cannot be read as what it claims to be."""


class RemoteError(SourceError):
    """A part of a remote file could not be had: the server is away, refuses, or sends something else."""


class DownloadError(Seq2ExpError, RuntimeError):
    """A file could not be fetched whole and as stated."""


class GeneError(Seq2ExpError, LookupError):
    """A gene name is unknown or ambiguous."""

    def __init__(self, message: str, suggestions: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.suggestions = suggestions


class WindowError(Seq2ExpError, ValueError):
    """A model input cannot be assembled."""


class SettingsError(Seq2ExpError, ValueError):
    """A setting is out of range or contradicts another."""


class CheckpointError(Seq2ExpError, ValueError):
    """A checkpoint is unreadable, unsafe, or does not fit its configuration."""


class TrainingError(Seq2ExpError, ValueError):
    """A training run cannot start, go on, or be read back."""


class ScoringError(Seq2ExpError, RuntimeError):
    """Scoring a whole data set cannot start, go on or be written."""


class PeakCallError(Seq2ExpError, RuntimeError):
    """MACS3 ended with an error."""
