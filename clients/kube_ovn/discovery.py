"""What the API server says of itself: its version, which kinds it serves with which verbs, and what this account may do."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from clients.errors import RefusedError, UnavailableError
from clients.kube_ovn.answers import Answer, Call, failure, plain
from clients.kube_ovn.transport import Transport
from tenancy.kinds import Kind

if TYPE_CHECKING:  # rights are found out by what the client is needed for
    from clients.kube_ovn.rights import Right

REVIEW = Kind("SelfSubjectAccessReview", "selfsubjectaccessreviews", "authorization.k8s.io/v1")
"""Only ever created, and kept nowhere: everybody who is logged in may ask (the ClusterRole system:basic-user)."""

_PAGE = Kind("Page", "pages", "v1")


@dataclass(frozen=True)
class _Page(Call):
    """A page of the API server's own, which is no object."""

    place: str = ""

    @property
    def path(self) -> str:
        """Where it is."""
        return self.place

    @property
    def subject(self) -> str:
        """For a message."""
        return self.place


async def version(transport: Transport) -> str:
    """The API server's version, e.g. `v1.32.0`. Raises UnavailableError, RefusedError."""
    page = _Page("get", _PAGE, place="/version")
    answer = await transport.send(page)
    if answer.status != 200:
        raise _unread(page, answer)
    told = answer.body.get("gitVersion")
    if not isinstance(told, str) or not told:
        raise UnavailableError(
            f"{page}: the answer is no version: is it a Kubernetes API server, or does a proxy stand before?"
        )
    return plain(told, 60)


async def served(transport: Transport, api_version: str) -> Mapping[str, frozenset[str]]:
    """Plural of every kind that is served under `v1` or `group/version` -> its verbs; nothing where none is.

    Raises UnavailableError, RefusedError.
    """
    page = _Page("get", _PAGE, place=f"/{'apis' if '/' in api_version else 'api'}/{api_version}")
    answer = await transport.send(page)
    if answer.status == 404:
        return {}
    resources = answer.body.get("resources")
    if answer.status != 200 or not isinstance(resources, list):
        raise _unread(page, answer)
    return {
        str(one.get("name")): frozenset(map(str, one.get("verbs") or ())) for one in resources if isinstance(one, dict)
    }


async def may(transport: Transport, right: "Right") -> bool:
    """Whether this account has the right. Raises UnavailableError, RefusedError where nobody tells."""
    group = right.kind.api_version.rpartition("/")[0]
    asked = {"verb": right.verb, "group": group, "resource": right.kind.plural}
    asked |= {key: value for key, value in (("namespace", right.namespace), ("name", right.name)) if value is not None}
    call = Call("create", REVIEW)
    review = {"apiVersion": REVIEW.api_version, "kind": REVIEW.name, "spec": {"resourceAttributes": asked}}
    answer = await transport.send(call, body=review)
    if not 200 <= answer.status < 300:
        raise failure(call, answer)
    status: Any = answer.body.get("status")
    allowed = status.get("allowed") if isinstance(status, dict) else None
    if not isinstance(allowed, bool):
        raise UnavailableError(f"{call}: the answer does not tell: does a proxy stand before the API server?")
    return allowed


def _unread(page: _Page, answer: Answer) -> UnavailableError | RefusedError:
    said = plain(answer.body.get("message") or answer.text or "no explanation")
    if 400 <= answer.status < 500 and answer.status != 429:
        return RefusedError(
            f"{page}: the API server refuses it ({answer.status}: {said}): everybody who is logged in may read it by default"
            " (the ClusterRole system:discovery): give this account that, or check the server address",
            reason="forbidden",
        )
    return UnavailableError(f"{page}: the API server cannot tell now ({answer.status}: {said})")
