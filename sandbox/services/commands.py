"""Running the host's network programs."""

import asyncio
from collections.abc import Sequence


class NetworkError(Exception):
    """nft, ip or iptables refused; the message is its own."""


async def run(*command: str, data: str = "", accept: Sequence[int] = (0,)) -> tuple[int, str]:
    """Exit code and standard output.

    Raises:
        NetworkError: any exit code not in ``accept``, with what the program said.
        OSError: it could not be run.
    """
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, said = await process.communicate(data.encode())
    code = process.returncode or 0
    if code not in accept:
        raise NetworkError(f"{command[0]}: {said.decode(errors='replace').strip()}")
    return code, out.decode(errors="replace")
