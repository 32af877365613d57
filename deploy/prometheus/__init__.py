"""For clusters that have Prometheus and Grafana: files to take over, each query tested.

scrape.yml      scrape jobs for a Prometheus that is configured by a file
podmonitor.yml  the same for the Prometheus operator
access.yml      what Prometheus must be allowed for that
rules/          recording and alert rules
grafana/        dashboards: namespace, workload, route, control plane
dashboards      writes the dashboards' JSON: `python -m deploy.prometheus`

docs/how-to/prometheus.md says how they are put to use.
"""
