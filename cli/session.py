"""Where this command's Temporal, platform and Kubernetes API are: options, the environment, or a running lab."""

import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import typer
from temporalio.client import Client

from cli.documents import read_platform_file
from cli.errors import CommandError, configuration_failure
from cli.exit_codes import ExitCode
from cli.runs import reaching
from cli.terminal import say
from lab.errors import LabError
from lab.home import RunningLab, find_lab
from tenancy.platform import Platform
from workers.settings import ConfigurationError, Settings, load_settings

ELSEWHERE = frozenset(
    {"temporal_address", "temporal_profile", "temporal_config", "kubeconfig", "kube_server", "kube_in_cluster"}
)
"""Settings that say where the systems are. Who sets one of them does not mean the lab."""


@dataclass(frozen=True)
class Session:
    """What the options before the command's name said."""

    overrides: Mapping[str, Any] = field(default_factory=dict)

    @cached_property
    def settings(self) -> Settings:
        """The settings in force. Raises CommandError where they make no sense.

        A running lab is used as a whole or not at all: Temporal of the one and Kubernetes of the other would be worse
        than either. KUBECONFIG says nothing here, because shells have it set for other reasons.
        """
        try:
            said = load_settings(**self.overrides)
            found = None if said.model_fields_set & ELSEWHERE else _lab()
            if found is None:
                return said
            lab = {
                "temporal_address": found.temporal_address,
                "temporal_namespace": found.temporal_namespace,
                # No certificates and no keys of another Temporal.
                "temporal_config": Path(os.devnull),
                "kubeconfig": found.kubeconfig,
                "platform": found.platform,
                "known_hosts": found.known_hosts,
            }
            say(f"using the lab at {found.home}")
            unsaid = {name: value for name, value in lab.items() if name not in said.model_fields_set}
            return load_settings(**unsaid, **self.overrides)
        except ConfigurationError as error:
            raise configuration_failure(error) from error

    @cached_property
    def platform(self) -> Platform | None:
        """The platform's document; None where this machine has none and was told of none: the worker checks then."""
        file = self.settings.platform
        if "platform" not in self.settings.model_fields_set and not file.exists():
            return None
        return read_platform_file(file)

    @asynccontextmanager
    async def temporal(self) -> AsyncIterator[Client]:
        """A connection to Temporal. Raises CommandError where there is none, or where it breaks."""
        # It loads the Kubernetes client as well, for a fifth of a second that only some commands have to spend.
        from workers.connect import connect_temporal

        try:
            client = await connect_temporal(self.settings)
        except ConfigurationError as error:
            raise configuration_failure(error) from error
        async with reaching(client):
            yield client


def _lab() -> RunningLab | None:
    """The lab that runs here, unless the shell says that Temporal is elsewhere."""
    elsewhere = os.environ.get("TEMPORAL_ADDRESS")
    try:
        found = find_lab()
    except LabError as error:
        if elsewhere:
            return None
        raise CommandError(ExitCode.UNREACHABLE, str(error)) from error
    if found is not None and elsewhere not in (None, "", found.temporal_address):
        say(
            f"TEMPORAL_ADDRESS is {elsewhere}, so the lab at {found.home} is not used: unset it, or eval `berth lab env`"
        )
        return None
    return found


def session(context: typer.Context) -> Session:
    """The session of this command."""
    found = context.find_object(Session)
    return found if found is not None else Session()
