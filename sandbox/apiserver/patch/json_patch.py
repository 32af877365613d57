"""JSON patch (RFC 6902) with the API server's errors."""

from typing import Any

import jsonpatch
import jsonpointer

from sandbox.apiserver.errors import ApiError, BadRequestError


class UnprocessablePatchError(ApiError):
    """A list that does not fit the object: a failed `test`, a missing path, an unknown operation."""

    code, reason = 422, "Invalid"


def patched(target: Any, operations: Any) -> Any:
    """`target` after `operations`; `target` itself is not changed.

    BadRequestError when `operations` is no patch at all, UnprocessablePatchError when it does not fit.
    """
    if not isinstance(operations, list):
        raise BadRequestError("error decoding patch: a JSON patch is a list of operations")
    try:
        return jsonpatch.JsonPatch(operations).apply(target)
    except (jsonpatch.JsonPatchException, jsonpointer.JsonPointerException) as error:
        message = "the server rejected our request due to an error in our request"
        raise UnprocessablePatchError(
            message, details={"causes": [{"message": str(error)}]}
        ) from error
