"""The errors of the API server, as the Status objects Kubernetes answers with."""

from typing import Any

_REASONS = {
    400: "BadRequest",
    401: "Unauthorized",
    403: "Forbidden",
    404: "NotFound",
    405: "MethodNotAllowed",
    406: "NotAcceptable",
    409: "Conflict",
    410: "Expired",
    413: "RequestEntityTooLarge",
    415: "UnsupportedMediaType",
    422: "Invalid",
    429: "TooManyRequests",
    500: "InternalError",
    503: "ServiceUnavailable",
    504: "Timeout",
}


class StatusError(Exception):
    """A refusal by the API server: an HTTP code, a machine-readable reason and a message for a person."""

    def __init__(
        self,
        code: int,
        message: str,
        *,
        reason: str = "",
        details: dict[str, Any] | None = None,
        retry_after: int | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.reason = reason or _REASONS.get(code, "Unknown")
        self.details = dict(details or {})
        self.retry_after = retry_after
        if retry_after is not None:
            self.details["retryAfterSeconds"] = retry_after

    def status(self) -> dict[str, Any]:
        """The Status object of this error."""
        answer: dict[str, Any] = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": self.message,
            "reason": self.reason,
            "code": self.code,
        }
        if self.details:
            answer["details"] = self.details
        return answer


def _details(resource: str, name: str, **more: Any) -> dict[str, Any]:
    plural, _, group = resource.partition(".")
    details: dict[str, Any] = {"name": name, "group": group, "kind": plural}
    details.update(more)
    return {key: value for key, value in details.items() if value}


def not_found(resource: str, name: str) -> StatusError:
    """No object of that name; `resource` is the plural, with its group after a dot (`vpcs.kubeovn.io`)."""
    return StatusError(404, f'{resource} "{name}" not found', details=_details(resource, name))


def already_exists(resource: str, name: str) -> StatusError:
    """A create met an object of the same name."""
    return StatusError(
        409, f'{resource} "{name}" already exists', reason="AlreadyExists", details=_details(resource, name)
    )


def conflict(resource: str, name: str, why: str) -> StatusError:
    """A write was based on something that is no longer so."""
    return StatusError(
        409,
        f'Operation cannot be fulfilled on {resource} "{name}": {why}',
        details=_details(resource, name),
    )


STALE = "the object has been modified; please apply your changes to the latest version and try again"


def invalid(resource: str, kind: str, name: str, causes: list[tuple[str, str]]) -> StatusError:
    """Values the server refuses: each cause is a field path and what is wrong with it."""
    told = [f"{field}: {why}" for field, why in causes]
    listed = told[0] if len(told) == 1 else "[" + ", ".join(told) + "]"
    _, _, group = resource.partition(".")
    return StatusError(
        422,
        f'{kind}{"." + group if group else ""} "{name}" is invalid: {listed}',
        details={
            **_details(resource, name),
            "kind": kind,
            "causes": [{"reason": "FieldValueInvalid", "message": why, "field": field} for field, why in causes],
        },
    )


def forbidden(resource: str, name: str, why: str, causes: list[dict[str, str]] | None = None) -> StatusError:
    """The server understood and will not do it."""
    about = f'{resource} "{name}"' if name else resource
    return StatusError(403, f"{about} is forbidden: {why}", details=_details(resource, name, causes=causes))


def bad_request(why: str) -> StatusError:
    """A request the server cannot read."""
    return StatusError(400, why)


def expired(asked: int, oldest: int) -> StatusError:
    """A watch wants history that is gone; the caller lists again."""
    return StatusError(410, f"too old resource version: {asked} ({oldest})")


def unsupported_media_type(given: str, accepted: list[str]) -> StatusError:
    """A body in a format the server does not read for this object."""
    return StatusError(
        415,
        "the body of the request was in an unknown format - accepted media types include: "
        f"{', '.join(accepted)}: {given!r}",
    )
