"""The alert rules and the board name only metrics that exist."""

import json
import re
from pathlib import Path

import pytest
import yaml

from dashboard.http import metrics
from tests.factories import make_worker

FOLDER = Path(__file__).parent.parent / "docs" / "monitoring"
RULES = yaml.safe_load((FOLDER / "alerts.yml").read_text())["groups"][0]["rules"]
PANELS = json.loads((FOLDER / "grafana.json").read_text())["panels"]


@pytest.mark.django_db
def test_alerts_and_panels_name_only_metrics_that_exist():
    make_worker()
    metrics.REQUESTS.labels("x", "GET", "200").inc(0)
    metrics.SECONDS.labels("x").observe(0)
    known = set(re.findall(r"(?m)^(dubroom_\w+)", metrics.exposition().decode()))
    expressions = [rule["expr"] for rule in RULES] + [panel["targets"][0]["expr"] for panel in PANELS]
    used = {name for expression in expressions for name in re.findall(r"dubroom_\w+", expression)}
    assert used
    assert used <= known


def test_every_alert_says_what_to_do():
    assert all(rule["annotations"]["action"] for rule in RULES)
