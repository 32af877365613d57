"""The services of a .proto file, as protoc describes it -> routes. Pure."""

from collections import Counter

from google.protobuf.descriptor_pb2 import FileDescriptorProto, MethodOptions

from cli.profiles.document import Route

_REPEATABLE = (MethodOptions.NO_SIDE_EFFECTS, MethodOptions.IDEMPOTENT)


def routes(file: FileDescriptorProto) -> list[Route]:
    """A route for each method, in the file's order, named as it is; with its service where two have one name.

    A method whose `idempotency_level` says that twice does no more than once may be retried.
    """
    package = f"{file.package}." if file.package else ""
    methods = [(service.name, one) for service in file.service for one in service.method]
    names = Counter(one.name for _, one in methods)
    return [
        Route(
            name=one.name if names[one.name] == 1 else f"{service}/{one.name}",
            method="POST",
            path=f"/{package}{service}/{one.name}",
            retryable=one.options.idempotency_level in _REPEATABLE,
        )
        for service, one in methods
    ]
