"""Where the configuration comes from, what is wrong with it, and credentials that change while the process runs."""

import json
import stat
import sys
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from kubernetes.aio.config import incluster_config
from pydantic import ValidationError

from clients.errors import RefusedError, UnavailableError
from clients.kube_ovn import KubeConnection, connect
from tenancy.kinds import VPC
from tests.clients.stand_in import client_of, self_signed, stand_in, status, vpc

SECRET = "s3cr3t-t0k3n"


def kubeconfig(path: Path, server: str, user: dict[str, Any], **cluster: Any) -> Path:
    # YAML is a superset of JSON.
    path.write_text(
        json.dumps(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "current-context": "here",
                "clusters": [{"name": "c", "cluster": {"server": server, **cluster}}],
                "users": [{"name": "u", "user": user}],
                "contexts": [{"name": "here", "context": {"cluster": "c", "user": "u"}}],
            }
        )
    )
    return path


async def bearer_only(request: web.Request, expected: str) -> web.Response:
    if request.headers.get("Authorization") != f"Bearer {expected}":
        return status(401, "Unauthorized", "Unauthorized")
    return web.json_response(vpc())


async def test_a_missing_kubeconfig_is_named_with_the_ways_out(tmp_path: Path) -> None:
    with pytest.raises(RefusedError, match=r"absent/config: no such file: .*KUBECONFIG.*in_cluster.*server"):
        await connect(KubeConnection(kubeconfig=tmp_path / "absent" / "config"))


async def test_the_kubeconfig_of_kubectl_is_the_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "from-environment"))
    with pytest.raises(RefusedError, match="from-environment: no such file"):
        await connect(KubeConnection())
    monkeypatch.delenv("KUBECONFIG")
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(RefusedError, match=r"\.kube/config: no such file"):
        await connect(KubeConnection())


async def test_an_unknown_context_is_named_with_how_to_list_them(tmp_path: Path) -> None:
    path = kubeconfig(tmp_path / "config", "http://127.0.0.1:1", {})
    with pytest.raises(RefusedError, match=r"context elsewhere.*get-contexts"):
        await connect(KubeConnection(kubeconfig=path, context="elsewhere"))


@pytest.mark.parametrize(
    "content",
    [
        f"users:\n- name: u\n  user: {{token: {SECRET}\n",
        json.dumps(
            {
                "current-context": "here",
                "clusters": [{"name": "c", "cluster": {"server": "https://127.0.0.1:1"}}],
                "users": [
                    {"name": "u", "user": {"auth-provider": {"name": "oidc", "config": {"refresh-token": SECRET}}}}
                ],
                "contexts": [{"name": "here", "context": {"cluster": "c", "user": "u"}}],
            }
        ),
        "[]",
        "",
        f"clusters: {SECRET}",
    ],
    ids=["broken-yaml", "incomplete-oidc", "a-list", "empty", "wrong-type"],
)
async def test_an_unusable_kubeconfig_is_refused_without_quoting_its_secrets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str
) -> None:
    (tmp_path / "c").write_text(content)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(RefusedError, match="cannot be used") as caught:
        # A short path, or the limit of a message's length would hide what is quoted after it.
        await connect(KubeConnection(kubeconfig=Path("c")))
    error: BaseException | None = caught.value
    while error is not None:
        assert SECRET not in str(error)
        error = error.__cause__ or error.__context__


async def test_a_kubeconfig_leads_to_its_server_with_its_token(tmp_path: Path) -> None:
    async with stand_in(lambda request: bearer_only(request, SECRET)) as server:
        kube = await connect(KubeConnection(kubeconfig=kubeconfig(tmp_path / "c", server.url, {"token": SECRET})))
        assert await kube.get(VPC, "acme") == vpc()
        await kube.close()


def exec_user(command: Path) -> dict[str, Any]:
    plugin = {"command": str(command), "apiVersion": "client.authentication.k8s.io/v1", "interactiveMode": "Never"}
    return {"exec": plugin}


def plugin(path: Path, token_file: Path) -> Path:
    path.write_text(
        f"#!{sys.executable}\n"
        "import json, pathlib\n"
        f"token = pathlib.Path({str(token_file)!r}).read_text()\n"
        "print(json.dumps({'apiVersion': 'client.authentication.k8s.io/v1', 'kind': 'ExecCredential', "
        "'status': {'token': token}}))\n"
    )
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


