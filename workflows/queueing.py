"""A device's queue as plain state: what waits, what is under way, what was answered. It knows no Temporal."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import TypeVar

from pydantic import BaseModel, ConfigDict

from tenancy.devices import TAKES_AWAY, AnyRequest, DeviceOutcome, DeviceRequest, EdgeRequest
from workflows.face import DeviceAsk, DeviceWaits, DeviceWithdrawal, QueuedRequest

MOST_AT_ONCE = 50
"""Requests in one session with a device. Measured: ten together are seven times as fast as one by one; beyond fifty
little is gained, and everybody waits for the slowest."""
HEAVIEST_BATCH = 500_000
"""Bytes of one batch, about. Temporal refuses 2 MB, and the answer has the lines that were sent."""
HEAVIEST_HAND_ON = 1_000_000
"""Bytes that are handed on to the next run; Temporal refuses 2 MB."""
KEEP_ANSWERS_FOR = timedelta(hours=1)
"""An answer is given again to whoever asks again: at first after ten minutes. What comes later than that was answered
long ago, and an `ensure` or `absent` done twice does no harm."""
MOST_ANSWERS = 500
EACH_TRY_IS_TOLD = 16
"""So many tries are told one by one; later only news, and ever more rarely: a run's history is finite."""


Kept = TypeVar("Kept")


class _Kept(BaseModel):
    model_config = ConfigDict(frozen=True)


class Waiting(_Kept):
    """One request that has no answer yet."""

    ask: DeviceAsk
    since: datetime
    weight: int
    """Bytes of it and its answer, about."""
    tries: int = 0
    told: DeviceWaits | None = None
    """What its requester knows of the tries."""
    withdrawn: bool = False


class Answered(_Kept):
    """One answer that may be asked for again."""

    outcome: DeviceOutcome
    at: datetime


class HandedOn(_Kept):
    """All that the next run of a device's queue has to know."""

    waiting: tuple[Waiting, ...] = ()
    answered: tuple[Answered, ...] = ()
    failures: int = 0
    reason: str = ""
    next_try: datetime | None = None
    at_most: int = MOST_AT_ONCE


