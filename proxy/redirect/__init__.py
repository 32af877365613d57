"""The init container: sends a pod's TCP connections to the proxy, by rules in its own namespace.

- `rules`      what to install, as text for `iptables-restore`: pure
- `flags`      the command line, with the flags of Linkerd's proxy-init
- `apply`      reads what is there, installs what is missing
- `__main__`   `python -m proxy.redirect`

Runs once and ends; imports nothing slow, for every pod waits for it.
"""
