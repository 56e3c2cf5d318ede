"""Moments and durations as people read them."""

from datetime import datetime


def took(started: datetime | None, until: datetime | None) -> str:
    """Seconds with a tenth, or minutes and hours where that says more."""
    if started is None or until is None:
        return ""
    return lasting((until - started).total_seconds())


def lasting(seconds: float) -> str:
    """A duration, of which nothing negative is told: clocks differ."""
    seconds = max(0.0, seconds)
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(int(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} min" if hours < 48 else f"{hours // 24} d {hours % 24:02} h"


def about(seconds: float) -> str:
    """A duration nobody knows exactly."""
    if seconds < 10:
        return f"{max(1, round(seconds))} s"
    if seconds < 60:
        return f"{round(seconds / 5) * 5} s"
    return f"{round(seconds / 60)} min" if seconds < 5400 else f"{round(seconds / 3600)} h"


def moment(at: datetime) -> str:
    """A moment in this terminal's own time zone."""
    return f"{at.astimezone():%Y-%m-%d %H:%M:%S}"


def brief(at: datetime, now: datetime) -> str:
    """The same as short as it can be told apart: of today the time, of this year no year."""
    at, now = at.astimezone(), now.astimezone()
    if at.date() == now.date():
        return f"{at:%H:%M:%S}"
    return f"{at:%b} {at.day:2} {at:%H:%M}" if abs((at - now).days) < 180 else f"{at:%Y-%m-%d}"
