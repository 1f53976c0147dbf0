"""What does a script find in the transcripts?"""

from typing import Literal

from ninja import Query, Router
from pydantic import Field

from dashboard.api import schemas
from dashboard.api.auth import QueryParameters, ScriptRequest, TeamSlug
from dashboard.api.problems import documented
from results.search.query import clean
from results.search.service import search
from teams.access import require_export

router = Router(tags=["Search"])


class SearchParameters(QueryParameters):
    q: str = Field(
        max_length=1000, description='As in the search page: words, `"a phrase"`, `lang:es`, `speaker:`…'
    )
    order: Literal["newest", "best"] = "newest"
    cursor: str = Field("", pattern=r"^(\d{1,18}(\.\d{1,3})?)?$", description="`next` of the page before.")
    limit: int = Field(50, ge=1, le=100)


@router.get("/search", response={200: schemas.HitListOut} | documented(403, 422))
def search_lines(request: ScriptRequest, team: TeamSlug, asked: Query[SearchParameters]) -> schemas.HitListOut:
    """Lines of the team's transcripts, newest runs first."""
    before, _dot, skip = asked.cursor.partition(".")
    require_export(request.auth.membership)
    page = search(
        request.team.pk,
        clean(asked.q),
        before_id=int(before) if before else None,
        skip=int(skip or 0),
        limit=asked.limit,
        best_first=asked.order == "best",
    )
    at = (page.next_before, page.next_skip) if page.next_skip else (page.next_before,)
    return schemas.HitListOut(
        hits=[schemas.hit_out(request, found) for found in page.hits],
        next=".".join(map(str, at)) if page.next_before else None,
        count=None if before else page.count,
        is_exact=page.is_exact,
        hint=page.hint,
        suggestion=page.suggestion,
    )
