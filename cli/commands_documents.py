"""The commands about documents alone: `plan` and `schema`."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

import typer

from cli.documents import read_tenants
from cli.errors import CommandError, configuration_failure
from cli.exit_codes import ExitCode, worst
from cli.options import Files, Json
from cli.plan_view import plan_view
from cli.session import Session, session
from cli.terminal import show, show_json
from tenancy.plan import Plan, plan
from tenancy.schema import json_schema
from tenancy.tenant import TenantNetwork
from workers.settings import ConfigurationError


def plan_tenants(
    context: typer.Context,
    files: Files,
    offline: Annotated[
        bool, typer.Option("--offline", help="Plan for an empty platform, asking no Kubernetes API.")
    ] = False,
    json: Json = False,
) -> int:
    """Show what onboarding would do, object by object, and what would stop it, without doing it."""
    here = session(context)
    sources = read_tenants(files, here.platform)
    tenants = [source.tenant for source in sources]
    if here.platform is None:
        message = "no platform's document is known: name one with `berth --platform FILE plan ...` or BERTH_PLATFORM"
        raise CommandError(ExitCode.USAGE, message)
    plans = [plan(tenant, here.platform, ()) for tenant in tenants] if offline else asyncio.run(_planned(here, tenants))
    if json:
        show_json({"plans": [_plain(one) for one in plans]})
    else:
        for one in plans:
            show(plan_view(one), "")
    return worst(ExitCode.REFUSED if one.obstacles else ExitCode.OK for one in plans)


def schema(
    kind: Annotated[Literal["TenantNetwork", "Platform"], typer.Argument(help="The document's kind.")],
    json: Json = False,
) -> int:
    """Print the JSON Schema of a kind of document, for editors and checks. It is JSON with or without --json."""
    del json
    show_json(json_schema(kind))
    return ExitCode.OK


async def _planned(here: Session, tenants: Sequence[TenantNetwork]) -> list[Plan]:
    from workers.observe import plans  # the Kubernetes client takes a second to load

    try:
        return await plans(here.settings, tenants)
    except ConfigurationError as error:
        raise configuration_failure(error) from error


def _plain(one: Plan) -> Mapping[str, Any]:
    plain = one.model_dump(mode="json")
    if (released := plain["released"]) is not None:
        renamed = {"externalIPs": released.pop("external_ips"), "routerPort": released.pop("router_port")}
        plain["released"] = {**released, **renamed}
    return {**plain, "routerPort": plain.pop("router_port"), "hash": one.hash}
