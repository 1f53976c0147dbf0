"""URL configuration: the view that answers each URL, and the URL's name.

A URL is named after its view's module and function, without the function `page`. `runs-bulk-archive` is `archive`
in views/runs/bulk.py. Its templates lie in templates/runs/bulk/. tests/dashboard/test_url_names.py checks the rule.
"""

from allauth.account import views as allauth
from django.conf import settings
from django.urls import include, path, re_path

from dashboard.api.router import api
from dashboard.views import (
    activity,
    demo,
    health,
    invitations,
    media,
    palette,
    profile,
    search,
    source,
    teams,
    tokens,
    undo,
)
from dashboard.views.runs import add as runs_add
from dashboard.views.runs import bulk as runs_bulk
from dashboard.views.runs import checks as runs_checks
from dashboard.views.runs import detail as runs_detail
from dashboard.views.runs import edit as runs_edit
from dashboard.views.runs import export as runs_export
from dashboard.views.runs import history as runs_history
from dashboard.views.runs import languages as runs_languages
from dashboard.views.runs import list as runs_list
from dashboard.views.runs import saved_views as runs_saved_views
from dashboard.views.runs import source as runs_source
from dashboard.views.runs import speakers as runs_speakers

# The pages of allauth that Dubroom uses; each has its template in templates/account/.
has_mail_server = {"has_mail_server": bool(settings.EMAIL_URL)}
accounts = [
    path("profile/", profile.page, name="profile"),
    path("profile/player/", profile.player, name="profile-player"),
    path("login/", allauth.login, name="account_login"),
    path("demo/", demo.login, name="demo-login"),
    path("logout/", allauth.logout, name="account_logout"),
    path("signup/", allauth.signup, name="account_signup"),
    path("inactive/", allauth.account_inactive, name="account_inactive"),
    path("reauthenticate/", allauth.reauthenticate, name="account_reauthenticate"),
    path("email/", allauth.EmailView.as_view(extra_context=has_mail_server), name="account_email"),
    path("confirm-email/", allauth.email_verification_sent, name="account_email_verification_sent"),
    path("confirm-email/<str:key>/", allauth.confirm_email, name="account_confirm_email"),
    path("password/change/", allauth.password_change, name="account_change_password"),
    path("password/reset/", allauth.password_reset, name="account_reset_password"),
    path(
        "password/reset/done/",
        allauth.PasswordResetDoneView.as_view(extra_context=has_mail_server),
        name="account_reset_password_done",
    ),
    re_path(
        r"^password/reset/key/(?P<uidb36>[0-9A-Za-z]+)-(?P<key>.+)/$",
        allauth.password_reset_from_key,
        name="account_reset_password_from_key",
    ),
]

handler400 = "dashboard.views.errors.bad_request"
handler500 = "dashboard.views.errors.server_error"

