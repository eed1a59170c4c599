"""Which names are secret: those of arguments, keys, headers, columns and parameters whose values are hidden."""

from __future__ import annotations

import re
from collections.abc import Sequence

# What is stored and shown instead of a secret value.
PLACEHOLDER = "<redacted>"

# Names whose values are secret. Case, `-` and `_` do not count. A longer name that contains one of them as whole words
# (`openai_api_key`) is secret as well.
DEFAULT_NAMES = tuple(
    """password passwords passwd pwd passphrase passcode secret secrets client_secret secret_key
    secret_access_key token access_token access_tokens auth_token auth_tokens bearer_token id_token
    refresh_token refresh_tokens session_token security_token api_key api_keys api_token api_tokens
    x_api_key access_key account_key encryption_key private_key shared_key signing_key ssh_key auth
    authorization proxy_authorization bearer jwt cookie cookies set_cookie credential credentials csrf
    csrf_token csrfmiddlewaretoken xsrf xsrf_token signature""".split()
)

# Names that contain a secret one but are not secret: paging, and the vocabulary of language models.
PUBLIC_NAMES = tuple(
    """bos_token continuation_token cls_token end_token eos_token mask_token next_token pad_token
    page_token pagination_token per_token sep_token special_token start_token stop_token sync_token
    unk_token""".split()
)

# A name with one of these as its last word describes a secret without holding it (`token_count`).
_ABOUT = frozenset(
    """age alg algorithm at backend budget class client cost count counts dir enabled endpoint error errors
    expiration expired expires expiry field fields file filename for host id ids in index jar kind len length
    level limit manager max method methods min mode name names path policy position price prob probs provider
    rate required rotation scheme scope scopes server service size sizes status store strategy time ttl type
    types uri url usage user username valid validator version""".split()
)

_NAME = re.compile(r"!?[\w.-]+")
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+|[^\W\d_]+")
_FLAG = re.compile(r"--?([A-Za-z][\w-]{0,200})")
_LONGEST_NAME = 200
# Answers that are kept: a mapping with a million different keys must not fill the memory.
_KEPT_ANSWERS = 10_000


def read_names(line: str) -> list[str]:
    """Read the names in one line of `mimic_redact`. Names to remove keep their `!`.

    Raises:
        ValueError: A name can match nothing.
    """
    names = line.partition("#")[0].replace(",", " ").split()
    for name in names:
        if not _NAME.fullmatch(name) or not normalised(name):
            raise ValueError(f"{name} is not a name, write it in letters, digits, - _ and .")
    return names


class SecretNames:
    """The secret names of a run.

    Args:
        names: Names to add to the default ones. `!name` removes one. The last word on a name wins.
        defaults: The names that are secret by default.
    """

    def __init__(self, names: Sequence[str] = (), *, defaults: Sequence[str] = DEFAULT_NAMES) -> None:
        self._secret = {normalised(name) for name in defaults}
        self._public = {normalised(name) for name in PUBLIC_NAMES}
        for name in names:
            added, removed = (
                (self._public, self._secret) if name.startswith("!") else (self._secret, self._public)
            )
            added.add(normalised(name))
            removed.discard(normalised(name))
        self._answers: dict[str, bool] = {}

    def secret(self, name: object) -> bool:
        """Check whether the value of an argument, key, attribute, header or parameter of this name is secret."""
        if isinstance(name, bytes):
            name = name.decode("latin-1")
        if not isinstance(name, str) or len(name) > _LONGEST_NAME:
            return False
        answer = self._answers.get(name)
        if answer is None:
            if len(self._answers) > _KEPT_ANSWERS:
                self._answers.clear()
            answer = self._answers[name] = self._is_secret(name)
        return answer

    def _is_secret(self, name: str) -> bool:
        """Compare the longest secret name that this name contains as whole words with the longest public one."""
        words = _words(name)
        count = len(words)
        while count and words[count - 1].isdigit():  # token_count_1 is a count
            count -= 1
        describes_a_secret = count > 0 and words[count - 1] in _ABOUT
        secret = public = 0
        for start in range(len(words)):
            for end in range(start + 1, len(words) + 1):
                if describes_a_secret and end < count:
                    continue
                part = "".join(words[start:end])
                if part in self._secret:
                    secret = max(secret, len(part))
                if part in self._public:
                    public = max(public, len(part))
        return secret > public

    def secret_flag(self, item: object) -> bool:
        """Check whether an item is a command-line option with a secret name, whose value is the next item."""
        flag = _FLAG.fullmatch(item) if isinstance(item, str) else None
        return flag is not None and self.secret(flag[1])


def normalised(name: str) -> str:
    """Return the form in which names are compared: `X-Api-Key`, `x_api_key` and `xApiKey` are the same."""
    return "".join(_words(name))


def _words(name: str) -> list[str]:
    return [word.lower() for word in _WORD.findall(name)]
