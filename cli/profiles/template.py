"""A ServiceProfile to fill in."""

from cli.profiles.document import KIND, VERSION, Service

_TEXT = """\
# What the mesh knows of {service}: which requests belong together, and how they are treated.
# Change it, then apply it: kubectl apply -f FILE
apiVersion: {version}
kind: {kind}
metadata:
  name: {name}
  namespace: {namespace}
spec:
  # Each request belongs to the first route whose condition it meets. `mesh routes` shows each
  # route's requests; those that meet no condition are its row [DEFAULT].
  routes:
  - name: GET /books/{{id}}
    condition:
      # All that is said here must hold: a method, a regular expression for the whole path.
      method: GET
      pathRegex: /books/[^/]*
      # Conditions are put together by all, any and not:
      # any:
      # - pathRegex: /books/[^/]*
      # - all:
      #   - pathRegex: /magazines/.*
      #   - not: {{method: DELETE}}
    # Which responses are failures: the first class that fits says it. Without classes they are
    # those with a status from 500 on.
    responseClasses:
    - condition:
        status: {{min: 500, max: 599}}
      isFailure: true
    # Whether a failed request may be sent again: only where twice does no more than once.
    isRetryable: false
    # How long a request may take, tries included. Without it, as long as it likes.
    timeout: 10s
  # How many requests may be sent again: a share of all, and a few in any case.
  retryBudget:
    retryRatio: 0.2
    minRetriesPerSecond: 10
    ttl: 10s
"""


def template(service: Service) -> str:
    """YAML with comments."""
    return _TEXT.format(
        service=f"{service.namespace}/{service.name}",
        version=VERSION,
        kind=KIND,
        name=service.profile_name,
        namespace=service.namespace,
    )
