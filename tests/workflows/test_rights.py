"""The rights that deploy/kubernetes grants are those that are needed.

A simulated API server that grants nothing else refuses no call of tenants' whole lives, and at their end none is left over.
"""

import asyncio
import json
from base64 import b64encode
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from uuid import uuid4
from weakref import WeakKeyDictionary

import pytest
from temporalio.client import Client
from temporalio.runtime import Runtime

from clients.kube_ovn import holders, reservations
from clients.kube_ovn.client import KubeOvn
from clients.kube_ovn.secret import secret_reader
from lab.kube import KubeSimulator
from lab.kube.rbac import Asked, Rights
from lab.kube.store import Stored
from tenancy import names
from tenancy.documents import read_platform, read_tenant
from tenancy.kinds import KINDS, SECRET
from tests.deploy.admission import refusals
from tests.deploy.rendering import (
    DEVICE_WORKER,
    WORKER,
    Manifest,
    all_rendered,
    folders_for,
    granted_by_the_table,
    manifests_of_the_page,
)
from tests.workflows.edge_world import one_to_one_nat, running_edge_world, static_routes
from tests.workflows.others import KUBE_OVN, kube_ovn, make
from tests.workflows.vlan_world import PASSWORD, running_vlan_world
from tests.workflows.world import Document, World, failure, platform_document, tenant_document
from workers.connect import connect_kubernetes
from workers.devices import sessions
from workers.doctor.examination import Examination
from workers.doctor.findings import Area
from workers.gauges import Gauges
from workers.observe import plans
from workers.worker import make_worker
from workflows.face import AUDIT_FLEET, AuditReport

HELD = "tests.berth.network/held"
"""A finalizer of somebody else's."""
KINDS_BY_PLURAL = {kind.plural: kind for kind in (*KINDS.values(), SECRET)}


class OnAHeldPlatform(Rights):
    """Rights on a platform where somebody holds up every removal until Berth watches for its end.

    Otherwise it would depend on the moment whether a watch is needed.
    """

    def __init__(self, manifests: Sequence[Manifest], kube: KubeSimulator) -> None:
        super().__init__(manifests)
        self._kube = kube

    def allow(self, account: str, asked: Asked) -> bool:
        _accounts[asyncio.current_task()] = account
        if asked.verb == "delete":
            self._hold(asked)
        if asked.verb == "watch":
            asyncio.get_running_loop().call_soon(self._let_go, asked)
        return super().allow(account, asked)

    def _hold(self, asked: Asked) -> None:
        held = self._finalizers(asked)
        if held is not None and HELD not in held:
            self._write(asked, [*held, HELD])

    def _let_go(self, asked: Asked) -> None:
        held = self._finalizers(asked)
        if held is not None and HELD in held:
            self._write(asked, [one for one in held if one != HELD])

    def _finalizers(self, asked: Asked) -> list[str] | None:
        found = self._kube.api.find(asked.resource, asked.name, self._namespace(asked))
        if found is None or (found["metadata"].get("deletionTimestamp") and asked.verb == "delete"):
            return None
        return list(found["metadata"].get("finalizers") or ())

    def _write(self, asked: Asked, finalizers: list[str]) -> None:
        patch = {"metadata": {"finalizers": finalizers}}
        self._kube.api.patch(asked.resource, asked.name, patch, self._namespace(asked))

    @staticmethod
    def _namespace(asked: Asked) -> str:
        return asked.namespace if KINDS_BY_PLURAL[asked.resource].namespaced else ""


_accounts: WeakKeyDictionary[Any, str] = WeakKeyDictionary()
"""Whose request a task carries out; those of Kube-OVN's controller have none."""


