"""The access table: the status that every URL answers to each role. No URL may be missing from it."""

import re
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.core.cache import cache
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import URLPattern, URLResolver, get_resolver, reverse
from ninja.operation import PathView

from dashboard.api.router import api
from results import queue
from results.models import ApiKey, Dub, Run
from teams import access
from teams.models import Membership, Team
from tests.dashboard.api.test_api import OPEN as API_OPEN
from tests.dashboard.api.test_api import TABLE as API_TABLE

pytestmark = pytest.mark.django_db
Role = Membership.Role

LOGIN = 0  # stands for a redirect to the log-in page
# The fourth is a member who may not export.
ROLES = ("anonymous", "outsider", "viewer", "editor", "member", "manager", "owner")

# The statuses of a GET and of an empty POST for each of ROLES. A 422 was let in, but the form was empty.
TABLE = {
    "account_change_password": ((0, 200, 200, 200, 200, 200, 200), (0, 422, 422, 422, 422, 422, 422)),
    "account_confirm_email": ((200, 200, 200, 200, 200, 200, 200), (404, 404, 404, 404, 404, 404, 404)),
    "account_email": ((0, 200, 200, 200, 200, 200, 200), (0, 302, 302, 302, 302, 302, 302)),
    "account_email_verification_sent": ((200, 200, 200, 200, 200, 200, 200), (405, 405, 405, 405, 405, 405, 405)),
    "account_inactive": ((200, 200, 200, 200, 200, 200, 200), (405, 405, 405, 405, 405, 405, 405)),
    "account_login": ((200, 302, 302, 302, 302, 302, 302), (422, 302, 302, 302, 302, 302, 302)),
    "account_logout": ((302, 200, 200, 200, 200, 200, 200), (302, 302, 302, 302, 302, 302, 302)),
    "account_reauthenticate": ((0, 200, 200, 200, 200, 200, 200), (0, 422, 422, 422, 422, 422, 422)),
    "account_reset_password": ((200, 200, 200, 200, 200, 200, 200), (422, 422, 422, 422, 422, 422, 422)),
    "account_reset_password_done": ((200, 200, 200, 200, 200, 200, 200), (405, 405, 405, 405, 405, 405, 405)),
    "account_reset_password_from_key": ((200, 200, 200, 200, 200, 200, 200), (422, 422, 422, 422, 422, 422, 422)),
    "account_signup": ((200, 302, 302, 302, 302, 302, 302), (422, 302, 302, 302, 302, 302, 302)),
    "activity": ((0, 404, 200, 200, 200, 200, 200), (0, 405, 405, 405, 405, 405, 405)),
    "activity-poll": ((0, 404, 200, 200, 200, 200, 200), (0, 405, 405, 405, 405, 405, 405)),
    "media-audio": ((0, 404, 302, 403, 302, 302, 302), (0, 405, 405, 405, 405, 405, 405)),
    "media-captions": ((0, 404, 200, 403, 200, 200, 200), (0, 405, 405, 405, 405, 405, 405)),
    "runs-export-dub": ((0, 404, 200, 403, 200, 200, 200), (0, 405, 405, 405, 405, 405, 405)),
    "runs-export-pair": ((0, 404, 200, 403, 200, 200, 200), (0, 405, 405, 405, 405, 405, 405)),
    "media-video": ((0, 404, 302, 403, 302, 302, 302), (0, 405, 405, 405, 405, 405, 405)),
    "health-status": ((200, 200, 200, 200, 200, 200, 200), (405, 405, 405, 405, 405, 405, 405)),
    "health-alive": ((200, 200, 200, 200, 200, 200, 200), (405, 405, 405, 405, 405, 405, 405)),
    "demo-login": ((405, 405, 405, 405, 405, 405, 405), (404, 404, 404, 404, 404, 404, 404)),
    "teams-home": ((0, 302, 302, 302, 302, 302, 302), (0, 405, 405, 405, 405, 405, 405)),
    "invitations-follow": ((302, 302, 302, 302, 302, 302, 302), (405, 405, 405, 405, 405, 405, 405)),
    "invitations-accept": ((404, 404, 404, 404, 404, 404, 404), (404, 404, 404, 404, 404, 404, 404)),
    "palette-entries": ((0, 404, 200, 200, 200, 200, 200), (0, 405, 405, 405, 405, 405, 405)),
    "profile": ((0, 200, 200, 200, 200, 200, 200), (0, 302, 302, 302, 302, 302, 302)),
    "profile-player": ((0, 405, 405, 405, 405, 405, 405), (0, 422, 422, 422, 422, 422, 422)),
    "profile-shortcuts": ((0, 405, 405, 405, 405, 405, 405), (0, 204, 204, 204, 204, 204, 204)),
    "runs-add": ((0, 404, 403, 200, 200, 200, 200), (0, 404, 403, 200, 200, 200, 200)),
    "runs-edit-archive": ((0, 405, 405, 405, 405, 405, 405), (0, 404, 403, 302, 302, 302, 302)),
    "runs-saved-views-entries": ((0, 404, 200, 200, 200, 200, 200), (0, 405, 405, 405, 405, 405, 405)),
    "runs-saved-views-save": ((0, 405, 405, 405, 405, 405, 405), (0, 404, 422, 422, 422, 422, 422)),
    "runs-saved-views-edit": ((0, 404, 403, 403, 403, 200, 200), (0, 404, 403, 403, 403, 422, 422)),
    "runs-saved-views-change": ((0, 405, 405, 405, 405, 405, 405), (0, 404, 403, 403, 403, 302, 302)),
    "runs-saved-views-remove": ((0, 405, 405, 405, 405, 405, 405), (0, 404, 403, 403, 403, 302, 302)),
    "runs-saved-views-columns": ((0, 405, 405, 405, 405, 405, 405), (0, 404, 302, 302, 302, 302, 302)),
    "runs-bulk-language": ((0, 405, 405, 405, 405, 405, 405), (0, 404, 403, 302, 302, 302, 302)),
    "runs-languages": ((0, 404, 403, 200, 200, 200, 200), (0, 404, 403, 302, 302, 302, 302)),
    "runs-languages-confirm": ((0, 405, 405, 405, 405, 405, 405), (0, 404, 403, 302, 302, 302, 302)),
    "undo-last": ((0, 405, 405, 405, 405, 405, 405), (0, 404, 403, 302, 302, 302, 302)),
    "runs-bulk-archive": ((0, 405, 405, 405, 405, 405, 405), (0, 404, 403, 302, 302, 302, 302)),
    "runs-checks-dismiss": ((0, 404, 403, 302, 302, 302, 302), (0, 404, 403, 302, 302, 302, 302)),
    "runs-checks-board": ((0, 404, 200, 200, 200, 200, 200), (0, 405, 405, 405, 405, 405, 405)),
    "runs-checks-export": ((0, 404, 200, 403, 200, 200, 200), (0, 405, 405, 405, 405, 405, 405)),
    "runs-detail": ((0, 404, 200, 200, 200, 200, 200), (0, 405, 405, 405, 405, 405, 405)),
    "runs-detail-lines": ((0, 404, 404, 404, 404, 404, 404), (0, 405, 405, 405, 405, 405, 405)),
    "runs-detail-find": ((0, 404, 204, 204, 204, 204, 204), (0, 405, 405, 405, 405, 405, 405)),
    "runs-detail-timeline": ((0, 404, 200, 200, 200, 200, 200), (0, 405, 405, 405, 405, 405, 405)),
    "runs-detail-poll": ((0, 404, 200, 200, 200, 200, 200), (0, 405, 405, 405, 405, 405, 405)),
    "runs-export-selection": ((0, 404, 200, 403, 200, 200, 200), (0, 404, 302, 403, 302, 302, 302)),
    "runs-history": ((0, 404, 200, 200, 200, 200, 200), (0, 405, 405, 405, 405, 405, 405)),
    "runs-history-rows": ((0, 404, 200, 200, 200, 200, 200), (0, 405, 405, 405, 405, 405, 405)),
    "runs-list": ((0, 404, 200, 200, 200, 200, 200), (0, 405, 405, 405, 405, 405, 405)),
    "runs-list-filters": ((0, 404, 200, 200, 200, 200, 200), (0, 405, 405, 405, 405, 405, 405)),
    "runs-list-poll": ((0, 404, 200, 200, 200, 200, 200), (0, 405, 405, 405, 405, 405, 405)),
    "runs-edit-refresh": ((0, 405, 405, 405, 405, 405, 405), (0, 404, 403, 302, 302, 302, 302)),
    "runs-bulk-refresh": ((0, 405, 405, 405, 405, 405, 405), (0, 404, 403, 302, 302, 302, 302)),
    "runs-edit-remove": ((0, 404, 403, 200, 200, 200, 200), (0, 404, 403, 302, 302, 302, 302)),
    "runs-edit-unarchive": ((0, 405, 405, 405, 405, 405, 405), (0, 404, 403, 302, 302, 302, 302)),
    "runs-bulk-unarchive": ((0, 405, 405, 405, 405, 405, 405), (0, 404, 403, 302, 302, 302, 302)),
    "runs-speakers-rename": ((0, 404, 403, 302, 302, 302, 302), (0, 404, 403, 302, 302, 302, 302)),
    "runs-bulk-join": ((0, 405, 405, 405, 405, 405, 405), (0, 404, 403, 302, 302, 302, 302)),
    "runs-source": ((0, 404, 403, 200, 200, 200, 200), (0, 404, 403, 422, 422, 422, 422)),
    "runs-source-apart": ((0, 405, 405, 405, 405, 405, 405), (0, 404, 403, 302, 302, 302, 302)),
    "runs-source-title": ((0, 405, 405, 405, 405, 405, 405), (0, 404, 403, 302, 302, 302, 302)),
    "source-suggestions": ((0, 404, 403, 200, 200, 200, 200), (0, 405, 405, 405, 405, 405, 405)),
    "source-accept": ((0, 405, 405, 405, 405, 405, 405), (0, 404, 403, 302, 302, 302, 302)),
    "source-refuse": ((0, 405, 405, 405, 405, 405, 405), (0, 404, 403, 302, 302, 302, 302)),
    "source-languages": ((0, 404, 200, 200, 200, 200, 200), (0, 405, 405, 405, 405, 405, 405)),
    "source-languages-export": ((0, 404, 200, 403, 200, 200, 200), (0, 405, 405, 405, 405, 405, 405)),
    "runs-bulk-tag": ((0, 405, 405, 405, 405, 405, 405), (0, 404, 403, 422, 422, 422, 422)),
    "runs-export-answer": ((0, 404, 403, 403, 200, 200, 200), (0, 405, 405, 405, 405, 405, 405)),
    "runs-edit-times": ((0, 404, 403, 200, 200, 200, 200), (0, 404, 403, 302, 302, 302, 302)),
    "runs-edit-tags": ((0, 404, 403, 200, 200, 200, 200), (0, 404, 403, 422, 422, 422, 422)),
    "runs-edit-title": ((0, 404, 403, 200, 200, 200, 200), (0, 404, 403, 200, 200, 200, 200)),
    "search": ((0, 404, 200, 200, 200, 200, 200), (0, 405, 405, 405, 405, 405, 405)),
    "search-export": ((0, 404, 200, 403, 200, 200, 200), (0, 405, 405, 405, 405, 405, 405)),
    "search-hits": ((0, 404, 200, 200, 200, 200, 200), (0, 405, 405, 405, 405, 405, 405)),
    "search-save": ((0, 405, 405, 405, 405, 405, 405), (0, 404, 422, 422, 422, 422, 422)),
    "search-saved-remove": ((0, 405, 405, 405, 405, 405, 405), (0, 404, 403, 403, 403, 302, 302)),
    "tokens": ((0, 404, 200, 200, 200, 200, 200), (0, 404, 422, 422, 422, 422, 422)),
    "tokens-revoke": ((0, 405, 405, 405, 405, 405, 405), (0, 404, 403, 403, 403, 302, 302)),
    "teams-remove": ((0, 405, 405, 405, 405, 405, 405), (0, 404, 403, 403, 403, 403, 422)),
    "teams-detail": ((0, 404, 200, 200, 200, 200, 200), (0, 404, 403, 403, 403, 422, 422)),
    "teams-enter": ((0, 404, 302, 302, 302, 302, 302), (0, 405, 405, 405, 405, 405, 405)),
    "teams-invite": ((0, 405, 405, 405, 405, 405, 405), (0, 404, 403, 403, 403, 422, 422)),
    "teams-checks": ((0, 404, 200, 200, 200, 200, 200), (0, 404, 403, 403, 403, 422, 422)),
    "keys": ((0, 404, 200, 200, 200, 200, 200), (0, 404, 403, 403, 403, 403, 302)),
    "keys-poll": ((0, 404, 200, 200, 200, 200, 200), (0, 405, 405, 405, 405, 405, 405)),
    "keys-remove": ((0, 405, 405, 405, 405, 405, 405), (0, 404, 403, 403, 403, 403, 302)),
    "keys-test": ((0, 405, 405, 405, 405, 405, 405), (0, 404, 403, 403, 403, 403, 302)),
    "teams-member": ((0, 405, 405, 405, 405, 405, 405), (0, 404, 403, 403, 403, 422, 422)),
    "teams-new": ((0, 200, 200, 200, 200, 200, 200), (0, 422, 422, 422, 422, 422, 422)),
    "teams-media": ((0, 404, 200, 200, 200, 200, 200), (0, 404, 403, 403, 403, 422, 422)),
    "teams-revoke": ((0, 405, 405, 405, 405, 405, 405), (0, 404, 403, 403, 403, 302, 302)),
    "runs-bulk-remove": ((0, 405, 405, 405, 405, 405, 405), (0, 404, 403, 302, 302, 302, 302)),
    "trash": ((0, 404, 403, 200, 200, 200, 200), (0, 405, 405, 405, 405, 405, 405)),
    "trash-restore": ((0, 405, 405, 405, 405, 405, 405), (0, 404, 403, 302, 302, 302, 302)),
    "trash-delete": ((0, 405, 405, 405, 405, 405, 405), (0, 404, 403, 403, 403, 302, 302)),
    "trash-teams": ((0, 200, 200, 200, 200, 200, 200), (0, 405, 405, 405, 405, 405, 405)),
    "trash-team-restore": ((0, 405, 405, 405, 405, 405, 405), (0, 404, 404, 404, 404, 404, 302)),
    "trash-team-delete": ((0, 405, 405, 405, 405, 405, 405), (0, 404, 404, 404, 404, 404, 302)),
    "audit": ((0, 404, 403, 403, 403, 403, 200), (0, 405, 405, 405, 405, 405, 405)),
    "audit-export": ((0, 404, 403, 403, 403, 403, 200), (0, 405, 405, 405, 405, 405, 405)),
    "teams-rules": ((0, 405, 405, 405, 405, 405, 405), (0, 404, 403, 403, 403, 403, 302)),
    "retention": ((0, 404, 200, 200, 200, 200, 200), (0, 404, 403, 403, 403, 403, 302)),
    "metrics": ((404, 404, 404, 404, 404, 404, 404), (405, 405, 405, 405, 405, 405, 405)),
    "media-still": ((0, 404, 200, 200, 200, 200, 200), (0, 405, 405, 405, 405, 405, 405)),
    "runs-bulk-ticks": ((0, 405, 405, 405, 405, 405, 405), (0, 404, 403, 200, 200, 200, 200)),
    "devices-end": ((0, 405, 405, 405, 405, 405, 405), (0, 404, 404, 404, 404, 404, 404)),
    "mfa_activate_totp": ((0, 302, 302, 302, 302, 302, 302), (0, 302, 302, 302, 302, 302, 302)),
    "mfa_add_webauthn": ((0, 302, 302, 302, 302, 302, 302), (0, 302, 302, 302, 302, 302, 302)),
    "mfa_authenticate": ((302, 302, 302, 302, 302, 302, 302), (302, 302, 302, 302, 302, 302, 302)),
    "mfa_deactivate_totp": ((0, 404, 404, 404, 404, 404, 404), (0, 404, 404, 404, 404, 404, 404)),
    "mfa_download_recovery_codes": ((0, 404, 404, 404, 404, 404, 404), (0, 404, 404, 404, 404, 404, 404)),
    "mfa_edit_webauthn": ((0, 302, 302, 302, 302, 302, 302), (0, 302, 302, 302, 302, 302, 302)),
    "mfa_generate_recovery_codes": ((0, 302, 302, 302, 302, 302, 302), (0, 302, 302, 302, 302, 302, 302)),
    "mfa_index": ((0, 200, 200, 200, 200, 200, 200), (0, 405, 405, 405, 405, 405, 405)),
    "mfa_list_webauthn": ((0, 200, 200, 200, 200, 200, 200), (0, 405, 405, 405, 405, 405, 405)),
    "mfa_login_webauthn": ((302, 302, 302, 302, 302, 302, 302), (302, 302, 302, 302, 302, 302, 302)),
    "mfa_reauthenticate": ((0, 302, 302, 302, 302, 302, 302), (0, 302, 302, 302, 302, 302, 302)),
    "mfa_reauthenticate_webauthn": ((0, 302, 302, 302, 302, 302, 302), (0, 302, 302, 302, 302, 302, 302)),
    "mfa_remove_webauthn": ((0, 302, 302, 302, 302, 302, 302), (0, 302, 302, 302, 302, 302, 302)),
    "mfa_view_recovery_codes": ((0, 404, 404, 404, 404, 404, 404), (0, 405, 405, 405, 405, 405, 405)),
    "usersessions_list": ((0, 200, 200, 200, 200, 200, 200), (0, 302, 302, 302, 302, 302, 302)),
    "profile-delete": ((0, 200, 200, 200, 200, 200, 200), (0, 302, 302, 302, 302, 302, 422)),
    "profile-tokens": ((0, 200, 200, 200, 200, 200, 200), (0, 405, 405, 405, 405, 405, 405)),
    "teams-second-step": ((0, 405, 405, 405, 405, 405, 405), (0, 404, 403, 403, 403, 403, 302)),
    "account_confirm_reauthentication_code": ((0, 302, 302, 302, 302, 302, 302), (0, 302, 302, 302, 302, 302, 302)),
    "account_request_reauthentication_code": ((0, 302, 302, 302, 302, 302, 302), (0, 302, 302, 302, 302, 302, 302)),
    "account_set_password": ((0, 302, 302, 302, 302, 302, 302), (0, 302, 302, 302, 302, 302, 302)),
    "openid_connect_callback": ((404, 404, 404, 404, 404, 404, 404), (404, 404, 404, 404, 404, 404, 404)),
    "openid_connect_login": ((404, 404, 404, 404, 404, 404, 404), (404, 404, 404, 404, 404, 404, 404)),
    "socialaccount_login_cancelled": ((200, 200, 200, 200, 200, 200, 200), (405, 405, 405, 405, 405, 405, 405)),
    "socialaccount_login_error": ((401, 401, 401, 401, 401, 401, 401), (405, 405, 405, 405, 405, 405, 405)),
    "socialaccount_signup": ((302, 302, 302, 302, 302, 302, 302), (302, 302, 302, 302, 302, 302, 302)),
    "channels": ((0, 404, 403, 403, 403, 200, 200), (0, 404, 403, 403, 403, 422, 422)),
    "channels-detail": ((0, 404, 403, 403, 403, 200, 200), (0, 404, 403, 403, 403, 422, 422)),
    "channels-poll": ((0, 404, 403, 403, 403, 200, 200), (0, 405, 405, 405, 405, 405, 405)),
    "channels-test": ((0, 405, 405, 405, 405, 405, 405), (0, 404, 403, 403, 403, 302, 302)),
    "channels-rotate": ((0, 405, 405, 405, 405, 405, 405), (0, 404, 403, 403, 403, 201, 201)),
    "channels-switch": ((0, 405, 405, 405, 405, 405, 405), (0, 404, 403, 403, 403, 302, 302)),
    "channels-remove": ((0, 405, 405, 405, 405, 405, 405), (0, 404, 403, 403, 403, 302, 302)),
    "channels-resend": ((0, 405, 405, 405, 405, 405, 405), (0, 404, 403, 403, 403, 302, 302)),
    "inbox": ((0, 404, 200, 200, 200, 200, 200), (0, 405, 405, 405, 405, 405, 405)),
    "inbox-poll": ((0, 404, 200, 200, 200, 200, 200), (0, 405, 405, 405, 405, 405, 405)),
    "inbox-read": ((0, 405, 405, 405, 405, 405, 405), (0, 404, 302, 302, 302, 302, 302)),
    "notifications": ((0, 404, 200, 200, 200, 200, 200), (0, 404, 302, 302, 302, 302, 302)),
    "notifications-retry": ((0, 405, 405, 405, 405, 405, 405), (0, 404, 302, 302, 302, 302, 302)),
    "notifications-unsubscribe": ((200, 200, 200, 200, 200, 200, 200), (200, 200, 200, 200, 200, 200, 200)),
    "feeds": ((0, 404, 200, 200, 200, 200, 200), (0, 404, 302, 302, 302, 302, 302)),
    "feeds-remove": ((0, 405, 405, 405, 405, 405, 405), (0, 404, 404, 404, 302, 404, 404)),
    "feeds-atom": ((200, 200, 200, 200, 200, 200, 200), (405, 405, 405, 405, 405, 405, 405)),
}  # fmt: skip


