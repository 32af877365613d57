"""What is held back from who watches requests, unless the installation says otherwise."""

HEADERS = frozenset(
    {"authorization", "cookie", "proxy-authorization", "set-cookie", "x-api-key", "x-auth-token"}
)
"""Headers and trailers whose values are credentials."""
PARAMETERS = frozenset(
    {"access_token", "api_key", "apikey", "code", "id_token", "password", "secret", "sig", "token"}
)
"""Query parameters whose values are."""
