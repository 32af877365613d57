"""A page of metrics as proxies write them, and what it says."""


def escape(text: str) -> str:
    """A label's value as the text format writes it."""
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


_SERIES = 'response_total{direction="inbound",odd="a b} c\\"d",status_code="200"}'

PAGE = f"""# HELP response_total Total count of HTTP responses.
# TYPE response_total counter
{_SERIES} 12
tcp_close_total{{direction="inbound"}} 4

response_total_of_another 3
process_start_time_seconds 1.7e9
# EOF
""".encode()

PAGE_SAMPLES = [
    (_SERIES, 12.0),
    ("response_total_of_another", 3.0),
    ("process_start_time_seconds", 1.7e9),
]
"""With the names as bare prefixes, as the reader takes them."""
