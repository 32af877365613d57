"""Which endpoint gets the next request.

- `ewma`     how loaded an endpoint is: recent latency, quick to believe in a rise, times what is pending
- `p2c`      the less loaded of two endpoints drawn at random from those that are ready
- `breaker`  when to stop drawing an endpoint that fails, and when to try it again

All of it runs for every request: plain methods, no clock and no chance of its own, no look-ups.
A picked `Member` is handed back what happened to the request (`finish`), and that is how it learns.
"""
