"""The `mesh` command.

Where a command line goes::

    main.py          the program: global flags, then one command, then an exit code
    command_table.py every command: its module and its line in `mesh --help`, without importing it
    group.py         click groups that import a command only when it is run, and give it the global flags
    options.py       the global flags as one frozen value; flags shared by several commands
    resources.py     `deploy/web`, `po a b`, `all`: what people type to name resources
    proxies.py       the HTTP proxy that leads to an address
    failure.py       errors people see: one line, one hint, one exit code
    commands/        one module per command: flags, then calls into the folders below
    cluster/         the only folder that talks to the Kubernetes API (REST and port-forward)
    manifests/       what `mesh install` prints: typed values, credentials, one module per component
    injecting/       `mesh inject` and `uninject`: documents in, documents and a report out
    checks/          `mesh check`: one module per category, one function per check
    render/          YAML, JSON, colours, progress

Importing `cli.main` costs only click: `mesh version --client` must answer at once.
"""
