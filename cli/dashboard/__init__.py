"""The dashboard on the reader's own host: a small server that asks the web service in their name.

upstream    the web service as this host reaches it: through the API server, or directly
watching    live requests, which go to the tap API in the reader's name, past the web service
own         what is answered here: live requests, and the results of the checks
forwarder   one request handed on, its answer handed back as it comes, streams included
guard       which requests of which pages are handed on: a browser's other tabs are not trusted
listener    the loopback address and port it is served at
"""
