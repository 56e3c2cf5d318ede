"""Cases of one mistake each: how they are built, and what they owe their reader."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from tenancy.documents import read_tenant
from tenancy.mistakes import InvalidDocumentError, Mistake
from tenancy.platform import Platform
from tests.tenancy.documents import raw_tenant


def mistakes_of(raw: object, platform: Platform | None = None) -> tuple[Mistake, ...]:
    with pytest.raises(InvalidDocumentError) as refusal:
        read_tenant(raw, platform)
    return refusal.value.mistakes


def subnet(name: str = "prod", cidrs: Sequence[Any] = ("10.1.0.0/24",), **more: Any) -> Any:
    return {"name": name, "cidrs": list(cidrs), **more}


def with_subnet(**changes: Any) -> Any:
    return raw_tenant(subnets=[{**subnet(), **changes}])


def with_ips(*ips: Any, subnets: Sequence[Any] = (subnet(),)) -> Any:
    return raw_tenant(subnets=list(subnets), externalIPs=list(ips))


def snat(name: str = "egress", **more: Any) -> Any:
    return {"use": "snat", "name": name, **more}


def floating(name: str = "web", target: Any = "10.1.0.9", **more: Any) -> Any:
    return {"use": "floatingIP", "name": name, "target": target, **more}


def balancer(name: str = "apps", **more: Any) -> Any:
    return {"use": "loadBalancer", "name": name, **more}


def named(name: Any) -> Any:
    return {**raw_tenant(), "metadata": {"name": name}}


def without(key: str) -> Any:
    return {other: value for other, value in raw_tenant().items() if other != key}


def each(group: dict[str, Any]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """A test for each case: the document, and the path, the value (None: not looked at), the problem and the remedy."""
    return pytest.mark.parametrize(("raw", "path", "value", "problem", "remedy"), group.values(), ids=group.keys())


def assert_only(mistakes: Sequence[Mistake], path: str, value: str | None, problem: str, remedy: str) -> None:
    (mistake,) = mistakes
    assert mistake.path == path
    assert problem in mistake.problem
    assert remedy in mistake.remedy
    assert value is None or mistake.value == value
    if mistake.value is not None:
        assert f"{path} = {mistake.value}: " in str(mistake)
