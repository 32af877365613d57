"""Finds what a streaming subresource is about, and passes it to its module."""

from collections import OrderedDict

from starlette.datastructures import URL
from starlette.responses import Response
from starlette.websockets import WebSocket

from sandbox.apiserver.call import Call
from sandbox.apiserver.errors import ApiError, BadRequestError, NotFoundError, UnavailableError
from sandbox.apiserver.kinds import POD
from sandbox.apiserver.node_api import NodeApi
from sandbox.apiserver.objects import Obj
from sandbox.apiserver.request import ResourcePath
from sandbox.apiserver.store import Store
from sandbox.apiserver.streams import containers, exec_, log, port_forward
from sandbox.apiserver.streams.proxy import Proxy

REMEMBERED = 64
"""How many refused websockets are remembered."""


def _asked(url: URL) -> str:
    return f"{url.path}?{url.query}"


class Streams:
    SUBRESOURCES = frozenset({"log", "exec", "attach", "portforward", "proxy"})

    def __init__(self, store: Store, node: NodeApi | None) -> None:
        self._store = store
        self.node = node
        """May be set later: the node agent starts after the server."""
        self._proxy = Proxy(store)
        self._refused: OrderedDict[str, ApiError] = OrderedDict()

    async def aclose(self) -> None:
        await self._proxy.aclose()

    async def handle(self, call: Call) -> Response:
        """Over plain HTTP: logs and the proxy. The others speak websockets only."""
        if call.path.subresource == "proxy":
            return await self._proxy.handle(call)
        pod = self._pod(call.path)
        if call.path.subresource == "log":
            container = containers.chosen(pod, call.query.get("container", ""), "log")
            return await log.respond(self._agent(), pod, container, call.query)
        # kubectl asks again this way when a websocket was refused: it shall hear why.
        refusal = self._refused.pop(_asked(call.request.url), None)
        if refusal is not None:
            raise refusal
        raise BadRequestError(
            f"{call.path.subresource} is served over websockets only; SPDY is not supported"
        )

    async def converse(self, socket: WebSocket, path: ResourcePath) -> None:
        """ApiErrors are raised before the socket is accepted."""
        try:
            await self._converse(socket, path)
        except ApiError as error:
            self._refused[_asked(socket.url)] = error
            if len(self._refused) > REMEMBERED:
                self._refused.popitem(last=False)
            raise

    async def _converse(self, socket: WebSocket, path: ResourcePath) -> None:
        if path.plural != POD.plural or path.subresource not in self.SUBRESOURCES - {
            "log",
            "proxy",
        }:
            raise BadRequestError(
                f"{path.subresource or path.plural} is not served over websockets"
            )
        pod, agent = self._pod(path), self._agent()
        if path.subresource == "portforward":
            await port_forward.converse(socket, agent, pod)
            return
        query = socket.query_params
        container = containers.chosen(pod, query.get("container", ""), path.subresource)
        await exec_.converse(socket, agent, pod, container, attach=path.subresource == "attach")

    def _pod(self, path: ResourcePath) -> Obj:
        if path.plural != POD.plural:
            raise NotFoundError.path()
        return self._store.get(POD, path.namespace, path.name)

    def _agent(self) -> NodeApi:
        if self.node is None:
            raise UnavailableError("no node agent is running")
        return self.node
