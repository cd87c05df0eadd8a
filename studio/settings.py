"""Every setting, read from the environment. Names and defaults: docs/configuration.md."""

from pathlib import Path
from urllib.parse import urlsplit

import dj_database_url
from django.core.exceptions import ImproperlyConfigured

from . import env

BASE_DIR = Path(__file__).resolve().parent.parent
DATA = Path(env.text("STUDIO_DATA", "./data")).expanduser().resolve()
MEDIA = DATA / "media"  # results and their pictures
UPLOADS = DATA / "uploads"  # reference images
ESCROW = DATA / "escrow"  # answers of paid requests, kept until they are in the database
RUN = DATA / "run"  # pid files and stop flags

DEBUG = env.flag("STUDIO_DEBUG")
SECRET_KEY = env.kept_secret_key(DATA)
FIELD_KEYS = env.kept_field_keys(DATA)

# --- where we are -----------------------------------------------------------------------------------------------
HOST = env.text("STUDIO_HOST", "127.0.0.1")
PORT = int(env.number("STUDIO_PORT", 8000, "a port number"))
SANDBOX_PORT = int(env.number("STUDIO_SANDBOX_PORT", 8001, "a port number"))
SANDBOX = env.flag("STUDIO_SANDBOX", True)
SANDBOX_URL = f"http://127.0.0.1:{SANDBOX_PORT}"
PUBLIC_URL = env.text("STUDIO_PUBLIC_URL").rstrip("/")
INSECURE_HTTP = env.flag("STUDIO_INSECURE_HTTP")
TRUSTED_HOSTS = frozenset(env.names("STUDIO_TRUSTED_HOSTS") + ([f"127.0.0.1:{SANDBOX_PORT}"] if SANDBOX else []))

_public = urlsplit(PUBLIC_URL)
ALLOWED_HOSTS = ["127.0.0.1", "localhost", "[::1]"]
if _public.hostname:
    ALLOWED_HOSTS.append(_public.hostname)
if HOST not in ("127.0.0.1", "0.0.0.0", "::"):  # noqa: S104  (compared, not bound)
    ALLOWED_HOSTS.append(HOST)
if INSECURE_HTTP:
    ALLOWED_HOSTS = ["*"]  # a LAN install is reached by names that we cannot know; the banner says what that means
CSRF_TRUSTED_ORIGINS = [f"{_public.scheme}://{_public.netloc}"] if _public.netloc else []

# --- time limits of the engine, in seconds (reliability: protocol, 2.4 and 2.10) ---------------------------------
SUBMIT_DEADLINE = env.number("STUDIO_SUBMIT_DEADLINE", 90)
LEASE = env.number("STUDIO_LEASE", 150)
POLL_MIN = env.number("STUDIO_POLL_MIN", 2.3)
if LEASE < SUBMIT_DEADLINE + 30:
    raise ImproperlyConfigured("STUDIO_LEASE must be at least 30 s longer than STUDIO_SUBMIT_DEADLINE.")
SYNC_DEADLINE = env.number("STUDIO_SYNC_DEADLINE", 1200)

# --- applications ---------------------------------------------------------------------------------------------------
INSTALLED_APPS = [
    "accounts",
    "generations",
    "django.contrib.admin.apps.SimpleAdminConfig",  # only the web has pages: studio/urls.py finds what is registered
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "allauth",
    "allauth.account",
    "csp",
    "django_htmx",
    "django_q",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",  # before the policy: it is of pages, and costs each file 300 bytes
    "csp.middleware.CSPMiddleware",
    "studio.middleware.CompressedPages",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "accounts.middleware.TeamMiddleware",
    "accounts.middleware.PrivatePagesMiddleware",
    "studio.middleware.WayOnMiddleware",
]
ROOT_URLCONF = "studio.urls"
ASGI_APPLICATION = "studio.asgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "studio.context.studio",
            ],
            "libraries": {"studio_ui": "studio.templatetags.studio_ui"},
        },
    }
]

# --- database: the generation row is the queue, so a commit must survive a power cut ------------------------------
if env.text("DATABASE_URL"):
    DATABASES = {"default": dj_database_url.parse(env.text("DATABASE_URL"), conn_health_checks=True)}
    if DATABASES["default"]["ENGINE"].endswith("postgresql"):  # a server that hangs must not make every page hang
        DATABASES["default"].setdefault("OPTIONS", {}).setdefault("connect_timeout", 5)
else:
    DATABASES = {
        "default": {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": DATA / "studio.sqlite3",
            "OPTIONS": {
                # IMMEDIATE: with the deferred default 39 % of contended read-then-write transactions fail as locked.
                "transaction_mode": "IMMEDIATE",
                "timeout": 20,
                "init_command": "PRAGMA journal_mode=WAL;PRAGMA synchronous=FULL;PRAGMA foreign_keys=ON;"
                "PRAGMA cache_size=-16000;PRAGMA temp_store=MEMORY;PRAGMA journal_size_limit=67108864;",
            },
        }
    }
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
if env.text("REDIS_URL"):
    CACHES = {"default": {"BACKEND": "studio.cache.ForgivingRedis", "LOCATION": env.text("REDIS_URL")}}
