"""Where the sandbox answers otherwise, and means to: said to users in docs/explain/sandbox.md."""

_ONLY_APPLY = (
    "Only server-side apply owns fields: ordinary writes leave no entry in `managedFields`."
)
_NO_500 = "Where a mistake of the client makes the real server answer 500, it answers 400."
_REPLACE = "A JSON patch that replaces what is not there does not fit."
_NO_LAST_PHASE = (
    "A pod that is deleted keeps its phase to the end, and its endpoint is shown once more as"
    " `terminating` without `serving`."
)
_SOON_RUNNING = "A pod whose container cannot be started is `Running` before it is `Failed`."
_JOBS = (
    "A Job does not list `completedIndexes`, nor counts as failed a pod that its deadline ended."
)
_EMPTY_SLICE = "An EndpointSlice of nobody has empty lists, not null."

DOCUMENTED = {
    "patches/json_patches_that_do_not_fit[replace /data/none]": _REPLACE,
    "patches/strategic_patches_of[a container without a name]": _NO_500,
    "patches/who_updates_owns_what_changes": _ONLY_APPLY,
    "pods/a_pod_that[cannot be started]": _SOON_RUNNING,
    "pods/a_pod_that_ends_when_told": _NO_LAST_PHASE,
    "watches/what_cannot_be_watched[{'resourceVersion': 'x'}]": _NO_500,
    "workloads/a_job[of two at once]": _JOBS,
    "workloads/a_job[that takes too long]": _JOBS,
    "workloads/a_service_without_a_selector_has_no_slice": _EMPTY_SLICE,
    "workloads/endpoints_of_a_rollout": _NO_LAST_PHASE,
}
"""`module/test` -> the sentence in the page. One that agrees by now is an error: it can go."""
