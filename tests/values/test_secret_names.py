"""Which names are secret, in whatever spelling, and what a line of `mimic_redact` adds or takes out."""

from __future__ import annotations

import json
import re
from pathlib import Path
from urllib.parse import quote_plus, urlencode

import pytest

from pytest_mimic.secrets import names
from pytest_mimic.secrets.issued import Secrets, SecretScope
from pytest_mimic.secrets.placeholders import mark_of
from values.stored import holds, stored_http

SECRET = "Rk7-hunter2-Qx9z"
TOKEN = "Ab12cd34-Ef56gh78"


def stored(body, *redact):
    """Return what stands in the vault for a request with this body."""
    return stored_http(body=json.dumps(body), type_="application/json", redact=redact)


def is_secret(name, *redact):
    return SECRET not in stored({name: SECRET, "n": 1}, *redact)


@pytest.mark.parametrize(
    "name",
    [
        "password", "PASSWORD", "passwd", "pwd", "db_password", "password1", "new-password", "passwordHash",
        "secret", "client_secret", "clientSecret", "AWS_SECRET_ACCESS_KEY", "_secret_value", "secrets",
        "token", "access_token", "accessToken", "idToken", "x_auth_token", "X-Amz-Security-Token", "token_value",
        "apikey", "apiKey", "APIKey", "api-key", "openai_api_key", "X-API-Key", "X_api_keys",
        "authorization", "Authorization", "Proxy-Authorization", "auth", "basic_auth",
        "cookie", "Set-Cookie", "cookies", "private_key", "privateKeyPem", "credential", "aws_credentials",
        "csrf", "csrftoken", "csrfmiddlewaretoken", "X-CSRFToken", "X-XSRF-TOKEN", "signature", "X-Amz-Signature",
        "user_password_for_db", "code_verifier", "client_assertion", "dsn", "sentry_dsn", "SENTRY_DSN",
        "connection_string", "ConnectionString", "webhook_url", "slackWebhookUrl", "license_key", "licenceKey",
        "subscription_key", "Ocp-Apim-Subscription-Key", "service_key", "service_role_key", "SUPABASE_SERVICE_ROLE_KEY", "AWSAccessKeyId", "aws_access_key_id",
        "sig", "webhook_sig", "psk", "wifi_psk", "otp", "email_otp", "otp_code", "cvv", "card_cvv", "cvv2", "cvc", "pin", "PIN",
        "card_pin", "this_is_my_password", "password_input",
        "hapikey", "myapikey", "dbpassword", "PGPASSWORD", "smtp_userpasswd", "appsecret", "signingprivatekey", "oauthtoken", "bottoken", "accesstoken", "ACCESSTOKEN", "idtoken", "sessiontoken", "connectionstring",
        "accept_token", "x" * 194 + "_token", "subject_token", "logout_token", "oauth_token_secret", "userPassword",
        "registration_access_token", "BinarySecret", "__RequestVerificationToken", "_csrf",
        "passphrase", "passcode", "secret_key", "auth_token", "bearer_token", "refresh_token", "session_token", "api_token",
        "access_key", "account_key", "encryption_key", "shared_key", "signing_key", "jwt", "user_pin", "xsrf_token",
        "login_hint_token", "auth_req_id", "software_statement", "oauth_verifier", "SAMLRequest", "pgtId", "pgtIou",
        "authenticatorData", "attestationObject", "totp_code", "verification_code", "recovery_code", "backup_code",
        "session", "session_id", "sessid", "JSESSIONID", "hmac", "g-recaptcha-response", "cf-turnstile-response",
    ],
)  # fmt: skip
def test_secret_names_match_in_any_spelling(name):
    assert is_secret(name)


