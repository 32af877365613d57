"""A small in-memory Kubernetes API server: enough for kubectl, clients, controllers and webhooks.

For those in the same process (controllers, node agent, DNS):
    kinds       the kinds as constants (`POD`, `DEPLOYMENT`, ...) and the registry CRDs extend
    objects     objects are plain dictionaries; accessors
    store       the state: get, list, create, update, mutate, merge, delete, watch, observe
    api         every write as a request would make it: defaults, admission, validation, store.
                Pods must be created through it (tokens and webhooks); `await api.create(POD, pod)`
    node_api    what the node agent implements: logs, exec, port-forward
    events      `Recorder`: Kubernetes events about an object
    serve       `Server`: the HTTPS face, run as a task on the same loop
    pki         the cluster's certificates and the kubeconfig of its admin
    tokens      service account tokens: signing, checking

Inside:
    app call request media          ASGI: who asks, for what, in which form; errors as Status
    resources watching subresources get list create update patch delete; watch; scale, token, ...
    streams/                        log, exec, port-forward, the proxies
    reviews authn authz identity    who asks, and may they
    discovery openapi present       what is served, and in which form
    builtin/                        the shapes of built-in kinds; protobuf bodies
    crds schema convert             custom resources; the two faces of Event
    patch/ selectors                the four patch formats; labels and fields
    defaults/ validate/             what the server fills in, and what it refuses
    admission/ resolver             accounts, addresses, webhooks and how they are reached
    tables/                         what `kubectl get` prints
    watch                           changes, the replay window, one watcher's queue
    bootstrap                       what a fresh cluster holds

`python -m sandbox.apiserver --dir DIR` runs it alone.
"""
