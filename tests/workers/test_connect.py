"""Reaching Temporal and Kubernetes by the settings, and what is said where that cannot be."""

import re
import shlex
import socket
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import pytest
import pytest_asyncio

from lab.temporal import TemporalServer, start_temporal, temporal_binary
from tests.durability.scene import run, within
from tests.workers.tls import Authority, doorkeeper
from workers.connect import check_namespace, connect_kubernetes, connect_temporal
from workers.settings import ConfigurationError, Settings
from workflows.face import SEARCH_ATTRIBUTES

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.fixture(autouse=True)
def nobody_elses_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("TEMPORAL_ADDRESS", "TEMPORAL_NAMESPACE", "TEMPORAL_PROFILE", "TEMPORAL_API_KEY", "KUBECONFIG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def bare_temporal(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[TemporalServer]:
    """A Temporal that nobody has prepared for Berth."""
    server = await start_temporal(tmp_path_factory.mktemp("temporal"), search_attributes={})
    yield server
    await server.stop(seconds=0)


async def refused_temporal(settings: Settings) -> str:
    with pytest.raises(ConfigurationError) as refused:
        await within(connect_temporal(settings), "an answer about Temporal")
    return str(refused.value)


def config(folder: Path, profiles: Mapping[str, str]) -> Path:
    """Temporal's own configuration file."""
    file = folder / "temporal.toml"
    file.write_text("\n".join(f"[profile.{name}]\n{text}" for name, text in profiles.items()))
    return file


async def test_missing_search_attributes_are_named_with_the_command_that_adds_them(
    bare_temporal: TemporalServer, tmp_path: Path
) -> None:
    client = await connect_temporal(Settings(temporal_address=bare_temporal.address))
    with pytest.raises(ConfigurationError) as refused:
        await check_namespace(client, SEARCH_ATTRIBUTES)
    message = str(refused.value)
    assert "lacks the search attributes BerthTenant, BerthStage, BerthMode, BerthVlan" in message

    assert "`berth setup`" in message
    command = shlex.split(message.split("`")[3])
    assert command.pop(0) == "temporal"
    environment = {"TEMPORAL_ADDRESS": bare_temporal.address, "HOME": str(tmp_path)}
    (await run([str(temporal_binary()), *command], environment=environment, folder=tmp_path)).good()

    await check_namespace(client, SEARCH_ATTRIBUTES)


async def test_a_namespace_that_does_not_exist_is_named_with_the_command_that_makes_it(
    bare_temporal: TemporalServer,
) -> None:
    client = await connect_temporal(Settings(temporal_address=bare_temporal.address, temporal_namespace="nowhere"))
    with pytest.raises(ConfigurationError) as refused:
        await check_namespace(client, SEARCH_ATTRIBUTES)
    assert "has no namespace nowhere: run `berth setup`" in str(refused.value)
    assert "BERTH_TEMPORAL_NAMESPACE" in str(refused.value)


async def test_a_temporal_that_is_down_is_named_with_what_the_system_said() -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))  # taken, so nobody else answers there; and not listening
        address = f"127.0.0.1:{bound.getsockname()[1]}"
        message = await refused_temporal(Settings(temporal_address=address))
    assert f"Temporal at {address}, namespace default, cannot be reached (Connection refused)" in message
    assert "BERTH_TEMPORAL_ADDRESS" in message


async def test_a_profile_says_where_temporal_is_and_the_settings_win(
    bare_temporal: TemporalServer, tmp_path: Path
) -> None:
    file = config(
        tmp_path,
        {
            "default": 'address = "127.0.0.1:1"',
            "far": f'address = "{bare_temporal.address}"\nnamespace = "elsewhere"',
        },
    )
    client = await connect_temporal(Settings(temporal_config=file, temporal_profile="far"))
    assert client.namespace == "elsewhere"

    settings = Settings(temporal_config=file, temporal_address=bare_temporal.address, temporal_namespace="default")
    assert (await connect_temporal(settings)).namespace == "default"


