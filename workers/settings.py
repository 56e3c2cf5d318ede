"""The worker's settings, from `BERTH_*` environment variables or a `berth.toml`; secrets only as paths to them."""

from difflib import get_close_matches
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource

from tenancy.mistakes import shown


class ConfigurationError(Exception):
    """The settings are wrong or do not fit what is there; the message names the setting, its value and the remedy."""


class UnreachableError(ConfigurationError):
    """The settings are good as far as can be seen, and what they name does not answer."""


class Settings(BaseSettings):
    """Settings of the worker and of the command line."""

    model_config = SettingsConfigDict(
        env_prefix="BERTH_", toml_file="berth.toml", frozen=True, extra="forbid", use_attribute_docstrings=True
    )

    platform: Path = Path("platform.yaml")
    """File with the platform's document."""

    temporal_address: str | None = None
    """host:port of Temporal's frontend. Left out: what the profile says, or 127.0.0.1:7233."""
    temporal_namespace: str | None = None
    """Left out: what the profile says, or `default`."""
    temporal_profile: str | None = None
    """Profile of Temporal's own configuration file, with addresses, mTLS certificates and API keys."""
    temporal_config: Path | None = None
    """That file; left out: where Temporal's own tools look for it."""
    task_queue: str = "berth"
    """Task queue of the runs and of their steps on the platform. Steps on devices have `<task_queue>-devices`."""
    serves: Literal["everything", "platform", "devices"] = "everything"
    """What the worker takes: runs and their steps on the platform, or what is done on devices (for a worker beside them),
    or both."""
    deployment: str | None = Field(default=None, pattern=r"^[A-Za-z0-9_-]{1,100}$")
    """Name of the Temporal worker deployment the worker is a part of. A run then ends on the version it began with, and new
    ones go to the version chosen with `berth deployments use`. Left out: runs go on with whatever version serves their task
    queue."""
    build_id: str = Field(default=version("berth"), pattern=r"^[A-Za-z0-9][A-Za-z0-9._+-]{0,99}$")
    """Version of the worker within its deployment. Its workers for the platform and for devices bear the same."""

    kubeconfig: Path | None = None
    """Left out: $KUBECONFIG, or ~/.kube/config."""
    kube_context: str | None = None
    """Context of the kubeconfig; left out: its current one."""
    kube_in_cluster: bool = False
    """Use the service account of the pod the worker runs in."""
    kube_server: str | None = None
    """URL of the API server, in place of a kubeconfig."""
    kube_token_file: Path | None = None
    """File with the bearer token for `kube_server`; read again when it changes."""
    kube_ca_file: Path | None = None
    """File with the CA certificates for `kube_server`."""
    kube_pool_size: int = Field(default=32, ge=4, le=1000)
    """Connections to the API server at the most."""
    kube_request_timeout: float = Field(default=30.0, gt=0)
    """Seconds until a request that has had no answer is given up."""

    known_hosts: Path = Path("known_hosts")
    """File with the SSH host keys of the switches, as OpenSSH writes it. A switch whose key is not in it is refused."""

    ready_deadline: float = Field(default=60.0, gt=0)
    """Seconds that one try of a step waits for Kube-OVN to report an object ready."""
    gone_deadline: float = Field(default=60.0, gt=0)
    """Seconds that one try of a removal waits until the object is gone."""
    retry_first_delay: float = Field(default=1.0, gt=0)
    """Seconds before a step is tried again; doubled each time."""
    retry_longest_delay: float = Field(default=60.0, gt=0)
    """Seconds between two tries at the most."""

    device_refused_delay: float = Field(default=60.0, ge=0)
    """Seconds in which a switch that refused Berth's login or host key is left alone, whoever asks; doubled each time. Switches
    lock accounts."""

    shutdown_grace: float = Field(default=20.0, ge=0)
    """Seconds that running steps get to finish when the worker is stopped; what is cut short another worker goes on with."""
    max_cached_runs: int = Field(default=2000, ge=0)
    """Runs kept in memory; keep it above the number of runs under way at once, or each step replays its run."""
    max_concurrent_steps: int = Field(default=200, ge=1)
    """Steps this worker takes at once, and as many on devices, of which about forty have a session at the same time."""

    health_address: str | None = None
    """host:port at which the worker says whether it lives (`/livez`) and takes work (`/readyz`), and where `berth health` asks.
    Left out: nowhere."""
    metrics_address: str | None = None
    """host:port at which Prometheus reads the metrics of the worker (`/metrics`), e.g. `0.0.0.0:9464`: without a password, so
    not for everybody's network. Left out: none are kept."""
    metrics_every: float = Field(default=15.0, ge=1, le=120)
    """Seconds between two looks at what no single step knows: runs by stage, what waits for people, tenants, pools; at the most
    120, since an alert tells of what is five minutes old. Each lists the runs under way, and every VPC."""
    traces_endpoint: str | None = None
    """URL that takes OpenTelemetry traces (OTLP over HTTP, `http://collector:4318/v1/traces`). Left out: none are made. What the
    collector wants in its headers stands in `OTEL_EXPORTER_OTLP_HEADERS`."""

    log_format: Literal["console", "json"] = "console"
    """For people, or one JSON object a line."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """The least a message must be to be written."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments win over the environment, the environment over the file."""
        del dotenv_settings, file_secret_settings
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls)