def admitting(kube: KubeSimulator, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """From here on each write of an account is judged by deploy/kubernetes/admission; fills up with what is refused."""
    refused: list[str] = []
    create, update, delete = kube.api.create, kube.api.update, kube.api.delete

    def judge(operation: str, plural: str, namespace: str, name: str, after: Manifest | None) -> None:
        before = None if operation == "CREATE" else kube.api.find(plural, name, namespace)
        task = asyncio.current_task()
        account = _accounts.get(task) if task is not None else None  # the controller writes from a timer, too
        if account is not None and (after or before):
            group = KINDS_BY_PLURAL[plural].api_version.rpartition("/")[0]
            refused.extend(refusals(account, operation, group, plural, namespace, before, after))

    def creating(plural: str, manifest: Manifest, namespace: str = "", *given: Any) -> Stored:
        judge("CREATE", plural, namespace, "", manifest)
        return create(plural, manifest, namespace, *given)

    def updating(plural: str, manifest: Manifest, namespace: str = "", name: str = "", *given: Any) -> Stored:
        judge("UPDATE", plural, namespace, name, manifest)
        return update(plural, manifest, namespace, name, *given)

    def deleting(plural: str, name: str, namespace: str = "", *given: Any) -> tuple[Stored, bool]:
        judge("DELETE", plural, namespace, name, None)
        return delete(plural, name, namespace, *given)

    for name, instead in (("create", creating), ("update", updating), ("delete", deleting)):
        monkeypatch.setattr(kube.api, name, instead)
    return refused


def use(world: World, document: Document, beside: Sequence[Manifest] = ()) -> OnAHeldPlatform:
    """The platform has this document from here on, and grants what an overlay for it lists."""
    world.settings.platform.write_text(json.dumps(document))
    manifests = all_rendered(folders_for(read_platform(document), devices=True))
    world.kube.rights = found = OnAHeldPlatform([*manifests, *beside], world.kube)
    return found


def assert_exact(found: Rights, document: Document) -> None:
    """Nothing was missing, nothing is left over, and the table says the same."""
    platform = read_platform(document)
    assert found.refused == []
    assert found.granted - found.used == set()
    assert found.granted == granted_by_the_table(platform, "platform", WORKER) | granted_by_the_table(
        platform, "devices", DEVICE_WORKER
    )


def tokens(folder: Path) -> tuple[Path, Path]:
    """The files with the tokens of both accounts."""
    found = folder / "worker.token", folder / "device-worker.token"
    for path, account in zip(found, (WORKER, DEVICE_WORKER), strict=True):
        path.write_text(account)
    return found


async def device_account(world: World, token: Path, monkeypatch: pytest.MonkeyPatch) -> KubeOvn:
    """From here on a worker of this process does what is done on devices with the account of a device worker."""
    api = await connect_kubernetes(world.settings.model_copy(update={"kube_token_file": token}))
    for where, name in ((reservations, "refusal_of_use"), (holders, "refusals_of_addresses")):
        real = getattr(where, name)
        monkeypatch.setattr(f"workers.worker.{name}", lambda _, *given, real=real: real(api, *given))
    return api


def tenant_of(name: str, *external_ips: Document) -> Document:
    """A tenant with one subnet and these external IPs."""
    document = tenant_document(name)
    document["spec"] |= {"subnets": document["spec"]["subnets"][:1], "externalIPs": list(external_ips)}
    return document


EVERY_USE: Sequence[Document] = (
    {"use": "snat", "name": "egress"},
    {"use": "floatingIP", "name": "bastion", "target": "10.0.0.10"},
    {"use": "loadBalancer", "name": "web"},
)


async def change_and_take_back(world: World, tenant: Document) -> None:
    """A tenant that is there is audited, planned anew, changed as far as it can be, and goes."""
    audit = await world.started(AUDIT_FLEET, f"audit-{uuid4()}", args=[])
    assert AuditReport.model_validate(await audit.result()).findings == ()
    # What a worker that keeps metrics looks at beside its runs.
    await Gauges(world.client, world.api, world.settings, Runtime.default().metric_meter).look_at_kubernetes()
    platform = read_platform(json.loads(world.settings.platform.read_text()))
    assert await plans(world.settings, [read_tenant(tenant, platform)])
    changed = json.loads(json.dumps(tenant))
    changed["spec"]["subnets"][0]["exclude"] = [{"first": "10.0.0.9", "last": "10.0.0.9"}]
    changed["spec"]["subnets"].append({"name": "stage", "cidrs": ["10.0.16.0/24"]})
    changed["spec"]["externalIPs"] = changed["spec"]["externalIPs"][:2]
    await world.onboarded(changed)
    if changed["spec"]["externalIPs"]:
        # What somebody made for the tenant, with its label, goes with it.
        spec = {"ovnEip": f"{world.name}--bastion", "vpc": world.name, "v4Ip": "10.0.0.11", "protocol": "tcp"}
        ports = {"internalPort": "80", "externalPort": "80"}
        rule = kube_ovn("OvnDnatRule", f"{world.name}--web", spec | ports, {names.LABEL: world.name})
        await make(world, f"{KUBE_OVN}/ovn-dnat-rules", rule)
    other = {"metadata": {"name": "other", "labels": {names.LABEL: world.name}}, "data": {}}
    await make(world, f"api/v1/namespaces/{names.namespace(world.name)}/configmaps", other)
    await world.offboarded()


async def test_overlay_tenants_live_on_exactly_the_rights_that_are_granted(
    client: Client, tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    bare = platform_document()
    del bare["spec"]["providerNetwork"]
    worker, device_worker = tokens(tmp_path)
    async with running_edge_world(
        client, tmp_path, name, static_routes(name), serving=False, kube_token_file=worker
    ) as world:
        api = await device_account(world, device_worker, monkeypatch)
        refused = admitting(world.kube, monkeypatch)
        async with world.serving():
            for document, external_ips in (
                (bare, ()),
                (platform_document(static_routes(name)), EVERY_USE),
                (platform_document(one_to_one_nat(name)), EVERY_USE),
            ):
                found = use(world, document)
                tenant = tenant_of(name, *external_ips)
                if "pool" in document["spec"].get("announce", {}):
                    # The last translation cannot be made, so all before it is undone.
                    fault = world.fault(effect="refuse", verb="create", plural="ovn-fips", status=422, message="no")
                    await failure(await world.onboard(tenant))
                    world.kube.faults.remove(fault)
                await world.onboarded(tenant)
                await change_and_take_back(world, tenant)
                assert_exact(found, document)
        assert refused == []
        await api.close()


async def test_vlan_tenants_live_on_exactly_the_rights_that_are_granted(
    client: Client, tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (role, binding) = manifests_of_the_page()
    (secret,) = role["rules"][0]["resourceNames"]
    where = {"namespace": role["metadata"]["namespace"], "name": secret, "key": "password"}
    logins = [{"name": "switches", "username": "berth", "password": {"secret": where}}]
    worker, device_worker = tokens(tmp_path)
    async with running_vlan_world(
        client,
        tmp_path,
        name,
        dialects=["cisco-ios"],
        vlan={"credentials": logins},
        serving=False,
        kube_token_file=worker,
    ) as world:
        await make(world, "api/v1/namespaces", {"metadata": {"name": where["namespace"]}})
        kept = {"metadata": {"name": secret}, "data": {"password": b64encode(PASSWORD.encode()).decode()}}
        await make(world, f"api/v1/namespaces/{where['namespace']}/secrets", kept)
        refused = admitting(world.kube, monkeypatch)
        document = json.loads(world.settings.platform.read_text())
        found = use(world, document, (role, binding))
        api = await device_account(world, device_worker, monkeypatch)
        devices = world.settings.model_copy(update={"kube_token_file": device_worker, "serves": "devices"})
        platform = world.settings.model_copy(update={"serves": "platform"})
        tenant = tenant_of(name, *EVERY_USE)
        work = sessions(secret_reader(api), world.settings.known_hosts)
        async with make_worker(client, world.api, world.settings, interceptors=[world.strikes], device_work=work):
            await world.approved(tenant)
            for settings, areas in (
                (platform, [Area.KUBERNETES, Area.PLATFORM]),
                (devices, [Area.KUBERNETES, Area.DEVICES]),
            ):
                told = await Examination(settings, areas).findings()
                assert [one for one in told if one.state == "failed" and one.area is not Area.PLATFORM] == []
            await change_and_take_back(world, tenant)
        await api.close()

    assert_exact(found, document)
    assert refused == []
