"""The REST face as an ASGI application: who asks, for what, may they; then a handler.

Everything refused is answered as a `Status`. The peer's certificate comes in through the ASGI scope
(`state["peer_certificate"]`, DER), where `serve` puts it.
"""

import logging

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket

from sandbox.apiserver import authn, discovery, openapi
from sandbox.apiserver.aggregate import Aggregator
from sandbox.apiserver.api import Api
from sandbox.apiserver.authn import Authenticator
from sandbox.apiserver.authz import Access, Rbac
from sandbox.apiserver.call import Call, json_response
from sandbox.apiserver.errors import (
    ApiError,
    ForbiddenError,
    InternalError,
    MethodNotAllowedError,
    NotFoundError,
)
from sandbox.apiserver.identity import User
from sandbox.apiserver.kinds import Kind
from sandbox.apiserver.media import Form, wanted_form
from sandbox.apiserver.node_api import NodeApi
from sandbox.apiserver.request import ResourcePath, parse_path, verb_of
from sandbox.apiserver.resources import Resources
from sandbox.apiserver.reviews import Reviews
from sandbox.apiserver.streams.connect import Streams
from sandbox.apiserver.subresources import Subresources
from sandbox.apiserver.tokens import ISSUER, Tokens
from sandbox.apiserver.watching import Watching

log = logging.getLogger(__name__)

HEALTH = ("/livez", "/readyz", "/healthz")


