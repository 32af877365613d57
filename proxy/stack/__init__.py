"""Pure decisions on the path of a request, one idea per file; time and chance come as arguments.

- `meta`      which resource a policy, route, backend or authorization came from
- `match`     which requests a route rule means: hosts, paths, headers, queries, methods
- `filters`   what a rule does to a request besides forwarding it
- `classify`  whether a response that ended was a success
- `backoff`   how long to wait before trying again
- `timeout`   when a request, a response or a quiet stream has taken too long
- `retry`     whether a failed request may be sent again
- `retry_after`  for how long an endpoint asks to be left alone
- `budget`    how many retries the whole service can afford
- `failfast`  when to stop queueing for a destination that has nothing ready
- `lately`    what was asked for lately, and is let go when it was not
- `limit`     how many requests may be in flight, and how many a second
- `shared_rate`  how many a second in all processes of a proxy together
"""
