"""The Kubernetes API at one edge: nothing else of ours imports a Kubernetes client.

objects   resources, their URLs, and readers of plain-dict objects
selectors label selectors as text, and what they select: pure
errors    what can go wrong, with the original as cause
config    where the API server is and who we are there
client    requests: get, list, create, patch, delete, watch
watch     list, then changes, forever; a mark says when the list is complete
events    Kubernetes events about what we did, never in the caller's way
"""