async def test_an_exec_plugin_is_asked_again_once_its_token_is_no_longer_accepted(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("first")
    path = kubeconfig(tmp_path / "config", "", exec_user(plugin(tmp_path / "plugin", token)))
    async with stand_in(lambda request: bearer_only(request, token.read_text())) as server:
        path.write_text(path.read_text().replace('"server": ""', f'"server": "{server.url}"'))
        kube = await connect(KubeConnection(kubeconfig=path))
        assert await kube.get(VPC, "acme") == vpc()
        token.write_text("second")
        assert await kube.get(VPC, "acme") == vpc()
        assert len(server.requests) == 3
        await kube.close()


async def test_an_exec_plugin_that_fails_is_named(tmp_path: Path) -> None:
    path = kubeconfig(tmp_path / "config", "https://127.0.0.1:1", exec_user(tmp_path / "no-such-plugin"))
    with pytest.raises(UnavailableError, match=r"no-such-plugin.* gave no credentials"):
        await connect(KubeConnection(kubeconfig=path))


async def test_a_rotated_token_file_is_read_again_and_the_request_repeated_once(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("old\n")
    async with (
        stand_in(lambda request: bearer_only(request, "new")) as server,
        client_of(server.url, token_file=token) as kube,
    ):
        token.write_text("new\n")
        assert await kube.get(VPC, "acme") == vpc()
        assert len(server.requests) == 2


async def test_credentials_nobody_renewed_are_worth_another_try_and_never_shown(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text(SECRET)
    async with (
        stand_in(lambda request: bearer_only(request, "another")) as server,
        client_of(server.url, token_file=token) as kube,
    ):
        with pytest.raises(UnavailableError, match=rf"401.*{token}.*renew") as caught:
            await kube.get(VPC, "acme")
        assert SECRET not in str(caught.value)
        assert len(server.requests) == 1
        token.unlink()
        with pytest.raises(UnavailableError, match="no such file"):
            await kube.get(VPC, "acme")


async def test_a_token_no_header_can_carry_is_refused_without_showing_it(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text(f"{SECRET}\n{SECRET}")
    async with (
        stand_in(lambda request: bearer_only(request, SECRET)) as server,
        client_of(server.url, token_file=token) as kube,
    ):
        with pytest.raises(RefusedError, match="line break") as caught:
            await kube.get(VPC, "acme")
        assert SECRET not in str(caught.value)
        assert server.requests == []


async def test_outside_a_pod_the_service_account_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    with pytest.raises(RefusedError, match=r"the pod's service account: cannot be used: Service host/port"):
        await connect(KubeConnection(in_cluster=True))


async def test_in_a_pod_the_service_account_is_used_and_its_rotated_token_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    context, ca = self_signed(tmp_path)
    token = tmp_path / "token"
    token.write_text("old")
    # Where Kubernetes mounts them is the only thing a test cannot have.
    monkeypatch.setattr(incluster_config, "SERVICE_TOKEN_FILENAME", str(token))
    monkeypatch.setattr(incluster_config, "SERVICE_CERT_FILENAME", str(ca))

    async def respond(request: web.Request) -> web.Response:
        return web.json_response(vpc()) if request.headers["Authorization"] == "bearer new" else status(401)

    async with stand_in(respond, context) as server:
        monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "127.0.0.1")
        monkeypatch.setenv("KUBERNETES_SERVICE_PORT", server.url.rpartition(":")[2])
        kube = await connect(KubeConnection(in_cluster=True))
        with pytest.raises(UnavailableError, match="the pod's service account"):
            await kube.get(VPC, "acme")
        token.write_text("new")
        assert await kube.get(VPC, "acme") == vpc()
        await kube.close()


@pytest.mark.parametrize("setting", ["ca_file", "token_file"])
async def test_a_missing_file_of_an_explicit_connection_is_named(tmp_path: Path, setting: str) -> None:
    connection = KubeConnection.model_validate({"server": "https://127.0.0.1:1", setting: tmp_path / "nowhere"})
    with pytest.raises(RefusedError, match=rf"{setting} .*nowhere: no such file"):
        await connect(connection)


async def test_a_ca_file_that_holds_no_certificate_is_refused(tmp_path: Path) -> None:
    ca = tmp_path / "ca.pem"
    ca.write_text("not PEM")
    with pytest.raises(RefusedError, match="cannot be loaded"):
        await connect(KubeConnection(server="https://127.0.0.1:1", ca_file=ca))


@pytest.mark.parametrize(
    "settings",
    [
        {"server": "http://a", "in_cluster": True},
        {"server": "http://a", "context": "c"},
        {"token_file": "t"},
        {"server": "a:6443"},
        {"pool_size": 0},
        {"kube_config": "typo"},
    ],
    ids=["two-ways", "context-without-kubeconfig", "token-for-nobody", "no-scheme", "no-pool", "unknown-key"],
)
def test_settings_that_contradict_each_other_are_rejected(settings: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        KubeConnection.model_validate(settings)


async def test_a_proxy_of_the_environment_is_used_but_never_for_this_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def proxied(request: web.Request) -> web.Response:
        return web.json_response(vpc()) if request.raw_path.startswith("http://kubernetes.example/") else status(400)

    async with stand_in(proxied) as proxy:
        monkeypatch.setenv("http_proxy", proxy.url)
        async with client_of("http://kubernetes.example") as kube:
            assert await kube.get(VPC, "acme") == vpc()
        async with stand_in(lambda request: bearer_only(request, "")) as server:
            async with client_of(server.url) as kube:
                with pytest.raises(UnavailableError, match="401"):
                    await kube.get(VPC, "acme")
            assert len(server.requests) == 1


async def test_a_netrc_of_the_user_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    netrc, token = tmp_path / ".netrc", tmp_path / "token"
    netrc.write_text("default login somebody password something\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    token.write_text(SECRET)
    async with (
        stand_in(lambda request: bearer_only(request, SECRET)) as server,
        client_of(server.url, token_file=token) as kube,
    ):
        assert await kube.get(VPC, "acme") == vpc()
