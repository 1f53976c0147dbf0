"""Users, log-in and email."""

import os
import re

from django.core.exceptions import ImproperlyConfigured

from dashboard.settings.environment import DATA_DIR, env

SIGNUP = env.str("SIGNUP", default="open")
if SIGNUP not in ("open", "invite"):
    raise ImproperlyConfigured(f"SIGNUP is {SIGNUP!r}; it must be 'open' or 'invite'.")

AUTH_USER_MODEL = "teams.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
MIN_PASSWORD_LENGTH = 10
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": MIN_PASSWORD_LENGTH},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "dashboard.accounts.passwords.BreachedPasswordValidator"},
]
# The list of Have I Been Pwned, beside the shorter one that comes with Dubroom.
BREACHED_PASSWORDS_FILE = env.str("BREACHED_PASSWORDS_FILE", default="")
if BREACHED_PASSWORDS_FILE and not os.access(BREACHED_PASSWORDS_FILE, os.R_OK):
    raise ImproperlyConfigured(f"BREACHED_PASSWORDS_FILE is {BREACHED_PASSWORDS_FILE!r}, which cannot be read.")
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "teams-home"
ACCOUNT_ADAPTER = "dashboard.accounts.adapter.Adapter"
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_FORMS = {
    "login": "dashboard.accounts.forms.LoginForm",
    "signup": "dashboard.accounts.forms.SignupForm",
    "add_email": "dashboard.accounts.forms.ChangeEmailForm",
    "change_password": "dashboard.accounts.forms.ChangePasswordForm",
    "set_password": "dashboard.accounts.forms.SetPasswordForm",
    "reset_password": "dashboard.accounts.forms.ResetPasswordForm",
    "reset_password_from_key": "dashboard.accounts.forms.NewPasswordForm",
    "reauthenticate": "dashboard.accounts.forms.ReauthenticateForm",
    "confirm_reauthentication_code": "dashboard.accounts.forms.ConfirmCodeForm",
}
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGOUT_REDIRECT_URL = "account_login"
ACCOUNT_SESSION_REMEMBER = True
ACCOUNT_CHANGE_EMAIL = True
ACCOUNT_PREVENT_ENUMERATION = True
ACCOUNT_REAUTHENTICATION_REQUIRED = True
# A code by email is only for accounts without a password and a second step, which log in by single sign-on.
ACCOUNT_REAUTHENTICATION_METHODS = ["password", "mfa", "code"]
MFA_ADAPTER = "dashboard.accounts.second_step.SecondStepAdapter"
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_FORMS = {
    "authenticate": "dashboard.accounts.second_step_forms.AuthenticateForm",
    "reauthenticate": "dashboard.accounts.second_step_forms.ReauthenticateForm",
    "activate_totp": "dashboard.accounts.second_step_forms.ActivateAppForm",
    "add_webauthn": "dashboard.accounts.second_step_forms.AddPasskeyForm",
    "edit_webauthn": "dashboard.accounts.second_step_forms.RenamePasskeyForm",
}
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_TOTP_ISSUER = "Dubroom"
MFA_TOTP_TOLERANCE = 1  # clocks may differ by one period of 30 s
# Where addresses are confirmed by email, no one is logged in without it. allauth would also refuse to change the
# address of an account with a second step.
MFA_ALLOW_UNVERIFIED_EMAIL = True
# A link from an email proves the identity, also of a user whose account is locked by the guesses of others.
ACCOUNT_LOGIN_ON_EMAIL_CONFIRMATION = True
ACCOUNT_LOGIN_ON_PASSWORD_RESET = True
ACCOUNT_EMAIL_CONFIRMATION_EXPIRE_DAYS = 3
PASSWORD_RESET_TIMEOUT = 24 * 3600
# Guesses are counted by account first, so that an address limit can leave room for all people of one office. Only
# log-ins that fail are counted; what is left is as many as a page can be asked for.
LOGIN_FAILURES_PER_ACCOUNT = env.int("LOGIN_FAILURES_PER_ACCOUNT", default=5)  # in five minutes
LOGIN_FAILURES_PER_ADDRESS = env.int("LOGIN_FAILURES_PER_ADDRESS", default=30)  # in one minute
ACCOUNT_FORMS_PER_ADDRESS = env.int("ACCOUNT_FORMS_PER_ADDRESS", default=60)  # sign-ups and resets in one minute
ACCOUNT_RATE_LIMITS = {
    "login": f"{10 * LOGIN_FAILURES_PER_ADDRESS}/m/ip",
    "login_failed": f"{LOGIN_FAILURES_PER_ACCOUNT}/5m/key,{LOGIN_FAILURES_PER_ADDRESS}/m/ip",
    "signup": f"{ACCOUNT_FORMS_PER_ADDRESS}/m/ip",
    "reset_password": f"5/m/key,{ACCOUNT_FORMS_PER_ADDRESS}/m/ip",
    "reset_password_from_key": f"{ACCOUNT_FORMS_PER_ADDRESS}/m/ip",
    "reauthenticate": "20/m/user",
    "invite": "30/h/user",
    "key_test": "10/m/user",
}
MFA_RATE_LIMITS = {"webauthn_login": f"{10 * LOGIN_FAILURES_PER_ADDRESS}/m/ip"}
ACCOUNT_EMAIL_NOTIFICATIONS = True
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""

