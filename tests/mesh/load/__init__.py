"""Requests at a steady rate, each failure counted, from a meshed pod.

program  what runs in the pod: the Python standard library, httpx, grpcio and the demo's messages
pod      starting it with its code from a ConfigMap, reading what it counted
"""
