"""The web service: the stats API that `mesh stat` asks, and the dashboard.

app         the service put together, in the order in which it comes up
settings    WEFT_* variables
server      the HTTP face: paths, bodies, errors
security    headers on every answer, and which Host names are answered
listener    the HTTP server as a job of this process
metrics     requests answered, targets and scrapes
stats/      from a question to its rows: query, selection, backend, aggregate
pages/      the dashboard: its files, and what each page says, once or as a stream
ui/         the sources of its pages, TypeScript; built into ui/dist by build_ui.py
"""
