"""Secrets that tests plant, and that no byte of them is stored or shown."""

from __future__ import annotations

import base64


def planted(number):
    return f"Planted{number:03d}xSecret4711"


def assert_hidden(project, run, replayed, secrets):
    """Assert that both runs pass, and that no secret is in the vault or was printed."""
    run.expect(passed=sum(run.outcomes.values()))
    replayed.expect(passed=sum(run.outcomes.values()))
    page = project.root.joinpath("page.html").read_text()
    stored = b"\n".join(run.vault.values()).decode()
    seen = "\n".join([stored, run.output, replayed.output, page])
    assert "redacted" in stored
    assert [secret for secret in secrets if secret in seen] == []
    coded = [base64.b64encode(secret.encode()).decode() for secret in secrets]
    assert [code for code in coded if code in seen] == []
