"""What a Kubernetes API does, as conversations: one list for the sandbox and for the real server.

A test asks; everything asked and answered becomes a transcript, in which what differs from run to run
(uids, times, versions, addresses) has stable names. It must be, word for word, the one in `recorded/`,
which a real Kubernetes of the version in `recorded/VERSION` gave. A refusal is compared by code, reason and the
fields that are wrong, not by its words. So the sandbox cannot disagree
unnoticed, and the recordings cannot be wrong: `make test-kubernetes` holds them against the real server.

    WEFT_TEST_CLUSTER=kubernetes WEFT_RECORD=1 pytest tests/kubernetes_api      record anew

api         requests to the cluster's API server, as its administrator
transcript  what was asked and answered, with stable names
samples     objects that tests begin with
lives       what happens by itself after a write: phases, conditions, slices, in the order seen
differences  where the sandbox means to answer otherwise; users read of it in docs/explain/sandbox.md
recordings  the recorded conversations
hooks       a webhook on this host
conftest    the fixtures: a namespace, an API that is recorded
"""
