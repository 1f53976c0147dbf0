"""Do the papers speak of what there is?"""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ARCHITECTURE = (ROOT / "docs/architecture.md").read_text()
SELF_EVIDENT = {"__init__.py", "apps.py", "wsgi.py", "celery.py", "urls.py"}


def modules():
    for room in ("teams", "results", "dashboard"):
        for path in sorted((ROOT / room).iterdir()):
            if path.name not in SELF_EVIDENT and (path.suffix == ".py" or (path / "__init__.py").exists()):
                yield path.name


@pytest.mark.parametrize("name", [name for name in modules() if name not in ("migrations",)])
def test_every_room_is_in_the_architecture(name):
    assert re.search(rf"[`/]{re.escape(name)}[`/]", ARCHITECTURE), f"docs/architecture.md does not name {name}"


@pytest.mark.parametrize("file", ["requirements.txt", "requirements-dev.txt"])
def test_every_dependency_has_its_reason(file):
    own = (ROOT / file).read_text().partition("\n\n")[0]
    names = re.findall(r"(?m)^([A-Za-z0-9-]+)(?:\[[^]]*\])?==", own)
    assert names
    assert [name for name in names if name.lower() not in ARCHITECTURE.lower()] == []


def test_every_setting_of_the_readme_exists():
    table = (ROOT / "README.md").read_text().partition("## Settings")[2].partition("**")[0]
    known = (ROOT / ".env.example").read_text()
    names = re.findall(r"`([A-Z][A-Z_]+)`", table)
    assert names
    assert [name for name in names if f"{name}=" not in known and not name.startswith("AWS_")] == []
