"""Findings as `mesh diagnostics why -o json` prints them. Keys are not renamed or removed."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from cli.diagnosis.evidence import Evidence, Pod
from cli.diagnosis.judge import Finding
from cli.diagnosis.text import sentence

Json = dict[str, Any]


def document(evidence: Evidence, findings: Sequence[Finding], since: timedelta) -> Json:
    """One object; times are RFC 3339, and null where there is none."""
    return {
        "workload": evidence.said,
        "namespace": evidence.namespace,
        "time": _time(evidence.now),
        "sinceSeconds": round(since.total_seconds()),
        "pods": [_pod(pod) for pod in evidence.pods],
        "findings": [_finding(one) for one in findings],
        "notAsked": evidence.not_asked,
    }


def _pod(pod: Pod) -> Json:
    proxy = pod.proxy
    return {
        "pod": str(pod),
        "meshed": proxy is not None,
        "proxyReady": proxy.ready if proxy is not None and not proxy.problem else None,
        "certificateExpires": _time(proxy.certificate_expires) if proxy is not None else None,
    }


def _finding(finding: Finding) -> Json:
    return {
        "sentence": sentence(finding),
        "side": finding.side,
        "phase": finding.phase,
        "source": finding.source,
        "destination": finding.destination,
        "number": finding.number or None,
        "error": finding.error,
        "count": finding.count,
        "first": _time(finding.first),
        "last": _time(finding.last),
        "pods": list(finding.pods),
        "what": finding.what,
        "meaning": finding.meaning,
        "advice": finding.advice,
    }


def _time(at: datetime | None) -> str | None:
    if at is None:
        return None
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
