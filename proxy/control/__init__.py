"""The control plane as this proxy sees it: the only part that knows gRPC streams exist.

- `connect`    all of it put together, for `app`
- `tasks`      tasks of the trio guest, started and ended from either side
- `channel`    one service of the control plane: reconnects, calls; `dial` is how it is reached
- `watch`      keeps one stream alive: limits, back-off, what ends it for good
- `identity`   asks for the certificate and renews it        -> `identity.store`
- `spire`      takes it from a SPIRE agent instead           -> `identity.store`
- `destination` `Destination.Get` and `GetProfile`            -> `discovery.endpoints`, `.profile`
- `policy`     `WatchPort` and `OutboundPolicies.Watch`       -> `authz.store`, `discovery.policy`
- `lookup`     profile and policy of one address together     -> `discovery.cache`
- `translate`, `translate_destination`, `translate_inbound`, `translate_outbound`
               messages to plain values: pure, and strict about what they do not understand

Everything here runs in trio tasks beside the data path. While a service is away its last word
stays in force, and its streams come back by themselves.
"""
