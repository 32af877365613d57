"""protoc, as grpcio-tools brings it, reads a .proto file.

It runs in this process and writes what it finds wrong to the descriptor of stderr, from where it is taken.
"""

import os
import sys
import tempfile
from collections.abc import Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from cli.failure import CommandError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from google.protobuf.descriptor_pb2 import FileDescriptorProto

IMPORT_HINT = "Where imported files are is said by -I DIR (--proto-path)."


def describe(name: str, data: bytes, roots: Sequence[Path]) -> "FileDescriptorProto":
    """One file's descriptor; its imports are looked for below `roots`. Raises CommandError."""
    import grpc_tools
    from google.protobuf.descriptor_pb2 import FileDescriptorSet
    from grpc_tools import protoc

    with tempfile.TemporaryDirectory() as folder:
        # A folder of its own, so that what is imported is never taken for the file, or the other way round.
        source, out = Path(folder, "source", name), Path(folder, "descriptors")
        source.parent.mkdir()
        source.write_bytes(data)
        well_known = Path(grpc_tools.__file__).parent / "_proto"
        places = [f"-I{one}" for one in (source.parent, *roots, well_known)]
        with _captured_stderr() as said:
            code = protoc.main(["protoc", *places, f"--descriptor_set_out={out}", str(source)])
            said.seek(0)
            problem = said.read().decode("utf-8", "replace").strip()
            problem = problem.replace(f"{source.parent}/", "")
        if code:
            hint = IMPORT_HINT if "not found" in problem else ""
            raise CommandError(problem or f"{name}: protoc ended with {code}", hint=hint)
        found = FileDescriptorSet.FromString(out.read_bytes())
    return found.file[0]


@contextmanager
def _captured_stderr() -> "Iterator[IO[Any]]":
    """What is written to descriptor 2 meanwhile."""
    sys.stderr.flush()
    before = os.dup(2)
    with tempfile.TemporaryFile() as file:
        os.dup2(file.fileno(), 2)
        try:
            yield file
        finally:
            os.dup2(before, 2)
            os.close(before)
