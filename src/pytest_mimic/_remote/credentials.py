"""Finds credentials where obstore does not look: the profiles of the AWS command, single sign-on among them.

botocore reads them in a process of its own, so that no test loads or changes it. Where there are no credentials at all,
an error says so at once; obstore would ask the metadata of a cloud machine again and again.
"""

# A Path takes long to join, and a test may have replaced it.
# ruff: noqa: PTH111, PTH113, PTH118
from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta, timezone
from functools import partial
from os.path import expanduser, isfile, join
from subprocess import run
from types import ModuleType
from typing import Any, NoReturn

# Variables from which obstore takes credentials, or which say that none are needed.
_VARIABLES = {
    "s3": (
        "AWS_ACCESS_KEY_ID",
        "AWS_WEB_IDENTITY_TOKEN_FILE",
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI",
        "AWS_METADATA_ENDPOINT",
        "AWS_SKIP_SIGNATURE",
    ),
    "gs": (
        "GOOGLE_SERVICE_ACCOUNT",
        "GOOGLE_SERVICE_ACCOUNT_PATH",
        "GOOGLE_SERVICE_ACCOUNT_KEY",
        "GOOGLE_APPLICATION_CREDENTIALS",
        "GOOGLE_BEARER_TOKEN",
        "GOOGLE_SKIP_SIGNATURE",
    ),
    "az": (
        "AZURE_STORAGE_ACCOUNT_KEY",
        "AZURE_STORAGE_ACCESS_KEY",
        "AZURE_STORAGE_MASTER_KEY",
        "AZURE_STORAGE_SAS_KEY",
        "AZURE_STORAGE_SAS_TOKEN",
        "AZURE_STORAGE_TOKEN",
        "AZURE_STORAGE_CLIENT_ID",
        "AZURE_CLIENT_ID",
        "AZURE_MSI_ENDPOINT",
        "AZURE_IDENTITY_ENDPOINT",
        "AZURE_FEDERATED_TOKEN_FILE",
        "AZURE_USE_AZURE_CLI",
        "AZURE_STORAGE_USE_EMULATOR",
        "AZURE_SKIP_SIGNATURE",
    ),
}
_GOOGLE_FILE = join("gcloud", "application_default_credentials.json")
_METADATA = "http://169.254.169.254"
_CODE = "import sys; sys.path[:] = sys.argv[1:]; from pytest_mimic._remote.credentials import main; main()"
_SECONDS = 60
# Temporary credentials without a known end are read again after this time.
_LIFETIME = timedelta(minutes=10)
NOT_FOUND = "no credentials were found"


def credential_options(scheme: str, obstore: ModuleType) -> dict[str, Any]:
    """Return the options of a store for credentials that obstore does not find by itself."""
    environment = os.environ
    if any(map(environment.get, _VARIABLES[scheme])):
        return {}
    if scheme == "s3" and (environment.get("AWS_PROFILE") or any(map(isfile, _aws_files(environment)))):
        profile = _Profile(dict(environment))
        region = {} if {"AWS_REGION", "AWS_DEFAULT_REGION"} & set(environment) else profile.region
        return {"credential_provider": profile, **region}
    if scheme == "gs" and isfile(join(environment.get("APPDATA") or expanduser("~/.config"), _GOOGLE_FILE)):
        return {}
    if environment.get("AWS_EC2_METADATA_DISABLED", "").lower() == "true" or not _has_metadata(obstore):
        return {"credential_provider": _nowhere}
    return {}


class _Profile:
    """Credentials of a profile, read again when they expire."""

    def __init__(self, environment: dict[str, str]) -> None:
        self._environment = environment
        self._read()

    @property
    def region(self) -> dict[str, str]:
        """The region of the profile as an option."""
        return {"region": self._found["region"]} if self._found.get("region") else {}

    def __call__(self) -> dict[str, Any]:
        expiry = self._expiry
        if expiry is not None and expiry <= _now():
            self._read()
        if "access_key_id" not in self._found:
            raise PermissionError(self._found.get("error") or NOT_FOUND)
        names = ("access_key_id", "secret_access_key", "token")
        return {**{name: self._found[name] for name in names}, "expires_at": self._expiry}

    def _read(self) -> None:
        command = [sys.executable, "-I", "-c", _CODE, *sys.path]
        done = run(command, env=self._environment, capture_output=True, timeout=_SECONDS, check=False)
        self._found: dict[str, Any] = json.loads(done.stdout or "{}")
        expiry = self._found.get("expires_at")
        self._expiry = datetime.fromisoformat(expiry) if expiry else None


def main() -> None:
    """Print the credentials that botocore finds, as JSON."""
    json.dump(_found_by_botocore(), sys.stdout)


def _found_by_botocore() -> dict[str, str | None]:
    try:
        from botocore.exceptions import BotoCoreError  # type: ignore[import-untyped]
        from botocore.session import Session  # type: ignore[import-untyped]
    except ImportError:
        return {"error": f"{NOT_FOUND}: a profile of the AWS command needs botocore"}
    try:
        session = Session()
        region = session.get_config_variable("region")
        credentials = session.get_credentials()
        if credentials is None:
            return {"region": region}
        frozen = credentials.get_frozen_credentials()
    except BotoCoreError as reason:
        return {"error": f"{NOT_FOUND}: {' '.join(str(reason).split())}"}
    expiry = getattr(credentials, "_expiry_time", None) or (_now() + _LIFETIME if frozen.token else None)
    return {
        "access_key_id": frozen.access_key,
        "secret_access_key": frozen.secret_key,
        "token": frozen.token,
        "expires_at": None if expiry is None else expiry.isoformat(),
        "region": region,
    }


def _aws_files(environment: Mapping[str, str]) -> tuple[str, str]:
    """Return the paths of the files with profiles."""
    return (
        expanduser(environment.get("AWS_SHARED_CREDENTIALS_FILE") or "~/.aws/credentials"),
        expanduser(environment.get("AWS_CONFIG_FILE") or "~/.aws/config"),
    )


def _has_metadata(obstore: ModuleType) -> bool:
    """Return whether this is a machine in a cloud, which may have a role."""
    second = timedelta(seconds=1)
    options = {"allow_http": True, "connect_timeout": second, "timeout": second}
    store = obstore.store.HTTPStore.from_url(
        _METADATA, client_options=options, retry_config={"max_retries": 0}
    )
    try:
        obstore.head(store, "latest")
    except Exception as reason:
        return "kind: " not in str(reason)  # any answer will do
    return True


def _nowhere() -> NoReturn:
    raise PermissionError(NOT_FOUND)


# Bound here, because freezegun replaces `datetime` in modules, and the credentials would seem to expire.
_now: Callable[[], datetime] = partial(datetime.now, timezone.utc)
