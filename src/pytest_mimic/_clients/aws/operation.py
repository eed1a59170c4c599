"""One operation of an AWS service, as its caller asked for it."""

from __future__ import annotations

import datetime
import io
from collections.abc import Callable, Mapping
from decimal import Decimal
from inspect import isawaitable
from typing import TYPE_CHECKING, Any

from pytest_mimic._clients.http.message import describe_body

if TYPE_CHECKING:
    from pytest_mimic._core.seam.sync_async import Steps

# Members of these names say which thing an operation is about. Others with such an end are of one request.
_NAMING = ("Name", "Id", "Arn", "ARN", "Url", "Identifier")
_NOT_NAMING = ("RequestId", "VersionId", "UploadId", "TokenId", "SessionName")
# Members of DynamoDB that boto3's expressions add to those of the caller.
_ADDED = ("ExpressionAttributeNames", "ExpressionAttributeValues")
# The keys under which DynamoDB has sets.
_SETS = frozenset({"SS", "NS", "BS"})


class AwsOperation:
    """One operation of a service.

    Attributes:
        params: The caller's parameters as plain data, without the body and without what botocore fills in.
    """

    def __init__(self, model: Any) -> None:
        self.service: str = model.service_model.service_name  # `s3`
        self.name: str = model.name  # `PutObject`
        self._model = model
        self._names: tuple[str, ...] = ()
        self.params: dict[str, Any] = {}
        self.format: str | None = None  # what the body is, as in `describe_body`; None without a body
        self.body: Any = None  # the plain value of the body

    def read(self, given: dict[str, Any]) -> Steps:
        """Read the caller's parameters, and return those to hand on.

        A file is read as botocore will read it, and rewound. One that cannot be rewound is replaced by its content.
        """
        given = dict(given)
        self._names = tuple(given)
        shape: Any = self._model.input_shape
        payload = shape.serialization.get("payload") if shape else None
        for name, value in given.items():
            is_body = name == payload and shape.members[name].type_name == "blob"
            if hasattr(value, "read"):
                data, given[name] = yield from _read(value)
            elif is_body and isinstance(value, (str, bytes, bytearray, memoryview)):
                data = value.encode() if isinstance(value, str) else bytes(value)
            else:
                self.params[name] = plain(value)
                continue
            kind = given.get("ContentType", given.get("contentType"))
            format_, described = describe_body(data, kind if isinstance(kind, str) else None, None)
            if is_body:
                self.format, self.body = format_, described
            else:
                self.params[name] = described
        return given

    def take_expressions(self, final: Mapping[str, Any]) -> None:
        """Take the parameters of DynamoDB in the form into which boto3 turns Python's values and expressions."""
        if self.service == "dynamodb":
            names = [name for name in final if name in self._names or name in _ADDED]
            self.params = {name: plain(final[name]) for name in names}

    def signature(self, shown: Callable[[str], str] = str) -> str:
        """Return the service, the operation and the resource, as `shown` gives it."""
        return f"{self.service} {self.name} {shown(self.resource)}".rstrip()

    @property
    def resource(self) -> str:
        """The name of the thing that the operation is about, `bucket/key`; empty if there is none."""
        params = self.params
        if self.service == "sts":
            return ""
        bucket = params.get("Bucket")
        if isinstance(bucket, str):
            return "/".join(part for part in (_short(bucket), params.get("Key")) if isinstance(part, str))
        if self.service == "dynamodb" and isinstance(params.get("RequestItems"), dict):
            return ",".join(sorted(map(_short, params["RequestItems"])))
        shape = self._model.input_shape
        members: list[str] = [] if shape is None else [*shape.required_members, *shape.members]
        for name in members:
            value = params.get(name)
            if isinstance(value, str) and name[:1].upper() + name[1:] not in _NOT_NAMING and _names(name):
                return _short(value)
        return ""


def _names(member: str) -> bool:
    return member == "name" or member.endswith(_NAMING)


def _short(name: str) -> str:
    """Return the last part of an ARN or a URL, and any other name as it is."""
    if name.startswith("arn:"):
        # arn:partition:service:region:account:kind/name or kind:name
        last = name.split(":", 5)[-1]
        return last.rpartition(":")[2] if "/" not in last else last.partition("/")[2].partition("/")[0]
    return name.rpartition("/")[2] if "://" in name else name


def _read(file: Any) -> Steps:
    """Return the rest of a file, and the file itself at the same place or another one with this content."""
    try:
        start = file.tell()
        if isawaitable(start):
            start = yield start
    except (AttributeError, OSError, ValueError):
        start = None
    data = file.read()
    if isawaitable(data):
        data = yield data
    content = data.encode() if isinstance(data, str) else bytes(data)
    if start is None:
        return content, io.BytesIO(content)
    back = file.seek(start)
    if isawaitable(back):
        yield back
    return content, file


def plain(value: Any, key: object = None) -> Any:
    """Return a parameter as plain data. `key` is its key in a mapping: sets of DynamoDB are sorted."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return str.__str__(value)  # members of enumerations are sent as their values
    if isinstance(value, (int, float)):
        return int(value) if isinstance(value, int) else float(value)
    if isinstance(value, Mapping):
        return {str(name): plain(item, name) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        items = [plain(item) for item in value]
        return sorted(items, key=repr) if key in _SETS else items
    if isinstance(value, (set, frozenset)):
        return sorted(map(plain, value), key=repr)
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, (datetime.date, datetime.time)):
        return value.isoformat()
    data = getattr(value, "value", value)  # boto3's Binary has it there
    if isinstance(data, (bytes, bytearray, memoryview)):
        return describe_body(bytes(data), None, None)[1] or ""
    # botocore refuses it.
    return f"<{type(value).__qualname__}>"
