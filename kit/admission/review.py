"""AdmissionReview, versions v1 and v1beta1, as far as webhooks read it."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from kit import nesting

API_GROUP = "admission.k8s.io"


class MalformedReview(ValueError):
    """A body that is no AdmissionReview; the message says where it departs from one."""


class TooDeep(ValueError):
    """The object under review nests too deeply to be judged; the message says so.

    To be denied: a call that fails would let it pass where the failure policy is Ignore. Of the
    object in `review` only the metadata's values are there.
    """

    def __init__(self, review: "Review") -> None:
        super().__init__(f"the object is nested deeper than {nesting.DEEPEST} levels")
        self.review = review


class Kind(BaseModel):
    """Group, version and kind of the object under review."""

    model_config = ConfigDict(extra="ignore")

    group: str = ""
    version: str = ""
    kind: str


class Request(BaseModel):
    """What is asked."""

    model_config = ConfigDict(extra="ignore", populate_by_name=True)

    uid: str = Field(min_length=1, max_length=253)
    kind: Kind
    namespace: str = ""
    name: str = ""
    operation: str
    target: dict[str, Any] | None = Field(default=None, alias="object")
    dry_run: bool | None = Field(default=None, alias="dryRun")


class Review(BaseModel):
    """The whole body."""

    model_config = ConfigDict(extra="ignore", populate_by_name=True)

    api_version: Literal["admission.k8s.io/v1", "admission.k8s.io/v1beta1"] = Field(
        alias="apiVersion"
    )
    kind: Literal["AdmissionReview"]
    request: Request


def read_review(body: bytes) -> Review:
    """Raises MalformedReview naming the first fields that are wrong, TooDeep."""
    try:
        return Review.model_validate_json(body)
    except ValidationError as error:
        if error.errors(include_url=False, include_input=False)[0]["type"] != "json_invalid":
            raise _malformed(error) from None
    try:
        review = Review.model_validate_json(nesting.shallow(body, _OBJECT))
    except ValidationError as error:
        raise _malformed(error) from None
    if nesting.is_outline(review.request.target):
        raise TooDeep(review)
    return review  # what was deep is the object as it was before: it may be mended, and deleted


_OBJECT = 3  # the level at which a review has its objects


def _malformed(error: ValidationError) -> MalformedReview:
    said = []
    for problem in error.errors(include_url=False, include_input=False)[:5]:
        where = ".".join(str(part) for part in problem["loc"])
        said.append(f"{where}: {problem['msg']}" if where else problem["msg"])
    return MalformedReview("not an AdmissionReview: " + "; ".join(said))
