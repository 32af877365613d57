"""Machines outside Kubernetes that belong to the mesh: ExternalWorkloads.

read        an ExternalWorkload as a value (pure)
slices      Services that select machines -> the EndpointSlices there should be, and what to write for it (pure)
writer      writes that, in the one replica that leads
"""