else:
    CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}

# --- django-q2: a carrier of hints; every guarantee is in the generation row ---------------------------------------
# The loop may run on for one such deadline while requests are out that take minutes, and then wait once more for the last.
_TASK_SECONDS = int(max(900, 2 * SYNC_DEADLINE + 600))
Q_CLUSTER = {
    "name": "studio",
    "orm": "default",
    "workers": max(2, int(env.number("STUDIO_WORKERS", 3, "a whole number"))),  # one drives all jobs, the others save
    "queue_limit": 4,
    "bulk": 1,
    "poll": 0.3,
    "timeout": _TASK_SECONDS,  # a download is given 780 s
    "retry": 2 * _TASK_SECONDS,  # longer than the timeout plus the longest wait behind queue_limit tasks
    "ack_failures": True,
    "max_attempts": 1,
    "save_limit": -1,
    "recycle": 200,
    "catch_up": False,
    "label": "Queue",
}

# --- people -------------------------------------------------------------------------------------------------------------
AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
ACCOUNT_ADAPTER = "accounts.adapter.ClosedSignup"
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_PREVENT_ENUMERATION = True
ACCOUNT_SESSION_REMEMBER = True
LOGIN_REDIRECT_URL = "/"
LOGIN_URL = "account_login"
CSRF_FAILURE_VIEW = "studio.views.stale"
ACCOUNT_LOGOUT_REDIRECT_URL = "account_login"
EMAIL_BACKEND = "django.core.mail.backends.console.EmailBackend"
SESSION_COOKIE_AGE = 14 * 24 * 3600
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"

STUDIO_NEW_TEAM = ["generations.keys.add_demo_keys"]  # called with each new team; accounts never imports generations

# --- transport: https as soon as the studio is told its public https address ---------------------------------------
SECURE = _public.scheme == "https"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE
SESSION_COOKIE_NAME = "__Host-sessionid" if SECURE else "tungsten_session"
CSRF_COOKIE_NAME = "__Host-csrftoken" if SECURE else "tungsten_csrf"
SECURE_SSL_REDIRECT = SECURE
SECURE_REDIRECT_EXEMPT = [r"^healthz"]
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if SECURE else None
SECURE_HSTS_SECONDS = 31536000 if SECURE else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = SECURE
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'none'"],
        "script-src": ["'self'"],
        "style-src": ["'self'"],
        "img-src": ["'self'", "blob:", "data:"],
        "media-src": ["'self'", "blob:"],
        "font-src": ["'self'"],
        "connect-src": ["'self'"],
        "form-action": ["'self'"],
        "frame-ancestors": ["'none'"],
        "base-uri": ["'none'"],
        "manifest-src": ["'self'"],
    }
}

# --- files ------------------------------------------------------------------------------------------------------------------
STATIC_URL = "/static/"
STATIC_ROOT = DATA / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage" if DEBUG else "studio.assets.StaticFiles"
    },
}
S3_BUCKET = env.text("STUDIO_S3_BUCKET")
if S3_BUCKET:  # finished files; see generations/store.py
    STORAGES["media"], S3_ORIGINS = env.s3_storage(S3_BUCKET)
    for _source in ("img-src", "media-src"):
        CONTENT_SECURITY_POLICY["DIRECTIVES"][_source] += S3_ORIGINS
WHITENOISE_MAX_AGE = 0 if DEBUG else 60
WHITENOISE_KEEP_ONLY_HASHED_FILES = True  # nothing asks for the others, and a first start compresses half as many
MEDIA_DELIVERY = env.text("STUDIO_MEDIA_DELIVERY", "direct")
MAX_IMAGE_BYTES = 20 * 2**20
FILE_UPLOAD_HANDLERS = [
    "generations.uploads.LimitedUploads",
    "django.core.files.uploadhandler.MemoryFileUploadHandler",
    "django.core.files.uploadhandler.TemporaryFileUploadHandler",
]
FILE_UPLOAD_TEMP_DIR = env.folder(DATA / "incoming")  # our own, so that what a killed process leaves can be cleared
DATA_UPLOAD_MAX_MEMORY_SIZE = 2 * 2**20

# --- language, time, log --------------------------------------------------------------------------------------------------
LANGUAGE_CODE = "en"
TIME_ZONE = env.text("TZ") or env.machine_zone()
USE_TZ = True
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"scrub": {"()": "generations.scrub.ScrubFilter"}},
    "formatters": {"line": {"format": "{asctime} {levelname} {name}: {message}", "style": "{"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line", "filters": ["scrub"]}},
    "root": {"handlers": ["stderr"], "level": "INFO"},
    "loggers": {
        "django-q": {"handlers": ["stderr"], "level": "WARNING", "propagate": False},
        "httpx": {"level": "WARNING"},
        "httpcore": {"level": "WARNING"},
    },
}
