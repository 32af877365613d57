"""HTTP and its companions as bytes in, events out: no sockets, no clock, no logging.

- `http1`             HTTP/1.1 messages
- `http2`             HTTP/2 frames, streams and flow control
- `upgrade`           HTTP/1 carried inside HTTP/2 between two proxies (`l5d-orig-proto`), and back
- `grpc_frames`       gRPC's length-prefixed messages
- `grpc_status`       how a call ended: trailers, HTTP status, reset, or a lost connection
- `grpc_client`       calls over one HTTP/2 connection
- `transport_header`  what one proxy tells another ahead of bytes it does not read
"""
