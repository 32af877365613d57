"""gRPC as the control plane uses it.

status   errors a handler raises, one class per gRPC code
server   a grpc.aio server with metrics and error mapping
client   channels that keep themselves alive and reconnect
"""
