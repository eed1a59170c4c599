"""Which names are secret, in whatever spelling, and what a line of `mimic_redact` may say."""

from __future__ import annotations

import re

import pytest

from pytest_mimic._core.placeholders import PLACEHOLDER
from pytest_mimic._core.redact.redactor import Redactor
from pytest_mimic._core.redact.secret_names import holds_unhidden_text, read_names


@pytest.fixture
def redactor() -> Redactor:
    return Redactor()


@pytest.mark.parametrize(
    "name",
    [
        "password", "PASSWORD", "passwd", "pwd", "db_password", "password1", "new-password", "passwordHash",
        "secret", "client_secret", "clientSecret", "AWS_SECRET_ACCESS_KEY", "_secret_value", "secrets",
        "token", "access_token", "accessToken", "idToken", "x_auth_token", "X-Amz-Security-Token", "token_value",
        "apikey", "apiKey", "APIKey", "api-key", "openai_api_key", "X-API-Key", "X_api_keys",
        "authorization", "Authorization", "Proxy-Authorization", "auth", "basic_auth", b"Authorization",
        "cookie", "Set-Cookie", "cookies", "private_key", "privateKeyPem", "credential", "aws_credentials",
        "csrf", "csrftoken", "csrfmiddlewaretoken", "X-CSRFToken", "X-XSRF-TOKEN", "signature", "X-Amz-Signature",
        "user_password_for_db", "code_verifier", "client_assertion", "dsn", "sentry_dsn", "SENTRY_DSN",
        "connection_string", "ConnectionString", "webhook_url", "slackWebhookUrl", "license_key", "licenceKey",
        "subscription_key", "Ocp-Apim-Subscription-Key", "service_key", "service_role_key", "SUPABASE_SERVICE_ROLE_KEY", "AWSAccessKeyId", "aws_access_key_id",
        "sig", "webhook_sig", "psk", "wifi_psk", "otp", "email_otp", "otp_code", "cvv", "card_cvv", "cvv2", "cvc", "pin", "PIN",
        "card_pin", "this_is_my_password", "password_input",
        "hapikey", "myapikey", "dbpassword", "PGPASSWORD", "smtp_userpasswd", "appsecret", "signingprivatekey", "oauthtoken", "bottoken",
        "accept_token", "x" * 194 + "_token",
    ],
)  # fmt: skip
def test_secret_names_match_in_any_spelling(redactor: Redactor, name: object) -> None:
    assert redactor.secret(name)


@pytest.mark.parametrize(
    "name",
    [
        "tokens", "max_tokens", "maxTokens", "prompt_tokens", "completion_tokens", "token_count", "tokenizer",
        "token_ids", "token_count_1", "token_type", "tokenType", "eos_token", "next_page_token", "nextPageToken", "page_token",
        "author", "authors", "authority", "authorization_url", "auth_method", "secretary", "secret_name",
        "password_policy", "cookie_jar", "signature_version", "key", "name", "user", "", "base", "day",
        "Access-Control-Allow-Credentials", "allow_credentials", "accept_cookies", "cookie_consent", "requires_auth",
        "X-Requires-Auth", "requires_client_secret", "has_password", "haspassword", "showpassword", "nosecret", "nexttoken", "subtoken", "monkey",
        "is_token_valid", "Signature-Input", "Accept-Signature",
        "cookies_accepted", "cookieBanner", "token_created", "auth_options", "cookie_domain", "client_assertion_type",
        "pin_code", "pinned", "map_pin", "pin_count", "spin", "opinion", "mapping", "sig_figs", "design", "psk_identity",
        "otp_length", "cvv_check", "dsn_host", "sort_key", "primary_key", "foreign_key", "cache_key", "service_keys_count",
        "with_credentials", "withCredentials", "secret_santa", "SecretSantas", "password_hint", "passwordHints",
        "cursor_token", "cursorToken", "resume_token", "resumeToken",
        "code", "verifier", "assertion", "webhook", "connection", "license", "subscription",
        "session", "session_id", "JSESSIONID", "session_count", "sessions", "session_name",
        None, 3, ("token",), "token" * 100, "x" * 195 + "_token",
    ],
)  # fmt: skip
def test_names_that_only_resemble_secret_ones_are_public(
    redactor: Redactor, name: object
) -> None:
    """Such as the token counts of a language model, paging, and names that describe a secret."""
    assert not redactor.secret(name)


