"""What each page says, as plain values that become JSON."""
