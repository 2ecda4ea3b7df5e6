"""The page that shows the OpenAPI document: one HTML file, made here, with nothing loaded from anywhere."""

from collections.abc import Mapping, Sequence
from typing import Any

from flask import Response, render_template_string

from app.api.route import Route, View, json_response
from app.openapi import Document, document
from app.parameters import NoQuery
from app.problems import KINDS

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,">
<title>{{ info.title }} API</title>
<style>
:root { color-scheme: dark light }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
code { font: 0.9em ui-monospace, monospace }
h2 code { font-size: 1em }
table { border-collapse: collapse; width: 100% }
th, td { text-align: left; vertical-align: top; padding: 0.25rem 0.75rem 0.25rem 0; border-bottom: 1px solid #8884 }
section { margin-top: 2.5rem }
</style>
</head>
<body>
<h1>{{ info.title }} API {{ info.version }}</h1>
<p>{{ info.description }}</p>
<p>As a document: <a href="/openapi.json">/openapi.json</a></p>
{% for operation in operations %}
<section id="{{ operation.operationId }}">
<h2><code>GET {{ operation.path }}</code></h2>
<p>{{ operation.summary }}.</p>
{% if operation.parameters %}
<table>
<thead><tr><th scope="col">Parameter</th><th scope="col">Value</th><th scope="col"></th></tr></thead>
<tbody>
{% for parameter in operation.parameters %}
<tr><td><code>{{ parameter.name }}</code>{% if parameter.required %} (required){% endif %}</td>
<td><code>{{ parameter.value }}</code></td><td>{{ parameter.description }}</td></tr>
{% endfor %}
</tbody>
</table>
{% endif %}
<p>Answers: {% for status in operation.statuses %}<code>{{ status }}</code> {% endfor %}</p>
</section>
{% endfor %}
<section>
<h2>Problems</h2>
<dl>
{% for kind, words in problems.items() %}<dt id="{{ kind }}"><code>{{ kind }}</code></dt><dd>{{ words }}</dd>
{% endfor %}
</dl>
</section>
</body>
</html>
"""


def documented(routes: Sequence[Route]) -> list[Route]:
    """``routes`` and the two that describe them all, themselves included."""
    told: Document = {}

    def openapi(_query: NoQuery) -> Response:
        return json_response(told)

    def docs(_query: NoQuery) -> Response:
        return Response(render_template_string(_PAGE, **_shown(told)), mimetype="text/html")

    every = [
        *routes,
        Route(
            path="/openapi.json", answer=openapi, query=NoQuery, schema="OpenApi", tag="documentation",
            summary="This description, in OpenAPI 3.1",
        ),
        Route(
            path="/docs", answer=docs, query=NoQuery, schema="Page", tag="documentation", media="text/html",
            summary="This description, for people",
        ),
    ]  # fmt: skip
    told.update(document(every))
    return every


def _shown(told: Document) -> View:
    operations = [
        {
            **path["get"], "path": name, "statuses": list(path["get"]["responses"]),
            "parameters": [{**each, "value": _value(each["schema"])} for each in path["get"]["parameters"]],
        }
        for name, path in told["paths"].items()
    ]  # fmt: skip
    return {"info": told["info"], "operations": operations, "problems": KINDS}


def _value(schema: Mapping[str, Any]) -> str:
    """A parameter's values in one line."""
    if "enum" in schema:
        words = " ".join(schema["enum"])
    elif "minimum" in schema:
        words = f"{schema['minimum']} … {schema['maximum']}"
    else:
        words = str(schema.get("pattern", schema.get("type", "")))
    return words + (f" = {schema['default']}" if "default" in schema else "")
