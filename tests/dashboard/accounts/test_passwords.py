"""Passwords from data breaches are refused, by the list that comes along and by a list ordered by hash."""

import hashlib
import random
import string
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.accounts import known_passwords
from dashboard.accounts.known_passwords import is_known
from dashboard.accounts.passwords import is_listed
from tests.dashboard.accounts.helpers import NEW_PASSWORD, sign_up

REASON = "This password, or one much like it, was in a data breach. Choose another one."


def write_list(path: Path, passwords: list[str], end: str = "\n") -> Path:
    """Write the file as Have I Been Pwned's downloader does."""
    hashes = sorted(hashlib.sha1(password.encode()).hexdigest().upper() for password in passwords)
    path.write_bytes("".join(f"{each}:{number * 977}{end}" for number, each in enumerate(hashes, 1)).encode())
    return path


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("size", [1, 2, 3, 100])
def test_every_password_of_the_list_is_found_and_no_other(tmp_path, size, end):
    listed = [f"password {number}" for number in range(size)]
    path = write_list(tmp_path / "hashes.txt", listed, end)
    assert [is_listed(path, password) for password in listed] == [True] * size
    assert [is_listed(path, f"other {number}") for number in range(50)] == [False] * 50


def test_an_empty_list_has_no_password(tmp_path):
    assert not is_listed(write_list(tmp_path / "hashes.txt", []), "anything")


def test_a_last_line_without_an_end_is_found(tmp_path):
    path = write_list(tmp_path / "hashes.txt", ["one", "two", "three"])
    path.write_bytes(path.read_bytes().rstrip(b"\n"))
    assert [is_listed(path, password) for password in ("one", "two", "three", "four")] == [True] * 3 + [False]


@given(listed=st.sets(st.text(), max_size=30), asked=st.text())
def test_the_search_agrees_with_the_set(tmp_path_factory, listed, asked):
    path = write_list(tmp_path_factory.getbasetemp() / "hashes.txt", sorted(listed))
    assert [text for text in listed if not is_listed(path, text)] == []
    assert is_listed(path, asked) == (asked in listed)


@pytest.mark.django_db
def test_a_breached_password_is_refused_with_the_reason(client, tmp_path, settings):
    settings.BREACHED_PASSWORDS_FILE = str(write_list(tmp_path / "hashes.txt", [NEW_PASSWORD]))
    form = sign_up(client).context["form"]
    assert form.errors == {"password1": [REASON]}
    assert sign_up(client, password="eight grey herons").status_code == 302


# Each is at least as long as passwords must be, and in breaches as it is or in a form that hardly differs.
BREACHED = """
    1q2w3e4r5t 1qaz2wsx3edc Admin@123456 Football123 IloveYou123! Password!234 P@$$w0rd123!
    P@ssw0rd123 Passw0rd123 Password-123 Password123! Password1234 Password@123 Qwerty123456!
    Qwertyuiop123 Sunshine123 Welcome@123 Welcome123! abcdefghij administrator asdfghjkl123
    iloveyou1234 letmein123 michelle123 monkey1234! princess123 qwertyuiop1234 theworldinyourhand
    zaq12wsxcde3 1234567890 12345678910 0987654321 1111111111
"""


@pytest.mark.parametrize("password", BREACHED.split())
def test_well_known_breached_passwords_are_known_out_of_the_box(password):
    assert is_known(password)


def test_a_password_of_a_password_manager_or_several_words_is_not_known():
    random_letters = random.Random(18)
    signs = string.ascii_letters + string.digits
    others = ["".join(random_letters.choices(signs, k=12)) for _number in range(300)]
    others += [
        "twelve red lanterns",
        "eight grey herons",
        "Die Fähre legt um 7 ab",
        "窓の外は青い海です静か",
        "ωραία θέα στη θάλασσα",
    ]
    assert [password for password in others if is_known(password)] == []


def test_the_list_is_small_and_takes_hardly_any_other_password_for_one_of_its_own():
    data = known_passwords.FILE.read_bytes()
    listed = (len(data) - 2**16) / 3
    assert len(data) < 2**20
    assert sum(data[: 2**16]) == listed > 200_000
    # Four forms of a password are looked up among hashes of 40 bits.
    assert 4 * listed / 2**40 < 1 / 100_000


@given(listed=st.sets(st.text(), max_size=30), asked=st.text())
def test_a_packed_list_has_its_own_passwords_only(listed, asked):
    data = known_passwords.pack(listed)
    assert [password for password in listed if not known_passwords._contains(data, password)] == []
    assert known_passwords._contains(data, asked) == (asked in listed)


@pytest.mark.django_db
def test_a_known_password_is_refused_at_sign_up_without_any_setting(client, settings):
    assert not settings.BREACHED_PASSWORDS_FILE
    assert REASON in sign_up(client, password="P@ssw0rd-1234").context["form"].errors["password1"]
