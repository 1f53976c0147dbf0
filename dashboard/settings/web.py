"""Django's applications, templates and static files, HTTPS and the content security policy, and limits."""

import re
from pathlib import Path

from csp.constants import NONE, SELF
from django.utils.translation import gettext_lazy as _

from dashboard.settings.environment import BASE_DIR, DATA_DIR, DEBUG, IS_BEHIND_PROXY, SUBPATH, env
from dashboard.settings.storage import MEDIA_STORAGE
from dashboard.settings.workers import DEMO, DEMO_PORT

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.usersessions",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.openid_connect",
    "django_htmx",
    "csp",
    "teams",
    "results",
    "dashboard",
]

MIDDLEWARE = [
    "dashboard.http.json_log.request_ids",
    "dashboard.http.metrics.measured_requests",
    "django.middleware.security.SecurityMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "dashboard.middleware.isolated_pages",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "dashboard.api.problems.json_errors",
    "dashboard.middleware.compressed_pages",
    "dashboard.middleware.known_methods",
    "dashboard.middleware.private_pages",
    "dashboard.middleware.refused_requests",
    "dashboard.http.unchanged_polls.unchanged_polls",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "dashboard.http.actor.name_actor",
    "dashboard.middleware.user_time_zone",
    "django.contrib.messages.middleware.MessageMiddleware",
    "dashboard.http.stream_limit.limit_streams",
    "dashboard.middleware.remember_team",
    "django_htmx.middleware.HtmxMiddleware",
    "dashboard.htmx.login_redirects",
    "dashboard.middleware.InvalidForms",
    "allauth.account.middleware.AccountMiddleware",
    "dashboard.accounts.second_step.LeadToSecondStep",
]

ROOT_URLCONF = "dashboard.urls"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "dashboard.context_processors.frame",
            ],
        },
    },
]

LANGUAGE_CODE = "en"
LANGUAGES = [("en", _("English"))]
TIME_ZONE = "UTC"  # of the API, the workers, and users whose own is unknown
USE_TZ = True

FORCE_SCRIPT_NAME = SUBPATH or None
STATIC_URL = f"{SUBPATH}/static/"
STATIC_ROOT = env.str("STATIC_ROOT", default=str(DATA_DIR / "static"))
STATICFILES_DIRS = [BASE_DIR / "static"]
# In a folder of its own, static files can be read by another web server, too.
STATIC_MODES = (0o600, 0o700) if Path(STATIC_ROOT).is_relative_to(DATA_DIR) else (0o644, 0o755)
STORAGES = {
    "default": MEDIA_STORAGE,
    "staticfiles": {
        "BACKEND": "dashboard.http.static_storage.HashedStaticStorage",
        "OPTIONS": {"file_permissions_mode": STATIC_MODES[0], "directory_permissions_mode": STATIC_MODES[1]},
    },
}
WHITENOISE_USE_FINDERS = DEBUG

# --- HTTPS, cookies and content security policy ------------------------------------------------------

IS_HTTPS = env.bool("HTTPS", default=False)
# The proxy writes the last address in X-Forwarded-For. Without a proxy, any client can forge the header, so it is
# not read.
ALLAUTH_TRUSTED_PROXY_COUNT = 1 if IS_BEHIND_PROXY else 0
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = IS_HTTPS
if SUBPATH:
    SESSION_COOKIE_PATH = CSRF_COOKIE_PATH = f"{SUBPATH}/"
SESSION_ENGINE = "dashboard.http.sessions"
SESSION_SERIALIZER = "django.contrib.sessions.serializers.JSONSerializer"
SESSION_COOKIE_AGE = 14 * 24 * 3600
CSRF_COOKIE_HTTPONLY = True
DEVICE_COOKIE_NAME = "device"  # names the users who have logged in with this browser
CSRF_FAILURE_VIEW = "dashboard.views.errors.csrf_failure"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
# What no page uses, no script that found its way into one can use either.
PERMISSIONS_POLICY = ", ".join(
    f"{feature}=()"
    for feature in (
        "accelerometer", "browsing-topics", "camera", "display-capture", "geolocation", "gyroscope",
        "hid", "idle-detection", "local-fonts", "magnetometer", "microphone", "midi", "payment", "screen-wake-lock",
        "serial", "usb", "xr-spatial-tracking",
    )
)  # fmt: skip
# HSTS for subdomains and the browsers' preload list are decisions of the domain's owner.
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021"]
if IS_HTTPS:
    # With `__Host-`, a browser accepts the cookies from this host only, and from no other host of its domain. The
    # cookies of a sub-path may not have that prefix.
    prefix = "__Secure-" if SUBPATH else "__Host-"
    SESSION_COOKIE_NAME, CSRF_COOKIE_NAME = f"{prefix}sessionid", f"{prefix}csrftoken"
    DEVICE_COOKIE_NAME = f"{prefix}device"
    SECURE_HSTS_SECONDS = 365 * 24 * 3600
    SECURE_SSL_REDIRECT = env.bool("HTTPS_REDIRECT", default=True)
    # Requested from inside the machine, not through the TLS proxy.
    SECURE_REDIRECT_EXEMPT = [f"^{re.escape(f'{SUBPATH}/health/'.lstrip('/'))}"]
    if IS_BEHIND_PROXY:
        SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

# CAMB.AI does not publish its media hosts, so media may play from any https host; MEDIA_HOSTS narrows this.
MEDIA_HOSTS = env.list("MEDIA_HOSTS", default=["https:"])
if DEMO:
    MEDIA_HOSTS = [*MEDIA_HOSTS, f"http://127.0.0.1:{DEMO_PORT}"]
# The bucket of the copies: their stills come from it too.
BUCKET_HOSTS = (
    [MEDIA_STORAGE["OPTIONS"].get("endpoint_url", "https://*.amazonaws.com")]
    if "bucket_name" in MEDIA_STORAGE["OPTIONS"]
    else []
)
MEDIA_HOSTS = [*MEDIA_HOSTS, *BUCKET_HOSTS]
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:", *BUCKET_HOSTS],
        "font-src": [SELF],
        "connect-src": [SELF],
        "media-src": [SELF, *MEDIA_HOSTS],
        "manifest-src": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
        "base-uri": [NONE],
        "object-src": [NONE],
    }
}

# --- Limits ------------------------------------------------------------------------------------------

API_CALLS_PER_MINUTE = env.int("API_CALLS_PER_MINUTE", default=300)
DATA_UPLOAD_MAX_MEMORY_SIZE = 2 * 2**20
DATA_UPLOAD_MAX_NUMBER_FIELDS = 1000
