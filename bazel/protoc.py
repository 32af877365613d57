"""protoc, as grpcio-tools ships it, with the well-known messages that come beside it."""

import sys
from pathlib import Path

import grpc_tools
from grpc_tools import protoc

_WELL_KNOWN = Path(grpc_tools.__file__).parent / "_proto"

sys.exit(protoc.main([*sys.argv, f"-I{_WELL_KNOWN}"]))
