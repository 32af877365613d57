"""The controllers: what makes the cluster's state follow its specifications.

    wiring      every controller in one list: what concerns it, what it reads, whom it asks
    loop        the loop they share: change -> key -> reconcile -> actions
    actions     what a decision may ask for
    objects     reading objects

Each decision is a pure function, objects in, actions out:

    deployment rollout deployment_status      replicaset adopt      daemonset      statefulset
    job      cronjob cron      endpoints (slices and the legacy object)      schedule      podgc      disruption
    namespaces (what each holds, how it ends)      garbage (owner references)
"""
