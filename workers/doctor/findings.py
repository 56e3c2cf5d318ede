"""What a look at one thing ends with, and the areas these are told in."""

from collections.abc import Iterable
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


AREAS: dict[Area, str] = {
    Area.CONFIGURATION: "the settings, the platform's document with all its mistakes, and the files that are named there",
    Area.TEMPORAL: "Temporal: reachable, its namespace and search attributes, a worker for each task queue",
    Area.KUBERNETES: "the Kubernetes API: reachable, the kinds it serves, and each right this account has to have",
    Area.PLATFORM: "what has to be there in Kubernetes before any tenant, by the platform's document",
    Area.DEVICES: "each switch, router and translator: host key, login, enable, what it runs, and what Berth needs of it",
}
"""What is looked at in each, in a few words."""

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
