"""Refuses callback requests the page cannot have sent, before Dash stumbles over them."""

from collections.abc import Mapping, Sequence
from typing import Any

from dash import Dash
from flask import Flask, request
from pydantic import BaseModel, ConfigDict, ValidationError

from app.problems import FieldError, ProblemError, bad_parameters
from pipeline.domain import jsontext

UPDATE = "_dash-update-component"


class Property(BaseModel):
    """One property of one component, with its value where it is an input."""

    model_config = ConfigDict(strict=True)

    id: str
    property: str
    value: Any = None


class CallbackRequest(BaseModel):
    """What the page's renderer posts."""

    model_config = ConfigDict(strict=True)

    output: str
    outputs: Property | list[Property]
    inputs: list[Property]
    state: list[Property] = []
    changedPropIds: list[str] = []

    def parts(self) -> dict[str, list[tuple[str, str]]]:
        """The properties it names, by part."""
        outputs = self.outputs if isinstance(self.outputs, list) else [self.outputs]
        parts = {"outputs": outputs, "inputs": self.inputs, "state": self.state}
        return {part: [(each.id, each.property) for each in properties] for part, properties in parts.items()}


def only_known_callbacks(app: Flask, dash: Dash) -> None:
    """Answer 400 to a callback request whose shape no callback of ``dash`` has; values are the callbacks' concern."""

    path = dash.config.routes_pathname_prefix + UPDATE

    def refuse() -> None:
        if request.path == path and request.method == "POST":
            _check(_body(), dash.callback_map)

    app.before_request(refuse)


def _body() -> Any:
    """The request's JSON. Raises ProblemError for text no answer could repeat, such as half a surrogate pair."""
    try:
        body = request.get_json()
        jsontext.loads(request.get_data())
        return body
    except (ValueError, RecursionError) as error:
        raise ProblemError(400, "bad-request", f"the body is no JSON: {str(error)[:100]}") from error


def _check(body: Any, callbacks: Mapping[str, Any]) -> None:
    try:
        asked = CallbackRequest.model_validate(body)
    except ValidationError as invalid:
        errors = [FieldError(_place(error["loc"]), error["msg"]) for error in invalid.errors()]
        raise bad_parameters(errors[:10]) from invalid
    known = callbacks.get(asked.output, {})
    if "callback" not in known:
        raise ProblemError(400, "bad-request", f"the page has no callback for {asked.output[:100]!r}")
    for part, names in asked.parts().items():
        if names != _registered(known, part):
            raise bad_parameters([FieldError(part, "are not those of this callback; reload the page")])


def _registered(known: Mapping[str, Any], part: str) -> list[tuple[str, str]]:
    if part != "outputs":
        return [(each["id"], each["property"]) for each in known[part]]
    outputs = known["output"] if isinstance(known["output"], Sequence) else [known["output"]]
    return [(each.component_id, each.component_property) for each in outputs]


def _place(location: Sequence[int | str]) -> str:
    return ".".join(str(step) for step in location) or "body"
