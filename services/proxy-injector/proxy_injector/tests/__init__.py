"""Tests of the proxy-injector."""
