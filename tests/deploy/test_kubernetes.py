"""What deploy/kubernetes renders is valid, holds together, agrees with the code, and grants what the table of rights says."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import kubernetes_validate  # type: ignore[import-untyped]  # ships no types
import pytest
import yaml  # type: ignore[import-untyped]  # ships no types

from activities.platform import read_platform_file
from clients.kube_ovn.rights import Serves, rights
from lab.kube.rbac import Grant, Rights
from tenancy.documents import read_platform
from tenancy.edge import RESERVATIONS
from tests.deploy.rendering import (
    DEVICE_WORKER,
    KUBERNETES,
    WORKER,
    Manifest,
    all_rendered,
    folders_for,
    granted_by_the_table,
    render,
    rendered,
)
from tests.tenancy.documents import raw_platform
from tests.tenancy.edge_documents import by_hand, nat, static
from tests.tenancy.vlan_documents import raw_vlan_platform
from workers import health
from workers.settings import Settings, load_settings

FOLDERS = sorted(str(path.parent.relative_to(KUBERNETES)) for path in KUBERNETES.rglob("kustomization.yaml"))
OLDEST, NEWEST = "1.25", "1.37"
"""Of the versions of Kubernetes that kubernetes-validate knows."""


def everything_in_use(folder: Path) -> None:
    """Takes the # off every line of the example that is there to be taken in."""
    path = folder / "kustomization.yaml"
    path.write_text(re.sub(r"(?m)^( +)# (- \S+)", r"\1\2", path.read_text()))


@pytest.fixture(scope="module")
def example() -> list[Manifest]:
    """The example as it stands."""
    return render("example")


@pytest.fixture(scope="module")
def whole() -> list[Manifest]:
    """The example with all that can be taken in."""
    return render("example", everything_in_use)


def of_kind(manifests: Sequence[Manifest], kind: str) -> list[Manifest]:
    return [one for one in manifests if one["kind"] == kind]


def deployments(manifests: Sequence[Manifest]) -> list[Manifest]:
    found = of_kind(manifests, "Deployment")
    assert found
    return found


def container_of(deployment: Manifest) -> Manifest:
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    return dict(container)


def identity(manifest: Manifest) -> tuple[str, str, str]:
    """Kind, namespace and name; of a name that ends in a hash the rest."""
    metadata = manifest["metadata"]
    name = re.sub(r"-[a-z0-9]{10}$", "", metadata["name"]) if manifest["kind"] == "ConfigMap" else metadata["name"]
    return manifest["kind"], metadata.get("namespace", ""), name


@pytest.mark.parametrize("version", [OLDEST, NEWEST])
def test_every_object_is_one_that_kubernetes_takes(whole: list[Manifest], version: str) -> None:
    for manifest in whole:
        is_known = "AdmissionPolicy" not in manifest["kind"] or version != OLDEST  # its folder says from when on
        if manifest["kind"] != "ServiceMonitor" and is_known:
            kubernetes_validate.validate(manifest, version, strict=True)