def url_names(patterns: list[URLPattern | URLResolver]) -> Iterator[str]:
    for pattern in patterns:
        if isinstance(pattern, URLResolver) and pattern.namespace == "api":
            continue  # these URLs take a token and no session; API_TABLE lists them
        if isinstance(pattern, URLResolver):
            yield from url_names(pattern.url_patterns)
        else:
            assert pattern.name, f"{pattern} has no name"
            yield pattern.name


ALL = sorted(url_names(get_resolver().url_patterns))


@pytest.fixture(autouse=True)
def _nothing_is_enqueued(monkeypatch):
    monkeypatch.setattr(queue, "enqueue", lambda *call, **_: None)


def status_of(answer) -> int:
    is_login = answer.status_code == 302 and answer.headers["Location"].startswith(reverse("account_login") + "?")
    return LOGIN if is_login else answer.status_code


def test_the_table_lists_every_url():
    assert sorted(TABLE) == ALL


def operations() -> dict[tuple[str, str], str]:
    """Return the name of each API operation by its method and path."""
    [resolver] = [
        pattern
        for pattern in get_resolver().url_patterns
        if isinstance(pattern, URLResolver) and pattern.namespace == "api"
    ]
    patterns = [pattern for pattern in resolver.url_patterns if isinstance(pattern, URLPattern)]
    assert len(patterns) == len(resolver.url_patterns)
    named = {pattern.name for pattern in patterns if not hasattr(pattern.callback, "csrf_exempt")}
    assert named == set(API_OPEN)
    views = [view for bound in api._get_bound_routers() for view in bound.path_operations.items()]
    found = {}
    for path, view in views:
        assert isinstance(view, PathView)
        for operation in view.operations:
            for method in set(operation.methods) - {"HEAD"}:  # what answers GET answers HEAD alike
                found[method.lower(), path.replace("{int:", "{")] = operation.view_func.__name__
    assert len(patterns) == len(found) + len(API_OPEN)
    return found


