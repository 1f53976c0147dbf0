"""The one-word rule: a URL's name, its view's module and function, and its templates' folder share their words.

`runs-bulk-archive` names `archive` in dashboard/views/runs/bulk.py, whose templates lie in templates/runs/bulk/.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.urls import URLPattern, URLResolver, get_resolver

from dashboard import views

VIEWS = Path(views.__path__[0])
MODULES = sorted(path.relative_to(VIEWS) for path in VIEWS.rglob("*.py") if path.stem != "__init__")
TEMPLATES = settings.BASE_DIR / "templates"
OF_ALLAUTH = [("account",), ("mfa",), ("socialaccount",), ("usersessions",)]


def url_patterns(patterns: list[URLPattern | URLResolver]) -> Iterator[URLPattern]:
    """Yield each pattern but those of the API, whose views are not ours but django-ninja's."""
    for pattern in patterns:
        if isinstance(pattern, URLPattern):
            yield pattern
        elif pattern.namespace != "api":
            yield from url_patterns(pattern.url_patterns)


def required_names() -> dict[str, str]:
    """Return the name that the rule requires of each URL, by the name that the URL has."""
    names = {}
    for pattern in url_patterns(get_resolver().url_patterns):
        # Decorators keep the module and the name of the function that they wrap.
        module, function = pattern.callback.__module__, pattern.callback.__name__
        if module.startswith("allauth."):
            continue
        words = module.removeprefix(f"{views.__name__}.").split(".")
        # A module's main page is its function `page`, which the URL's name leaves out.
        words += [function] if function != "page" else []
        names[pattern.name or str(pattern.pattern)] = "-".join(words).replace("_", "-")
    return names


def test_a_url_is_named_after_its_views_module_and_function():
    names = required_names()
    assert len(names) > 50
    assert {name: required for name, required in names.items() if name != required} == {}


def templates_of(module: Path) -> list[str]:
    """Return the templates that the view module names."""
    constants = (
        node for node in ast.walk(ast.parse((VIEWS / module).read_text())) if isinstance(node, ast.Constant)
    )
    values = {node.value for node in constants if isinstance(node.value, str)}
    return sorted(value for value in values if value.endswith(".html"))


def is_error_page(template: str) -> bool:
    """Return whether the template is one of the root, such as `429.html`, with which any view may answer."""
    return "/" not in template and template[:3].isdigit()


def is_page(template: str) -> bool:
    text = (TEMPLATES / template).read_text()
    return "{% extends" in text or "<!doctype html>" in text


@pytest.mark.parametrize("module", MODULES, ids=str)
def test_a_view_module_renders_templates_of_its_own_folder(module):
    folder = TEMPLATES / module.with_suffix("")
    strangers = [name for name in templates_of(module) if (TEMPLATES / name).parent != folder]
    assert [name for name in strangers if not is_error_page(name)] == []


@pytest.mark.parametrize("module", MODULES, ids=str)
def test_a_fragment_starts_with_an_underscore_and_a_page_does_not(module):
    wrong = [name for name in templates_of(module) if is_page(name) == Path(name).name.startswith("_")]
    assert wrong == []


def test_every_template_folder_belongs_to_a_view_module_or_package():
    folders = {path.parent.relative_to(TEMPLATES) for path in TEMPLATES.rglob("*.html")}
    of_views = {parent for module in MODULES for parent in (module.with_suffix(""), module.parent)}
    # allauth looks for its templates in folders of its own names.
    of_allauth = {path for path in folders if path.parts[:1] in OF_ALLAUTH}
    assert folders - of_views - of_allauth == set()
