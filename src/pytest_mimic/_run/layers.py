"""The layers in which the modules of this package load.

| layer | what it is for | what loads it |
|---|---|---|
| plugin | pytest's hooks and options | pytest |
| start | cover targets, replay plain values of functions | a run that mimics |
| replay | replay all else: objects, streams, the calls of clients | such a call |
| record | describe, encode and write calls | a run that calls real functions; whole |
| verify | compare outcomes, explain misses | `--mimic-verify`, whole; a miss |
| tools | the command, the pages and what they show | the command, an option |

A module imports at its top what is on its own layer and on those below. So a run pays
only for the layers that it needs.

Inside functions, only the doors below import modules of this package. A door leads to
a higher layer, or to a part of a layer that few runs need. What the layers below use of
such a layer stands in one class, such as `Descriptions` or `Verifier`, which the door
returns. Libraries are imported inside functions, too, where they may be missing or
where few runs need them.
"""

from __future__ import annotations

import sys
from enum import IntEnum
from importlib import import_module
from pkgutil import walk_packages

import pytest_mimic


class Layer(IntEnum):
    """The layers, the lowest first."""

    PLUGIN = 0
    START = 1
    REPLAY = 2
    RECORD = 3
    VERIFY = 4
    TOOLS = 5


# The layer of each module or folder, named without `pytest_mimic`. For a module that
# does not stand here, its folder counts: `layer_of` looks from the inside outwards.
# `load` reads the table in a run. A test holds the imports of each module to it.
_LAYERS: dict[str, Layer] = {
    "": Layer.PLUGIN,
    "errors": Layer.START,
    "_mimic": Layer.START,
    "_run": Layer.START,
    "client": Layer.REPLAY,
    "_core": Layer.REPLAY,
    "_clients": Layer.REPLAY,
    "_tools": Layer.TOOLS,
    "__main__": Layer.TOOLS,
    # The ground, and what covers targets and replays plain values.
    "_core.commands": Layer.START,
    "_core.modules": Layer.START,
    "_core.settings": Layer.START,
    "_core.target_options": Layer.START,
    "_core.whole_files": Layer.START,
    "_core.named_fields": Layer.START,
    "_core.words": Layer.START,
    "_core.engine.account": Layer.START,
    "_core.engine.account_events": Layer.START,
    "_core.engine.coverings": Layer.START,
    "_core.engine.current": Layer.START,
    "_core.engine.decisions": Layer.START,
    "_core.engine.function_plan": Layer.START,
    "_core.engine.owners": Layer.START,
    "_core.engine.run": Layer.START,
    "_core.engine.scopes": Layer.START,
    "_core.engine.wrappers": Layer.START,
    "_core.files.places": Layer.START,
    "_core.identity.binding": Layer.START,
    "_core.identity.call_identity": Layer.START,
    "_core.identity.short_scalars": Layer.START,
    "_core.identity.source": Layer.START,
    "_core.patch": Layer.START,
    "_core.seam.registry": Layer.START,
    "_core.swallowed.pending_errors": Layer.START,
    "_core.targets.option_grammar": Layer.START,
    "_core.targets.target": Layer.START,
    "_core.types.reductions": Layer.START,
    "_core.vault": Layer.START,
    "_core.vault.cassette_names": Layer.REPLAY,
    "_core.vault.long_parts": Layer.REPLAY,
    "_core.vault.objects": Layer.REPLAY,
    "_core.vault.outcome_entries": Layer.REPLAY,
    "_core.vault.reading": Layer.REPLAY,
    "_core.vault.recording_facts": Layer.REPLAY,
    # Each run judges which recordings it has not used.
    "_tools.unused.judging": Layer.START,
    "_run.answered_tests": Layer.REPLAY,
    "_run.cassette_fixtures": Layer.REPLAY,
    "_run.token_counts": Layer.REPLAY,
    # What makes and writes recordings, and what forked processes tell each other of
    # them (`family`).
    "_core.engine.description_layer": Layer.RECORD,
    "_core.engine.family": Layer.RECORD,
    "_core.engine.next_run": Layer.RECORD,
    "_core.engine.record": Layer.RECORD,
    "_core.files.project_texts": Layer.RECORD,
    "_core.identity.kept_parts": Layer.RECORD,
    "_core.inputs.input_trace": Layer.RECORD,
    "_core.outcome.encoding": Layer.RECORD,
    "_core.redact.texts_like_keys": Layer.RECORD,
    "_core.tree": Layer.RECORD,
    "_core.tree.chats": Layer.REPLAY,
    "_core.vault.locks": Layer.RECORD,
    "_core.vault.writing": Layer.RECORD,
    "_run.anew_lines": Layer.RECORD,
    "_run.layers": Layer.RECORD,
    "_run.progress": Layer.RECORD,
    # What compares and explains.
    "_core.engine.changed_lines": Layer.VERIFY,
    "_core.engine.equal_outcomes": Layer.VERIFY,
    "_core.engine.recorded_identities": Layer.VERIFY,
    "_core.engine.verify_layer": Layer.VERIFY,
    "_core.engine.refusals": Layer.VERIFY,
    "_core.engine.verifying": Layer.VERIFY,
    "_core.tree.agreement": Layer.VERIFY,
    "_core.tree.difference_words": Layer.VERIFY,
    "_core.tree.messages": Layer.VERIFY,
    "_core.tree.nearest_recording": Layer.VERIFY,
    "_core.tree.shapes": Layer.VERIFY,
    "_tools.unused.renamed_tests": Layer.VERIFY,
    "_run.drift_reports": Layer.VERIFY,
    "_run.failure_layer": Layer.VERIFY,
    "_run.replay_lines": Layer.VERIFY,
    "_run.tracebacks": Layer.VERIFY,
    "_run.verdicts": Layer.VERIFY,
    "_run.call_report": Layer.TOOLS,
}

