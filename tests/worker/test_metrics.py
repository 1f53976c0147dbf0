"""The metrics of a real web server, which counts in several processes."""

import pytest
import requests

from dashboard.http.metrics import FILE_BYTES
from tests.metric_samples import metric_samples
from tests.waiting import DEADLINE_S

pytestmark = pytest.mark.worker
TOKEN = "a-token-for-tests"


def test_requests_are_counted_over_all_processes(installation, tmp_path):
    with installation.web(METRICS_TOKEN=TOKEN) as home:
        for _ in range(20):
            assert requests.get(f"{home}/accounts/login/", timeout=DEADLINE_S).status_code == 200
        headers = {"Authorization": f"Bearer {TOKEN}"}
        for _ in range(3):
            found = metric_samples(requests.get(f"{home}/metrics/", headers=headers, timeout=DEADLINE_S).text)
            assert found["dubroom_requests_total", "GET", "200", "account_login"] == 20
            assert found["dubroom_request_seconds_count", "account_login"] == 20
        # A full disk is no danger: each file has all its blocks, and no process has made others.
        files = [path.stat() for path in (tmp_path / "metrics").iterdir()]
        assert [file.st_size for file in files] == [FILE_BYTES] * 4
        assert all(file.st_blocks * 512 >= file.st_size for file in files)
