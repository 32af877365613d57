"""Tests of the `mesh` command."""
