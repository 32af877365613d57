"""The catalogue over gRPC."""

from __future__ import annotations

from typing import TYPE_CHECKING

from demo.catalogue import EMOJI
from demo.serving import Handlers, serve
from emojivoto.v1 import emoji_pb2 as pb

if TYPE_CHECKING:
    from demo.serving import Context

SERVICE = pb.DESCRIPTOR.services_by_name["EmojiService"]


async def list_all(_: pb.ListAllEmojiRequest, __: Context) -> pb.ListAllEmojiResponse:
    return pb.ListAllEmojiResponse(
        list=[pb.Emoji(shortcode=code, unicode=char) for code, char in EMOJI.items()]
    )


async def find(request: pb.FindByShortcodeRequest, _: Context) -> pb.FindByShortcodeResponse:
    found = EMOJI.get(request.Shortcode)
    if found is None:
        return pb.FindByShortcodeResponse()
    return pb.FindByShortcodeResponse(Emoji=pb.Emoji(shortcode=request.Shortcode, unicode=found))


def handlers() -> Handlers:
    return Handlers(SERVICE, {"ListAll": list_all, "FindByShortcode": find})


async def main() -> None:
    await serve(handlers())
