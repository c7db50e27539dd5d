"""One settings module; what differs between places comes from the environment (see docs/operations.md)."""

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from csp.constants import NONE, SELF

from audit.access import Role
from config import addresses, env
from config.embedded.environment import broker_url, database_url, default_data_dir, place, presence_url

BASE_DIR = Path(__file__).resolve().parent.parent
DATA_DIR = default_data_dir()
PUBLIC_URL = addresses.web("HANDRAIL_PUBLIC_URL", place(DATA_DIR, "public", "http://localhost:8000"))
SANDBOX_URL = addresses.web("HANDRAIL_SANDBOX_URL", place(DATA_DIR, "sandbox", "http://127.0.0.1:8001"))
DEMO = env.flag("HANDRAIL_DEMO")
# Hosts inside our own network (host:port) that messages may be sent to; everything else has to be public.
ALLOWED_PRIVATE_HOSTS = addresses.hosts("HANDRAIL_ALLOWED_PRIVATE_HOSTS", urlsplit(SANDBOX_URL).netloc)
DEBUG = env.flag("HANDRAIL_DEBUG")
SECRET_KEY = env.secret("SECRET_KEY", file=DATA_DIR / "keys" / "secret-key")
ENCRYPTION_KEYS = env.secrets_in_turn("HANDRAIL_ENCRYPTION_KEYS", SECRET_KEY)
SIGNING_KEY = env.signing_key("HANDRAIL_SIGNING_KEY")
ALLOWED_HOSTS = addresses.hosts("ALLOWED_HOSTS", "localhost,127.0.0.1,[::1]")

INSTALLED_APPS = [
    "allauth",
    "allauth.account",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.openid_connect",
    "allauth.mfa",
    "allauth.usersessions",
    "config",
    "orders.fulfilment",
    "orders.campaigns",
    "orders.sync",
    "exceptions",
    "rules",
    "audit",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "rest_framework",
    "drf_spectacular",
    "django_htmx",
    "django_celery_beat",
    "django_fsm",
    "simple_history",
    "pgtrigger",
]

MIDDLEWARE = [
    "config.request_ids.RequestIds",
    "config.tracing.Traced",
    "config.api.lifecycle.Lifecycle",
    "config.lengths.RefuseOddLengths",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "config.languages.PageLanguage",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "config.signin.middleware.Idle",
    "config.middleware.ActingPerson",
    "config.signin.middleware.SecondFactor",
    "config.signin.middleware.LastSeen",
]

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "config.shell.shell",
                "config.languages.other_languages",
            ],
        },
    },
]

# Data. The pool is per process: processes x max must stay below the server's max_connections.
DATABASES = {"default": addresses.database("DATABASE_URL", database_url(DATA_DIR))}
if pool_size := env.integer("HANDRAIL_DATABASE_POOL", 0):
    DATABASES["default"]["OPTIONS"]["pool"] = {"min_size": min(2, pool_size), "max_size": pool_size, "timeout": 10}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
SIMPLE_HISTORY_DATE_INDEX = False
PGTRIGGER_SCHEMA_EDITOR = False
CACHE_URL = addresses.cache("CACHE_URL")
CACHES = {
    "default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": CACHE_URL}
    if CACHE_URL
    else {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"},
}

# People.
AUTH_USER_MODEL = "audit.User"
LOGIN_URL = "/signin/"
LOGIN_REDIRECT_URL = "/"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("UserAttributeSimilarityValidator", "MinimumLengthValidator", "CommonPasswordValidator")
]
SESSION_COOKIE_AGE = 10 * 60 * 60
SESSION_SAVE_EVERY_REQUEST = False
IDLE_MINUTES = env.integer("HANDRAIL_IDLE_MINUTES", 120)

