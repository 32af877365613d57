"""Tests of balancing, without clock and with chance in hand."""
