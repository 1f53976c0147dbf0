"""Which address is answered by which view? A URL, its name, its view and its template share one word."""

from allauth.account import views as allauth
from django.conf import settings
from django.urls import include, path, re_path

from dashboard.api import api
from dashboard.views import (
    activity,
    additions,
    exports,
    health,
    palette,
    run,
    runs,
    search,
    selections,
    sources,
    speakers,
    teams,
    tokens,
    transcripts,
)

# Those of allauth's pages that we use; each has its template in templates/account/.
has_mail_server = {"has_mail_server": bool(settings.EMAIL_URL)}
accounts = [
    path("profile/", teams.profile, name="profile"),
    path("profile/player/", teams.player, name="profile-player"),
    path("login/", allauth.login, name="account_login"),
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

handler400 = "dashboard.views.trouble.not_understood"
handler500 = "dashboard.views.trouble.broken"

urlpatterns = [
    path("", teams.home, name="home"),
    path("health/", health.health, name="health"),
    path("health/alive/", health.alive, name="health-alive"),
    path("api/v1/", api.urls),
    path("accounts/", include(accounts)),
    path("invitations/accept/", teams.invitation_accept, name="invitation-accept"),
    path("invitations/<str:token>/", teams.invitation, name="invitation"),
    path("t/new/", teams.new, name="teams-new"),
    path("t/<slug:slug>/", teams.team_home, name="teams-home"),
    path("t/<slug:slug>/team/", teams.detail, name="teams-detail"),
    path("t/<slug:slug>/team/delete/", teams.delete, name="teams-delete"),
    path("t/<slug:slug>/team/members/<int:pk>/", teams.member, name="teams-member"),
    path("t/<slug:slug>/team/invitations/", teams.invite, name="teams-invite"),
    path("t/<slug:slug>/team/invitations/<int:pk>/revoke/", teams.revoke, name="teams-revoke"),
    path("t/<slug:slug>/team/api/", tokens.page, name="teams-api"),
    path("t/<slug:slug>/team/api/<int:pk>/revoke/", tokens.revoke, name="teams-api-revoke"),
    path("t/<slug:slug>/team/shelf/", teams.shelf, name="teams-shelf"),
    path("t/<slug:slug>/team/key/", teams.key, name="teams-key"),
    path("t/<slug:slug>/team/key/test/", teams.key_test, name="teams-key-test"),
    path("t/<slug:slug>/team/key/remove/", teams.key_remove, name="teams-key-remove"),
    path("t/<slug:slug>/runs/", runs.list_, name="runs-list"),
    path("t/<slug:slug>/runs/poll/", runs.poll, name="runs-poll"),
    path("t/<slug:slug>/runs/add/", additions.add, name="runs-add"),
    path("t/<slug:slug>/runs/refresh/", selections.refresh_many, name="runs-refresh-many"),
    path("t/<slug:slug>/runs/archive/", selections.archive_many, name="runs-archive-many"),
    path("t/<slug:slug>/runs/restore/", selections.restore_many, name="runs-restore-many"),
    path("t/<slug:slug>/runs/tag/", selections.tag_many, name="runs-tag-many"),
    path("t/<slug:slug>/runs/export/", exports.runs, name="runs-export"),
    path("t/<slug:slug>/search/", search.page, name="search"),
    path("t/<slug:slug>/search/hits/", search.hits, name="search-hits"),
    path("t/<slug:slug>/search/export/", search.export, name="search-export"),
    path("t/<slug:slug>/search/save/", search.save, name="search-save"),
    path("t/<slug:slug>/search/saved/<int:pk>/remove/", search.saved_remove, name="search-saved-remove"),
    path("t/<slug:slug>/palette/", palette.entries, name="palette"),
    path("t/<slug:slug>/activity/", activity.page, name="activity"),
    path("t/<slug:slug>/activity/live/", activity.live, name="activity-live"),
    path("runs/<int:pk>/", transcripts.detail, name="runs-detail"),
    path("runs/<int:pk>/poll/", transcripts.poll, name="runs-detail-poll"),
    path("runs/<int:pk>/title/", run.title, name="runs-title"),
    path("runs/<int:pk>/tags/", run.tags, name="runs-tags"),
    path("runs/<int:pk>/refresh/", run.refresh_now, name="runs-refresh"),
    path("runs/<int:pk>/archive/", run.archive, name="runs-archive"),
    path("runs/<int:pk>/restore/", run.restore, name="runs-restore"),
    path("runs/<int:pk>/remove/", run.remove, name="runs-remove"),
    path("runs/<int:pk>/speaker/", speakers.speaker, name="runs-speaker"),
    path("runs/<int:pk>/link/", sources.link, name="runs-link"),
    path("runs/<int:pk>/unlink/", sources.unlink, name="runs-unlink"),
    path("runs/<int:pk>/history/", activity.history, name="runs-history"),
    path("runs/<int:pk>/history/rows/", activity.history_rows, name="runs-history-rows"),
    path("dubs/<int:pk>/video/", transcripts.video, name="dubs-video"),
    path("dubs/<int:pk>/audio/", transcripts.audio, name="dubs-audio"),
    path("dubs/<int:pk>/captions.vtt", transcripts.captions, name="dubs-captions"),
    path("dubs/<int:pk>/export/<str:format>/", exports.dub, name="dubs-export"),
    path("dubs/<int:pk>/export/<str:format>/with/<int:other_pk>/", exports.pair, name="dubs-export-pair"),
]