def test_the_service_monitor_is_one_that_the_prometheus_operator_takes(whole: list[Manifest]) -> None:
    (monitor,), (service,) = of_kind(whole, "ServiceMonitor"), of_kind(whole, "Service")
    assert monitor["apiVersion"] == "monitoring.coreos.com/v1"
    # As its CRD has it (0.84, monitoring.coreos.com_servicemonitors.yaml).
    assert set(monitor["spec"]) == {"selector", "endpoints", "podTargetLabels"}
    (endpoint,) = monitor["spec"]["endpoints"]
    assert set(endpoint) == {"port", "path", "interval"}
    assert endpoint["path"] == "/metrics"
    assert endpoint["port"] in {port["name"] for port in service["spec"]["ports"]}
    assert monitor["spec"]["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
    assert monitor["metadata"]["namespace"] == service["metadata"]["namespace"]
    for deployment in deployments(whole):
        labels = deployment["spec"]["template"]["metadata"]["labels"]
        assert service["spec"]["selector"].items() <= labels.items()
        assert set(monitor["spec"]["podTargetLabels"]) <= set(labels)
        assert service["spec"]["ports"][0]["targetPort"] in {one["name"] for one in container_of(deployment)["ports"]}


def test_every_folder_is_taken_in_by_some_line_of_the_example(whole: list[Manifest]) -> None:
    there = {identity(one) for one in whole}
    for folder in FOLDERS:
        assert {identity(one) for one in rendered(folder)} <= there


def test_no_object_is_there_twice_and_no_secret_and_no_reservation_is_made(whole: list[Manifest]) -> None:
    seen = [identity(one) for one in whole]
    assert len(seen) == len(set(seen))
    assert not of_kind(whole, "Secret")
    # Whatever took that namespace down again would take the reservations of public addresses along.
    assert [one["metadata"]["name"] for one in of_kind(whole, "Namespace")] != [RESERVATIONS]


def test_the_image_is_said_once(whole: list[Manifest]) -> None:
    assert {container_of(one)["image"] for one in deployments(whole)} == {"registry.example.net/berth:0.1.0"}
    assert (KUBERNETES / "example/kustomization.yaml").read_text().count("registry.example.net") == 1


def settings_of(deployment: Manifest, manifests: Sequence[Manifest], monkeypatch: pytest.MonkeyPatch) -> Settings:
    """What a worker takes from the variables of its container."""
    container = container_of(deployment)
    (from_map,) = container["envFrom"]
    name = from_map["configMapRef"]["name"]
    (settings,) = (one for one in of_kind(manifests, "ConfigMap") if one["metadata"]["name"] == name)
    variables = settings["data"] | {one["name"]: one["value"] for one in container["env"]}
    assert {one.lower().removeprefix("berth_") for one in variables} <= set(Settings.model_fields)
    for variable, value in variables.items():
        monkeypatch.setenv(variable, value)
    return load_settings()


@pytest.mark.parametrize("name", ["berth-worker", "berth-device-worker"])
def test_a_workers_variables_ports_probes_and_files_are_those_of_the_code(
    whole: list[Manifest], name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    (deployment,) = (one for one in deployments(whole) if one["metadata"]["name"] == name)
    pod, container = deployment["spec"]["template"]["spec"], container_of(deployment)
    settings = settings_of(deployment, whole, monkeypatch)

    ports = {port["name"]: f"0.0.0.0:{port['containerPort']}" for port in container["ports"]}
    assert ports == {"health": settings.health_address, "metrics": settings.metrics_address}
    assert container["command"] == ["berth", "worker"]
    probes = {one: container[f"{one}Probe"]["httpGet"] for one in ("startup", "liveness", "readiness")}
    assert {probe["port"] for probe in probes.values()} == {"health"}
    assert {one: probe["path"] for one, probe in probes.items()} == {
        "startup": "/livez",
        "liveness": "/livez",
        "readiness": "/readyz",
    }
    assert pod["terminationGracePeriodSeconds"] >= settings.shutdown_grace + 20
    assert settings.kube_in_cluster
    assert pod["automountServiceAccountToken"]
    assert settings.serves == ("devices" if name == "berth-device-worker" else "platform")
    mounts = {one["mountPath"]: one["name"] for one in container["volumeMounts"]}
    volumes = {one["name"]: one for one in pod["volumes"]}
    sources = volumes[mounts["/etc/berth"]]["projected"]["sources"]
    documents = next(one["configMap"]["name"] for one in sources if "configMap" in one)
    (files,) = (one for one in of_kind(whole, "ConfigMap") if one["metadata"]["name"] == documents)
    assert {str(settings.platform), str(settings.known_hosts)} == {f"/etc/berth/{file}" for file in files["data"]}


def test_the_image_and_the_health_pages_are_what_the_pods_expect(whole: list[Manifest]) -> None:
    users = {one["spec"]["template"]["spec"]["securityContext"]["runAsUser"] for one in deployments(whole)}
    image = (KUBERNETES.parents[1] / "Dockerfile").read_text()
    assert set(re.findall(r"(?m)^USER (\d+):\d+$", image)) == {str(user) for user in users}
    served = set(re.findall(r'add_get\("([^"]+)"', Path(health.__file__).read_text()))
    probes = {"startupProbe", "livenessProbe", "readinessProbe"}
    assert {container_of(one)[probe]["httpGet"]["path"] for one in deployments(whole) for probe in probes} == served


def test_a_worker_serves_everything_until_device_workers_are_taken_in(
    example: list[Manifest], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    (deployment,) = deployments(example)
    assert settings_of(deployment, example, monkeypatch).serves == "everything"


def test_a_changed_document_rolls_the_workers(example: list[Manifest]) -> None:
    def edit(folder: Path) -> None:
        path = folder / "platform.yaml"
        path.write_text(path.read_text().replace("subnetMtu: 9000", "subnetMtu: 8000"))

    (before,), (after,) = deployments(example), deployments(render("example", edit))
    assert before["spec"]["template"] != after["spec"]["template"]


def test_the_examples_document_is_a_good_one_that_lists_what_it_needs(example: list[Manifest]) -> None:
    platform = read_platform_file(KUBERNETES / "example/platform.yaml")
    listed = yaml.safe_load((KUBERNETES / "example/kustomization.yaml").read_text())["resources"]
    assert [one.removeprefix("../") for one in listed] == [*folders_for(platform), "network.yaml"]
    assert (KUBERNETES / "example/known_hosts").read_text().startswith("#")
    assert {identity(one) for one in all_rendered(folders_for(platform))} <= {identity(one) for one in example}


def test_every_selector_selects_the_pods_it_is_meant_for(whole: list[Manifest]) -> None:
    pods = {one["metadata"]["name"]: one["spec"]["template"]["metadata"]["labels"] for one in deployments(whole)}

    def selected(labels: Manifest) -> set[str]:
        return {name for name, has in pods.items() if labels.items() <= has.items()}

    for deployment in deployments(whole):
        name, spec = deployment["metadata"]["name"], deployment["spec"]
        (spread,) = spec["template"]["spec"]["topologySpreadConstraints"]
        (budget,) = (one for one in of_kind(whole, "PodDisruptionBudget") if one["metadata"]["name"] == name)
        for selector in (spec["selector"], spread["labelSelector"], budget["spec"]["selector"]):
            assert selected(selector["matchLabels"]) == {name}
        assert budget["spec"]["maxUnavailable"] < spec["replicas"]
    policies = {one["metadata"]["name"]: one["spec"] for one in of_kind(whole, "NetworkPolicy")}
    reached = {name: selected(spec["podSelector"]["matchLabels"]) for name, spec in policies.items()}
    assert reached.pop("berth-devices") == {"berth-worker"}  # which the example says to change
    assert set(map(frozenset, reached.values())) == {frozenset(pods)}
    assert policies["berth"]["policyTypes"] == ["Ingress", "Egress"]


def test_nobody_reaches_a_worker_but_for_its_health_and_its_metrics(whole: list[Manifest]) -> None:
    ports = [
        (name, port["port"], "from" in rule)
        for name, spec in ((one["metadata"]["name"], one["spec"]) for one in of_kind(whole, "NetworkPolicy"))
        for rule in spec.get("ingress", [])
        for port in rule["ports"]
    ]
    assert sorted(ports) == [("berth", 8080, False), ("berth-metrics", 9464, True)]
    for policy in of_kind(whole, "NetworkPolicy"):
        for rule in policy["spec"].get("egress", []):
            assert rule["to"]
            assert rule["ports"]


def test_a_worker_may_do_nothing_on_its_node(whole: list[Manifest]) -> None:
    for deployment in deployments(whole):
        pod, container = deployment["spec"]["template"]["spec"], container_of(deployment)
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["runAsUser"] > 0
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert {kind for volume in pod["volumes"] for kind in volume if kind != "name"} == {"projected", "emptyDir"}
        assert not {"hostNetwork", "hostPID", "hostIPC", "initContainers"} & set(pod)
        assert {"requests", "limits"} == set(container["resources"])
        # Readable through the pod's group alone, or clients/secrets.py refuses the files of a Secret.
        (documents,) = (one["projected"] for one in pod["volumes"] if "projected" in one)
        assert documents["defaultMode"] == 0o440
        assert pod["securityContext"]["fsGroup"] == pod["securityContext"]["runAsGroup"]
    (namespace,) = of_kind(whole, "Namespace")
    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"


def test_every_account_is_made_and_bound_and_is_some_workers(whole: list[Manifest]) -> None:
    made = {(one["metadata"]["namespace"], one["metadata"]["name"]) for one in of_kind(whole, "ServiceAccount")}
    used = {
        (one["metadata"]["namespace"], one["spec"]["template"]["spec"]["serviceAccountName"])
        for one in deployments(whole)
    }
    bound = {tuple(grant.account.split(":")[2:]) for grant in Rights(whole).granted}
    assert made == used == bound


SECRETS: list[dict[str, Any]] = [
    {"name": "switches", "username": "berth", "password": {"secret": {"namespace": "n", "name": "s", "key": "p"}}},
]
PLATFORMS: dict[str, Any] = {
    "without a provider network": raw_platform(providerNetwork=None),
    "with external IPs": raw_platform(),
    "static routes": static(),
    "one-to-one NAT": nat(),
    "by the edge team": by_hand(),
    "VLANs": raw_vlan_platform(),
    "VLANs behind physical gateways": {
        **raw_vlan_platform(gateway="physical"),
        "spec": {**raw_vlan_platform(gateway="physical")["spec"], "providerNetwork": None},
    },
}


@pytest.mark.parametrize("raw", PLATFORMS.values(), ids=PLATFORMS)
def test_what_is_granted_is_what_the_table_says(raw: Any) -> None:
    platform = read_platform(raw)
    alone, beside = (all_rendered(folders_for(platform, devices=devices)) for devices in (False, True))
    worker = granted_by_the_table(platform, "everything", WORKER)

    assert Rights(alone).granted == worker
    assert Rights(beside).granted == worker | granted_by_the_table(platform, "devices", DEVICE_WORKER)


@pytest.mark.parametrize("raw", PLATFORMS.values(), ids=PLATFORMS)
def test_a_worker_that_serves_everything_may_do_what_both_others_may(raw: Any) -> None:
    platform = read_platform(raw)
    granted = [(one.verb, one.kind, one.namespace, one.name) for one in rights(platform)]
    assert len(granted) == len(set(granted))
    everything = Rights([])
    everything.granted = frozenset(granted_by_the_table(platform, "everything", WORKER))
    for serves in ("platform", "devices"):
        for one in granted_by_the_table(platform, serves, WORKER):
            assert any(_reaches(grant, one) for grant in everything.granted)


def _reaches(grant: Grant, other: Grant) -> bool:
    """Whether one grant allows all that another does."""
    return (grant.verb, grant.group, grant.resource) == (other.verb, other.group, other.resource) and (
        grant.namespace in ("", other.namespace) and grant.name in ("", other.name)
    )


@pytest.mark.parametrize(
    ("serves", "names"),
    [("everything", {"notices", "s"}), ("platform", {"notices"}), ("devices", {"s"})],
)
def test_the_secrets_of_the_document_are_rights_of_whoever_reads_them(serves: Serves, names: set[str]) -> None:
    notify = [{"secret": {"namespace": "n", "name": "notices", "key": "url"}}]
    approval = {"approvers": ["nadia@example.com"], "notify": notify}
    platform = read_platform(raw_vlan_platform(credentials=SECRETS, approval=approval))

    read = [one for one in rights(platform, serves) if one.kind.name == "Secret"]

    assert {(one.verb, one.namespace, one.name) for one in read} == {("get", "n", name) for name in names}
