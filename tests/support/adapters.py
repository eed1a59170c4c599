"""Adapters of clients that a distribution of the project brings by an entry point."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from conftest import Project


def install_adapter(project: Project, client: str, adapter: str) -> None:
    """Let the environment of a project have a distribution with an adapter, `module:Class`.

    A second one for the same client takes the place of the first.
    """
    distribution = f"{client}_adapter-1.0.dist-info"
    project.write(
        f"{distribution}/METADATA",
        f"Metadata-Version: 2.1\nName: {client}-adapter\nVersion: 1.0\n",
    )
    project.write(
        f"{distribution}/entry_points.txt",
        f"[pytest_mimic.clients]\n{client} = {adapter}\n",
    )
    project.monkeypatch.syspath_prepend(str(project.root))
