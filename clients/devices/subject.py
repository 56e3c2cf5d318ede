"""What a session is about, VLANs or routes: all that the way of carrying requests out has to know of them."""

from collections.abc import Sequence
from typing import Protocol, TypeVar

from clients.devices.steps import Step
from tenancy.devices import AnyRequest, DeviceOutcome

StateT = TypeVar("StateT")
RequestT = TypeVar("RequestT", bound=AnyRequest)
RequestT_contra = TypeVar("RequestT_contra", bound=AnyRequest, contravariant=True)


class Subject(Protocol[StateT, RequestT_contra]):
    """The state of one device, as far as one batch of requests is concerned, and what each of them needs."""

    def read(self) -> StateT:
        """What is configured now. Raises UnavailableError for an answer that is not understood."""
        ...

    def changes(self, request: RequestT_contra) -> bool:
        """Whether it is about more than looking."""
        ...

    def meet(self, one: RequestT_contra, other: RequestT_contra) -> bool:
        """Whether two are about the same thing, so that the second has to see what the first left."""
        ...

    def needs(self, state: StateT, request: RequestT_contra) -> tuple[Step, ...]:
        """What is missing until it is as asked. Raises RefusedError."""
        ...

    def allowed(self, request: RequestT_contra, steps: Sequence[Step]) -> None:
        """Raises RefusedError for a line that must not be sent for this request."""
        ...

    def after(self, state: StateT, request: RequestT_contra) -> StateT:
        """The state once the request took effect."""
        ...

    def differences(self, before: StateT, now: StateT, request: RequestT_contra) -> list[str]:
        """What the request is about and is not as it was, for people."""
        ...

    def named(self, request: RequestT_contra) -> str:
        """What the request is about, for a message."""
        ...

    def foreign(self, diff: str, requests: Sequence[RequestT_contra]) -> str | None:
        """What in a candidate's diff none of these requests asked for; None where there is nothing."""
        ...

    def staged(self, diff: str) -> StateT | None:
        """The state once a candidate with this diff is committed; None where a commit can be taken back instead."""
        ...

    def answer(self, state: StateT, request: RequestT_contra, sent: tuple[str, ...]) -> DeviceOutcome:
        """What is told once all is done, with the lines that were sent for it. Raises RefusedError."""
        ...
