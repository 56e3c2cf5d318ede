"""Reading what a run is started with and told: plain JSON from anywhere, refused at once with every mistake in it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import ValidationError
from temporalio import workflow
from temporalio.exceptions import ApplicationError

from tenancy import names
from tenancy.approval import Decision
from tenancy.documents import read_tenant
from tenancy.fields import NAME_PATTERN
from tenancy.mistakes import InvalidDocumentError, Mistake, mistakes_in, shown
from tenancy.tenant import TenantNetwork
from workflows.converter import Unreadable
from workflows.face import INVALID_DOCUMENT, REFUSED, Resolve

Tenant = TypeVar("Tenant", TenantNetwork, str)
Told = TypeVar("Told", Resolve, Decision)
KEYS = ("tenant", "requestedBy")
LONGEST_NAME = 200
"""Characters of whoever requests a run."""


@dataclass(frozen=True)
class Requested:
    """Who asks, as far as it can be told before the request has been read."""

    tenant: str
    by: str


def given_request(given: Sequence[object]) -> object:
    """The one input a run is to be started with; nothing else about it has been looked at yet."""
    if len(given) > 1:
        return Unreadable(f"there are {len(given)} inputs")
    return given[0] if given else None


def requested(raw: object) -> Requested:
    """Who asks and for which tenant: for the board, which has to stand even for a request that is refused."""
    request = raw if isinstance(raw, dict) else {}
    # What cannot be told from the request is told by the workflow's ID, so that its runs are found under one name.
    said = (_name(request.get("tenant")), workflow.info().workflow_id.removeprefix(names.workflow("")))
    good = [name for name in said if isinstance(name, str) and re.fullmatch(NAME_PATTERN, name)]
    return Requested(good[0] if good else "unknown", _by(request.get("requestedBy", "")))


def onboarding_request(raw: object) -> TenantNetwork:
    """The tenant to onboard. Raises a final ApplicationError of type INVALID_DOCUMENT with every mistake as a detail."""
    mistakes = _envelope(raw, "a tenant's document")
    document = raw.get("tenant") if isinstance(raw, dict) else None
    tenant: TenantNetwork | None = None
    if isinstance(raw, dict) and "tenant" in raw:
        try:
            tenant = read_tenant(document)
        except InvalidDocumentError as error:
            mistakes += [
                mistake.model_copy(update={"path": _inside_tenant(mistake.path)}) for mistake in error.mistakes
            ]
    return _good(tenant, tenant.name if tenant else None, mistakes)


def offboarding_request(raw: object) -> str:
    """The name of the tenant to offboard, from its bare name or its document.

    Of the document nothing but the name is read: what was valid once has to be removable for ever.
    """
    mistakes = _envelope(raw, "a tenant's name or document")
    name = _name(raw.get("tenant")) if isinstance(raw, dict) else None
    if isinstance(raw, dict) and "tenant" in raw:
        path = "tenant.metadata.name" if isinstance(raw["tenant"], dict) else "tenant"
        if not isinstance(name, str) or not re.fullmatch(NAME_PATTERN, name) or "--" in name or names.is_reserved(name):
            remedy = "write the one it was onboarded with"
            mistakes.append(Mistake(path=path, value=shown(name), problem="not a tenant's name", remedy=remedy))
    return _good(name if isinstance(name, str) else None, name, mistakes)


def decision_in(raw: object) -> Resolve:
    """An operator's decision. Raises a final ApplicationError of type REFUSED with every mistake in it."""
    return _told(Resolve, raw)


def approver_decision_in(raw: object) -> Decision:
    """An approver's decision. Raises a final ApplicationError of type REFUSED with every mistake in it."""
    return _told(Decision, raw)


def _told(model: type[Told], raw: object) -> Told:
    try:
        return model.model_validate(raw)
    except ValidationError as error:
        wrong = " | ".join(str(mistake) for mistake in mistakes_in(error, lambda _: tuple(model.model_fields)))
        raise ApplicationError(f"not a decision: {wrong}", type=REFUSED, non_retryable=True) from error


def _envelope(raw: object, tenant: str) -> list[Mistake]:
    remedy = f'start the workflow with {{"tenant": ..., "requestedBy": "..."}}, where tenant is {tenant}'
    if isinstance(raw, Unreadable):
        return [Mistake(path="(input)", problem=raw.why, remedy=remedy)]
    if not isinstance(raw, dict):
        return [Mistake(path="(input)", value=shown(raw), problem="not a request", remedy=remedy)]
    mistakes = [
        Mistake(path=shown(key) if key not in KEYS else key, value=shown(value), problem="unknown key", remedy=remedy)
        for key, value in raw.items()
        if key not in KEYS
    ]
    if "tenant" not in raw:
        mistakes.append(Mistake(path="tenant", problem="is missing", remedy=remedy))
    by = raw.get("requestedBy", "")
    if not isinstance(by, str) or not by.isprintable() or len(by) > LONGEST_NAME:
        mistakes.append(
            Mistake(
                path="requestedBy",
                value=shown(by),
                problem="not a name",
                remedy=f"write plain text of {LONGEST_NAME} characters at the most",
            )
        )
    return mistakes


def _good(tenant: Tenant | None, name: object, mistakes: Sequence[Mistake]) -> Tenant:
    mistakes = list(mistakes)
    workflow_id = workflow.info().workflow_id
    # Temporal allows one run of an ID at a time; under any other ID two runs could change one tenant at once.
    if isinstance(name, str) and not mistakes and workflow_id != names.workflow(name):
        mistakes.append(
            Mistake(
                path="(workflow id)",
                value=shown(workflow_id),
                problem=f"not the workflow ID of tenant {name}",
                remedy=f"start it with --workflow-id {names.workflow(name)}",
            )
        )
    if tenant is None or mistakes:
        error = InvalidDocumentError("the request", mistakes)
        details = [mistake.model_dump(exclude_none=True) for mistake in mistakes]
        raise ApplicationError(str(error), details, type=INVALID_DOCUMENT, non_retryable=True)
    return tenant


def _inside_tenant(path: str) -> str:
    return "tenant" if path == "(document)" else f"tenant.{path}"


def _name(tenant: object) -> Any:
    if isinstance(tenant, dict):
        metadata = tenant.get("metadata")
        return metadata.get("name") if isinstance(metadata, dict) else None
    return tenant


def _by(value: object) -> str:
    return value if isinstance(value, str) and value.isprintable() and len(value) <= LONGEST_NAME else shown(value)