@pytest.mark.parametrize(
    ("line", "names"),
    [
        ("patient_id", ["patient_id"]),
        ("  ssn  ", ["ssn"]),
        ("customer, account,!token", ["customer", "account", "!token"]),
        ("!password\t!X-Api-Key  user.pin", ["!password", "!X-Api-Key", "user.pin"]),
        ("customer # of the shop, not ours", ["customer"]),
        ("!sha256:1a2b3c4d  # an example", ["!sha256:1a2b3c4d"]),
        ("# customer", []),
        (" , ", []),
        ("", []),
    ],
)
def test_a_line_contains_names(line: str, names: list[str]) -> None:
    assert read_names(line) == names


@pytest.mark.parametrize(
    "name",
    [
        "cust*",
        "!cust*",
        "!",
        "--",
        "'pin'",
        "pin?",
        "a/b",
        "[pin]",
        "!!pin",
        "_",
        "sha256:1a2b3c4d",
    ],
)
def test_a_name_that_matches_nothing_is_refused(name: str) -> None:
    """It would silently redact nothing."""
    with pytest.raises(ValueError, match=re.escape(f"{name} is not a name")):
        read_names(f"token {name}")


@pytest.mark.parametrize("mark", ["!sha256:1a2", "!sha256:zz", "!sha256:1a2b3c4d5e"])
def test_the_mark_of_a_text_has_eight_digits(mark: str) -> None:
    with pytest.raises(ValueError, match="or !sha256: and eight digits"):
        read_names(mark)


def test_names_can_be_added() -> None:
    redactor = Redactor(["patient_id", "ssn", "has_badge"])
    names = ("has_badge", "patientId", "old-patient-id", "patient_id_1", "SSN", "token")

    assert all(redactor.secret(name) for name in names)


def test_an_exclamation_mark_removes_a_name() -> None:
    redactor = Redactor(["!cookie", "!csrf_token"])

    assert not redactor.secret("Cookie")
    assert not redactor.secret("csrfToken")
    assert redactor.secret("set-cookie")
    assert redactor.secret("token")


def test_a_later_name_wins() -> None:
    assert Redactor(["!token", "token"]).secret("token")
    assert not Redactor(["mine", "!mine"]).secret("mine")


def test_numbers_are_no_secret_names_unless_the_user_says_so() -> None:
    assert not Redactor().secret("4711")
    assert Redactor(["4711"]).secret("4711")
    assert not Redactor(["4711"]).secret("4712")


