"""Assembles the API for scripts: its routers, authentication, rendering and error answers."""

from typing import Any

from ninja import NinjaAPI
from ninja.openapi.schema import OpenAPISchema
from ninja.operation import Operation
from ninja.renderers import JSONRenderer

from dashboard.api import audit, checks, dubs, events, problems, runs, search, source, trash
from dashboard.api.auth import TokenAuth
from dashboard.api.body import BodyParser


class _Renderer(JSONRenderer):
    # Transcripts of every language stay readable on the wire.
    json_dumps_params = {"ensure_ascii": False}


class _Api(NinjaAPI):
    def get_openapi_operation_id(self, operation: Operation) -> str:
        """Return the name of the view function: these names are part of the API."""
        return operation.view_func.__name__

    def get_openapi_schema(self, **options: Any) -> OpenAPISchema:
        """Return the description, with the content type of error answers, where ninja knows one for all answers.

        HEAD is not described: HTTP has it wherever there is GET.
        """
        described = super().get_openapi_schema(**options)
        for methods in described["paths"].values():
            methods.pop("head", None)
            for operation in methods.values():
                for status, answer in operation["responses"].items():
                    if status >= 400 and "content" in answer:
                        answer["content"] = {problems.CONTENT_TYPE: answer["content"][self.renderer.media_type]}
        return described


api = _Api(
    title="Dubroom",
    version="1",
    description=(
        "The runs, transcripts and media of a team, for scripts. Every request needs an access token of the team "
        "in the header `Authorization: Bearer dubroom_…`; create one on the team's API page. Durations and "
        "positions are in milliseconds, dates and times in UTC. An error is a problem document (RFC 9457) with a "
        "sentence in `detail`."
    ),
    docs_url=None,
    urls_namespace="api",
    auth=TokenAuth(),
    renderer=_Renderer(),
    parser=BodyParser(),
)
ROUTERS = (runs, trash, dubs, checks, source, search, events, audit)
for module in ROUTERS:
    for path_view in module.router.path_operations.values():
        for operation in path_view.operations:
            if "GET" in operation.methods:
                operation.methods.append("HEAD")
    api.add_router("/t/{team}", module.router)
problems.add_handlers(api)