@pytest.mark.parametrize(
    "name",
    [
        "max_tokens", "maxTokens", "prompt_tokens", "completion_tokens", "token_count", "tokenizer",
        "token_ids", "token_count_1", "token_type", "tokenType", "eos_token", "next_page_token", "nextPageToken", "page_token",
        "author", "authors", "authority", "authorization_url", "auth_method", "secretary", "secret_name",
        "password_policy", "cookie_jar", "signature_version", "key", "name", "user", "base", "day",
        "Access-Control-Allow-Credentials", "allow_credentials", "accept_cookies", "cookie_consent", "requires_auth",
        "X-Requires-Auth", "requires_client_secret", "has_password", "haspassword", "showpassword", "nosecret", "nexttoken", "subtoken", "monkey",
        "is_token_valid", "Signature-Input", "Accept-Signature",
        "cookies_accepted", "cookieBanner", "token_created", "auth_options", "cookie_domain", "client_assertion_type",
        "pin_code", "pinned", "map_pin", "pin_count", "spin", "opinion", "mapping", "sig_figs", "design", "psk_identity",
        "otp_length", "cvv_check", "dsn_host", "sort_key", "primary_key", "foreign_key", "cache_key", "service_keys_count",
        "with_credentials", "withCredentials", "secret_santa", "SecretSantas", "password_hint", "passwordHints",
        "cursor_token", "cursorToken", "resume_token", "resumeToken",
        "code", "verifier", "webhook", "connection", "license", "subscription",
        "session_count", "session_name", "session_length", "token_endpoint", "token_endpoint_auth_methods_supported",
        "code_challenge_methods_supported", "password_expires_at", "PasswordComplexity", "signature_dish", "auth_time", "keyboard",
        "public_key", "sessions", "hmac_algorithm", "passenger", "request", "nonce_count", "cvv_required", "credit", "bearer_name",
        "jwt_algorithm", "csrf_enabled", "totp_enabled", "recovery_email", "backup_codes_count",
    ],
)  # fmt: skip
def test_names_that_only_resemble_secret_ones_are_public(name):
    """Such as the token counts of a language model, paging, and names that describe a secret."""
    assert not is_secret(name)


@pytest.mark.parametrize(
    ("lines", "name", "expected"),
    [
        (["patient_id"], "patient_id", True),
        (["patient_id"], "patientId", True),
        (["patient_id"], "old-patient-id", True),
        (["patient_id", "ssn"], "SSN", True),
        (["has_badge"], "has_badge", True),
        (["patient_id"], "token", True),
        (["!cookie", "!csrf_token"], "csrfToken", False),
        (["!csrf_token"], "token", True),
        (["!token", "token"], "token", True),
        (["mine", "!mine"], "mine", False),
        (["4711"], "4711", True),
        ([], "4711", False),
        (["4711"], "4712", False),
    ],
)
def test_lines_add_names_and_take_them_out(lines, name, expected):
    assert is_secret(name, *lines) is expected