class App:
    def __init__(
        self,
        api: Api,
        tokens: Tokens,
        node: NodeApi | None = None,
        aggregator: Aggregator | None = None,
    ) -> None:
        """Without `node` there are no logs, exec and port-forward: 503. Without `aggregator`
        APIServices are objects and nothing more."""
        self.api = api
        self._aggregator = aggregator
        self._registry = api.store.registry
        self._rbac = Rbac(api.store)
        self._authenticator = Authenticator(tokens)
        self._tokens = tokens
        self._resources = Resources(api)
        self._watching = Watching(api, self._resources)
        self._subresources = Subresources(api, self._resources, tokens)
        self._reviews = Reviews(tokens, self._rbac)
        self.streams = Streams(api.store, node)

    async def aclose(self) -> None:
        """Ends watches and connections, so that the server can stop."""
        self._watching.close()
        await self.streams.aclose()
        if self._aggregator is not None:
            await self._aggregator.aclose()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            response = await self._respond(Request(scope, receive))
            await response(scope, receive, send)
        elif scope["type"] == "websocket":
            await self._converse(WebSocket(scope, receive, send))

    async def _respond(self, request: Request) -> Response:
        try:
            return await self._dispatch(request)
        except ApiError as error:
            return json_response(error.status(), error.http_code)
        except Exception as error:
            log.exception("%s %s failed", request.method, request.url.path)
            failure = InternalError(f"{type(error).__name__}: {error}")
            return json_response(failure.status(), 500)

    async def _dispatch(self, request: Request) -> Response:
        user = self._user(request)
        service = self._aggregator.find(request.url.path) if self._aggregator is not None else None
        if self._aggregator is not None and service is not None:
            self._authorize_aggregated(request, user)
            return await self._aggregator.handle(request, service, user)
        path = parse_path(request.url.path)
        if path is None:
            return self._unresourced(request, user)
        if path.version not in self._registry.groups().get(path.group, ()):
            return PlainTextResponse("404 page not found\n", 404)
        kind = self._kind(path)
        verb = verb_of(request.method, path, request.query_params)
        call = Call(request, path, kind, verb, user)
        self._authorize(call.user, path, verb)
        return await self._handle(call)

    async def _handle(self, call: Call) -> Response:
        if call.path.subresource in Streams.SUBRESOURCES:
            return await self.streams.handle(call)
        if call.path.subresource:
            return await self._subresources.handle(call)
        if not call.kind.storable:
            if call.verb != "create":
                raise MethodNotAllowedError
            review = await call.object_body()
            answer = self._reviews.answer(call.kind, review, call.user, call.path.namespace)
            return call.answer(answer, 201)
        if call.verb == "watch":
            return await self._watching.handle(call)
        return await self._resources.handle(call)

    def _kind(self, path: ResourcePath) -> Kind:
        kind = self._registry.by_plural(path.group, path.version, path.plural)
        if kind is None or (path.namespace and not kind.namespaced):
            raise NotFoundError.path()
        if path.subresource and path.subresource not in kind.subresources:
            raise NotFoundError.path()
        return kind

    async def _converse(self, socket: WebSocket) -> None:
        """exec, attach and port-forward."""
        try:
            user = self._user(socket)
            path = parse_path(socket.url.path)
            if path is None:
                raise NotFoundError.path()
            self._kind(path)
            self._authorize(user, path, "create")
            await self.streams.converse(socket, path)
        except ApiError as error:
            await socket.send_denial_response(json_response(error.status(), error.http_code))

    # Who asks, and may they

    def _user(self, request: Request | WebSocket) -> User:
        certificate = request.scope.get("state", {}).get("peer_certificate")
        authorization = request.headers.get("authorization", "")
        user = self._authenticator.identify(authorization, certificate)
        wanted = request.headers.get(authn.IMPERSONATE_USER)
        if not wanted:
            return user
        groups = request.headers.getlist(authn.IMPERSONATE_GROUP)
        targets = [("users", wanted), *(("groups", group) for group in groups)]
        for resource, name in targets:
            access = Access("impersonate", resource=resource, name=name)
            if not self._rbac.decide(user, access).allowed:
                raise ForbiddenError(f'{resource} "{name}" is forbidden: {access.refusal(user)}')
        return authn.impersonated(wanted, groups)

    def _authorize(self, user: User, path: ResourcePath, verb: str) -> None:
        namespace = path.namespace
        if (path.group, path.plural) == ("", "namespaces"):
            namespace = path.name
        access = Access(
            verb, path.group, path.plural, path.subresource, namespace, path.name.split(":")[0]
        )
        if self._rbac.decide(user, access).allowed:
            return
        kind = self._registry.by_plural(path.group, path.version, path.plural)
        if kind is None:
            raise NotFoundError.path()
        raise ForbiddenError.on(kind, path.name, access.refusal(user))

    def _authorize_aggregated(self, request: Request, user: User) -> None:
        """By the path alone, for the resource is somebody else's. `/watch/` in it is the verb."""
        _, _, group, version, *rest = request.url.path.rstrip("/").split("/")
        watch = rest[:1] == ["watch"]
        path = parse_path("/".join(("/apis", group, version, *rest[watch:]))) if rest else None
        if path is None:
            access = Access(request.method.lower(), path=request.url.path)
        else:
            verb = "watch" if watch else verb_of(request.method, path, request.query_params)
            access = Access(verb, group, path.plural, path.subresource, path.namespace, path.name)
        if not self._rbac.decide(user, access).allowed:
            raise ForbiddenError(f"forbidden: {access.refusal(user)}", details={})

    # What is no resource

    def _unresourced(self, request: Request, user: User) -> Response:
        path = request.url.path.rstrip("/") or "/"
        access = Access(request.method.lower(), path=path)
        if not self._rbac.decide(user, access).allowed:
            why = access.refusal(user)
            raise ForbiddenError(f"forbidden: {why}", details={})
        if request.method not in ("GET", "HEAD"):
            raise MethodNotAllowedError
        if path.startswith(HEALTH):
            return PlainTextResponse("ok")
        found = self._discovery(request, path)
        if found is None:
            raise NotFoundError.path()
        return found

    def _discovery(self, request: Request, path: str) -> Response | None:
        registry = self._registry
        if path in ("/api", "/apis") and _wants_aggregated(request):
            response = json_response(discovery.aggregated(registry, core=path == "/api"))
            response.headers["content-type"] = discovery.AGGREGATED_TYPE
            response.headers["vary"] = "Accept"
            return response
        body: object = None
        match path.strip("/").split("/"):
            case ["version"]:
                body = discovery.VERSION
            case ["api"]:
                body = discovery.legacy_versions(request.url.netloc)
            case ["apis"]:
                body = discovery.group_list(registry)
            case ["api", version]:
                body = discovery.resource_list(registry, "", version)
            case ["apis", group]:
                body = discovery.group(registry, group)
            case ["apis", group, version]:
                body = discovery.resource_list(registry, group, version)
            case ["openapi", "v2"] if openapi.PROTOBUF_2 in request.headers.get("accept", ""):
                answer = openapi.version_2_protobuf()
                return Response(answer, media_type=openapi.PROTOBUF_2_ANSWER)
            case ["openapi", "v2"]:
                body = openapi.version_2()
            case ["openapi", "v3"]:
                body = openapi.index(registry)
            case ["openapi", "v3", "api", version]:
                body = self._openapi("", version)
            case ["openapi", "v3", "apis", group, version]:
                body = self._openapi(group, version)
            case ["openid", "v1", "jwks"]:
                body = self._tokens.keys()
            case [".well-known", "openid-configuration"]:
                body = _openid_configuration()
            case [""]:
                body = {"paths": ["/api", "/apis", *HEALTH, "/openapi/v3", "/version"]}
        return None if body is None else json_response(body)

    def _openapi(self, group: str, version: str) -> object:
        kinds = self._registry.in_version(group, version)
        return openapi.version_3(kinds, self.api.custom.schema) if kinds else None


def _wants_aggregated(request: Request) -> bool:
    return wanted_form(request.headers.get("accept", "")) is Form.DISCOVERY


def _openid_configuration() -> dict[str, object]:
    return {
        "issuer": ISSUER,
        "jwks_uri": f"{ISSUER}/openid/v1/jwks",
        "response_types_supported": ["id_token"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["ES256"],
    }
