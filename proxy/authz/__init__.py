"""May this peer do this here? Values and a pure decision; nothing here does I/O.

- `policy`    what a port allows: `ServerPolicy`, its authorizations and routes; the default policies
- `decide`    `authorize` a client against a policy or a route: an authorization, or `Denied`
- `store`     `InboundPolicies`: the policy of each port, a cell the control plane changes
"""
