"""Suites of other projects, with the functions and clients to mimic in them.

`real_suites.py` runs them. Each test that cannot end as it does without the plugin is
listed with its reason.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

NONE: Mapping[str, str] = MappingProxyType({})


class Mark(NamedTuple):
    """How many tests ended as without the plugin when the suite was last judged.

    A run reaches the mark if the share of its tests is not lower, so that a suite whose
    selection has grown keeps its mark.
    """

    live: int
    """Tests that passed without the plugin."""
    recorded: int
    """Tests that passed while recording, too."""
    replayed: int
    """Tests that passed in a replay with the servers stopped, too."""


class Suite(NamedTuple):
    """A package with its tests, and the targets to mimic in it."""

    package: str
    version: str
    what: str
    tests: tuple[str, ...]
    targets: tuple[str, ...]
    ini: Mapping[str, str] = NONE
    extras: str = ""
    repository: str = ""
    """Where to clone the tests from, if the source distribution has none."""
    tag: str = "v{version}"
    """The tag of the version in the repository."""
    requirements: tuple[str, ...] = ()
    workers: int = 2
    left_out: Mapping[str, str] = NONE
    """Tests that cannot replay, with the reason, by id without parameters."""
    replayed_alone: str = ""
    """The reason why its recordings do not replay under xdist."""
    installed: Mapping[str, str] = NONE
    """Tests that end differently because of what is installed with pytest-mimic."""
    in_wheel: bool = False
    """Whether the wheel contains the tests: no source distribution is needed."""
    server: tuple[str, ...] = ()
    """The command of a server that its tests expect on a fixed port.

    The server runs during all runs.
    """
    services: tuple[str, ...] = ()
    """Servers of `services.py` that its tests talk to, stopped for a replay."""
    env: Mapping[str, str] = NONE
    """Variables of the environment, such as the address of a server."""
    helper: str = ""
    """A module of fixtures from the documentation, loaded while mimicking."""
    mark: Mark | None = None
    """What it has to reach instead of ending without a difference."""
    variant: str = ""
    """What tells it from another suite of the same package."""

    @property
    def name(self) -> str:
        """What it is called on the command line and in the table."""
        if not self.variant:
            return self.package
        return f"{self.package}-{self.variant}"


def filled(template: str, words: str) -> tuple[str, ...]:
    """Return the template once for each word, with the word in the place of `{}`.

    `filled("tests/test_{}.py", "job queue")` has the paths of two files of tests.
    """
    return tuple(template.replace("{}", word) for word in words.split())


COLLECTED = (
    "fails alone without the plugin, too: trio warns of a generator that the garbage"
    " collector ends"
)
SERVED_PORT = (
    "compares the current port with the one that the server put into a recorded"
    " response"
)
URL_REDACTED = (
    "expects the password in the URL of a recorded `Location`, which is redacted"
)
MOCKED = "its request or response is a mock, which cannot be recorded"
REPLACED = "replaces what the function reads; such a call is refused"
LISTED_PORT = "takes only the links of a recorded page that have the current port"
ZSTD = (
    "pytest-mimic installs `backports.zstd`, with which the client also accepts"
    " Zstandard"
)
LOCAL_MODEL = (
    "the outcome contains a model that another test's function defines, which cannot be"
    " stored"
)
SAME_MODEL = (
    "another test defines a model of the same name, and a field of Django counts by its"
    " model's name"
)
LAZY_PART = (
    "the outcome contains a lazy object of Django, which is pickled as what it stands"
    " for; such an outcome cannot be stored"
)
COPIED = "calls the driver's own `copy_expert`, which is not recorded"
DICT_ROWS = "asks the driver for its own class of rows, which is not recorded"
RANDOM_NAME = "makes a table with a random name"
RANDOM_ID = "inserts a random UUID, which differs in each run"
UNORDERED = "iterates over a set, so its SQL depends on the hash seed"
MEASURED = (
    "measures how fast its calls are, and mimicked ones are slower on a busy machine"
)

TEMPORARY_PATH = "passes a path under `tmp_path` as a string, which differs in each run"
CURRENT_TIME = "passes the current time"
MONITORED = "listens with MONITOR, which is not recorded"
SHARED_INFO = "waits for another reply to INFO, of which all tests share one"

# The setting of suites whose tests compare what a redaction would hide.
COMPARED_HEADERS = {
    "mimic_redact": (
        "!cookie\n!cookies\n!set-cookie\n!authorization\n!proxy-authorization\n!auth"
    )
}
# The tests of fsspec for its asyncio and its sync file system have the same names.
LISTING_TESTS_OF_FSSPEC = (
    "async_expand_path async_walk glob_return_subfolders info isdir list list_cache"
    " list_cache_reuse list_cache_with_expiry_time_cached"
    " list_cache_with_expiry_time_purged list_cache_with_max_paths"
    " list_cache_with_skip_instance_cache mapper_url mcat_expand policy_arg"
)
# The tests of elastic-transport for each of its clients have the same names.
PORT_TESTS_OF_ELASTIC = (
    "compression custom_headers custom_user_agent default_headers default_timeout"
    " merge_headers overwritten_timeout simple_request"
)

SUITES = (
    Suite(
        "httpx",
        "0.28.1",
        what=(
            "the client, under asyncio and trio, against the server that its tests"
            " start (on a fixed port: one worker)"
        ),
        tests=("tests",),
        targets=("httpx",),
        extras="[brotli,cli,http2,socks,zstd]",
        requirements=("chardet<6", "click<8.2", "trio", "trustme", "uvicorn"),
        workers=1,
        left_out={
            "tests.test_timeouts::test_write_timeout": COLLECTED,
        },
    ),
    Suite(
        "requests",
        "2.34.2",
        what="the client, against pytest-httpbin",
        tests=(
            "tests/test_requests.py",
            "-k",
            "not TestTimeout and not TestPreparingURLs",
        ),
        targets=("requests ignore=port,query.url",),
        extras="[socks]",
        requirements=("pytest-httpbin", "pytest-mock", "trustme"),
        ini=COMPARED_HEADERS,
        installed={
            "tests.test_requests.TestRequests::test_response_iter_lines_reentrant": ZSTD
        },
    ),
    Suite(
        "sqlalchemy",
        "2.0.57",
        what="queries and the unit of work, on SQLite",
        tests=("test/orm/test_query.py", "test/orm/test_unitofwork.py"),
        targets=("sqlalchemy",),
        requirements=("aiosqlite", "greenlet"),
        replayed_alone=(
            "its harness gives each xdist worker databases with random names, which"
            " appear in statements"
        ),
        left_out=dict.fromkeys(
            filled(
                "test.orm.test_unitofwork.UnicodeSchemaTest::test_{}",
                "inheritance_mapping",
            ),
            UNORDERED,
        ),
    ),
    Suite(
        "starlette",
        "1.10.0",
        what=(
            "its own functions and the client behind its in-process test client, under"
            " asyncio and trio"
        ),
        tests=("tests",),
        targets=(
            "starlette.routing:compile_path",
            "starlette.schemas:BaseSchemaGenerator.parse_docstring ignore=self",
            "httpx2",
        ),
        extras="[full]",
        requirements=("opentelemetry-sdk", "trio"),
        installed={
            "tests.test_requests::test_request_headers": ZSTD,
            "tests.test_websockets::test_websocket_headers": ZSTD,
        },
    ),
    Suite(
        "networkx",
        "3.6.1",
        what=(
            "slow functions and generators on graphs, behind its dispatching decorator;"
            " its developers use xdist"
        ),
        tests=("networkx/algorithms/tests",),
        targets=(
            "networkx.algorithms.smallworld:*",
            "networkx.algorithms.similarity:graph_edit_distance",
            "networkx.algorithms.cycles:simple_cycles",
        ),
        requirements=("numpy",),
    ),
    Suite(
        "huggingface_hub",
        "1.28.0",
        what=(
            "its client on httpx and own functions, with mocks and servers of its tests"
            " (some of which need the hub)"
        ),
        tests=filled(
            "tests/test_{}.py",
            "utils_http utils_errors utils_hf_uris utils_headers utils_pagination"
            " utils_datetime inference_providers repocard_data",
        ),
        targets=(
            "httpx ignore=port",
            "huggingface_hub.inference._common:*",
            "huggingface_hub.utils._hf_uris:*",
            "huggingface_hub.utils._datetime:parse_datetime",
            "huggingface_hub.utils.sha:git_hash",
            "huggingface_hub.repocard_data:*",
        ),
        extras="[testing]",
        repository="https://github.com/huggingface/huggingface_hub",
    ),
    Suite(
        "aiofiles",
        "25.1.0",
        what="coroutines made around functions of `os`, with pytest-asyncio",
        tests=("tests",),
        targets=(
            "aiofiles.os:stat sequence",
            "aiofiles.os:listdir sequence",
            "aiofiles.ospath:exists sequence",
        ),
        requirements=("pytest-asyncio",),
        left_out={"tests.test_os::test_sendfile_file": TEMPORARY_PATH},
    ),
    Suite(
        "djangorestframework",
        "3.18.3",
        what=(
            "its own functions and Django's hashes of passwords, on SQLite, with"
            " pytest-django and an in-process requests"
        ),
        tests=("tests",),
        targets=(
            "rest_framework.utils.formatting:*",
            "rest_framework.utils.html:*",
            "rest_framework.utils.urls:*",
            "rest_framework.utils.json:loads",
            "rest_framework.utils.field_mapping:get_field_kwargs",
            # A model has the registry of all models, which holds a lock.
            "rest_framework.utils.model_meta:get_field_info ignore=model.members._meta",
            "django.contrib.auth.hashers:make_password sequence",
            "django.contrib.auth.hashers:check_password sequence ignore=setter",
            "requests",
        ),
        requirements=(
            "dj-database-url",
            "django-filter",
            "django-guardian<3.6",
            "inflection==0.5.1",
            "markdown",
            "pygments==2.21.*",
            "pytest-django",
            "pyyaml",
            "requests",
            "uritemplate",
        ),
        left_out={
            **dict.fromkeys(
                filled(
                    "tests.test_model_serializer."
                    "TestGenericIPAddressFieldValidation::test_{}",
                    "ip_address_validation_with_custom_validator",
                ),
                SAME_MODEL,
            ),
            **dict.fromkeys(
                filled(
                    "tests.test_model_serializer.TestRegularFieldMappings::test_{}",
                    "regular_fields",
                ),
                LAZY_PART,
            ),
            **dict.fromkeys(
                (
                    "tests.test_validators.TestUniquenessTogetherValidation"
                    "::test_ignore_validation_for_unchanged_fields",
                    # `override_settings` replaces `ROOT_URLCONF`.
                    "tests.test_routers.TestUrlPath::test_update",
                ),
                REPLACED,
            ),
            **dict.fromkeys(
                filled(
                    "tests.test_metadata.TestModelSerializerMetadata::test_{}",
                    "read_only_primary_key_related_field",
                ),
                LOCAL_MODEL,
            ),
            **dict.fromkeys(
                filled(
                    "tests.test_model_serializer.Issue3674Test::test_{}",
                    "nonPK_foreignkey_model_serializer",
                ),
                LOCAL_MODEL,
            ),
            **dict.fromkeys(
                filled(
                    "tests.test_prefetch_related.TestPrefetchRelatedUpdates::test_{}",
                    "can_update_without_queryset_on_class_view"
                    " prefetch_related_excluding_instance_from_original_queryset"
                    " prefetch_related_updates",
                ),
                LOCAL_MODEL,
            ),
        },
    ),
    Suite(
        "pandas",
        "3.1.1",
        what=(
            "JSON of frames, series and schemas, behind re-exports and in C, from the"
            " installed package"
        ),
        tests=(
            "--pyargs",
            "pandas.tests.io.json.test_normalize",
            "pandas.tests.io.json.test_json_table_schema",
            "-m",
            "not slow and not network and not db",
        ),
        targets=(
            "pandas.io.json:to_json",
            "pandas.io.json:build_table_schema",
            "pandas:json_normalize",
            "pandas.io.json:ujson_dumps",
            "pandas.io.json:ujson_loads",
        ),
        requirements=("hypothesis", "pyarrow"),
        in_wheel=True,
        left_out={
            ".TestJSONNormalize::test_generator": (
                "passes a generator, which has no stable identity"
            ),
        },
    ),
    Suite(
        "pandas",
        "3.1.1",
        variant="sql",
        what="frames to and from SQLite and PostgreSQL",
        tests=("--pyargs", "pandas.tests.io.test_sql"),
        targets=("sqlalchemy",),
        requirements=(
            "hypothesis",
            "pyarrow",
            "psycopg2-binary",
            "sqlalchemy==2.0.57",
        ),
        in_wheel=True,
        services=("postgres of pandas",),
        left_out={
            "::test_copy_from_callable_insertion_method": COPIED,
            "::test_read_sql_psycopg2_dict_cursor_duplicate_columns": DICT_ROWS,
            "::test_read_view_postgres": RANDOM_NAME,
        },
    ),
    Suite(
        "celery",
        "5.7.0",
        what="its own functions on texts, times and nested values, with subtests",
        tests=(
            "t/unit/utils",
            *filled("t/unit/app/test_{}.py", "defaults schedules utils"),
            "t/unit/events/test_state.py",
        ),
        targets=(
            "celery.app.defaults:flatten",
            "celery.utils.functional:padlist",
            "celery.utils.iso8601:*",
            "celery.utils.nodenames:host_format",
            "celery.utils.saferepr:*",
            "celery.utils.text:*",
            # The function changes its argument.
            "!celery.utils.text:simple_format",
            *filled(
                "celery.utils.time:{}",
                "delta_resolution humanize_seconds rate weekday yearmonth",
            ),
        ),
        extras="[auth,msgpack,pydantic,yaml]",
        requirements=(
            "freezegun",
            "pytest-click",
            "pytest-order",
            "pytest-rerunfailures",
            "pytest-timeout",
        ),
        left_out={
            "t.unit.utils.test_iso8601::test_parse_iso8601_deprecation_warning": (
                "expects a warning, which is not recorded"
            ),
            "t.unit.utils.test_saferepr.test_saferepr::test_same_as_repr": (
                "compares the address of a function"
            ),
            "t.unit.utils.test_time.test_iso8601::test_parse_with_timezone": (
                CURRENT_TIME
            ),
            "t.unit.utils.test_time::test_remaining": CURRENT_TIME,
        },
    ),
    Suite(
        "redis",
        "8.1.0",
        what=(
            "commands, pipelines, scripts and locks of the sync client, and some of the"
            " asyncio one, on one server"
        ),
        tests=(
            *filled(
                "tests/test_{}.py", "commands encoding hash lock pipeline scripting"
            ),
            *filled(
                "tests/test_asyncio/test_{}.py", "encoding hash lock pipeline scripting"
            ),
            "-m",
            "not onlycluster and not redismod",
            "-k",
            # On replay it waits for a command that it cancels, and this is not
            # recorded.
            "not test_pipeline_reset_releases_connection_when_cancelled",
            # On a busy machine the suite's own 30 s may end the whole run.
            "--timeout=300",
        ),
        # Its plugin asks before any test runs.
        targets=("redis only=INFO,DPING sequence=no", "redis"),
        requirements=(
            "numpy",
            "pytest-asyncio",
            "pytest-timeout",
            "redis-entraid==1.2.1",
            "ujson",
            "opentelemetry-sdk",
            "pybreaker",
            "xxhash",
        ),
        workers=1,
        left_out={
            "tests.test_commands.TestRedisCommands::test_interrupted_command": (
                "interrupts a command, which is not recorded"
            ),
            "tests.test_commands.TestRedisCommands::test_client_reply": (
                "turns replies off, which is refused"
            ),
            **dict.fromkeys(
                filled(
                    "tests.test_commands.TestRedisCommands::test_{}",
                    "bgsave config_resetstat",
                ),
                SHARED_INFO,
            ),
            **dict.fromkeys(
                filled(
                    "tests.test_pipeline.TestPipeline::test_watch_{}",
                    "exec_no_unwatch reset_unwatch",
                ),
                MONITORED,
            ),
            **dict.fromkeys(
                filled(
                    "tests.test_asyncio.test_pipeline.TestPipeline::test_watch_{}",
                    "exec_no_unwatch reset_unwatch",
                ),
                MONITORED,
            ),
            "tests.test_commands.TestRedisCommands::test_acl_genpass": (
                "expects a password, which is hidden"
            ),
        },
        server=("redis-server", "--port", "6379", "--save", ""),
    ),
    Suite(
        "aiohttp",
        "3.14.5",
        what=(
            "the client and its sessions, against servers in the loop of the same test"
        ),
        tests=(
            "tests/test_client_functional.py",
            "tests/test_client_session.py",
            "-o",
            "addopts=",
        ),
        targets=("aiohttp ignore=port",),
        ini=COMPARED_HEADERS,
        extras="[speedups]",
        requirements=(
            "coverage",
            "freezegun",
            "isal",
            "pkgconfig",
            "proxy.py>=2.4.4rc5",
            "pytest-codspeed",
            "pytest-mock",
            "pytest-timeout",
            "trustme",
            "zlib-ng",
        ),
        left_out={
            "tests.test_client_functional::test_creds_in_auth_and_redirect_url": (
                URL_REDACTED
            ),
            **dict.fromkeys(
                filled(
                    "tests.test_client_session::test_{}",
                    "client_session_timeout_zero close_conn_on_error reraise_os_error"
                    " ws_connect_allowed_protocols"
                    " ws_connect_unix_socket_allowed_protocols",
                ),
                MOCKED,
            ),
        },
    ),
    Suite(
        "fsspec",
        "2026.7.0",
        what=(
            "its file system of HTTP with both clients, in a loop of its own thread,"
            " and own functions"
        ),
        tests=(
            "fsspec/implementations/tests/test_http.py",
            "fsspec/implementations/tests/test_http_sync.py",
            *filled(
                "fsspec/tests/test_{}.py", "api async caches compression core utils"
            ),
            "-k",
            # The test expects a thread to run within 10 ms.
            "not test_interrupt",
        ),
        targets=(
            "aiohttp ignore=port",
            "requests ignore=port",
            "fsspec.utils:merge_offset_ranges",
        ),
        extras="[http]",
        repository="https://github.com/fsspec/filesystem_spec",
        tag="{version}",
        requirements=(
            "backports-zstd",
            "cloudpickle",
            "lz4",
            "numpy",
            "python-snappy",
            "requests",
            "tqdm",
            "pytest-asyncio",
            "pytest-mock",
            "pytest-rerunfailures",
        ),
        left_out={
            **dict.fromkeys(
                filled(
                    "fsspec.implementations.tests.test_http::test_{}",
                    LISTING_TESTS_OF_FSSPEC,
                ),
                LISTED_PORT,
            ),
            **dict.fromkeys(
                filled(
                    "fsspec.implementations.tests.test_http_sync::test_{}",
                    LISTING_TESTS_OF_FSSPEC,
                ),
                LISTED_PORT,
            ),
            "fsspec.implementations.tests.test_http::test_content_encoding_gzip": (
                "expects no length of a compressed body; a replay gives it plain"
            ),
        },
    ),
    Suite(
        "elastic-transport",
        "9.4.2",
        what=(
            "a client over urllib3, requests, aiohttp and httpx, against pytest-httpbin"
            " and other servers of its tests"
        ),
        tests=(
            "tests",
            "-o",
            "addopts=",
            # They ask hosts of the internet.
            "--ignore=tests/node/test_tls_versions.py",
            # They compare the port of a server with that in its responses.
            "--ignore-glob=*/test_httpbin.py",
        ),
        targets=(
            "http ignore=port",
            "elastic_transport._utils:*",
            "elastic_transport.client_utils:*",
        ),
        repository="https://github.com/elastic/elastic-transport-python",
        requirements=(
            "pytest-asyncio",
            "pytest-httpbin",
            "pytest-httpserver",
            "pytest-mock",
            "respx",
            "trustme",
            "requests",
            "aiohttp",
            "httpx",
            "orjson",
            "anyio",
            "trio",
            "opentelemetry-api",
            "opentelemetry-sdk",
        ),
        left_out={
            "tests.test_client_utils::test_basic_auth_errors": (
                "passes a bare `object()`, which has no identity"
            ),
            "tests.test_transport::test_threading_test": MEASURED,
            "tests.async_.test_async_transport::test_sniffed_nodes_added_to_pool": (
                MEASURED
            ),
            **dict.fromkeys(
                filled(
                    "tests.async_.test_async_transport::test_{}",
                    "async_transport_httpbin multiple_tasks_test",
                ),
                SERVED_PORT,
            ),
            **dict.fromkeys(
                filled("tests.node.test_http_aiohttp::test_{}", PORT_TESTS_OF_ELASTIC),
                SERVED_PORT,
            ),
            **dict.fromkeys(
                filled(
                    "tests.node.test_http_aiohttp.TestAiohttpHttpNode::test_{}",
                    PORT_TESTS_OF_ELASTIC,
                ),
                SERVED_PORT,
            ),
            **dict.fromkeys(
                filled(
                    "tests.node.test_http_httpx.TestHttpxNode::test_{}",
                    PORT_TESTS_OF_ELASTIC,
                ),
                SERVED_PORT,
            ),
            **dict.fromkeys(
                filled(
                    "tests.node.test_http_httpx.TestHttpxAsyncNode::test_{}",
                    PORT_TESTS_OF_ELASTIC,
                ),
                SERVED_PORT,
            ),
        },
    ),
    Suite(
        "rq",
        "2.10.0",
        what=(
            "its own functions on a server of Redis; its jobs have random ids, and its"
            " workers subscribe, which the client's line refuses"
        ),
        tests=filled("tests/test_{}.py", "utils job queue serializers results"),
        # `str_to_date` is not among them: its tests pass the current time.
        targets=filled(
            "rq.utils:{}",
            "parse_timeout truncate_long_string get_call_string ceildiv split_list",
        ),
        repository="https://github.com/rq/rq",
        # The tag of 2.10.0 has no third number.
        tag="v2.10",
        requirements=("psutil",),
        workers=1,
        server=("redis-server", "--port", "6379", "--save", ""),
    ),
    Suite(
        "sqlmodel",
        "0.0.39",
        what="models on SQLite, most from its tutorial",
        tests=("tests",),
        targets=("sqlalchemy",),
        repository="https://github.com/fastapi/sqlmodel",
        tag="{version}",
        requirements=(
            "dirty-equals",
            "fastapi",
            "httpx",
            "jinja2",
            "typer",
            "black",
            "coverage",
        ),
        left_out={
            "tests.test_advanced.test_uuid.test_tutorial001::test_tutorial": RANDOM_ID,
            "tests.test_advanced.test_uuid.test_tutorial002::test_tutorial": RANDOM_ID,
            "tests.test_annotated_uuid::test_annotated_optional_types": RANDOM_ID,
        },
        ini={"mimic_redact": "!hashed_password"},
    ),
    Suite(
        "humanize",
        "4.16.0",
        what="its own functions on numbers, sizes and times, under freezegun",
        # The functions read the active locale, which their arguments do not show.
        tests=("tests", "--ignore=tests/test_i18n.py"),
        targets=(
            "humanize.filesize:*",
            "humanize.lists:*",
            "humanize.number:*",
            "humanize.time:precisedelta",
        ),
        repository="https://github.com/python-humanize/humanize",
        tag="{version}",
        requirements=("freezegun", "pytest-codspeed"),
    ),
    Suite(
        "babel",
        "2.18.0",
        what="its own functions on numbers, units, lists and times, with its doctests",
        # The module that is left out makes some hundred thousand calls.
        tests=("tests", "--ignore=tests/test_smoke.py"),
        # A locale loads its data when it is first used. `babel.plural:to_python` is no
        # target, as its callers keep what it made.
        targets=filled(
            "babel.{} ignore=locale._Locale__data",
            "numbers:format_currency numbers:format_decimal numbers:parse_decimal"
            " units:format_unit lists:format_list dates:format_timedelta",
        ),
        left_out={
            "tests.test_numbers::test_format_currency_with_none_locale": (
                "changes the default locale, which the arguments do not show"
            ),
            **dict.fromkeys(
                filled(
                    "tests.test_numbers::test_format_{}",
                    "currency_with_none_locale_with_default decimal_with_none_locale"
                    " decimal_with_none_locale_with_default",
                ),
                REPLACED,
            ),
        },
        requirements=("freezegun", "pytz", "tzdata"),
    ),
    Suite(
        "anthropic",
        "2.14.0",
        what="an SDK of language models under respx, with httpx2 in the place of httpx",
        tests=("tests/test_client.py", "tests/lib/_parse", "-n0"),
        targets=("llm", "http ignore=port"),
        extras="[aiohttp,bedrock,vertex]",
        requirements=(
            *filled("{}", "dirty-equals hypothesis inline-snapshot opentelemetry-sdk"),
            *filled("{}", "http-snapshot[httpx] pytest-asyncio respx rich"),
            "time-machine",
        ),
    ),
    Suite(
        "responses",
        "0.26.3",
        what="answers for requests, in its own tests and beside pytest-httpserver",
        tests=("responses", "--asyncio-mode=auto"),
        targets=("http",),
        requirements=("pytest-asyncio", "pytest-httpserver", "tomli-w"),
    ),
    Suite(
        "flask-sqlalchemy",
        "3.1.1",
        what="sessions and models of a web application, on SQLite",
        tests=("tests",),
        targets=("sqlalchemy",),
        requirements=("sqlalchemy==2.0.57",),
        left_out={
            **dict.fromkeys(
                filled(
                    "tests.test_engine::test_sqlite_{}",
                    "driver_level_uri relative_path",
                ),
                "looks for the file of its database, which no replay makes",
            ),
            **dict.fromkeys(
                filled("tests.test_model::test_{}", "abstractmodel mixinmodel"),
                CURRENT_TIME,
            ),
        },
    ),
)
