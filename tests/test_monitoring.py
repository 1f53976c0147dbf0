"""The alert rules and the board: they name only metrics that exist, and count nothing twice."""

import json
import re
from pathlib import Path

import pytest
import yaml
from django.urls import resolve
from django.utils import timezone

from dashboard.http import metrics
from results.models import ScheduledTask
from tests.factories import make_worker

FOLDER = Path(__file__).parent.parent / "docs" / "monitoring"
RULES = yaml.safe_load((FOLDER / "alerts.yml").read_text())["groups"][0]["rules"]
PANELS = json.loads((FOLDER / "grafana.json").read_text())["panels"]
TARGETS = [target["expr"] for panel in PANELS for target in panel["targets"]]
EXPRESSIONS = [rule["expr"] for rule in RULES] + TARGETS


@pytest.mark.django_db
def test_alerts_and_panels_name_only_metrics_that_exist():
    make_worker()
    ScheduledTask.objects.create(name="refresh-due", next_at=timezone.now())
    metrics.REQUESTS.labels("x", "GET", "200").inc(0)
    metrics.SECONDS.labels("x").observe(0)
    known = set(re.findall(r"(?m)^(dubroom_\w+)", metrics.exposition().decode()))
    used = {name for expression in EXPRESSIONS for name in re.findall(r"dubroom_\w+", expression)}
    assert used
    assert used <= known


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_what_is_the_same_on_every_machine_counts_once(expression):
    rest = re.sub(r"(max|max by \(\w+\)|absent) ?\(dubroom_\w+", "", expression)
    # These are counted, or seen, by each machine.
    assert re.findall(r"dubroom_(?!request|database_up)\w+", rest) == []


@pytest.mark.parametrize("expression", TARGETS)
def test_no_series_of_the_board_hides_another(expression):
    assert " or " not in expression


def test_an_error_of_the_health_check_is_told_by_its_own_alert():
    [errors] = [rule["expr"] for rule in RULES if rule["alert"] == "DubroomErrors"]
    assert f'view!="{resolve("/health/").view_name}"' in errors


def test_every_alert_says_what_to_do():
    assert all(rule["annotations"]["action"] for rule in RULES)
