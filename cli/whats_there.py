"""What there is of a tenant on the platform, read from the Kubernetes API: VPC, subnets, policy, external IPs."""

from collections.abc import Mapping, Sequence

from rich.table import Table

from cli.terminal import clean
from tenancy.kinds import OVN_EIP, OVN_FIP, OVN_SNAT_RULE, SUBNET, VPC, Kind, Object

KINDS: Sequence[Kind] = (VPC, SUBNET, OVN_EIP, OVN_FIP, OVN_SNAT_RULE)
"""What has to be asked for, to show it."""


def whats_there(found: Mapping[str, Sequence[Object]]) -> Table:
    """A row for each thing of these objects, by the name of their kind."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    table.add_column("WHAT", no_wrap=True)
    table.add_column("NAME", no_wrap=True, style="bold")
    table.add_column("AS THE KUBERNETES API TELLS IT", overflow="fold")
    for vpc in found[VPC.name]:
        spec = vpc["spec"]
        is_ready = "ready" if vpc.get("status", {}).get("standby") else "not ready"
        table.add_row("VPC", clean(_name(vpc)), clean(f"{is_ready}, for namespace {', '.join(spec['namespaces'])}"))
        for action in ("drop", "allow"):
            wanted = [route["match"].split(" == ")[-1] for route in spec["policyRoutes"] if route["action"] == action]
            table.add_row("policy", action, clean(", ".join(wanted)))
    for subnet in found[SUBNET.name]:
        spec = subnet["spec"]
        table.add_row("subnet", clean(_name(subnet)), clean(f"{spec['cidrBlock']}, gateway {spec['gateway']}"))
    for eip in found[OVN_EIP.name]:
        status = eip.get("status", {})
        addresses = [status[key] for key in ("v4Ip", "v6Ip") if status.get(key)]
        use = ", ".join(_uses(_name(eip), found)) or "for load balancers"
        table.add_row("external IP", clean(_name(eip)), clean(f"{', '.join(addresses)}: {use}"))
    return table


def _uses(eip: str, found: Mapping[str, Sequence[Object]]) -> list[str]:
    sources = [rule["spec"]["vpcSubnet"] for rule in found[OVN_SNAT_RULE.name] if rule["spec"]["ovnEip"] == eip]
    targets = [fip["spec"]["v4Ip"] for fip in found[OVN_FIP.name] if fip["spec"]["ovnEip"] == eip]
    return [*(f"SNAT of {source}" for source in sources), *(f"floating IP of {target}" for target in targets)]


def _name(thing: Object) -> str:
    return str(thing["metadata"]["name"])