# By the standard of its name: values that are secret, and harmless ones under the same
# name.
STANDARDS = {
    "code, OAuth 2 (RFC 6749)": (
        [{"grant_type": "authorization_code", "code": "x1"}, {"code": TOKEN, "state": TOKEN}],
        [{"code": "US", "state": "CA"}, {"code": TOKEN}, {"code": 200}],
    ),
    "state, OAuth 2 (RFC 6749)": (
        [{"response_type": "code", "state": "x1"}],
        [{"state": "California", "city": "Davis"}, {"state": "done", "code": "0"}],
    ),
    "assertion (RFC 7521)": (
        [{"assertion": TOKEN}, {"grant_type": "x", "assertion": "short"}],
        [{"assertion": "a == b"}, {"assertion": "passed"}, {"assertions": 3}],
    ),
    "code_challenge (RFC 7636)": (
        [{"response_type": "code", "code_challenge": "x1"}],
        [{"code_challenge": "hard"}],
    ),
    "device_code (RFC 8628)": (
        [{"device_code": "x1", "verification_uri": "/go"}, {"grant_type": "d", "device_code": "x"}],
        [{"device_code": "iPhone14,2"}],
    ),
    "user_code (RFC 8628)": (
        [{"user_code": "WDJB", "verification_uri": "/go"}],
        [{"user_code": "ann"}],
    ),
    "id_token_hint (OpenID Connect)": ([{"id_token_hint": "x1"}], [{"login_hint": "ann"}]),
    "SAMLResponse (SAML 2.0)": (
        [{"SAMLResponse": "x1"}, {"SAMLart": "x1"}],
        [{"RelayState": "/home"}],
    ),
    "ticket (CAS)": (
        [{"ticket": "ST-1856339-aA5Yuvrxzpv8Tau1cYQ7"}],
        [{"ticket": "IC-2026-11-25-BERLIN-01"}, {"ticket": "ABC-123"}, {"ticket": 4711}],
    ),
    "challenge (WebAuthn)": (
        [{"rpId": "shop.test", "challenge": "x1"}, {"clientDataJSON": "x1"}],
        [{"challenge": "30 days"}],
    ),
    "sign (signed APIs)": ([{"sign": TOKEN}], [{"sign": "-"}, {"sign": "leo"}, {"sign": -1}]),
    "tokens": ([{"tokens": [TOKEN]}], [{"tokens": ["the", " cat"]}, {"tokens": [464]}]),
    "pass, beside a user": ([{"user": "ann", "pass": "x1"}], [{"pass": 12}, {"pass": "annual"}]),
    "codes of a second factor": (
        [{"mfa_code": "x1"}, {"totp": "x1"}, {"recovery_codes": ["x1"]}],
        [{"promo_code": "x1"}, {"postal_code": "x1"}, {"status_code": 200}],
    ),
    "k, JSON Web Key (RFC 7518)": (
        [{"kty": "oct", "k": "x1"}, {"kty": "RSA", "n": "x", "d": "x1"}],
        [{"kty": "EC", "x": "x1", "y": "x2"}, {"k": "x1", "d": "x2"}],
    ),
    "a change of a document (RFC 6902)": (
        [{"op": "replace", "path": "/a/password", "value": "x1"}, {"op": "replace", "path": "password", "value": "x1"}],
        [{"op": "add", "path": "/token/title", "value": "x1"}, {"op": "add", "value": {"title": "x1"}}],
    ),
    "what describes a secret": (
        [{"token_value": "x1"}, {"csrf_token": "x1"}, {"password_again": "x1"}],
        [
            {"progressToken": "x1", "token_symbol": "USDC", "token_issuer": "x1"},
            {"csrf_header": "X-CSRF", "csrf-param": "x1", "password_strength": "low"},
        ],
    ),
    "a personal access token (GitHub, GitLab, Azure)": (
        [{"GITHUB_PAT": f"ghp_{TOKEN}{TOKEN}{TOKEN}"}, {"gitlab-pat": "glpat-Ab12cd34Ef56gh78ij90"}],
        [
            {"file_pat": "data/2024/11/26/*.csv"}, {"name_pat": "[a-z]+[0-9]{16,32}"},
            {"glob_pat": "report-2024-01-01-final-x"}, {"date_pat": "IMG_20240101_000000_raw"},
            {"postman_pat": "Pat Smith"}, {"GITHUB_PAT": True}, {"pat_name": TOKEN + TOKEN}, {"compat": TOKEN + TOKEN},
        ],
    ),
    "a pair": (
        [{"name": "password", "value": "x1"}, {"key": "api_key", "value": "x1"}],
        [{"name": "colour", "value": "x1"}, {"key": "size", "value": 3}],
    ),
}  # fmt: skip


@pytest.mark.parametrize("standard", STANDARDS)
def test_names_of_the_standards_hide_secrets_and_nothing_harmless(standard):
    secret, harmless = STANDARDS[standard]

    assert [plain for plain in secret if is_whole(plain)] == []
    assert [plain for plain in harmless if not is_whole(plain)] == []


def is_whole(plain):
    """Return whether a body stands in the vault as it was sent."""
    return holds(stored(plain), plain)


def test_a_name_that_a_line_adds_hides_whatever_stands_beside_it():
    assert "482913" not in stored({"code": "482913", "state": "x"}, "code")


def test_a_name_of_a_standard_can_be_taken_out():
    plain = {"grant_type": "x", "code": "x1", "assertion": TOKEN}

    assert holds(stored(plain, "!code", "!assertion"), plain)


@pytest.mark.parametrize(
    "plain",
    [
        {"password": None, "token": "", "auth": True, "secret": False},
        {"usage": {"prompt_tokens": 3}, "rows": [{"api_key": None}]},
    ],
    ids=["null, empty, booleans", "inside"],
)
def test_what_says_only_whether_there_is_a_secret_stays(plain):
    assert is_whole(plain)


def test_a_number_of_a_secret_name_has_a_number_in_its_place():
    found = stored({"card_pin": 4711, "n": 12})

    assert "4711" not in found
    assert holds(found, 12)


