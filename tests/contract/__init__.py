"""What one part says, read by another: no network, only messages."""
