"""The proxy-injector: a mutating webhook, and the decision it shares with `mesh inject`.

The walk of one admission, which comes in by `kit.admission`::

    webhook.py         bytes of a review in, bytes of an answer out; counts and events
    world.py        *  what the answer needs from the cluster: namespace, owner, server version
    events.py       *  what became of a pod, as an event on its workload
    verdict.py      o  what is said about a pod: changed, left alone or refused
    decide.py       o  is this pod to be injected, and if not, why
    annotations.py  o  `config.linkerd.io/*` on pod and namespace -> the settings of one proxy
    sidecar.py      o  settings -> containers, volumes, labels, annotations
    ending.py       o  will a pod that is to end do so beside its sidecar
    environment.py  o  settings -> the proxy's environment
    patch.py        o  all of it as JSON Patch, the same bytes for the same input

The modules marked `o` import only `weft` and are the library that the command line uses as well;
defaults.py is theirs too: the installed mesh's values as frozen settings. pod.py reads pods, owners.py
says who made them.

unmeshed/ looks after pods that were made while nobody answered at the webhook.
"""
