"""The metrics of a real web server, which counts in several processes."""

import pytest
import requests

from tests.metric_samples import metric_samples
from tests.waiting import DEADLINE_S

pytestmark = pytest.mark.worker
TOKEN = "a-token-for-tests"


def test_requests_are_counted_over_all_processes(installation):
    with installation.web(METRICS_TOKEN=TOKEN) as home:
        for _ in range(20):
            assert requests.get(f"{home}/accounts/login/", timeout=DEADLINE_S).status_code == 200
        headers = {"Authorization": f"Bearer {TOKEN}"}
        for _ in range(3):
            found = metric_samples(requests.get(f"{home}/metrics/", headers=headers, timeout=DEADLINE_S).text)
            assert found["dubroom_requests_total", "GET", "200", "account_login"] == 20
            assert found["dubroom_request_seconds_count", "account_login"] == 20