@pytest.mark.parametrize(
    ("profile", "expected"),
    [
        ('addres = "127.0.0.1:1"', "unknown field `addres`"),
        ('api_kye = "s3cret"', "unknown field `api_kye`"),
        ('api_key = "s3cret', "TOML parse error at line 2"),
        ('address = "127.0.0.1:1"\n[profile.default.tls]\nclient_crt = "x"', "unknown field `client_crt`"),
    ],
)
async def test_a_profile_file_with_a_mistake_is_refused_without_showing_a_key(
    tmp_path: Path, profile: str, expected: str
) -> None:
    message = await refused_temporal(Settings(temporal_config=config(tmp_path, {"default": profile})))
    assert expected in message
    assert "BERTH_TEMPORAL_CONFIG" in message
    assert "s3cret" not in message
    assert message.isprintable()


async def test_a_configuration_or_profile_or_certificate_that_is_not_there_is_not_passed_over(tmp_path: Path) -> None:
    missing = tmp_path / "missing"
    assert str(missing) in await refused_temporal(Settings(temporal_config=missing))
    file = config(tmp_path, {"default": f'[profile.default.tls]\nclient_cert_path = "{missing}"'})
    assert str(missing) in await refused_temporal(Settings(temporal_config=file))
    assert "'prod' not found" in await refused_temporal(Settings(temporal_config=file, temporal_profile="prod"))


async def test_the_certificates_of_a_profile_are_shown_to_temporal_and_asked_of_it(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    mine = authority.identity("berth-worker")
    tls = f'client_cert_path = "{mine.certificate}"\nclient_key_path = "{mine.key}"\n'
    trusted = f'server_ca_cert_path = "{authority.file}"\n'
    async with doorkeeper(authority) as temporal:
        start = f'address = "{temporal.address}"\n[profile.default.tls]\n'
        await refused_temporal(Settings(temporal_config=config(tmp_path, {"default": start + tls + trusted})))
        assert set(temporal.callers) == {"berth-worker"}

        # A server that nobody vouches for is told nothing.
        temporal.callers.clear()
        message = await refused_temporal(Settings(temporal_config=config(tmp_path, {"default": start + tls})))
        assert temporal.callers == []
        assert re.search(r"UnknownIssuer|invalid peer certificate", message), message


async def test_an_api_key_is_never_sent_in_clear(bare_temporal: TemporalServer, tmp_path: Path) -> None:
    key = 'api_key = "s3cret"\n'
    # This server speaks no TLS.
    file = config(tmp_path, {"default": f'{key}address = "{bare_temporal.address}"'})
    assert "s3cret" not in await refused_temporal(Settings(temporal_config=file))
    # To say so in as many words is the operator's own choice.
    plain = config(
        tmp_path, {"default": f'{key}address = "{bare_temporal.address}"\n[profile.default.tls]\ndisabled = true'}
    )
    client = await connect_temporal(Settings(temporal_config=plain))
    assert client.service_client.config.api_key == "s3cret"


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"kubeconfig": Path("missing")}, "kubeconfig missing: no such file"),
        ({}, ".kube/config: no such file"),
        ({"kube_server": "ftp://127.0.0.1"}, "BERTH_KUBE_SERVER = 'ftp://127.0.0.1'"),
        ({"kube_server": "http://127.0.0.1:1", "kube_token_file": Path("gone")}, "token_file gone: no such file"),
        ({"kube_server": "http://127.0.0.1:1", "kube_in_cluster": True}, "choose one of in_cluster, server"),
        ({"kube_token_file": Path("token")}, "token_file and ca_file belong to server"),
        ({"kube_in_cluster": True}, "the pod's service account"),
    ],
)
async def test_a_kubernetes_that_is_not_configured_right_is_named(settings: dict[str, object], expected: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        await connect_kubernetes(Settings.model_validate(settings))
    message = str(refused.value)
    assert expected in message
    assert message.isprintable()