urlpatterns = [
    path("", teams.home, name="teams-home"),
    path("health/", health.status, name="health-status"),
    path("health/alive/", health.alive, name="health-alive"),
    path("api/v1/", api.urls),
    path("accounts/", include(accounts)),
    path("invitations/accept/", invitations.accept, name="invitations-accept"),
    path("invitations/<str:token>/", invitations.follow, name="invitations-follow"),
    path("t/new/", teams.new, name="teams-new"),
    path("t/<slug:slug>/", teams.enter, name="teams-enter"),
    path("t/<slug:slug>/team/", teams.detail, name="teams-detail"),
    path("t/<slug:slug>/team/delete/", teams.delete, name="teams-delete"),
    path("t/<slug:slug>/team/members/<int:pk>/", teams.member, name="teams-member"),
    path("t/<slug:slug>/team/invitations/", teams.invite, name="teams-invite"),
    path("t/<slug:slug>/team/invitations/<int:pk>/revoke/", teams.revoke, name="teams-revoke"),
    path("t/<slug:slug>/team/api/", tokens.page, name="tokens"),
    path("t/<slug:slug>/team/api/<int:pk>/revoke/", tokens.revoke, name="tokens-revoke"),
    path("t/<slug:slug>/team/media/", teams.media, name="teams-media"),
    path("t/<slug:slug>/team/key/", teams.key, name="teams-key"),
    path("t/<slug:slug>/team/key/state/", teams.key_state, name="teams-key-state"),
    path("t/<slug:slug>/team/key/test/", teams.key_test, name="teams-key-test"),
    path("t/<slug:slug>/team/key/remove/", teams.key_remove, name="teams-key-remove"),
    path("t/<slug:slug>/runs/", runs_list.page, name="runs-list"),
    path("t/<slug:slug>/runs/poll/", runs_list.poll, name="runs-list-poll"),
    path("t/<slug:slug>/runs/views/", runs_saved_views.entries, name="runs-saved-views-entries"),
    path("t/<slug:slug>/runs/views/save/", runs_saved_views.save, name="runs-saved-views-save"),
    path("t/<slug:slug>/runs/views/<int:pk>/remove/", runs_saved_views.remove, name="runs-saved-views-remove"),
    path("t/<slug:slug>/runs/columns/", runs_saved_views.columns, name="runs-saved-views-columns"),
    path("t/<slug:slug>/runs/add/", runs_add.page, name="runs-add"),
    path("t/<slug:slug>/runs/refresh/", runs_bulk.refresh, name="runs-bulk-refresh"),
    path("t/<slug:slug>/runs/archive/", runs_bulk.archive, name="runs-bulk-archive"),
    path("t/<slug:slug>/runs/restore/", runs_bulk.restore, name="runs-bulk-restore"),
    path("t/<slug:slug>/runs/join/", runs_bulk.join, name="runs-bulk-join"),
    path("t/<slug:slug>/runs/tag/", runs_bulk.tag, name="runs-bulk-tag"),
    path("t/<slug:slug>/runs/language/", runs_bulk.language, name="runs-bulk-language"),
    path("t/<slug:slug>/runs/languages/confirm/", runs_languages.confirm, name="runs-languages-confirm"),
    path("t/<slug:slug>/runs/export/", runs_export.selection, name="runs-export-selection"),
    path("t/<slug:slug>/sources/suggestions/", source.suggestions, name="source-suggestions"),
    path("t/<slug:slug>/sources/accept/", source.accept, name="source-accept"),
    path("t/<slug:slug>/sources/refuse/", source.refuse, name="source-refuse"),
    path("t/<slug:slug>/sources/languages/", source.languages, name="source-languages"),
    path("t/<slug:slug>/sources/languages.csv", source.languages_export, name="source-languages-export"),
    path("t/<slug:slug>/search/", search.page, name="search"),
    path("t/<slug:slug>/search/hits/", search.hits, name="search-hits"),
    path("t/<slug:slug>/search/export/", search.export, name="search-export"),
    path("t/<slug:slug>/search/save/", search.save, name="search-save"),
    path("t/<slug:slug>/search/saved/<int:pk>/remove/", search.saved_remove, name="search-saved-remove"),
    path("t/<slug:slug>/undo/", undo.last, name="undo-last"),
    path("t/<slug:slug>/palette/", palette.entries, name="palette-entries"),
    path("t/<slug:slug>/activity/", activity.page, name="activity"),
    path("t/<slug:slug>/activity/live/", activity.live, name="activity-live"),
    path("runs/<int:pk>/", runs_detail.page, name="runs-detail"),
    path("runs/<int:pk>/find/", runs_detail.find, name="runs-detail-find"),
    path("runs/<int:pk>/poll/", runs_detail.poll, name="runs-detail-poll"),
    path("runs/<int:pk>/title/", runs_edit.title, name="runs-edit-title"),
    path("runs/<int:pk>/tags/", runs_edit.tags, name="runs-edit-tags"),
    path("runs/<int:pk>/languages/", runs_languages.page, name="runs-languages"),
    path("runs/<int:pk>/times/", runs_edit.times, name="runs-edit-times"),
    path("runs/<int:pk>/answer.json", runs_export.answer, name="runs-export-answer"),
    path("runs/<int:pk>/refresh/", runs_edit.refresh, name="runs-edit-refresh"),
    path("runs/<int:pk>/archive/", runs_edit.archive, name="runs-edit-archive"),
    path("runs/<int:pk>/restore/", runs_edit.restore, name="runs-edit-restore"),
    path("runs/<int:pk>/remove/", runs_edit.remove, name="runs-edit-remove"),
    path("runs/<int:pk>/speaker/", runs_speakers.rename, name="runs-speakers-rename"),
    path("runs/<int:pk>/checks/dismiss/", runs_checks.dismiss, name="runs-checks-dismiss"),
    path("runs/<int:pk>/source/", runs_source.page, name="runs-source"),
    path("runs/<int:pk>/source/apart/", runs_source.apart, name="runs-source-apart"),
    path("runs/<int:pk>/source/title/", runs_source.title, name="runs-source-title"),
    path("runs/<int:pk>/history/", runs_history.page, name="runs-history"),
    path("runs/<int:pk>/history/rows/", runs_history.rows, name="runs-history-rows"),
    path("dubs/<int:pk>/video/", media.video, name="media-video"),
    path("dubs/<int:pk>/audio/", media.audio, name="media-audio"),
    path("dubs/<int:pk>/captions.vtt", media.captions, name="media-captions"),
    path("dubs/<int:pk>/export/<str:format_key>/", runs_export.dub, name="runs-export-dub"),
    path("dubs/<int:pk>/export/<str:format_key>/with/<int:other_pk>/", runs_export.pair, name="runs-export-pair"),
]
