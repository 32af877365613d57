"""The embedded backend: scrapes every meshed pod itself and remembers ten minutes.

It needs nothing but the proxies, so the dashboard lives where there is no Prometheus and when
Prometheus is down.

scraping    * rounds of requests to the proxies' admin ports, bounded in number, size and time
exposition    Prometheus' text format: bytes in any pieces -> series and values
families      which series are kept, and which of their labels
target        one pod's series: resets, births and disappearances become increases
history       one number over time: what it grew by between two moments
memory        all targets: what `backend.Backend` promises, from what was scraped

Memory is bounded: a series costs 16 bytes for each scrape in which it changed, at most
`HORIZON / interval` times; a pod's exposition may have at most `max_series` series.
"""
