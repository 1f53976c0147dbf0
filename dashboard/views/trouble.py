"""What is said where Django gives up before any view is asked?"""

from django.core.exceptions import DisallowedHost
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render


def not_understood(request: HttpRequest, exception: Exception) -> HttpResponse:
    context = {"is_unknown_name": isinstance(exception, DisallowedHost)}
    return render(request, "400.html", context, status=400)


def forged(request: HttpRequest, reason: str = "") -> HttpResponse:
    """A form without the token of its page, or from a page of another address."""
    context = {"is_foreign": reason.startswith("Origin checking failed")}
    return render(request, "403_csrf.html", context, status=403)