# The functions that import modules of this package, each as `module:function`, by the
# highest layer from which they import. No code reads the table: a test compares it with
# the source, so that nobody adds an import in a function without a word.
DOORS: dict[Layer, tuple[str, ...]] = {
    Layer.PLUGIN: ("plugin:_cassette_fixture",),
    Layer.START: (
        "plugin:_pytest_run_of",
        "plugin:_warn_of_unknown_keys",
        "plugin:pytest_terminal_summary",
        "_tools.cli.project:_read_target",
    ),
    Layer.REPLAY: (
        "_clients.http.aiohttp:_NextResponse._read",
        "_clients.http.aiohttp:_connection_of_unsent",
        "_clients.http.aiohttp:_wrap_connect.connect",
        "_clients.mcp.mcp_transports:_wrap_stdio.client",
        "_clients.sql.sqlalchemy:_compiled_names",
        "_core.engine.client_plan:Port._credentials_of",
        "_core.engine.client_plan:Port.secrets",
        "_core.engine.coverings:Coverings._cover_client",
        "_core.engine.coverings:Coverings._plan",
        "_core.engine.current:Current.let_no_code_wait",
        "_core.engine.run:Run.inputs",
        "_core.engine.run:Run.recordings",
        "_core.engine.run:Run.redactor",
        "_core.engine.run:Run.senders",
        "_core.engine.wrappers:_engine",
        "_core.identity.call_identity:rest_of_identity",
        "_core.outcome.encoding:_pickling",
        "_core.targets.option_grammar:_check_paths",
        "_core.targets.option_grammar:_read_paths",
        "_core.vault.objects:Objects._load_pickle",
        "_core.vault.objects:Objects._body_with_values_of_tags",
        "_core.vault.objects:Objects.check_tags",
        "_core.vault.vault:Vault.reader",
        "_run.configuration:_read_secret_names",
        "_run.ending:Ending._count_tokens",
        "_run.phases:Phases.pytest_pyfunc_call",
        "_tools.cli.check_findings:Checker._check_pickle",
    ),
    Layer.RECORD: (
        "_core.engine.coverings:_forks",
        "_core.engine.function_plan:descriptions",
        "_core.engine.steps:recorder",
        "_core.vault.folder:FolderStore._locks",
        "_core.vault.vault:Vault.writer",
        "_run.phases:Phases._load_before_fakes",
        "_run.pytest_run:PytestRun.finish_collection",
        "_run.session:Session._load_layers",
        "_run.summary:_anew",
    ),
    Layer.VERIFY: (
        "_core.engine.mutated_arguments:ArgumentsBefore.refuse_changes",
        "_core.engine.stayed_answers:_agrees_with_recorded",
        "_core.engine.steps:verifier",
        "_run.ending:Ending._find_moves",
        "_run.phases:failure_layer",
    ),
    Layer.TOOLS: ("_run.pytest_run:PytestRun._load_for_options",),
}


def layer_of(module: str) -> Layer:
    """Return the layer of a module, named in full."""
    module_or_folder = module.removeprefix("pytest_mimic").removeprefix(".")
    while module_or_folder not in _LAYERS:
        module_or_folder, _, _ = module_or_folder.rpartition(".")
    return _LAYERS[module_or_folder]


def load(layer: Layer) -> None:
    """Load a layer whole, before the tests begin.

    A test may replace functions of libraries. A module that is loaded while one is
    replaced would keep the function of that test.

    Only the named folders are searched: to find all modules takes ten milliseconds.
    """
    for name, layer_of_name in _LAYERS.items():
        if layer_of_name is not layer:
            continue
        package = import_module(f"pytest_mimic.{name}")
        # A module that is no package has no folders.
        folders = getattr(package, "__path__", ())
        for module in walk_packages(folders, f"{package.__name__}."):
            # A folder may hold modules of other layers.
            if layer_of(module.name) is layer:
                import_module(module.name)


def load_before_fakes() -> None:
    """Load all modules that a call may need, and keep pyfakefs from changing them.

    pyfakefs replaces `os` and `open` in all modules but those in its `SKIPNAMES`. A
    module that is first loaded while the fake is active would keep the fake for the
    rest of the run. Modules of clients are loaded when one is mimicked.
    """
    for module in walk_packages(pytest_mimic.__path__, "pytest_mimic."):
        is_of_client = module.name.startswith("pytest_mimic._clients.")
        if layer_of(module.name) < Layer.TOOLS and not is_of_client:
            import_module(module.name)
    pyfakefs = sys.modules["pyfakefs.fake_filesystem_unittest"]
    for name in sys.modules:
        if name.startswith("pytest_mimic"):
            pyfakefs.Patcher.SKIPNAMES.add(name)
