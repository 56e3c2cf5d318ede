"""The doctor's look at the Kubernetes API: whether it answers, serves what Berth works with, and lets this account."""

import asyncio
from collections.abc import Sequence

from clients.errors import RefusedError, UnavailableError
from clients.kube_ovn.client import KubeOvn
from clients.kube_ovn.rights import Right, Serves, rights
from tenancy.platform import Platform
from workers.connect import connect_kubernetes
from workers.doctor.findings import Area, Finding, findings
from workers.settings import ConfigurationError, Settings, UnreachableError

AREA = Area.KUBERNETES
GRANTED = "deploy/kubernetes"
"""Where the role is that has every right."""


async def reach(settings: Settings) -> tuple[KubeOvn | None, Finding]:
    """A client that has been answered, for the caller to close; and what was found of the API server."""
    try:
        kube = await connect_kubernetes(settings)
    except ConfigurationError as error:
        return None, _failed("API server", str(error), answered=not isinstance(error, UnreachableError))
    try:
        version = await kube.version()
    except (UnavailableError, RefusedError) as error:
        if isinstance(error, RefusedError) and error.reason == "forbidden":
            return kube, Finding(area=AREA, subject="API server", state="warned", message=str(error))
        await kube.close()
        why = f"{error} (settings: BERTH_KUBECONFIG, BERTH_KUBE_SERVER, BERTH_KUBE_IN_CLUSTER)"
        return None, _failed("API server", why, answered=False)
    return kube, Finding(area=AREA, subject="API server", state="passed", message=f"answers, version {version}")


async def kinds_and_rights(kube: KubeOvn, platform: Platform, serves: Serves) -> list[Finding]:
    """Whether each kind is served with the verbs that Berth uses, and whether this account may use them."""
    needed = rights(platform, serves)
    kinds, allowed = await asyncio.gather(_kinds(kube, needed), _rights(kube, needed))
    return [*kinds, *allowed]


async def _kinds(kube: KubeOvn, needed: Sequence[Right]) -> list[Finding]:
    wanted: dict[str, dict[str, set[str]]] = {}
    for right in needed:
        wanted.setdefault(right.kind.api_version, {}).setdefault(right.kind.plural, set()).add(right.verb)
    return [finding for version, plurals in wanted.items() for finding in await _served(kube, version, plurals)]


async def _served(kube: KubeOvn, version: str, plurals: dict[str, set[str]]) -> list[Finding]:
    subject = f"kinds of {version}"
    try:
        served = await kube.served(version)
    except (UnavailableError, RefusedError) as error:
        return [_failed(subject, str(error))]
    remedy = (
        "install Kube-OVN 1.17 with its CRDs" if "kubeovn" in version else "see whether this is a Kubernetes API server"
    )
    if not served:
        return [_failed(subject, f"the API server does not serve {version} at all: {remedy}")]
    gaps = [
        f"the API server does not serve {plural} of {version}: {remedy}" for plural in plurals if plural not in served
    ]
    gaps += [
        f"the API server does not serve {', '.join(sorted(verbs - served[plural]))} of {plural}: {remedy}"
        for plural, verbs in plurals.items()
        if plural in served and not verbs <= served[plural]
    ]
    return findings(AREA, subject, gaps=gaps, well=f"serves {', '.join(sorted(plurals))}")


async def _rights(kube: KubeOvn, needed: Sequence[Right]) -> list[Finding]:
    try:
        allowed = await asyncio.gather(*(kube.may(right) for right in needed))
    except (UnavailableError, RefusedError) as error:
        return [_failed("rights", f"{error}: whether this account has its rights is unknown")]
    lacking: dict[tuple[str, str, str], list[str]] = {}
    for right, has in zip(needed, allowed, strict=True):
        if not has:
            lacking.setdefault((_resource(right), _place(right), right.why), []).append(right.verb)
    gaps = [
        f"this account may not {', '.join(verbs)} {resource}{place} ({why}): grant it, as the role in {GRANTED} does"
        for (resource, place, why), verbs in lacking.items()
    ]
    return findings(AREA, "rights", gaps=gaps, well=f"this account has all {len(needed)} that a worker needs")


def _resource(right: Right) -> str:
    group = right.kind.api_version.rpartition("/")[0]
    return f"{right.kind.plural}.{group}" if group else right.kind.plural


def _place(right: Right) -> str:
    name = "" if right.name is None else f" named {right.name}"
    if right.namespace is not None:
        return f"{name} in namespace {right.namespace}"
    return f"{name} in any namespace" if right.kind.namespaced else name


def _failed(subject: str, message: str, *, answered: bool = True) -> Finding:
    return Finding(area=AREA, subject=subject, state="failed", message=message, answered=answered)
