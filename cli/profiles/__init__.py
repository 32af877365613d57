"""`mesh profile`: a ServiceProfile out of what describes a service, or of requests seen on their way to it.

template.py   a profile to fill in, with comments
document.py   routes -> the object, and paths -> regular expressions
reading.py    what a file says -> routes
openapi.py    OpenAPI documents -> routes
base_paths.py where OpenAPI documents say their paths begin
fields.py     readers of the fields of such documents
protobuf.py   the services of a .proto file -> routes
protoc.py     protoc, which reads such a file
watching.py   what is seen for a while -> routes
seen.py       requests as tap shows them -> routes
"""
