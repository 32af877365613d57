"""Tests of what the first bytes tell."""
