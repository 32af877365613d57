"""The wire: one folder per API, and the table that holds it fast."""
