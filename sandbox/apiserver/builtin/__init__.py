"""The shapes of built-in kinds, from one table of facts (`messages.json`).

table       reads the table: messages, fields, their types
protobuf    request bodies in Kubernetes' protobuf, which kubectl's typed clients send
check       fields no kind has, values of the wrong type
generate    makes the table from Kubernetes' own Go structs; run by hand for a new version
"""
