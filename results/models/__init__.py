"""The models of runs and their results, in one module for each subject."""

from results.models.api_key import ApiKey
from results.models.calls import Attempt, Call
from results.models.dubs import Cue, Dub, DubQuerySet, Language, LanguageSource, SpeakerName
from results.models.media import CopyPolicy, MediaCopy, MediaCopyQuerySet
from results.models.reviews import DismissedCheck
from results.models.runs import RawAnswer, Run, RunQuerySet, Source, Tag
from results.models.search import SavedSearch, SearchAlert, VocabularyWord
from results.models.team_version import TeamVersion
from results.models.views import SavedView
from results.models.workers import ScheduledTask, WorkerHeartbeat, WorkerHeartbeatQuerySet

__all__ = [
    "ApiKey",
    "Attempt",
    "Call",
    "CopyPolicy",
    "Cue",
    "DismissedCheck",
    "Dub",
    "DubQuerySet",
    "Language",
    "LanguageSource",
    "MediaCopy",
    "MediaCopyQuerySet",
    "RawAnswer",
    "Run",
    "RunQuerySet",
    "SavedSearch",
    "SavedView",
    "ScheduledTask",
    "SearchAlert",
    "Source",
    "SpeakerName",
    "Tag",
    "TeamVersion",
    "VocabularyWord",
    "WorkerHeartbeat",
    "WorkerHeartbeatQuerySet",
]
