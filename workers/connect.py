"""Connecting to Temporal and to Kubernetes, by the settings."""

import re
from collections.abc import Mapping, Sequence

from pydantic import ValidationError
from pydantic_core import ErrorDetails
from temporalio.api.operatorservice.v1 import ListSearchAttributesRequest
from temporalio.client import Client, Plugin
from temporalio.envconfig import ClientConfigProfile, ClientConnectConfig
from temporalio.service import RPCError, RPCStatusCode

from clients.errors import RefusedError, UnavailableError
from clients.kube_ovn.answers import plain
from clients.kube_ovn.client import KubeOvn, connect
from clients.kube_ovn.connection import KubeConnection
from tenancy.mistakes import shown
from workers.settings import ConfigurationError, Settings, UnreachableError
from workflows.converter import data_converter


async def connect_temporal(settings: Settings, plugins: Sequence[Plugin] = ()) -> Client:
    """A client of Temporal. Raises ConfigurationError or UnreachableError that says where it looked and what to do."""
    options = _profile(settings)
    address = settings.temporal_address or options.get("target_host") or "127.0.0.1:7233"
    namespace = settings.temporal_namespace or options.get("namespace") or "default"
    try:
        client = await Client.connect(
            address,
            namespace=namespace,
            api_key=options.get("api_key"),
            tls=options.get("tls", False),
            rpc_metadata=options.get("rpc_metadata") or {},
            data_converter=data_converter,
            plugins=plugins,
        )
    except (RuntimeError, RPCError, ValueError) as error:
        raise UnreachableError(
            f"Temporal at {address}, namespace {namespace}, cannot be reached ({_reason(error)}): start it"
            " (`berth lab` for a try), or set BERTH_TEMPORAL_ADDRESS"
        ) from error
    return client


def _profile(settings: Settings) -> ClientConnectConfig:
    """What Temporal's own configuration file and TEMPORAL_* variables say of the connection."""
    file = settings.temporal_config
    # Temporal's own reader would pass over a file that is not there, and connect without the certificates in it.
    # /dev/null stands for none on purpose: a lab has no certificates.
    if file is not None and not (file.is_file() or file.is_char_device()):
        raise ConfigurationError(
            f"Temporal's configuration {plain(file)} is not a file: correct BERTH_TEMPORAL_CONFIG, or leave it out"
        )
    try:
        profile = ClientConfigProfile.load(
            settings.temporal_profile,
            config_source=file,
            # The same holds for a misspelt key.
            config_file_strict=True,
        )
        return profile.to_client_connect_config()
    except (RuntimeError, ValueError, OSError) as error:
        raise ConfigurationError(
            f"Temporal's configuration {plain(file) if file else '(where its own tools look)'}, profile"
            f" {settings.temporal_profile or 'default'}, cannot be used: {_without_its_lines(str(error))}: correct the file,"
            " or set BERTH_TEMPORAL_CONFIG and BERTH_TEMPORAL_PROFILE"
        ) from error


async def check_namespace(client: Client, wanted: Mapping[str, str]) -> bool:
    """Raises ConfigurationError unless the namespace has these search attributes, with the command that adds them.

    False where Temporal does not let anybody look.

    A run that sets one that is missing would be tried again and again without a step forward.
    """
    try:
        answer = await client.operator_service.list_search_attributes(
            ListSearchAttributesRequest(namespace=client.namespace)
        )
    except RPCError as error:
        if error.status in (RPCStatusCode.PERMISSION_DENIED, RPCStatusCode.UNIMPLEMENTED):
            return False  # a hosted Temporal may not let its tenants ask; then the first run shows it
        if error.status is RPCStatusCode.NOT_FOUND:
            raise ConfigurationError(
                f"Temporal has no namespace {client.namespace}: run `berth setup`, which makes it, or set"
                " BERTH_TEMPORAL_NAMESPACE"
            ) from error
        raise UnreachableError(
            f"Temporal namespace {client.namespace} cannot be read ({_reason(error)}): see that Temporal is well, and try again"
        ) from error
    missing = [name for name in wanted if name not in answer.custom_attributes]
    if missing:
        options = " ".join(f"--name {name} --type {wanted[name]}" for name in missing)
        raise ConfigurationError(
            f"Temporal namespace {client.namespace} lacks the search attributes {', '.join(missing)}: run `berth setup`, or"
            f" `temporal operator search-attribute create --namespace {client.namespace} {options}`"
        )
    return True


async def connect_kubernetes(settings: Settings) -> KubeOvn:
    """A client of Kubernetes. Raises ConfigurationError where its configuration cannot be used."""
    try:
        connection = KubeConnection(
            kubeconfig=settings.kubeconfig,
            context=settings.kube_context,
            in_cluster=settings.kube_in_cluster,
            server=settings.kube_server,
            token_file=settings.kube_token_file,
            ca_file=settings.kube_ca_file,
            pool_size=settings.kube_pool_size,
            request_timeout=settings.kube_request_timeout,
            traced=settings.traces_endpoint is not None,
        )
    except ValidationError as error:
        wrong = "; ".join(_wrong(found) for found in error.errors(include_url=False))
        raise ConfigurationError(f"settings of Kubernetes (BERTH_KUBE...): {wrong}") from error
    try:
        return await connect(connection)
    except (RefusedError, UnavailableError) as error:
        kind = UnreachableError if isinstance(error, UnavailableError) else ConfigurationError
        raise kind(f"{error} (settings: BERTH_KUBECONFIG, BERTH_KUBE_SERVER, BERTH_KUBE_IN_CLUSTER)") from error


def _wrong(found: ErrorDetails) -> str:
    """One finding about the connection to Kubernetes, under the name of its setting."""
    place = f"BERTH_KUBE_{str(found['loc'][0]).upper()} = {plain(shown(found['input']))}: " if found["loc"] else ""
    return place + found["msg"].removeprefix("Value error, ")


def _reason(error: BaseException) -> str:
    """Why a connection failed: what the system said, where it is among the layers around it."""
    text = str(error)
    said = re.findall(r'message: "([^"]+)"', text)
    return plain(said[-1] if said else text)


def _without_its_lines(text: str) -> str:
    """What is wrong with a TOML file, without the lines that the parser quotes: they may hold a key."""
    return plain(" ".join(line for line in text.splitlines() if not re.match(r"\s*\d*\s*\|", line)), 300)
