"""Runs checks in order and yields a result for each: retries until one deadline for the whole run,
stops after a fatal failure."""

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from cli.certificates import CertificateError
from cli.checks.context import Context
from cli.checks.model import Category, Check, Outcome, Result
from cli.checks.problem import Problem, Skipped
from cli.cluster.errors import ClusterError

INTERVAL = 5.0
FIRST_INTERVAL = 1.0
"""The first retries come sooner: pods that are starting are ready within seconds."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How long to wait, and on which clock."""

    wait: float
    """Seconds from the start of the run in which retried checks may heal."""
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep


def run(
    categories: Iterable[Category],
    context: Context,
    pace: Pace,
    waiting: Callable[[str, str], None] = lambda _description, _error: None,
) -> Iterator[Result]:
    """Results in order. `waiting` is told whenever a check is about to be asked again."""
    deadline = pace.clock() + pace.wait
    for category in categories:
        for check in category.checks:
            result = run_one(category.name, check, context, pace, deadline, waiting)
            if result is None:
                continue
            yield result
            if check.fatal and result.outcome is Outcome.ERROR:
                return


def run_one(
    category: str,
    check: Check,
    context: Context,
    pace: Pace,
    deadline: float,
    waiting: Callable[[str, str], None],
) -> Result | None:
    """One check to its end; None when it does not apply."""
    interval = FIRST_INTERVAL
    while True:
        try:
            check.verify(context)
        except Skipped:
            return None
        except Problem as error:
            problem = error
        except ClusterError as error:
            problem = Problem(error.message, advice=error.hint)
        except CertificateError as error:
            problem = Problem(str(error))
        else:
            return Result(category, check.description, Outcome.SUCCESS)
        left = deadline - pace.clock()
        if not check.retry or problem.hopeless or left <= 0:
            break
        waiting(check.description, problem.message)
        pace.sleep(min(interval, left))
        interval = min(INTERVAL, interval * 1.5)
    outcome = Outcome.WARNING if check.warning else Outcome.ERROR
    advice = problem.advice or check.advice
    return Result(category, check.description, outcome, problem.message, advice, check.link)
