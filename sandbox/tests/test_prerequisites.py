"""What the host must have, said in one sentence."""

from sandbox.prerequisites import PROGRAMS, missing


def test_only_root_may() -> None:
    said = missing(uid=1000, which=lambda program: program)
    assert said is not None
    assert "run it as root" in said


def test_what_is_missing_is_named_with_its_package() -> None:
    said = missing(uid=0, which=lambda program: None if program in ("ip", "nft") else program)
    assert said == "ip, nft not found: install with `apt-get install iproute2 nftables`"


def test_a_host_with_everything() -> None:
    assert missing(uid=0, which=lambda program: program) is None
    assert set(PROGRAMS) == {"runc", "ip", "nft"}
