"""The ways to change an object by a patch, all pure: object and patch in, new object out.

json_patch  RFC 6902           merge       RFC 7386
strategic   Kubernetes' own: lists merge by key (`merge_keys` knows which)
apply       server-side apply: field ownership per manager, conflicts
fields      field sets: the `fieldsV1` form of `metadata.managedFields`
"""
