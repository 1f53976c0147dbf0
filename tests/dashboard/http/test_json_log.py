"""Log lines as JSON, with the id of their request or task."""

import json
import logging
import sys
from typing import Any

import pytest
from django.test import Client, RequestFactory

from dashboard.celery import app
from dashboard.http.json_log import HEADER, JsonFormatter, request_ids


def line_of(message: str, *values: object, exc_info=None) -> dict:
    record = logging.LogRecord("results.x", logging.WARNING, "x.py", 1, message, values, exc_info)
    text = JsonFormatter().format(record)
    assert "\n" not in text
    return json.loads(text)


def test_a_line_has_its_fields_and_no_id_outside_of_requests_and_tasks():
    line = line_of("Team %s: “ja”\nnew", "kitchen")
    assert (line["level"], line["logger"], line["message"]) == ("warning", "results.x", "Team kitchen: “ja”\nnew")
    assert line["time"].endswith("+00:00")
    assert not {"request_id", "task_id", "traceback"} & line.keys()


def test_a_traceback_stays_in_its_line():
    try:
        raise ValueError("broken")
    except ValueError:
        assert line_of("failed", exc_info=sys.exc_info())["traceback"].endswith("ValueError: broken")


@pytest.mark.django_db
def test_lines_of_a_task_have_its_id():
    @app.task(name="tests.logs", base=app.Task)
    def work():
        return line_of("at work")

    line: Any = work.apply(task_id="7f3a").result
    assert (line["task_id"], line["task"]) == ("7f3a", "tests.logs")


@pytest.mark.parametrize(
    ("is_behind_proxy", "given", "is_taken"),
    [(True, "abc-1.2", True), (False, "abc", False), (True, 'x"y', False), (True, "x" * 65, False)],
)
def test_a_request_has_the_proxys_id_or_one_of_its_own(settings, is_behind_proxy, given, is_taken):
    settings.IS_BEHIND_PROXY = is_behind_proxy
    lines = []

    def answer(request):
        from django.http import HttpResponse

        lines.append(line_of("in the request"))
        return HttpResponse()

    response = request_ids(answer)(RequestFactory().get("/", headers={HEADER: given}))
    assert response.headers[HEADER] == lines[0]["request_id"]
    assert (response.headers[HEADER] == given) == is_taken
    assert "request_id" not in line_of("after it")


def test_every_answer_has_an_id():
    assert len(Client().get("/health/alive/").headers[HEADER]) == 32
