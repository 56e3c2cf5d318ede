"""Small manifests for the tests of the client; the real ones are tenancy's."""

from typing import Any

from tenancy.kinds import Object
from tenancy.names import LABEL, RUN_ANNOTATION


def metadata(name: str, tenant: str | None = "acme", run: str | None = "run-1", **more: Any) -> Object:
    labels = {} if tenant is None else {LABEL: tenant}
    annotations = {} if run is None else {RUN_ANNOTATION: run}
    return {"name": name, "labels": labels, "annotations": annotations, **more}


def vpc(name: str = "acme", *, tenant: str | None = "acme", run: str | None = "run-1", **spec: Any) -> Object:
    return {
        "apiVersion": "kubeovn.io/v1",
        "kind": "Vpc",
        "metadata": metadata(name, tenant, run),
        "spec": {"namespaces": ["tenant-acme"], **spec},
    }


def subnet(name: str = "acme--a", vpc: str = "acme", cidr: str = "10.0.0.0/24", **spec: Any) -> Object:
    return {
        "apiVersion": "kubeovn.io/v1",
        "kind": "Subnet",
        "metadata": metadata(name),
        "spec": {"vpc": vpc, "cidrBlock": cidr, "provider": "ovn", **spec},
    }


def eip(name: str = "acme--web", *, run: str = "run-1", **spec: Any) -> Object:
    return {
        "apiVersion": "kubeovn.io/v1",
        "kind": "OvnEip",
        "metadata": metadata(name, run=run, finalizers=["kubeovn.io/kube-ovn-controller"]),
        "spec": {"externalSubnet": "external", "type": "nat", **spec},
    }


def config_map(name: str = "berth-network", namespace: str = "default", **data: str) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": metadata(name, namespace=namespace),
        "data": data,
    }
