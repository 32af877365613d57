"""Machines outside Kubernetes that belong to the mesh: ExternalWorkloads.

read        an ExternalWorkload as a value (pure)
"""
