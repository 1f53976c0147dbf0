"""The least that Django can answer, beside which the pages are measured: no middleware, database or template.

Served by granian in the same way as Dubroom: see `benchmarks.pages`.
"""

from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, HttpResponse
from django.urls import path


def hello(request: HttpRequest) -> HttpResponse:
    return HttpResponse("Hello, world", headers={"Content-Length": "12"})


urlpatterns = [path("", hello)]
settings.configure(ROOT_URLCONF="benchmarks.hello", ALLOWED_HOSTS=["127.0.0.1"], MIDDLEWARE=[])
application = get_wsgi_application()
