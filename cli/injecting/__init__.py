"""`mesh inject` and `mesh uninject`: manifests in, manifests and a report out.

documents.py   text -> documents, each knowing its file, number and line; errors name all three
workloads.py   where the pod is inside each kind of object
flags.py       flags of `inject` -> annotations
transform.py   one object in, one changed object and a line of the report out
uninject.py    the way back
report.py      what stderr says
"""
