"""How a proxy's readiness probe asks whether its application listens: the injector writes it, the proxy answers,
the command line explains."""

LISTENING = "/ready?listening="
"""Ports follow, separated by commas."""
