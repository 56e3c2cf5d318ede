"""One call to the API server, its answer, and what a failing answer means: worth another try, or final."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import quote

from clients.errors import RefusedError, UnavailableError
from tenancy.kinds import Kind, Object

Verb = Literal["get", "list", "watch", "create", "update", "delete"]
"""A verb as RBAC names it."""

_METHODS: Mapping[Verb, str] = {
    "get": "GET",
    "list": "GET",
    "watch": "GET",
    "create": "POST",
    "update": "PUT",
    "delete": "DELETE",
}
_NAME = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?")


class ConflictError(UnavailableError):
    """The object exists already, has vanished, or has changed since it was read: read it again and decide anew."""


@dataclass(frozen=True)
class Call:
    """One verb on one object, or on all objects of a kind where `name` is None."""

    verb: Verb
    kind: Kind
    name: str | None = None
    namespace: str | None = None

    def __post_init__(self) -> None:
        # An empty name would turn the deletion of one object into the deletion of all of them.
        for part in (self.name, self.namespace):
            if part is not None and not _NAME.fullmatch(part):
                raise RefusedError(
                    f"{self.kind.name} {part!r}: not a name Kubernetes knows; expected small letters, digits, - and .",
                    reason="invalid-name",
                )
        if self.name is not None and self.kind.namespaced and self.namespace is None:
            raise RefusedError(
                f"{self.kind.name} {self.name}: lives in a namespace and none is given: name it", reason="invalid-name"
            )

    @property
    def method(self) -> str:
        """The HTTP method."""
        return _METHODS[self.verb]

    @property
    def path(self) -> str:
        """The address below the server's; a create, list or watch goes to the kind's own."""
        parts = ["apis" if "/" in self.kind.api_version else "api", self.kind.api_version]
        if self.namespace is not None and self.kind.namespaced:
            parts += ["namespaces", quote(self.namespace, safe="")]
        parts.append(self.kind.plural)
        if self.name is not None and self.verb in ("get", "update", "delete"):
            parts.append(quote(self.name, safe=""))
        return "/" + "/".join(parts)

    @property
    def subject(self) -> str:
        """The object as a person names it, e.g. `Subnet acme--a` or `ConfigMap tenant-acme/berth-network`."""
        return subject(self.kind, self.name, self.namespace)

    def __str__(self) -> str:
        return f"cannot {self.verb} {self.subject}"


@dataclass(frozen=True)
class Answer:
    """What the API server said to one call."""

    status: int
    """HTTP status."""
    body: Object
    """The object, list or Status it answered with; empty where a failing answer held no JSON object."""
    text: str = ""
    """For a failing answer without JSON: its beginning, as plain text."""
    retry_after: float | None = None
    """Seconds the server asked to wait."""


def subject(kind: Kind, name: str | None, namespace: str | None = None) -> str:
    """How a message names an object; without a name, all of its kind."""
    if name is None:
        return f"every {kind.name}" + (f" in namespace {namespace}" if namespace else "")
    return f"{kind.name} {namespace}/{name}" if kind.namespaced else f"{kind.name} {name}"


def plain(text: object, limit: int = 200) -> str:
    """Text from outside made fit for a message: one line, printable, no credentials in URLs, at most `limit` characters."""
    line = " ".join("".join(character if character.isprintable() else " " for character in str(text)).split())
    # A proxy's address, as aiohttp tells it, may hold a password.
    line = re.sub(r"(?<=://)[^/@\s]*@", "", line)
    return line if len(line) <= limit else line[: limit - 1] + "…"


LONGEST_WAIT = 86_400
"""Seconds. A server, or a proxy before it, that asks for a longer wait is asked again all the same."""


def retry_after(header: str | None, status: Mapping[str, Any]) -> float | None:
    """Seconds to wait: the Retry-After header (Kubernetes sends whole seconds), or `details.retryAfterSeconds`."""
    if header is not None and (digits := header.strip()).isdecimal():
        return float(LONGEST_WAIT if len(digits) > 9 else min(int(digits), LONGEST_WAIT))
    seconds = _details(status).get("retryAfterSeconds")
    return float(min(seconds, LONGEST_WAIT)) if isinstance(seconds, int) and seconds > 0 else None


def is_absent(call: Call, answer: Answer) -> bool:
    """Whether a 404 says that this very object is not there, rather than its namespace or its whole kind."""
    details = _details(answer.body)
    return (
        answer.status == 404
        and call.name is not None
        and details.get("name") == call.name
        and details.get("kind") in (None, "", call.kind.plural, call.kind.name)
    )


def failure(call: Call, answer: Answer) -> UnavailableError | RefusedError:
    """What an answer that is no success means, as the exception to raise. 401 is the transport's own matter."""
    said = _said(answer)
    if is_absent(call, answer):
        return ConflictError(f"{call}: it is gone; read it again")
    match answer.status:
        case 404:
            return _unknown_place(call, answer)
        case 403:
            return _forbidden(call, answer, said)
        case 409:
            return ConflictError(f"{call}: {said}", retry_after=answer.retry_after)
        case 410:
            return UnavailableError(f"{call}: the version asked for is too old for the API server; list again ({said})")
        case 408 | 429:
            return UnavailableError(f"{call}: the API server asks to wait: {said}", retry_after=answer.retry_after)
        case status if 400 <= status < 500:
            return RefusedError(f"{call}: the API server refuses it: {said}", reason="invalid")
        case _:
            return UnavailableError(f"{call}: the API server cannot do it now: {said}", retry_after=answer.retry_after)


