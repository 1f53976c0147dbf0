"""How do scripts ask? The API: the pages' own verbs, spoken in JSON."""

from ninja import NinjaAPI
from ninja.operation import Operation
from ninja.renderers import JSONRenderer

from dashboard.api import dubs, problems, runs, search
from dashboard.api.auth import TokenAuth


class _Renderer(JSONRenderer):
    # What is said in the dubs' languages can be read as it travels.
    json_dumps_params = {"ensure_ascii": False}


class _Api(NinjaAPI):
    def get_openapi_operation_id(self, operation: Operation) -> str:
        return operation.view_func.__name__


api = _Api(
    title="Dubroom",
    version="1",
    description=(
        "The runs, transcripts and media of a team, for scripts. Every address wants an access token of the team, "
        "created on its API page, in the header `Authorization: Bearer dubroom_…`. Times are milliseconds, moments "
        "UTC. What goes wrong is told by its status and a sentence in `detail`."
    ),
    docs_url=None,
    urls_namespace="api",
    auth=TokenAuth(),
    renderer=_Renderer(),
)
for router in (runs.router, dubs.router, search.router):
    api.add_router("/t/{team}", router)
problems.add_handlers(api)