# Sign-in (django-allauth). Accounts are made by admins; wrong tries are counted in the database, not in a cache.
BEHIND_PROXY = env.flag("HANDRAIL_BEHIND_PROXY")
REQUIRE_MFA_ROLES = env.words("HANDRAIL_REQUIRE_MFA_ROLES", among=[role.value for role in Role])
ALLAUTH_TRUSTED_PROXY_COUNT = 1 if BEHIND_PROXY else 0
ACCOUNT_ADAPTER = "config.signin.adapters.AccountAdapter"
ACCOUNT_FORMS = {"login": "config.signin.forms.SignInForm"}
ACCOUNT_LOGIN_METHODS = {"username"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "password1*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_LOGOUT_REDIRECT_URL = LOGIN_URL
ACCOUNT_SESSION_REMEMBER = True
ACCOUNT_RATE_LIMITS = {"login": None, "login_failed": None}
MFA_ADAPTER = "config.signin.adapters.FactorAdapter"
MFA_FORMS = {
    "authenticate": "config.signin.forms.SecondFactorForm",
    "reauthenticate": "config.signin.forms.SecondFactorAgainForm",
}
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_TOTP_ISSUER = "Handrail"
MFA_TOTP_TOLERANCE = 1
SOCIALACCOUNT_ADAPTER = "config.signin.adapters.CompanyAdapter"
# A link, not a form: our policy lets forms go to ourselves only, and the company's sign-in is elsewhere.
SOCIALACCOUNT_LOGIN_ON_GET = True
SOCIALACCOUNT_PROVIDERS = addresses.openid_connect("HANDRAIL_OIDC")

# Words and places.
LANGUAGE_CODE = "en-gb"
LANGUAGES = [("en-gb", "English"), ("de", "Deutsch")]
LOCALE_PATHS = [BASE_DIR / "locale"]
LANGUAGE_COOKIE_AGE = 365 * 24 * 60 * 60
LANGUAGE_COOKIE_HTTPONLY = True
LANGUAGE_COOKIE_SAMESITE = "Lax"
TIME_ZONE = "UTC"
USE_I18N = True
USE_TZ = True
STATIC_URL = "static/"
STATIC_ROOT = DATA_DIR / "static"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}

# Safety. Cookies and redirects follow the public address: a product served over https never speaks http.
HTTPS = urlsplit(PUBLIC_URL).scheme == "https"
SECURE_SSL_REDIRECT = HTTPS
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = HTTPS
SECURE_HSTS_PRELOAD = HTTPS
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if BEHIND_PROXY else None
# Browsers let passkeys be made on localhost without https; the check of the origin would not.
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = not HTTPS
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = LANGUAGE_COOKIE_SECURE = HTTPS
SESSION_COOKIE_NAME = "__Host-session" if HTTPS else "session"
CSRF_COOKIE_NAME = "__Host-csrf" if HTTPS else "csrf"
CSRF_COOKIE_HTTPONLY = True
CSRF_TRUSTED_ORIGINS = [PUBLIC_URL]
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
        "base-uri": [NONE],
        "object-src": [NONE],
    },
}
DATA_UPLOAD_MAX_MEMORY_SIZE = 1_048_576
DATA_UPLOAD_MAX_NUMBER_FIELDS = 2_000
DATA_UPLOAD_MAX_NUMBER_FILES = 1
FILE_UPLOAD_HANDLERS = [
    "config.uploads.Quota",
    "django.core.files.uploadhandler.MemoryFileUploadHandler",
    "django.core.files.uploadhandler.TemporaryFileUploadHandler",
]

# Work in the background. Rows are the queue; the broker only wakes people up (docs/adr).
CELERY_BROKER_URL = addresses.broker("CELERY_BROKER_URL", broker_url(DATA_DIR))
PRESENCE_URL = presence_url(CACHE_URL, CELERY_BROKER_URL)
CELERY_TASK_IGNORE_RESULT = True
CELERY_DB_REUSE_MAX = 1_000  # tasks on one connection; its age and health are looked at before each
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_ENABLE_REMOTE_CONTROL = False
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = True
CELERY_WORKER_SOFT_SHUTDOWN_TIMEOUT = 5
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": 60,
    "unacked_restore_interval": 1,
    "unacked_restore_throttle": 1,
    "socket_timeout": 5,
    # Whoever knocks at a broker that is not there goes on at once: rows are the queue. Kombu would try again for six seconds.
    "max_retries": 0,
}
CELERY_BEAT_SCHEDULER = "django_celery_beat.schedulers:DatabaseScheduler"
CELERY_BEAT_MAX_LOOP_INTERVAL = 5
CELERY_TIMEZONE = "UTC"
DJANGO_CELERY_BEAT_TZ_AWARE = True

# Letters.
globals().update(addresses.email("EMAIL_URL"))
DEFAULT_FROM_EMAIL = addresses.sender("HANDRAIL_MAIL_FROM", "Handrail <handrail@localhost>")