# Variables of the environment, and whether their values are replaced wherever they stand.
VARIABLES = {
    "BILLING_KEY": (SECRET, True),
    "stripe_key": (SECRET, True),
    "SMTP_PASS": (SECRET, True),
    "FTP_PWD": (SECRET, True),
    "SHOP_TOKEN": (SECRET, True),
    "SIGN_KEY": ("q1w2/e3r4+t5y6/u7i8=", True),
    "REDIS_KEY": ("redis://ann:pw@cache/0", True),
    "SHORT_KEY": ("Rk7-hunter2", False),
    "WORD_KEY": ("primary-partition-key", False),
    "TLS_KEY": ("/etc/ssl/private/shop.key", False),
    "OWN_TLS_KEY": ("config/keys/server.pem", False),
    "OLD_PWD": ("/home/ann/projects/shop", False),
    "API_KEY": ("https://keys.shop.test/current", False),
    "TAKEN_OUT_KEY": (SECRET, False),
    "KEYBOARD": (SECRET, False),
}


@pytest.mark.parametrize("name", VARIABLES)
def test_variables_with_secret_names_hide_what_is_no_word_path_or_address(name):
    value, is_hidden = VARIABLES[name]

    secrets = Secrets(["!taken_out_key"], {name: value})

    assert (value in secrets.environment) is is_hidden


# Lines of `mimic_redact`, and what they hide of this body: paths of its leaves.
BODY = {
    "users": [{"name": "Ann Lee", "email": "ann@shop.test"}],
    "note": "ask bob@shop.test",
    "card": {"n": 4111},
}
PLACES = {
    "body.users.*.email": {"body.users[0].email"},
    "users.0.email": {"body.users[0].email"},
    "body.users.*": {"body.users[0].name", "body.users[0].email"},
    "body.card.n": {"body.card.n"},
    "body.email": set(),
    "body.users.*.mail": set(),
    r"/\S+@\S+/": {"body.users[0].email", "body.note"},
    r"/Ann Lee|bob/  # people": {"body.users[0].name", "body.note"},
}  # fmt: skip


@pytest.mark.parametrize("line", PLACES)
@pytest.mark.parametrize("is_answer", [False, True], ids=["sent", "answered"])
def test_a_line_hides_what_stands_at_a_path_or_looks_like_a_pattern(line, is_answer):
    text = json.dumps(BODY)
    found = stored_http(
        **{"answer" if is_answer else "body": text},
        type_="application/json",
        redact=[line],
    )

    body = json.loads(found)[is_answer]["body"]["json"]
    assert {path for path, old, new in pairs_of(BODY, body) if old != new} == PLACES[
        line
    ]


def pairs_of(old, new, path="body"):
    """Yield the leaves of two trees of one shape, with their paths."""
    if isinstance(old, dict):
        for key in old:
            yield from pairs_of(old[key], new[key], f"{path}.{key}")
    elif isinstance(old, list):
        for index, part in enumerate(old):
            yield from pairs_of(part, new[index], f"{path}[{index}]")
    else:
        yield path, old, new


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("/[/", "not a pattern"),
        ("/a*/", "matches an empty text"),
        ("body..email", "not a name, a path or a /pattern/"),
        ("a/b", "not a name"),
    ],
)
def test_a_line_that_could_hide_nothing_is_refused(line, reason):
    with pytest.raises(ValueError, match=reason):
        Secrets([line], {})


def test_several_patterns_keep_their_groups_and_flags():
    secrets = Secrets([r"/(x)-\d+\1/", r"/(?i)acct-\d+/", r"/(['\"])\d{4}-\d+\1/"], {})
    shown = []

    def stand_in(text, _path):
        shown.append(text)
        return "HIDDEN"

    text = "x-1x, ACCT-22, '4711-4712', acct-4713"
    hidden = secrets.redactor.hide(text, stand_in)

    assert hidden == "HIDDEN, HIDDEN, HIDDEN, HIDDEN"
    assert shown == ["x-1x", "ACCT-22", "'4711-4712'", "acct-4713"]


