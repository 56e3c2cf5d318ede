"""Rights as Kubernetes' RBAC grants them: what a role covers, what it does not, and how a refusal reads."""

from typing import Any

import pytest

from clients.errors import RefusedError
from clients.kube_ovn.client import connect
from clients.kube_ovn.connection import KubeConnection
from clients.kube_ovn.rights import Right
from lab.kube import KubeSimulator
from lab.kube.rbac import Asked, Rights
from tenancy.kinds import CONFIG_MAP, VPC

ACCOUNT = "system:serviceaccount:berth:worker"


def granted(rule: dict[str, Any], namespace: str = "") -> Rights:
    """The rights of one role with one rule, bound to the account."""
    kind = "Role" if namespace else "ClusterRole"
    place = {"namespace": namespace} if namespace else {}
    role = {"kind": kind, "metadata": {"name": "one", **place}, "rules": [{"apiGroups": [""], **rule}]}
    subject = {"kind": "ServiceAccount", "namespace": "berth", "name": "worker"}
    binding = {
        "kind": f"{kind}Binding",
        "metadata": {"name": "one", **place},
        "roleRef": {"kind": kind, "name": "one"},
        "subjects": [subject],
    }
    return Rights([role, binding])


READING = {"resources": ["configmaps"], "verbs": ["get", "list"]}
ONE = {"resources": ["configmaps"], "verbs": ["get", "create", "watch"], "resourceNames": ["one"]}


@pytest.mark.parametrize(
    ("rule", "namespace", "asked", "is_allowed"),
    [
        (READING, "", Asked("get", "", "configmaps", "a", "x"), True),
        (READING, "", Asked("list", "", "configmaps"), True),
        (READING, "", Asked("watch", "", "configmaps"), False),
        (READING, "", Asked("get", "apps", "configmaps", "a", "x"), False),
        (READING, "", Asked("get", "", "configmaps/status", "a", "x"), False),
        (READING, "a", Asked("list", "", "configmaps", "a"), True),
        (READING, "a", Asked("list", "", "configmaps", "b"), False),
        (READING, "a", Asked("list", "", "configmaps"), False),
        (ONE, "", Asked("get", "", "configmaps", "a", "one"), True),
        (ONE, "", Asked("get", "", "configmaps", "a", "two"), False),
        (ONE, "", Asked("watch", "", "configmaps", "a", "one"), True),
        (ONE, "", Asked("watch", "", "configmaps", "a"), False),
        (ONE, "", Asked("create", "", "configmaps", "a"), False),
    ],
    ids=str,
)
def test_a_role_covers_what_it_says_and_no_more(
    rule: dict[str, Any], namespace: str, asked: Asked, is_allowed: bool
) -> None:
    rights = granted(rule, namespace)

    assert rights.allow(ACCOUNT, asked) is is_allowed
    assert rights.refused == ([] if is_allowed else [(ACCOUNT, asked)])
    assert not rights.allow("system:serviceaccount:berth:other", asked)


def test_a_wildcard_is_granted_to_nobody() -> None:
    with pytest.raises(ValueError, match="write down what"):
        granted({"resources": ["*"], "verbs": ["get"]})


async def test_the_client_is_told_which_right_it_lacks_and_the_administrator_lacks_none(tmp_path: Any) -> None:
    (tmp_path / "token").write_text(ACCOUNT)
    async with KubeSimulator() as kube:
        kube.rights = granted(ONE)
        worker = await connect(KubeConnection(server=kube.url, token_file=tmp_path / "token"))
        administrator = await connect(KubeConnection(server=kube.url))

        with pytest.raises(
            RefusedError, match='this worker lacks the right: grant its role verb "get" on resource "vpcs"'
        ):
            await worker.get(VPC, "acme")
        assert await worker.get(CONFIG_MAP, "one", "default") is None
        # A body's name is none that RBAC knows.
        with pytest.raises(RefusedError, match='verb "create" on resource "configmaps"'):
            await worker.create({"kind": "ConfigMap", "metadata": {"name": "one", "namespace": "default"}})
        assert await administrator.get(VPC, "acme") is None
        # Everybody may ask about itself, and to ask is not to use.
        used = set(kube.rights.used)
        assert await worker.may(Right("get", CONFIG_MAP, "", name="one"))
        assert not await worker.may(Right("get", CONFIG_MAP, ""))
        assert not await worker.may(Right("get", VPC, ""))
        assert kube.rights.used == used
        await worker.close()
        await administrator.close()
