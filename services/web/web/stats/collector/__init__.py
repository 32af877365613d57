"""The embedded backend: scrapes every meshed pod itself and remembers ten minutes.

It needs nothing but the proxies, so the dashboard lives where there is no Prometheus and when
Prometheus is down.

scraping    * rounds of requests to the proxies' admin ports, bounded in number, size and time
exposition    Prometheus' text format: bytes in any pieces -> series and values
families      which series are kept, and which of their labels
target        one pod's series: resets, births and disappearances become increases
history       what a counter grew by at each scrape, small
labelsets     labels that many series have, held once
memory        all targets: what `backend.Backend` promises, from what was scraped

Memory is bounded by the number of series that are followed, in each pod and in all (web.settings). What a
series did takes two bytes for each scrape, from the first in which it moved to the last; a bucket
that nothing falls into takes none. `python -m bench.collector` measures it.
"""