def test_a_pattern_takes_no_other_names_from_what_is_said_to_be_hidden():
    partner = "partner-4711-0815-xyz"
    secrets = Secrets([r"/acct-\d+/"], {"PARTNER_TOKEN": partner})
    scope = SecretScope()
    answer = {
        "access_token": TOKEN,
        "next": TOKEN,
        "account": "of acct-4711",
        "both": f"acct-4712 {partner}",
        "text": f"Use {partner}",
    }

    hidden = secrets.hide_answer(answer, scope, mark_of("test", "call"))

    assert "4711" not in json.dumps(hidden)
    named = secrets.hidden_names(hidden)
    assert named == ["access_token", "next", "PARTNER-TOKEN"]


SENT = "q7Rk2mT9xW4vB8nZ3pL6"
HEX = "0123456789abcdef0123456789abcdef"
# What is hidden by its ending and its look: where it stands, its name, a value.
KEYS_BY_LOOK = [
    ("header", "X-RapidAPI-Key", SENT),
    ("header", "x-functions-key", "a1" * 8),
    ("header", "Fastly-Key", SENT),
    ("header", "DD-APPLICATION-KEY", "0a" * 20),
    ("header", "X-Userkey", SENT),
    ("header", "X-Body-Hmac", f"{SENT}+/="),
    ("query", "appid", HEX),
    ("query", "wstoken", HEX),
    ("query", "user_key", SENT),
    ("query", "routing_key", HEX),
    ("query", "app_sign", SENT),
    ("query", "tenantkey", "aB1-cD2_eF3-gH4-iJ5-kL6"),
    ("form", "wstoken", HEX),
    ("form", "partner_key", SENT),
    ("json", "appid", HEX),
    ("json", "routing_key", HEX),
    ("json", "key", SENT),
    ("query", "key", f"{SENT}+/="),
]
# What stays, and counts: everyday names with everyday values.
EVERYDAY = [
    *(("header", name, SENT) for name in ("X-Idempotency-Key", "X-Request-Key", "Surrogate-Key", "X-Cache-Key", "Lock-Token", "X-Sync-Token", "X-Partition-Key", "X-Routing-Key", "X-Continuation-Token", "X-Public-Key")),
    ("header", "X-Sort-Key", SENT),
    ("header", "X-Hotkey", "ctrl"),
    *(("query", name, SENT) for name in ("hash", "h", "t", "kid", "k", "partition_key", "RowKey", "startkey", "endkey", "start_key", "sort_key", "sortkey", "cache_key", "page_token", "pageToken", "nextToken", "next_token", "sync_token", "syncToken", "resume_token", "continuationToken", "cursor_token", "idempotency_key", "request_key", "lookup_key", "shard_key", "hash_key", "range_key", "lock_token", "public_key", "site_key", "sitekey", "primary_key", "foreign_key", "object_key", "group_key", "order_key", "dedup_key", "retry_token")),
    *(("query", name, value) for name, value in {
        "key": "photos/2024/05/summer-holiday-01.jpg", "object": "photos/2024/summer.jpg", "prefix": "logs/2026/11/30/part-0001",
        "issueKey": "SHOP-1234", "flag_key": "new-checkout-2026", "template_key": "order-confirmation-2026-v2", "image_key": "hero-banner-1200x800",
        "file_key": "70869499-4229-48ba-8a6e-13d00f2c9e0a", "tenant_key": "2026-11-30", "design": "2026-spring-collection-v2", "callsign": "DLH4711",
        "hotkey": "ctrl+shift+7", "monkey": "george", "turnkey": "yes", "zodiac_sign": "capricorn", "assign": "ann@example.com", "row_id": "a1b2c3d4e5f6a7b8c9d0",
        "translation_key": "checkout.title.summer2026", "key_name": "team-2026-production-eu", "sign": "+1", "project_key": "acme-emea-2026",
    }.items()),
    ("form", "RowKey", SENT),
    ("form", "template_key", "order-confirmation-2026-v2"),
    *(("json", name, SENT) for name in ("template_key", "image_key", "routing_key", "object_key")),
    *(("json", "key", value) for value in (HEX, "photos/2024/05/Summer-Holiday-01.jpg", "SHOP-1234", "70869499-4229-48ba-8a6e-13d00f2c9e0a")),
]  # fmt: skip


def stored_at(place, name, value):
    """Return what stands in the vault for a request with a value there."""
    if place == "header":
        return stored_http(headers=((name, value),))
    if place == "query":
        return stored_http(target=f"/a?{urlencode({name: value})}&page=2")
    if place == "form":
        return stored_http(
            body=urlencode({name: value}), type_="application/x-www-form-urlencoded"
        )
    return stored({name: value})


