"""Which address is answered by which view? A URL, its name, its view and its template share one word."""

from django.urls import include, path

from dashboard.views import health, runs

urlpatterns = [
    path("health/", health.health, name="health"),
    path("accounts/", include("allauth.account.urls")),
    path("t/<slug:slug>/runs/", runs.list_, name="runs-list"),
]