class Queue:
    """Requests in the order in which they came. Each is answered once, and told the same when it is asked again."""

    def __init__(self, kept: HandedOn) -> None:
        self._waiting = {one.ask.request.id: one for one in kept.waiting}
        self._answered = {one.outcome.id: one for one in kept.answered}
        self._under_way: frozenset[str] = frozenset()
        self.at_most = kept.at_most
        """Requests in the next batch at the most."""

    def __len__(self) -> int:
        return len(self._waiting)

    def knows(self, request: str) -> bool:
        """Whether the request waits or was answered lately."""
        return request in self._waiting or request in self._answered

    def ask(self, ask: DeviceAsk, now: datetime) -> DeviceOutcome | None:
        """Takes a request. The answer, where there is one already."""
        request = ask.request.id
        if (known := self._answered.get(request)) is not None:
            return known.outcome
        if (waits := self._waiting.get(request)) is not None:
            # A run that was reset has another ID, and asks again.
            self._waiting[request] = waits.model_copy(
                update={"ask": waits.ask.model_copy(update={"workflow": ask.workflow, "run": ask.run})}
            )
            return None
        if (weight := _weight(ask.request)) > HEAVIEST_HAND_ON:
            message = f"the request takes about {weight} bytes with its answer, and {HEAVIEST_HAND_ON} are the most: fewer trunks"
            return DeviceOutcome(id=request, result="refused", reason="invalid-request", message=message)
        self._waiting[request] = Waiting(ask=ask, since=now, weight=weight)
        return None

    def withdraw(self, wish: DeviceWithdrawal, now: datetime) -> DeviceOutcome | None:
        """Takes a request back. The answer; None while it is under way, and what becomes of it is not known yet."""
        if (known := self._answered.get(wish.id)) is not None:
            return known.outcome
        waits = self._waiting.get(wish.id)
        if waits is not None and wish.id in self._under_way:
            ask = waits.ask.model_copy(update={"workflow": wish.workflow, "run": wish.run})
            self._waiting[wish.id] = waits.model_copy(update={"ask": ask, "withdrawn": True})
            return None
        # An unknown one too: should its request arrive after all, it must not be carried out.
        outcome = _withdrawn(wish.id, waits.tries if waits else 0)
        self.answer(outcome, now)
        return outcome

    def draw(self) -> tuple[AnyRequest, ...]:
        """The next batch, which is under way from here on; its order is the one in which the requests came."""
        drawn: list[AnyRequest] = []
        weight = 0
        for one in self._waiting.values():
            weight += one.weight
            if len(drawn) == self.at_most or (drawn and weight > HEAVIEST_BATCH):
                break
            drawn.append(one.ask.request)
        self._under_way = frozenset(request.id for request in drawn)
        return tuple(drawn)

    def answer(self, outcome: DeviceOutcome, now: datetime) -> Waiting | None:
        """Keeps an answer. Who waited for it; None where nobody did."""
        for old in [id for id, one in self._answered.items() if now - one.at > KEEP_ANSWERS_FOR]:
            del self._answered[old]
        while len(self._answered) >= MOST_ANSWERS:
            del self._answered[next(iter(self._answered))]
        self._answered[outcome.id] = Answered(outcome=outcome, at=now)
        self._under_way -= {outcome.id}
        return self._waiting.pop(outcome.id, None)

    def put_back(self, reason: str | None) -> tuple[list[DeviceOutcome], list[tuple[Waiting, DeviceWaits]]]:
        """Ends a batch that failed, or that its worker left (no reason): nothing more is sent for it.

        Returns the outcomes of those withdrawn meanwhile, to be answered, and what is to be told to whom else.
        """
        gone = [id for id in self._under_way if self._waiting[id].withdrawn]
        self._under_way = frozenset()
        news: list[tuple[Waiting, DeviceWaits]] = []
        if reason is not None:
            for id, one in self._waiting.items():
                now = DeviceWaits(id=id, reason=reason, tries=one.tries + 1)
                told = _is_news(one.told, now) and id not in gone
                tried = one.model_copy(update={"tries": now.tries, "told": now if told else one.told})
                self._waiting[id] = tried
                if told:
                    news.append((tried, now))
        return [_withdrawn(id, self._waiting[id].tries) for id in self._waiting if id in gone], news

    def abandon(self, request: str) -> None:
        """Nobody waits for a request any more. What would make something is dropped; what takes away is still done."""
        waits = self._waiting.get(request)
        if waits is not None and request not in self._under_way and waits.ask.request.action not in TAKES_AWAY:
            del self._waiting[request]

    def all_waiting(self) -> tuple[Waiting, ...]:
        """Whatever has no answer yet."""
        return tuple(self._waiting.values())

    def under_way(self) -> frozenset[str]:
        """The IDs of the batch that is being worked on."""
        return self._under_way

    def answers(self) -> int:
        """How many answers are kept."""
        return len(self._answered)

    def rows(self) -> tuple[QueuedRequest, ...]:
        """The queue as people see it."""
        return tuple(
            QueuedRequest(
                id=id,
                tenant=one.ask.request.tenant,
                action=one.ask.request.action,
                vlan=one.ask.request.vlan if isinstance(one.ask.request, DeviceRequest) else None,
                addresses=0 if isinstance(one.ask.request, DeviceRequest) else _addresses(one.ask.request),
                workflow=one.ask.workflow,
                since=one.since,
                tries=one.tries,
                under_way=id in self._under_way,
                withdrawn=one.withdrawn,
            )
            for id, one in self._waiting.items()
        )

    def fits(self) -> bool:
        """Whether all that waits can be handed on at once."""
        return sum(one.weight for one in self._waiting.values()) <= HEAVIEST_HAND_ON

    def handed_on(self) -> HandedOn:
        """What waits, as far as it fits, and as many answers as there is room for; the others ask again."""
        waiting = _fitting(((one, one.weight) for one in self._waiting.values()), HEAVIEST_HAND_ON)
        room = HEAVIEST_HAND_ON - sum(one.weight for one in waiting)
        newest = ((one, len(one.model_dump_json())) for one in reversed(self._answered.values()))
        return HandedOn(waiting=tuple(waiting), answered=tuple(reversed(_fitting(newest, room))), at_most=self.at_most)


def _fitting(weighed: Iterable[tuple[Kept, int]], room: int) -> list[Kept]:
    kept: list[Kept] = []
    for one, weight in weighed:
        room -= weight
        if room < 0:
            break
        kept.append(one)
    return kept


def _weight(request: AnyRequest) -> int:
    # At most four lines a port are sent to make or take away a VLAN, and two for a route or a translation; they come back
    # with the answer.
    parts = len(request.trunks) if isinstance(request, DeviceRequest) else _addresses(request)
    return len(request.model_dump_json()) + 300 * parts + 500


def _addresses(request: EdgeRequest) -> int:
    return len(request.routes) + len(request.translations)


def _withdrawn(request: str, tries: int) -> DeviceOutcome:
    tried = f"after {tries} tries without an answer" if tries else "before it was handed to the device"
    return DeviceOutcome(id=request, result="withdrawn", message=f"withdrawn {tried}")


def _is_news(told: DeviceWaits | None, now: DeviceWaits) -> bool:
    if told is None or now.tries <= EACH_TRY_IS_TOLD:
        return True
    return now.tries >= 2 * told.tries or (now.reason != told.reason and now.tries >= 1.25 * told.tries)