# --- Single sign-on with OpenID Connect ---------------------------------------------------------------

OIDC_SERVER_URL = env.str("OIDC_SERVER_URL", default="")
OIDC_NAME = env.str("OIDC_NAME", default="single sign-on")
OIDC_GROUPS_CLAIM = env.str("OIDC_GROUPS_CLAIM", default="groups")
# Each as group=team:role, with the team's slug as in its addresses.
OIDC_GROUPS: list[tuple[str, str, str]] = []
for rule in env.list("OIDC_GROUPS", default=[]):
    group, _equals, place = rule.strip().rpartition("=")
    team, _colon, role = place.partition(":")
    if not (group and team and role):
        raise ImproperlyConfigured(f"OIDC_GROUPS has {rule!r}; each of its parts must be group=team:role.")
    OIDC_GROUPS.append((group, team, role))
SOCIALACCOUNT_ADAPTER = "dashboard.accounts.single_sign_on.SingleSignOnAdapter"
SOCIALACCOUNT_FORMS = {"signup": "dashboard.accounts.single_sign_on.SignupForm"}
# A link, because the content security policy lets no form of ours lead to another site.
SOCIALACCOUNT_LOGIN_ON_GET = True
# The administrator has chosen the provider, so an address that it has verified is the person's own account here.
SOCIALACCOUNT_EMAIL_AUTHENTICATION = SOCIALACCOUNT_EMAIL_AUTHENTICATION_AUTO_CONNECT = True
if OIDC_SERVER_URL:
    SOCIALACCOUNT_PROVIDERS = {
        "openid_connect": {
            "APPS": [
                {
                    "provider_id": "sso",
                    "name": OIDC_NAME,
                    "client_id": env.str("OIDC_CLIENT_ID", default=""),
                    "secret": env.str("OIDC_CLIENT_SECRET", default=""),
                    "settings": {
                        "server_url": OIDC_SERVER_URL,
                        "oauth_pkce_enabled": True,
                        "verified_email": env.bool("OIDC_EMAILS_ARE_VERIFIED", default=False),
                    },
                }
            ]
        }
    }

EMAIL_URL = env.str("EMAIL_URL", default="")
if EMAIL_URL:
    vars().update(env.email_url("EMAIL_URL"))
    ACCOUNT_EMAIL_VERIFICATION = env.str("EMAIL_VERIFICATION", default="mandatory")
else:
    # Without a mail server, emails are written to files, which the operator can open and pass on.
    EMAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend"
    EMAIL_FILE_PATH = DATA_DIR / "mail"
    ACCOUNT_EMAIL_VERIFICATION = "none"
# Emails that came back are sent to this address with a token: bounces+12-3f…@example.org.
BOUNCE_ADDRESS = env.str("BOUNCE_ADDRESS", default="")
if BOUNCE_ADDRESS and not re.fullmatch(r"[\w.-]{1,20}@[\w.-]+", BOUNCE_ADDRESS, re.ASCII):
    raise ImproperlyConfigured(
        f"BOUNCE_ADDRESS is {BOUNCE_ADDRESS!r}; it must be an address with at most 20 characters before the @."
    )
BOUNCE_MAILBOX = env.str("BOUNCE_MAILBOX", default="")
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL", default="dubroom@localhost")
