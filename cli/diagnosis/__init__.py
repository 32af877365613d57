"""Why does it fail? What `mesh diagnostics why` looks at, concludes and says.

evidence.py   what is known: pods, their proxies, faults, Services
gather.py     asks the API server and the proxies for it
places.py     who has an address: pods and Services
judge.py      from evidence to findings: pure
phases.py     at which step of a request an error arises
text.py       findings for people
document.py   findings for programs
"""
