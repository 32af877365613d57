"""Cron schedules as CronJob writes them: five fields, names, ranges, steps, and `@daily` words."""

from dataclasses import dataclass
from datetime import datetime, timedelta

_WORDS = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_DAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]
_FIELDS: tuple[tuple[str, int, int, tuple[str, ...]], ...] = (
    ("minute", 0, 59, ()),
    ("hour", 0, 23, ()),
    ("day of month", 1, 31, ()),
    ("month", 1, 12, ("", *_MONTHS)),
    ("day of week", 0, 7, tuple(_DAYS)),
)
_HORIZON = timedelta(days=5 * 366)


@dataclass(frozen=True, slots=True)
class Schedule:
    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    """0 is Sunday."""
    any_day: bool
    any_weekday: bool

    def runs_on(self, day: datetime) -> bool:
        """Where both day fields are given, either is enough: cron's old rule."""
        if day.month not in self.months:
            return False
        by_date, by_weekday = day.day in self.days, day.isoweekday() % 7 in self.weekdays
        if self.any_day or self.any_weekday:
            return by_date and by_weekday
        return by_date or by_weekday

    def after(self, moment: datetime) -> datetime | None:
        """The first time strictly later than ``moment``; None if there is none for five years."""
        at = moment.replace(second=0, microsecond=0) + timedelta(minutes=1)
        end = moment + _HORIZON
        while at <= end:
            if not self.runs_on(at):
                at = at.replace(hour=0, minute=0) + timedelta(days=1)
            elif at.hour not in self.hours:
                at = at.replace(minute=0) + timedelta(hours=1)
            elif at.minute not in self.minutes:
                at += timedelta(minutes=1)
            else:
                return at
        return None


def parse(text: str) -> Schedule:
    """Read a schedule.

    Raises:
        ValueError: naming the field and what it may hold.
    """
    fields = _WORDS.get(text.strip().lower(), text).split()
    if len(fields) != len(_FIELDS):
        raise ValueError(f"schedule {text!r}: five fields expected, {len(fields)} found")
    sets = [
        _field(part, *bounds, schedule=text) for part, bounds in zip(fields, _FIELDS, strict=True)
    ]
    return Schedule(
        minutes=sets[0],
        hours=sets[1],
        days=sets[2],
        months=sets[3],
        weekdays=frozenset(day % 7 for day in sets[4]),
        any_day=fields[2][0] in "*?",
        any_weekday=fields[4][0] in "*?",
    )


def _field(
    text: str, field: str, low: int, high: int, names: tuple[str, ...], *, schedule: str
) -> frozenset[int]:
    def wrong(part: str) -> ValueError:
        allowed = f"{low}-{high}, lists, ranges and steps of them"
        return ValueError(f"schedule {schedule!r}: {field} {part!r}: allowed are {allowed}")

    def number(part: str) -> int:
        if part.lower() in names and part:
            return names.index(part.lower())
        if not (part.isascii() and part.isdigit() and low <= int(part) <= high):
            raise wrong(text)
        return int(part)

    found: set[int] = set()
    for part in text.split(","):
        span, slash, step = part.partition("/")
        if slash and not (step.isascii() and step.isdigit() and int(step) > 0):
            raise wrong(text)
        first, dash, last = span.partition("-")
        if span in ("*", "?"):
            start, stop = low, high
        elif dash:
            start, stop = number(first), number(last)
        else:
            start = number(span)
            stop = high if slash else start
        if start > stop:
            raise wrong(text)
        found.update(range(start, stop + 1, int(step) if slash else 1))
    return frozenset(found)