TOKEN = "Ab12cd34-Ef56gh78"
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
    "a change of a document (RFC 6902, RFC 7644)": (
        [
            {"op": "replace", "path": "/a/password", "value": "x1"},
            {"op": "Add", "path": "login.password", "value": "x1"},
            {"op": "add", "path": "urn:scim:core:2.0:User:password", "value": "x1"},
            {"op": "add", "path": "/client%20secret", "value": "x1"},
            {"op": "add", "path": "/2fa_secret", "value": "x1"},
            {"op": "add", "path": "/password", "name": "shown", "value": "x1"},
            {"op": "add", "path": "/tokens/-", "value": TOKEN},
        ],
        [
            {"op": "add", "path": "/token/title", "value": "x1"},
            {"op": "add", "value": {"title": "x1"}},
            {"path": "/password", "value": "x1"},
        ],
    ),
    "what describes a secret": (
        [{"token_value": "x1"}, {"csrf_token": "x1"}, {"password_again": "x1"}],
        [
            {"progressToken": "x1", "token_symbol": "USDC", "token_issuer": "x1"},
            {"csrf_header": "X-CSRF", "csrf-param": "x1", "password_strength": "low"},
        ],
    ),
    "Authentication-Info (RFC 7615, 7804)": (
        [{"Authentication-Info": "sid=a,data=b"}],
        [{"authenticationInfo": {"principalEmail": "ann@shop.test"}}],
    ),
    "a personal access token (GitHub, GitLab, Azure)": (
        [{"GITHUB_PAT": f"ghp_{TOKEN}{TOKEN}"}, {"gitlab-pat": "glpat-Ab12cd34Ef56gh78ij90"}, {"adoPat1": TOKEN + TOKEN}],
        [
            {"pat": f"ghp_{TOKEN}{TOKEN}"}, {"file_pat": "data/2024/11/26/*.csv"}, {"name_pat": "[a-z]+[0-9]{16,32}"},
            {"glob_pat": "report-2024-01-01-final-x"}, {"date_pat": "IMG_20240101_000000_raw"},
            {"postman_pat": "Pat Smith"}, {"GITHUB_PAT": True}, {"pat_name": TOKEN + TOKEN}, {"compat": TOKEN + TOKEN},
        ],
    ),
    "a parameter of AWS": (
        [
            {"ParameterKey": "DbPassword", "ParameterValue": "x1"},
            {"Namespace": "aws:env", "OptionName": "DB_PASSWORD", "Value": "x1"},
            {"Action": "CreateStack", "Parameters.member.1.ParameterKey": "DbPassword", "Parameters.member.1.ParameterValue": "x1"},
            {"Action": "x", "Tags.member.2.Key": "api_key", "Tags.member.2.Value": "x1"},
        ],
        [
            {"ParameterKey": "Colour", "ParameterValue": "x1"},
            {"ParameterKey": "DbPassword", "UsePreviousValue": True},
            {"Action": "x", "P.1.Key": "password", "P.2.Value": "x1"},
            {"Key": "password_policy", "Value": "strict"},
            {"Action": "x", "P.1.ParameterKey": "Colour", "P.1.ParameterValue": "x1"},
        ],
    ),
    "a Secret of Kubernetes": (
        [
            {"apiVersion": "v1", "kind": "Secret", "data": {"user": "YW5u"}},
            {"apiVersion": "v1", "kind": "Secret", "stringData": {"config.yaml": "a: b"}},
            {"kind": "SecretList", "items": [{"metadata": {}, "type": "Opaque", "data": {"a": "eDE="}}]},
            {"metadata": {}, "type": "kubernetes.io/tls", "data": {"tls.crt": "eDE="}},
        ],
        [
            {"apiVersion": "v1", "kind": "ConfigMap", "data": {"user": "YW5u"}},
            {"kind": "Secret", "data": {"title": "The Secret"}},
            {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "db"}, "type": "Opaque"},
            {"metadata": {}, "type": "article", "data": {"a": "x1"}},
            {"data": {"kind": "Secret"}, "type": "Opaque"},
        ],
    ),
    "a pair": (
        [{"name": "password", "value": "x1"}, {"key": "api_key", "value": "x1"}],
        [{"name": "colour", "value": "x1"}, {"key": "size", "value": 3}],
    ),
}  # fmt: skip


@pytest.mark.parametrize("standard", STANDARDS)
def test_names_of_the_standards_hide_secrets_and_nothing_harmless(
    redactor: Redactor, standard: str
) -> None:
    secret, harmless = STANDARDS[standard]

    assert [plain for plain in secret if redactor.scrub(plain) == plain] == []
    assert [plain for plain in harmless if redactor.scrub(plain) != plain] == []


def test_the_data_of_a_manifest_keeps_its_shape() -> None:
    manifest = {"apiVersion": "v1", "kind": "Secret", "data": {"user": "YW5u"}}

    scrubbed = Redactor().scrub(manifest, keep_types=True)

    assert scrubbed == {**manifest, "data": {"user": PLACEHOLDER}}
    assert Redactor(["!secret"]).scrub(manifest) == manifest


def test_a_name_of_a_standard_can_be_taken_out() -> None:
    redactor = Redactor(["!code", "!assertion"])
    plain = {"grant_type": "x", "code": "x1", "assertion": TOKEN}

    assert redactor.scrub(plain) == plain


def test_commands_and_rows_that_clients_store_have_names() -> None:
    plain = {
        "commands": [["HSET", "user:1", "password", "abc", "name", "Ann"]],
        "columns": [["id", "INT"], ["api_key", "TEXT"]],
        "rows": [[1, "abc"], [2, None]],
    }

    scrubbed = Redactor().scrub(plain, stored=True)

    assert holds_unhidden_text(plain, Redactor())
    assert holds_unhidden_text({"commands": plain["commands"]}, Redactor())
    assert not holds_unhidden_text(scrubbed, Redactor())
    assert scrubbed["commands"] == [
        ["HSET", "user:1", "password", PLACEHOLDER, "name", "Ann"]
    ]
    assert scrubbed["rows"] == [[1, PLACEHOLDER], [2, None]]
