"""The Workload API on the wire: names and numbers of the SPIFFE standard (SPIFFE_Workload_API, X.509-SVID profile)."""

from weftapi.spiffe import workload_pb2
from weftapi.spiffe.workload_pb2 import X509SVID, X509SVIDResponse


def test_the_service_has_no_package() -> None:
    service = workload_pb2.DESCRIPTOR.services_by_name["SpiffeWorkloadAPI"]
    (method,) = service.methods
    assert service.full_name == "SpiffeWorkloadAPI"
    assert (method.name, method.client_streaming, method.server_streaming) == (
        "FetchX509SVID",
        False,
        True,
    )
    assert method.input_type.full_name == "X509SVIDRequest"
    assert method.output_type.full_name == "X509SVIDResponse"


def test_fields_as_the_standard_numbers_them() -> None:
    svid = X509SVID(spiffe_id="a", x509_svid=b"b", x509_svid_key=b"c", bundle=b"d", hint="e")
    assert svid.SerializeToString() == b"\x0a\x01a\x12\x01b\x1a\x01c\x22\x01d\x2a\x01e"
    message = X509SVIDResponse(svids=[X509SVID()], crl=[b"f"], federated_bundles={"g": b"h"})
    assert message.SerializeToString(deterministic=True) == (
        b"\x0a\x00\x12\x01f\x1a\x06\x0a\x01g\x12\x01h"
    )
