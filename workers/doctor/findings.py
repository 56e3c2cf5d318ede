"""What a look at one thing ends with, and the areas these are told in."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from pydantic import BaseModel, ConfigDict


class Area(StrEnum):
    """Where something belongs, in the order in which people mend things."""

    CONFIGURATION = "configuration"
    TEMPORAL = "temporal"
    KUBERNETES = "kubernetes"
    PLATFORM = "platform"
    DEVICES = "devices"


State = Literal["passed", "warned", "failed", "skipped"]


class Finding(BaseModel):
    """What was found of one thing."""

    model_config = ConfigDict(frozen=True)

    area: Area
    subject: str
    state: State
    """skipped: it could not be looked at because of another finding, which its message names."""
    message: str
    """One line: what is so, or what is wrong and what to do."""
    answered: bool = True
    """Whether that which the finding is about answered at all: Temporal, the Kubernetes API, a worker."""


def findings(area: Area, subject: str, *, gaps: Iterable[str], doubts: Iterable[str] = (), well: str) -> list[Finding]:
    """A finding for each gap and each doubt; where there are none, one that says what is `well`."""
    found = [Finding(area=area, subject=subject, state="failed", message=gap) for gap in gaps]
    found += [Finding(area=area, subject=subject, state="warned", message=doubt) for doubt in doubts]
    return found or [Finding(area=area, subject=subject, state="passed", message=well)]


@dataclass(frozen=True)
class Look:
    """One thing that is looked at, and what of it; `<...>` in a subject stands for a name."""

    subject: str
    what: str
    when: str = ""
    """Where it is not looked at always."""

    def names(self, subject: str) -> bool:
        """Whether a finding's subject is one of these."""
        return re.fullmatch(re.sub("<[^>]+>", ".+", re.escape(self.subject)), subject) is not None


FEW = 8
"""Free addresses below which a warning is given: a tenant with three external IPs takes four."""
SILENT_MINUTES = 2
"""After which a worker does not serve any more. One asks again each minute at the latest; Temporal remembers it for five."""
_VLAN, _EDGE, _OUTSIDE = "in mode vlan", "with `spec.announce`", "with `spec.providerNetwork`"
LOOKS: Mapping[Area, tuple[Look, ...]] = {
    Area.CONFIGURATION: (
        Look("settings", "they can be used; which are given"),
        Look("platform document", "it can be read; every mistake in it with its line"),
        Look("known hosts", "the file with the devices' host keys can be read", "with devices"),
        Look(
            "allowed signers (<part>)", "the file can be read, and has a key of each approver", "with `allowedSigners`"
        ),
        Look("notifications (<part>)", "the secret that tells the place can be read", "with `notify`"),
    ),
    Area.TEMPORAL: (
        Look("server", "it answers; its version"),
        Look("namespace <name>", "it is there, with Berth's search attributes"),
        Look(
            "task queue <name>",
            "a worker has asked for tasks within two minutes: for runs, for steps, for those on devices",
        ),
        Look("deployment <name>", "it has a current version, which is this one", "with `BERTH_DEPLOYMENT`"),
    ),
    Area.KUBERNETES: (
        Look("API server", "it answers; its version"),
        Look("kinds of <group>", "each kind that Berth works with is served, with the verbs it uses"),
        Look(
            "rights",
            "each right that a worker needs, by a SelfSubjectAccessReview: those of the account the doctor runs as",
        ),
    ),
    Area.PLATFORM: (
        Look("Kube-OVN", "its controller is ready, and of the release Berth relies on"),
        Look("ProviderNetwork <name> (VLANs)", "it is there and ready", _VLAN),
        Look("ProviderNetwork <name>", "it is there and ready", _OUTSIDE),
        Look(
            "Subnet <name>",
            f"it is there, ready, as the document says, and has addresses free (a warning below {FEW})",
            _OUTSIDE,
        ),
        Look("exceptions of the block", "none of them leads to an address a tenant has or could get", _OUTSIDE),
        Look("gateway ConfigMap", "`ovn-external-gw-config` in `kube-system` keeps the gateways", _OUTSIDE),
        Look("gateway nodes", "at least one is labelled, and each has a chassis", _OUTSIDE),
        Look(
            "public pool <name>",
            f"its namespace is there, and addresses are left (a warning below {FEW})",
            "with one-to-one NAT",
        ),
        Look("range of <name>", "the join network, the pods' and the services' are reserved in the document"),
        Look("MTU of the tunnels", "they carry `subnetMtu`, as far as anything in the API tells", "in mode overlay"),
        Look("MTU of ProviderNetwork <name>", "its interface carries `subnetMtu` on every node", _VLAN),
    ),
    Area.DEVICES: (
        Look("switch <name>", "host key, login, enable, that it is what the document says, and each trunk port", _VLAN),
        Look(
            "router <name>", "host key, login, enable, that it is what the document says, and its static routes", _EDGE
        ),
        Look(
            "translator <name>",
            "host key, login as root, its programs, and that what is translated outlasts a restart",
            "with one-to-one NAT",
        ),
    ),
}
"""What there are findings of, in their order: the page on the doctor says it in these words."""


def doctor_reference() -> str:
    """The table of everything the doctor looks at, in Markdown."""
    lines = ["| area | subject | what is looked at | where |", "|---|---|---|---|"]
    for area, looks in LOOKS.items():
        for look in looks:
            subject = look.subject.replace("<", "*").replace(">", "*")
            lines.append(f"| `{area}` | {subject} | {look.what} | {look.when} |")
    return "\n".join(lines) + "\n"
