"""`mesh check`: is the mesh healthy, and if not, which part and what to do.

model.py       a check, a category, a problem
context.py     what checks ask: the cluster, the installation, the clock
runner.py      runs checks in order: retries, fatal ones, warnings -> results
registry.py    the categories in printing order, and which of them each kind of run has

One module per category, one function per check: it returns when all is well and raises Problem when not.
"""