def load_settings(**overrides: Any) -> Settings:
    """The settings, with these in front of environment and file. Raises ConfigurationError that names each mistake."""
    try:
        return Settings(**{key: value for key, value in overrides.items() if value is not None})
    except ValidationError as error:
        wrong = [_wrong(found) for found in error.errors(include_url=False)]
        raise ConfigurationError(f"settings: {' | '.join(wrong)}") from error
    except (OSError, ValueError) as error:
        raise ConfigurationError(
            f"settings file berth.toml cannot be read ({shown(str(error))}): correct it"
        ) from error


def _wrong(found: ErrorDetails) -> str:
    name = ".".join(map(str, found["loc"]))
    if found["type"] == "extra_forbidden":
        # Its value is not shown: it may be a secret that belongs somewhere else.
        close = get_close_matches(name, Settings.model_fields, n=1)
        return f"{shown(name)}: no such setting{f', did you mean {close[0]}?' if close else ''}"
    return f"{name} (BERTH_{name.upper()}) = {shown(found['input'])}: {found['msg']}"


def host_and_port(name: str, address: str) -> tuple[str, int]:
    """The parts of a setting that is a host:port; a name is not looked up. Raises ConfigurationError."""
    host, colon, port = address.rpartition(":")
    bracketed = host.startswith("[") and host.endswith("]")
    bare = host[1:-1] if bracketed else host
    if (
        not colon
        or not bare
        or (":" in bare) != bracketed
        or not port.isascii()
        or not port.isdigit()
        or int(port) > 65535
    ):
        raise ConfigurationError(
            f"{name} (BERTH_{name.upper()}) = {shown(address)}: expected host:port, e.g. 0.0.0.0:8080 or [::]:8080"
        )
    return bare, int(port)


def settings_reference() -> str:
    """One Markdown page with every setting: its variable, its default and its meaning."""
    lines = [
        "# The settings",
        "",
        "<!-- Made by `make docs` from workers/settings.py: change that, not this page. -->",
        "",
        "Each is an environment variable; in a `berth.toml` it is the same without `BERTH_`, in lower case. The variable",
        "wins over the file, and an option of `berth` over both. None holds a secret: those are files, which are named here.",
        "",
        "| variable | default | meaning |",
        "|---|---|---|",
    ]
    for name, field in Settings.model_fields.items():
        default = "" if field.default is None else f"`{field.default}`"
        lines.append(f"| `BERTH_{name.upper()}` | {default} | {' '.join((field.description or '').split())} |")
    return "\n".join(lines) + "\n"