REST_FRAMEWORK: dict[str, Any] = {
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["audit.rest.parsing.StrictJSONParser"],
    "DEFAULT_AUTHENTICATION_CLASSES": ["rules.authentication.ByToken", "rules.authentication.BySession"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_THROTTLE_CLASSES": ["audit.rest.throttling.CallerRate"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "audit.rest.problems.answer_with_problem",
    "URL_FORMAT_OVERRIDE": None,
}
# Who is written to when escalation itself has stopped; the ops leads where nobody is named.
ALARM_EMAILS = addresses.people("HANDRAIL_ALARM_EMAILS")
# Somebody away for more business hours than this has their open exceptions moved to who stands in.
AWAY_HOURS = env.integer("HANDRAIL_AWAY_HOURS", 4, least=1)
# How long another system has to answer.
DELIVERY_TIMEOUT_SECONDS = env.integer("HANDRAIL_DELIVERY_TIMEOUT_SECONDS", 10, least=1)
# Longer than a batch of systems that do not answer takes: what a worker is sending is another's after that.
DELIVERY_LEASE_SECONDS = env.integer("HANDRAIL_DELIVERY_LEASE_SECONDS", 180, least=10)
API_REQUESTS_PER_MINUTE = env.integer("HANDRAIL_API_REQUESTS_PER_MINUTE", 600, least=1)
SPECTACULAR_SETTINGS: dict[str, Any] = {
    "TITLE": "Handrail",
    "DESCRIPTION": "The operating layer for teams that move orders, campaigns and records between systems.",
    "VERSION": "1",
    "OAS_VERSION": "3.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SCHEMA_PATH_PREFIX": "/api/v1/",
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
    "COMPONENT_SPLIT_REQUEST": True,
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "config.api.lifecycle.mark_deprecated",
    ],
    "ENUM_NAME_OVERRIDES": {
        "OrderState": "orders.fulfilment.states.OrderState",
        "CustomerState": "orders.fulfilment.states.CustomerState",
        "LikenessState": "orders.fulfilment.states.LikenessState",
        "FulfilmentState": "orders.fulfilment.states.FulfilmentState",
        "AssetState": "orders.campaigns.states.AssetState",
        "ChangeState": "orders.campaigns.states.ChangeState",
        "CaseState": "exceptions.states.CaseState",
        "WaitingOn": "exceptions.states.WaitingOn",
        "WaiverState": "exceptions.states.WaiverState",
        "ClientAnswer": "exceptions.states.ClientAnswer",
        "DeliveryState": "exceptions.states.DeliveryState",
        "Mailing": "exceptions.states.Mailing",
        "ReviewVerdict": "exceptions.states.ReviewVerdict",
        "ContractState": "rules.states.ContractState",
        "RunbookState": "rules.states.RunbookState",
        "PostmortemState": "exceptions.states.PostmortemState",
        "PostmortemReason": "exceptions.states.PostmortemReason",
        "ActionState": "exceptions.states.ActionState",
        "InboundState": "orders.sync.states.InboundState",
        "OutboundState": "orders.sync.states.OutboundState",
        "RunState": "orders.sync.states.RunState",
        "OwnerKind": "rules.states.OwnerKind",
        "Doubt": "orders.fulfilment.serializers.by_hand.DOUBT_NAMES",
        "LayerEnum": "rules.states.Layer",
        "FlowKind": "rules.states.FlowKind",
    },
}

# Where spans of requests, tasks and deliveries are sent; nowhere unless told.
TRACES_ENDPOINT = addresses.collector("OTEL_EXPORTER_OTLP_ENDPOINT")

LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "console": {"format": "{asctime} {levelname} {name}: {message}", "style": "{"},
        "json": {"()": "config.logs.json_lines"},
    },
    "filters": {"not_ready_yet": {"()": "config.logs.NotReadyYet"}},
    "handlers": {
        "stderr": {
            "class": "logging.StreamHandler",
            "formatter": env.choice("LOG_FORMAT", among=("console", "json")),
        },
    },
    "root": {"handlers": ["stderr"], "level": "INFO"},
    "loggers": {
        "django.request": {"level": "ERROR", "filters": ["not_ready_yet"]},
        "celery.app.trace": {"level": "WARNING"},
        "httpx2": {"level": "WARNING"},
        "django_celery_beat": {"level": "WARNING"},
        "celery.beat": {"level": "WARNING"},
    },
}
