"""The parts of requests that say which runs are meant: a filter, or a list of ids."""

from datetime import date
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from dashboard.api.schemas import NO_BOOLEAN, Id, OneOf, Text
from dashboard.pages.run_query import (
    ARCHIVED,
    GUESSED,
    MAX_SELECTED,
    MAX_TAG_FILTERS,
    MAX_TEXT,
    NO_LANGUAGE,
    READS_OTHERWISE,
    RunListQuery,
    event_filter,
    language_filter,
)
from results.models import Run, RunQuerySet, Tag
from teams.models import Team

Name = Annotated[Text, Field(min_length=1, max_length=Tag.MAX_NAME)]


class RunFilter(BaseModel, extra="forbid"):
    """The filters of the list of runs, as on its page. A run must match all of them."""

    q: Text = Field(
        "", max_length=MAX_TEXT, description="Part of the title, or the first digits of CAMB.AI's run id."
    )
    status: Annotated[str, OneOf((*Run.Status.values, ARCHIVED, ""))] = Field(
        "", description="A status, or `archived`. By default, every run that is not archived."
    )
    tag: list[Name] = Field([], max_length=MAX_TAG_FILTERS, description="Only runs with every one of these tags.")
    lang: Text = Field(
        "",
        max_length=35,
        description=(
            f"Only runs with a dub in this language, given by its tag: `es` finds `es-mx` too. `{NO_LANGUAGE}` "
            f"finds dubs without a language, `{GUESSED}` guesses, and `{READS_OTHERWISE}` text in another language."
        ),
    )

    who: Annotated[int, Field(ge=0, lt=2**63), NO_BOOLEAN] = Field(
        0, description="Only runs that this person added, given by the `added_by_id` of a run."
    )
    since: date | None = Field(None, description="Only runs added on this day (UTC) or later.")
    until: date | None = Field(None, description="Only runs added on this day (UTC) or earlier.")
    copies: Literal["kept", "none", ""] = Field(
        "", description="Only runs of which media is kept here, or of which none is."
    )

    checks: Literal["open", ""] = Field("", description="Only runs with open review checks.")
    events: Text = Field(
        "",
        max_length=200,
        description="Only runs that these events are about, as in the links of notifications: `12-40-ready`.",
    )

    @property
    def list_query(self) -> RunListQuery:
        return RunListQuery.cleaned(
            self.q,
            self.tag,
            lang=language_filter(self.lang),
            who=self.who,
            since=self.since.isoformat() if self.since else "",
            until=self.until.isoformat() if self.until else "",
            copies=self.copies,
            checks=self.checks,
            events=event_filter(self.events),
            status=self.status,
        )

    @model_validator(mode="after")
    def _is_searchable(self) -> Self:
        # The page ignores a text or tag that is empty once cleaned. Here, ignoring it would select every run.
        if bool(self.q) != bool(self.list_query.q) or len(self.tag) != len(self.list_query.tag):
            raise ValueError("q and tag must contain text to look for")
        if self.lang and not self.list_query.lang:
            raise ValueError("lang takes a language tag, such as es or pt-br")
        if self.events and not self.list_query.events:
            raise ValueError("events takes the ids of the first and the last event, such as 12-40")
        return self


def either(one: str, other: str) -> ConfigDict:
    """Return the configuration of a body with exactly one of two fields, for validation and for openapi.json."""
    return ConfigDict(extra="forbid", json_schema_extra={"oneOf": [{"required": [one]}, {"required": [other]}]})


class RunSelection(BaseModel):
    """Either `runs`, a list of ids, or `where`, a filter. Ids of runs of other teams are ignored."""

    model_config = either("runs", "where")
    runs: list[Id] = Field(default_factory=list, max_length=MAX_SELECTED, description="The `id` of each run.")
    where: RunFilter = Field(
        default_factory=RunFilter.model_construct, description="`{}` selects every run that is not archived."
    )

    @model_validator(mode="after")
    def _has_one_field(self) -> Self:
        if ("runs" in self.model_fields_set) == ("where" in self.model_fields_set):
            raise ValueError("give either runs or where")
        return self

    def runs_of(self, team: Team) -> RunQuerySet:
        """Return the selected runs of this team."""
        runs = Run.objects.filter(team=team)
        is_filter = "where" in self.model_fields_set
        return self.where.list_query.matching(runs) if is_filter else runs.present().filter(pk__in=self.runs)
