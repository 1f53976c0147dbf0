"""The pages of allauth that Dubroom uses, below /accounts/. Each has its template in a folder of allauth's name."""

from allauth.account import views as account
from allauth.mfa.base import views as second_step
from allauth.mfa.recovery_codes import views as recovery_codes
from allauth.mfa.totp import views as app
from allauth.mfa.webauthn import views as passkey
from allauth.socialaccount import views as sso
from allauth.socialaccount.providers.openid_connect import views as openid
from allauth.usersessions import views as devices
from django.conf import settings
from django.urls import path, re_path

from dashboard.accounts import audit_signals
from dashboard.accounts.single_sign_on import answer_502_when_unreachable

audit_signals.connect()

has_mail_server = {"has_mail_server": bool(settings.EMAIL_URL)}

urlpatterns = [
    path("login/", account.login, name="account_login"),
    path("login/passkey/", passkey.login_webauthn, name="mfa_login_webauthn"),
    path("login/code/", second_step.authenticate, name="mfa_authenticate"),
    path("logout/", account.logout, name="account_logout"),
    path("signup/", account.signup, name="account_signup"),
    path("inactive/", account.account_inactive, name="account_inactive"),
    path("reauthenticate/", account.reauthenticate, name="account_reauthenticate"),
    path("reauthenticate/code/", second_step.reauthenticate, name="mfa_reauthenticate"),
    path("reauthenticate/passkey/", passkey.reauthenticate_webauthn, name="mfa_reauthenticate_webauthn"),
    path(
        "reauthenticate/email/", account.request_reauthentication_code, name="account_request_reauthentication_code"
    ),
    path(
        "reauthenticate/email/code/",
        account.confirm_reauthentication_code,
        name="account_confirm_reauthentication_code",
    ),
    path("email/", account.EmailView.as_view(extra_context=has_mail_server), name="account_email"),
    path("confirm-email/", account.email_verification_sent, name="account_email_verification_sent"),
    path("confirm-email/<str:key>/", account.confirm_email, name="account_confirm_email"),
    path("password/change/", account.password_change, name="account_change_password"),
    path("password/set/", account.password_set, name="account_set_password"),
    path("password/reset/", account.password_reset, name="account_reset_password"),
    path(
        "password/reset/done/",
        account.PasswordResetDoneView.as_view(extra_context=has_mail_server),
        name="account_reset_password_done",
    ),
    re_path(
        r"^password/reset/key/(?P<uidb36>[0-9A-Za-z]+)-(?P<key>.+)/$",
        account.password_reset_from_key,
        name="account_reset_password_from_key",
    ),
    path("security/", second_step.index, name="mfa_index"),
    path("security/app/", app.activate_totp, name="mfa_activate_totp"),
    path("security/app/remove/", app.deactivate_totp, name="mfa_deactivate_totp"),
    path("security/recovery-codes/", recovery_codes.view_recovery_codes, name="mfa_view_recovery_codes"),
    path(
        "security/recovery-codes/new/", recovery_codes.generate_recovery_codes, name="mfa_generate_recovery_codes"
    ),
    path("security/recovery-codes.txt", recovery_codes.download_recovery_codes, name="mfa_download_recovery_codes"),
    # allauth's own list of passkeys is part of the page Security here.
    path("security/passkeys/", second_step.index, name="mfa_list_webauthn"),
    path("security/passkeys/add/", passkey.add_webauthn, name="mfa_add_webauthn"),
    path("security/passkeys/<int:pk>/rename/", passkey.edit_webauthn, name="mfa_edit_webauthn"),
    path("security/passkeys/<int:pk>/remove/", passkey.remove_webauthn, name="mfa_remove_webauthn"),
    path("sso/signup/", sso.signup, name="socialaccount_signup"),
    path("sso/cancelled/", sso.login_cancelled, name="socialaccount_login_cancelled"),
    path("sso/error/", sso.login_error, name="socialaccount_login_error"),
    path("oidc/<str:provider_id>/login/", answer_502_when_unreachable(openid.login), name="openid_connect_login"),
    path("oidc/<str:provider_id>/login/callback/", openid.callback, name="openid_connect_callback"),
    path("devices/", devices.list_usersessions, name="usersessions_list"),
]
