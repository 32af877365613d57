"""Subresources that are streams into pods.

connect        which is which; finds pod and container
log            pods/log                 exec           exec and attach over websockets
port_forward   the v4 websocket form    proxy          HTTP through to pods and services
channels       the channel byte framing of Kubernetes' websocket protocols
"""
