"""The models of runs and their results, in one module for each subject."""

from results.models.api_key import ApiKey
from results.models.calls import Attempt, Call
from results.models.dubs import Cue, Dub, DubQuerySet, Language, LanguageSource, SpeakerName
from results.models.large_changes import LargeChange
from results.models.media import CopyPolicy, MediaCopy, MediaCopyQuerySet, SharedStorage
from results.models.notifications import (
    Delivery,
    Event,
    EventQuerySet,
    Feed,
    InboxItem,
    Message,
    Receiver,
    ReceiverQuerySet,
)
from results.models.retention import Retention
from results.models.reviews import DismissedCheck, OpenCheck, ReviewPolicy
from results.models.runs import RawAnswer, Run, RunQuerySet, Source, Tag
from results.models.saved_views import SavedView
from results.models.search import SavedSearch, SearchAlert, VocabularyWord
from results.models.team_version import TeamVersion
from results.models.workers import ScheduledTask, TaskAttempt, WorkerHeartbeat, WorkerHeartbeatQuerySet

__all__ = [
    "ApiKey",
    "Attempt",
    "Call",
    "CopyPolicy",
    "Cue",
    "Delivery",
    "DismissedCheck",
    "Dub",
    "DubQuerySet",
    "Event",
    "EventQuerySet",
    "Feed",
    "InboxItem",
    "Language",
    "LanguageSource",
    "LargeChange",
    "MediaCopy",
    "MediaCopyQuerySet",
    "Message",
    "OpenCheck",
    "RawAnswer",
    "Receiver",
    "ReceiverQuerySet",
    "Retention",
    "ReviewPolicy",
    "Run",
    "RunQuerySet",
    "SavedSearch",
    "SavedView",
    "ScheduledTask",
    "SearchAlert",
    "SharedStorage",
    "Source",
    "SpeakerName",
    "Tag",
    "TaskAttempt",
    "TeamVersion",
    "VocabularyWord",
    "WorkerHeartbeat",
    "WorkerHeartbeatQuerySet",
]
