"""The web application for a production server."""

import gc
import os

from django.core.wsgi import get_wsgi_application

from config.checks import refuse_to_start_without_promises

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

application = get_wsgi_application()
refuse_to_start_without_promises()
gc.freeze()  # as in the worker: what is loaded stays, and need not be looked through whenever memory is collected