def _forbidden(call: Call, answer: Answer, said: str) -> UnavailableError | RefusedError:
    causes = _details(answer.body).get("causes")
    if isinstance(causes, list) and any(
        isinstance(cause, dict) and cause.get("reason") == "NamespaceTerminating" for cause in causes
    ):
        return UnavailableError(f"{call}: its namespace is being deleted, wait until it is gone: {said}")
    # RBAC says: User "u" cannot create resource "vpcs" in API group "..."; a quota or an admission rule does not.
    if answer.body and f"cannot {call.verb} resource" not in str(answer.body.get("message", "")):
        return RefusedError(f"{call}: a rule of the cluster forbids it: {said}", reason="forbidden")
    group = call.kind.api_version.rpartition("/")[0]
    return RefusedError(
        f'{call}: this worker lacks the right: grant its role verb "{call.verb}" on resource "{call.kind.plural}" '
        f'of API group "{group}": {said}',
        reason="forbidden",
    )


def _unknown_place(call: Call, answer: Answer) -> RefusedError:
    if _details(answer.body).get("kind") == "namespaces":
        return RefusedError(
            f"{call}: namespace {call.namespace!r} does not exist: create it first", reason="namespace-missing"
        )
    owner = "install Kube-OVN 1.17 with its CRDs" if "kubeovn" in call.kind.api_version else "check the server address"
    return RefusedError(
        f"{call}: the API server does not serve {call.kind.plural} of {call.kind.api_version}: {owner}",
        reason="kind-missing",
    )


def _details(status: Mapping[str, Any]) -> Mapping[str, Any]:
    details = status.get("details")
    return details if isinstance(details, dict) else {}


def _said(answer: Answer) -> str:
    reason = plain(answer.body.get("reason") or "", 40)
    message = plain(answer.body.get("message") or answer.text or "no explanation")
    return f"{answer.status} {reason}: {message}" if reason else f"{answer.status}: {message}"


NAMED = 5
"""So many of a list of names are named in a message; the rest is counted."""


def some(names: Iterable[str]) -> str:
    """The first few names in order, and how many there are beside them."""
    ordered = sorted(names)
    more = f" and {len(ordered) - NAMED} more" if len(ordered) > NAMED else ""
    return plain(", ".join(ordered[:NAMED]), 400) + more