def stands_in(kept, value):
    return value in kept or quote_plus(value) in kept


@pytest.mark.parametrize(("place", "name", "value"), KEYS_BY_LOOK)
def test_a_key_is_known_by_the_ending_of_its_name_and_its_look(place, name, value):
    assert not stands_in(stored_at(place, name, value), value)


@pytest.mark.parametrize(("place", "name", "value"), EVERYDAY)
def test_everyday_names_with_everyday_values_stay(place, name, value):
    assert stands_in(stored_at(place, name, value), value)


@pytest.mark.parametrize(
    ("name", "value", "is_hidden"),
    [
        ("account_key", "acme-emea", False), ("account_key", SENT, True), ("totp", "enabled", False), ("totp", "123456", True),
        ("recovery_code", 0, False), ("recovery_codes", 0, False), ("recovery_code", 482910, True), ("recovery_codes", True, False),
        ("signing_key", "C major", False), ("signing_key", "abcdef0123", True), ("cvc", "M", False), ("cvc", "123", True), ("cvc", 0, False), ("cvc", 123, True),
        ("pin", "Disabled", False), ("pin", "1234", True), ("otp", "off", False), ("access_key", "Readers", False), ("security_key", "Yubi-Key", False),
        ("secret", "enabled", True), ("password", "C major", True), ("service_key", "a sentence with blanks", False), ("pin", "toolongforoneword", True),
    ],
)  # fmt: skip
def test_plain_words_stay_in_an_answer_under_hard_names_of_everyday_data(
    name, value, is_hidden
):
    secrets = Secrets((), {})
    hidden = secrets.hide_answer({name: value}, SecretScope(), mark_of("test", "call"))

    assert (hidden != {name: value}) is is_hidden


def test_the_default_of_a_tool_parameter_with_a_secret_name_is_hidden():
    """In the JSON schema of a tool, the name of a parameter says nothing of its description."""
    schema = {
        "password": {
            "type": "string",
            "description": "the password of the user",
            "default": "hunter2-default",
        }
    }
    kept = stored(
        {
            "tools": [
                {
                    "name": "login",
                    "parameters": {"type": "object", "properties": schema},
                }
            ]
        }
    )

    assert "hunter2-default" not in kept
    assert "the password of the user" in kept


PAGE = Path(__file__).parents[2] / "docs/reference/configuration.md"
TABLE = "| a name is secret if it | names |\n|---|---|\n"


def test_the_page_lists_the_names_of_the_tables():
    """Of the two, the page is the copy: a failure shows what it is to hold."""
    anywhere, at_the_end, glued = names.ANYWHERE, names.AT_THE_END, names.GLUED
    siblings = re.findall("(.+): (.+)", names.SECRET_BY_SIBLING)
    pairs = "|".join(
        f"{inner} (beside {outer.strip()})"
        for outer, inners in siblings
        for inner in inners.split("|")
    )
    rows = {
        "contains, hard": anywhere["hard"],
        "contains, soft": anywhere["soft"],
        "ends in, hard": at_the_end["hard"],
        "ends in, soft": at_the_end["soft"],
        "is, hard": names.AS_A_WHOLE,
        "has a word that ends in, hard": glued["hard"],
        "has a word that ends in, soft": glued["soft"],
        "is, and its value is a text, soft": names.SESSIONS,
        "is, and its value looks like a random token": names.IF_A_TOKEN,
        "ends in, and its value is a key of a known issuer": names.IF_A_KEY,
        "ends a header or a field, and its value looks like a key": names.ENDINGS_OF_KEYS,
        "does *not* have this in that case": names.NO_KEYS,
        "stands beside another name": pairs,
        "does *not* end in": names.ABOUT,
        "does *not* begin with": names.QUESTIONS,
        "does *not* have this before `token`": names.OF_TOKENS,
    }

    lines = [f"| {rule} | {words_in(table)} |\n" for rule, table in rows.items()]
    assert TABLE + "".join(lines) in PAGE.read_text()


def words_in(table):
    words = (one.strip() for one in re.split(r"[|\n]", table))
    return ", ".join(sorted(filter(None, words)))
