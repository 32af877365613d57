"""At which step of a request an error of the catalogue arises."""

from weft import errors

_BY_NUMBER = {
    errors.IDENTITY_MISMATCH.number: "TLS handshake",
    errors.TLS_FAILED.number: "TLS handshake",
    errors.CONNECTION_LOST.number: "response",
    errors.FAILFAST.number: "waiting for an endpoint",
    errors.LOAD_SHED.number: "queueing",
    errors.DRAINING.number: "shutdown",
    errors.HEADER_TIMEOUT.number: "request",
}
_BY_GROUP = {
    1: "discovery and routing",
    2: "connecting",
    3: "waiting for a response",
    4: "authorization",
    5: "protocol",
    6: "certificate",
    9: "inside the proxy",
}


def phase_of(number: int) -> str:
    """In a few words; for a number this command does not know, those of its group."""
    return _BY_NUMBER.get(number) or _BY_GROUP.get(number // 1000, "unknown")
