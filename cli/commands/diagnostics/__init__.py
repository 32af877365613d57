"""`mesh diagnostics`: one module per command.

group.py      the group and its names
endpoints.py  profile.py  policy.py    what the destination service tells proxies
messages.py   its messages as JSON people can read
metrics.py    what proxies and the control plane count
why.py        what fails at a workload (`cli/diagnosis`)
"""
