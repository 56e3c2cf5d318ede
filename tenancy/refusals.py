"""Every reason for which a step is refused, what it means, and what to do: the catalogue behind the codes.

A refusal's message names the object, the value and the remedy at hand. Its code, the `type` of the failure in Temporal, stays the
same for programs and alerts.
"""

from collections.abc import Mapping
from typing import NamedTuple


class Refusal(NamedTuple):
    """One code."""

    meaning: str
    remedy: str


PLATFORM: Mapping[str, Refusal] = {
    "preflight": Refusal(
        "Looked at before the first change: something is in the way, or a prerequisite is missing. All of it is named.",
        "What each part of the message says; then onboard again.",
    ),
    "foreign-object": Refusal(
        "An object of the name Berth needs is there, and bears no label of this tenant.",
        "Rename the tenant, or remove the object; label it only if it really is the tenant's.",
    ),
    "immutable-difference": Refusal(
        "An object is there with a value that cannot be changed.",
        "Correct the document, or remove the object first.",
    ),
    "not-kept": Refusal(
        "The API server took a manifest and kept something else.",
        "Look for an admission webhook, and for CRDs older than Kube-OVN 1.17.",
    ),
    "not-as-planned": Refusal(
        "Read back at the end, an object is not what was made.", "Find out who changed it; then onboard again."
    ),
    "policy-missing": Refusal(
        "The block policy on the VPC is not what was just written.", "Find out who rewrites the VPC's policy routes."
    ),
    "missing": Refusal("An object that is to be changed is gone.", "Find out who removed it; then onboard again."),
    "unmarked": Refusal(
        "To be undone, but without the mark of the run that made it: it may be this run's or not.",
        "Put the mark back as the message says and `retry`, or `skip`.",
    ),
    "in-use": Refusal(
        "Addresses, pods, services, volume claims or rules of somebody's are still there.",
        "Remove or move what is named; then `retry`, or offboard again.",
    ),
    "label": Refusal(
        "A thing with a name of the tenant's lost its label, or one bears the label that is not the tenant's.",
        "Put the label on, or take it off, as the message says; then offboard again.",
    ),
    "no-such-tenant": Refusal("Nothing on the platform bears the tenant's label.", "Check the name."),
    "not-gone": Refusal(
        "Read back after the removal, something bears the tenant's label or a name of its things.",
        "Find out who makes it; then offboard again.",
    ),
    "record": Refusal(
        "The record on the VPC of what is announced cannot be read, or nobody could confirm its withdrawal any more.",
        "What the message says: mend the annotation, or the platform's document.",
    ),
    "pool-exhausted": Refusal(
        "The external subnet has no address left.", "Release external IPs, or enlarge the subnet; then onboard again."
    ),
    "address-taken": Refusal(
        "The fixed address is somebody's.", "Choose another, or have the holder that is named removed."
    ),
    "address-outside": Refusal(
        "The fixed address lies outside the external subnet.", "Choose one inside, or leave it out."
    ),
    "namespace-missing": Refusal("The namespace to write to is not there.", "Create it, as the message says."),
    "kind-missing": Refusal(
        "The cluster does not know a kind.", "Install Kube-OVN 1.17 with its CRDs, or see to its API."
    ),
    "invalid": Refusal(
        "The API server finds a manifest invalid.", "Read its words: versions differ, or a webhook forbids it."
    ),
    "invalid-name": Refusal("No name that Kubernetes can have: nothing was sent.", "Rename what is named."),
    "forbidden": Refusal(
        "The worker's account may not do this, or a rule of the cluster forbids it.",
        "Grant the right, or see to the rule; `berth doctor` asks for each right.",
    ),
    "certificate": Refusal(
        "The API server's certificate is not trusted.", "Name its CA (`BERTH_KUBE_CA_FILE`, kubeconfig)."
    ),
    "connection": Refusal(
        "What the settings or the kubeconfig say of the API server cannot be used.", "Mend what is named."
    ),
    "secret-exposed": Refusal("A file with a secret can be read by others than the worker.", "`chmod 600` it."),
}
"""Refusals at the Kubernetes API."""

