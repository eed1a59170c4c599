"""The errors of vcrpy that its tests expect."""

from pytest_mimic import MissingRecordingError

CannotOverwriteExistingCassetteException = MissingRecordingError