def test_the_api_table_lists_every_operation():
    assert sorted(operations()) == sorted(API_TABLE)


@contextmanager
def undone() -> Iterator[None]:
    """Undo what happens here, as between two tests."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)
    cache.clear()


@pytest.mark.parametrize("name", TABLE)
def test_each_role_gets_the_status_in_the_table(world, name):
    url, statuses = world.url(name), []
    for role in ROLES:
        with undone():
            statuses.append((status_of(world.client(role).get(url)), status_of(world.client(role).post(url))))
    assert statuses == list(zip(*TABLE[name], strict=True))


@pytest.mark.parametrize("method", ["OPTIONS", "TRACE", "PUT", "PATCH", "DELETE", "FOO"])
def test_other_methods_are_answered_with_405(world, method):
    client = world.client("owner")
    assert {name: client.generic(method, world.url(name)).status_code for name in TABLE} == dict.fromkeys(
        TABLE, 405
    )


@pytest.mark.parametrize("name", [name for name, (_gets, posts) in TABLE.items() if posts[-1] != 405])
def test_ids_of_another_team_in_a_body_show_and_change_nothing(world, name):
    theirs, run = world.theirs, world.their_dub.run

    def rows():
        found = (Run.objects.filter(team=theirs), Dub.objects.filter(run=run), theirs.memberships, run.tags)
        return [list(some.values()) for some in (*found, Team.objects.filter(pk=theirs.pk))]

    before = rows()
    texts = ("tags", "title", "name")
    taken = dict.fromkeys(texts, "Taken") | {"language": "fr", "role": "owner", "unit": "seconds", "format": "txt"}
    ids = dict.fromkeys(("pk", "run", "runs", "other", "id"), run.pk) | {"dub": world.their_dub.pk}
    answer = world.client("owner").post(world.url(name), ids | taken, follow=True)
    body = b"".join(answer.streaming_content) if answer.streaming else answer.content
    assert b"Their" not in body
    assert rows() == before


# The URLs that only members of the team may open.
MEMBERS_ONLY = [name for name, rows in TABLE.items() if any(row[:2] == (LOGIN, 404) for row in rows)]


@pytest.mark.parametrize("name", MEMBERS_ONLY)
@pytest.mark.parametrize("method", ["get", "post"])
def test_another_teams_object_looks_like_one_that_does_not_exist(world, name, method):
    def answer_for(*, exists):
        client, url = world.client("outsider"), world.url(name, exists=exists)
        with CaptureQueriesContext(connection) as queries:
            answer = getattr(client, method)(url)
        # As many queries take as long; test_timing measures it.
        return answer.status_code, re.sub(r"\b\w{64}\b", "a token", answer.content.decode()), len(queries)

    assert answer_for(exists=True) == answer_for(exists=False)


@pytest.mark.parametrize(("what", "expected"), [("removed", 1), ("disabled", 0)])
def test_who_was_removed_or_disabled_while_signed_in_has_no_access_from_then_on(world, what, expected):
    client, person = world.client("manager"), world.people["manager"]
    assert client.get(world.url("runs-list")).status_code == 200
    if what == "removed":
        person.memberships.get().remove()
    else:
        person.is_active = False
        person.save()

    def statuses_of(name: str) -> tuple[int, int]:
        return status_of(client.get(world.url(name))), status_of(client.post(world.url(name)))

    statuses = {name: statuses_of(name) for name in MEMBERS_ONLY}
    assert statuses == {name: (TABLE[name][0][expected], TABLE[name][1][expected]) for name in MEMBERS_ONLY}


@pytest.mark.parametrize("name", MEMBERS_ONLY)
def test_htmx_headers_give_no_access(world, name):
    headers = {"HX-Request": "true", "HX-Target": "run-1", "HX-Current-URL": "http://testserver/t/dub/runs/"}
    url = world.url(name)
    for method, column in (("get", 0), ("post", 1)):
        outside = getattr(world.client("outsider", **headers), method)(url)
        assert outside.status_code == TABLE[name][column][1]
        anonymous = getattr(world.client("anonymous", **headers), method)(url)
        assert (anonymous.status_code, anonymous.content) == (200, b"")
        assert anonymous.headers["HX-Redirect"].startswith(reverse("account_login"))


@pytest.mark.parametrize("name", [name for name in MEMBERS_ONLY if not name.startswith(("devices-", "mfa_"))])
def test_nothing_of_a_team_opens_without_the_second_step_that_it_requires(world, name):
    Team.objects.update(requires_second_step=True)
    for method, column in (("get", 0), ("post", 1)):
        if TABLE[name][column][-1] != 405:
            answer = getattr(world.client("owner"), method)(world.url(name))
            assert (answer.status_code, answer.headers["Location"]) == (302, reverse("mfa_index"))


# Every URL through which a transcript or media leaves Dubroom. The names are derived, so that a new URL is covered.
# A still only tells which run it is, as the run's title does. The audit trail is no transcript, and owners' alone.
_OTHERS = ("media-still", "audit-export")
EXPORTS = [name for name in TABLE if (name.startswith("media-") or "export" in name) and name not in _OTHERS]
API_EXPORTS = [
    path for method, path in API_TABLE if method == "get" and path.startswith(("/dubs/", "/search", "/checks"))
]


def test_the_export_urls_are_known():
    assert sorted(EXPORTS) == [
        "media-audio", "media-captions", "media-video",
        "runs-checks-export", "runs-export-answer", "runs-export-dub", "runs-export-pair", "runs-export-selection",
        "search-export", "source-languages-export",
    ]  # fmt: skip
    assert sorted(API_EXPORTS) == [
        "/checks", "/dubs/{dub}/audio", "/dubs/{dub}/checks", "/dubs/{dub}/transcript.{format}",
        "/dubs/{dub}/video", "/search",
    ]  # fmt: skip


@pytest.fixture
def _exports_are_refused(monkeypatch):
    monkeypatch.setattr(access, "can_export", lambda membership: False)


@pytest.mark.usefixtures("_exports_are_refused")
@pytest.mark.parametrize("name", EXPORTS)
def test_every_export_url_asks_for_the_permission_to_export(world, name):
    statuses = {role: status_of(world.client(role).get(world.url(name))) for role in ROLES}
    assert statuses == {"anonymous": LOGIN, "outsider": 404} | dict.fromkeys(ROLES[2:], 403)


@pytest.mark.usefixtures("_exports_are_refused")
@pytest.mark.parametrize("path", API_EXPORTS)
def test_every_export_operation_of_the_api_asks_for_the_permission_to_export(world, path):
    client = Client(headers={"Authorization": f"Bearer {world.secret}"})
    answer = client.get(
        f"/api/v1/t/{world.team.slug}{path.format(dub=world.dub.pk, format='srt')}",
        {"q": "hello"} if path == "/search" else {},
    )
    assert (answer.status_code, "You cannot export" in answer.json()["detail"]) == (403, True)


@pytest.mark.usefixtures("_exports_are_refused")
def test_a_selection_that_is_posted_asks_for_the_permission_to_export(world):
    answer = world.client("owner").post(world.url("runs-export-selection"), {"all": "1"})
    assert answer.status_code == 403


@pytest.mark.parametrize(
    ("name", "parameters", "destination", "status"),
    [
        ("media-video", "", "video", 302),
        ("media-audio", "", "audio", 302),
        ("media-captions", "", "track", 200),
        ("media-video", "?download", "video", 403),
        ("media-video", "", "document", 403),
        ("runs-export-dub", "", "video", 403),
    ],
)
def test_who_may_not_export_still_watches_in_the_player(world, name, parameters, destination, status):
    headers = {"Sec-Fetch-Dest": destination}
    assert world.client("editor", **headers).get(world.url(name) + parameters).status_code == status


@pytest.mark.parametrize("name", ["runs-detail", "runs-list", "search", "source-languages"])
def test_who_may_not_export_sees_no_export(world, name):
    def links(role: str) -> list[str]:
        page = world.client(role).get(world.url(name), {"q": "hello"} if name == "search" else {}).content.decode()
        return re.findall(r"[\w/]*(?:export/|languages\.csv|answer\.json|\?download)", page)

    assert links("member")
    assert links("editor") == []


# A reader's own session remembers the team last seen, what leaves Dubroom is in the audit trail, and an unfinished
# run is asked about sooner while its page is open.
WRITTEN_BY_A_GET = {
    "django_session": TABLE,
    "teams_auditentry": [*EXPORTS, "audit-export"],
    "results_run": ["runs-detail-poll"],
}


@pytest.mark.parametrize("name", TABLE)
def test_a_get_changes_nothing(world, name):
    written = []

    def note(execute, sql, params, many, context):
        # Whatever the table: all that neither reads nor begins or ends a transaction.
        if not re.match(r"\s*(SELECT|SHOW|SAVEPOINT|RELEASE|ROLLBACK|SET)\b", sql, re.I):
            [table] = re.findall(r'(?:INSERT INTO|UPDATE|DELETE FROM) "?(\w+)', sql)[:1] or [sql]
            written.append(table)
        return execute(sql, params, many, context)

    client, url = world.client("owner"), world.url(name)
    with connection.execute_wrapper(note):
        client.get(url)
    assert [table for table in written if name not in WRITTEN_BY_A_GET.get(table, ())] == []


def test_no_page_holds_the_key_of_camb_or_an_address_of_media_and_no_table_the_key(world):
    secret = ApiKey.objects.get(team=world.team).secret
    assert len(secret) == 20
    parts = {secret, secret[5:15], b64encode(secret.encode()).decode().rstrip("=")}
    client, with_media = world.client("owner"), set()
    for name in TABLE:
        for headers in ({}, {"HX-Request": "true"}):
            answer = client.get(world.url(name), headers=headers)
            body = b"".join(answer.streaming_content) if answer.streaming else answer.content
            told = body.decode(errors="replace") + str(answer.headers)
            assert [part for part in parts if part in told] == [], name
            if world.dub.video_url in told or world.dub.audio_url in told:
                with_media.add(name)
    # A signed address would be in the browser's history, in logs and in referrers.
    assert with_media == {"media-video", "media-audio"}
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names():
            cursor.execute(f'SELECT * FROM "{table}"')
            rows = str([bytes(v) if isinstance(v, memoryview) else v for row in cursor.fetchall() for v in row])
            assert [part for part in parts if part in rows] == [], table
