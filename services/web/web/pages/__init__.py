"""The dashboard: its files, and the data its pages show.

assets        what Vite built, read once, compressed; which file or page a path means
routes        the paths: /, /assets/*, the pages, /api/v1/pages/*
views         the page a path asks for, checked
snapshots     one page's data, made once for all who look at it
stream        server-sent events: the data again and again, until the reader leaves
model/        what each page says: namespaces, namespace, workload, control_plane
rows          rows and edges as the browser gets them
components    the control plane's parts, which of them is down and since when

The browser asks for `/api/v1/pages/...` and gets JSON; asking for an event stream, it gets the same
JSON anew every few seconds. What is here changes nothing in the cluster: there is no other method.
"""
