"""Pods that ask for a proxy and run without one, because the webhook was away when they were made.

The walk of one look::

    find.py        o  is this pod one of them, and if a new one would have no proxy either, why
    picture.py     o  all pods and namespaces as the watches told them
    plan.py        o  whom to report and whom to restart now, from the picture, the choice and the time
    controller.py  *  in the one replica that leads: watches, events, evictions

What is found is found by the webhook's own verdict. find.py is what `mesh check` asks as well.
"""