ADDRESSES: Mapping[str, Refusal] = {
    "pool-dry": Refusal(
        "The public pool has no address left for the tenant.",
        "Enlarge the pool, or offboard tenants; then onboard again.",
    ),
    "pool-moved": Refusal(
        "The tenant's public addresses stand in another pool, or the pool's namespace changed.",
        "Put the pool's name and namespace back while addresses are reserved.",
    ),
    "several-public-addresses": Refusal(
        "One external IP has more than one public address reserved.",
        "Remove the ConfigMaps of those that nothing at the edge translates.",
    ),
    "vlan-taken": Refusal(
        "The wished VLAN ID is taken, on the platform or on a switch, or the tenant has another.",
        "Wish for another, or leave it out; a tenant changes its ID only by being offboarded.",
    ),
    "no-vlan-free": Refusal("No VLAN ID of the range is free.", "Enlarge `spec.vlan.range`, or offboard tenants."),
    "several-vlans": Refusal(
        "The tenant has more than one Vlan object.", "Remove those that none of its subnets uses."
    ),
    "odd-vlan": Refusal(
        "A Vlan object with the tenant's label has another ID than its name says.", "Take the label off, or remove it."
    ),
}
"""Refusals about VLAN IDs and public addresses."""

DEVICES: Mapping[str, Refusal] = {
    "login-refused": Refusal(
        "The device refuses Berth's login, or its shell is none that Berth knows.",
        "Mend the credentials; `berth doctor`; then onboard again. The device is left alone for a while, since accounts lock.",
    ),
    "enable-refused": Refusal(
        "The device refuses the privileged mode.", "Mend the enable secret, or the account's rights."
    ),
    "host-key-changed": Refusal(
        "The device shows another host key than the known one.",
        "Compare the fingerprints with its console; only then `berth doctor --trust-hosts`.",
    ),
    "host-key-unknown": Refusal(
        "The device's host key is not in known_hosts, or that file cannot be used.",
        "Compare the fingerprints with its console, then `berth doctor --trust-hosts`.",
    ),
    "rejected": Refusal(
        "The device took none of a request's lines, or took them without effect: they are out again. Others went on.",
        "Read the device's words; ask its team.",
    ),
    "missing-trunk": Refusal(
        "A port of the document is no trunk on the switch.", "Correct `trunks`, or have the port made a trunk."
    ),
    "foreign-vlan": Refusal(
        "The VLAN has a name that is not the tenant's.", "Have the network team clean it up, or wish for another ID."
    ),
    "foreign-route": Refusal(
        "A route to a tenant's address does not bear Berth's tag, or is another tenant's.",
        "Find out whose it is, and whether the tag was changed.",
    ),
    "foreign-translation": Refusal(
        "A translation of a tenant's address, or the table, is not as Berth made it.",
        "Find out who made it, and remove it.",
    ),
    "not-approved": Refusal(
        "A line for a switch is not among those an approver approved, or the approval does not stand any more.",
        "Look at the new preview, and approve that.",
    ),
    "not-reserved": Refusal(
        "The VLAN ID, or the address, is not the tenant's at this moment.",
        "Onboard again; remove by hand what is left.",
    ),
    "not-there": Refusal(
        "Configured by hand: the VLAN is not on the switch as approved.",
        "Configure the lines named, and approve again.",
    ),
    "still-there": Refusal("Configured by hand: the VLAN is still on the switch.", "Remove it, then `retry`."),
    "no-such-device": Refusal(
        "A device that holds something of the tenant's left the platform's document.",
        "Put it back and `retry`; `skip` if it is gone for good.",
    ),
    "invalid-request": Refusal(
        "A request to a device's queue that no run of Berth makes.", "Find out who signals the queue."
    ),
    "failed": Refusal(
        "A request breaks the session with the device in a way nobody foresaw.",
        "It is a mistake of Berth's: report it.",
    ),
}
"""Refusals at switches, edge routers and translators."""

CATALOGUE: Mapping[str, Refusal] = {**PLATFORM, **ADDRESSES, **DEVICES}
"""Every code."""
