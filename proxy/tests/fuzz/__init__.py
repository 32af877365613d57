"""What must hold for any bytes: `targets` says it, `__main__` looks for bytes for which it does not hold."""
