"""A browser tab for tests that use the pages of a real web server over HTTP."""

import re

import requests

from tests.waiting import DEADLINE_S
from tests.worker.installation import PASSWORD


class Tab:
    """A tab of a browser, with its cookies."""

    def __init__(self, home: str, cookies: dict[str, str] | None = None) -> None:
        self._home, self._browser = home, requests.Session()
        self._browser.cookies.update(cookies or {})

    def another(self) -> "Tab":
        return Tab(self._home, self._browser.cookies.get_dict())

    def get(self, path: str) -> requests.Response:
        return self._browser.get(self._home + path, timeout=DEADLINE_S)

    def redirect_of(self, path: str) -> str:
        """Return where the path leads to, without a request for it."""
        return self._browser.get(self._home + path, timeout=DEADLINE_S, allow_redirects=False).headers["Location"]

    def read(self, path: str) -> str:
        return self.get(path).text

    def token(self) -> str:
        return re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', self.read("/"))[1]

    def post(self, path: str, token: str = "", **form: str) -> requests.Response:
        form |= {"csrfmiddlewaretoken": token or self.token()}
        return self._browser.post(self._home + path, form, timeout=DEADLINE_S)

    def sign_in(self, email: str) -> requests.Response:
        return self.post("/accounts/login/", login=email, password=PASSWORD)


def open_signed_in_tab(home: str, email: str) -> Tab:
    """Return a tab after a login through the form; fail if the login fails."""
    tab = Tab(home)
    answer = tab.sign_in(email)
    assert (answer.status_code, answer.url) == (200, f"{home}/t/team/runs/")
    return tab
