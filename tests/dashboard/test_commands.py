"""The management commands, with their output and their error sentences."""

import io
from datetime import timedelta

import pytest
from allauth.account.models import EmailAddress
from django.core.management import CommandError, call_command
from django.utils import timezone

from dashboard.embedded import demo
from dashboard.management.commands.create_team import ensure_user
from demo.samples import DEMO_TITLES
from results.models import ApiKey, Run
from results.refresh import claims
from results.runs.archive import archive_runs
from results.runs.trash import remove_runs
from results.search.service import search
from teams.access import has_second_step
from teams.models import AccessToken, Membership, Team, User
from tests.factories import make_app, make_dub, make_key, make_run, make_team, make_user
from tests.results.runs.paste.test_files import workbook

pytestmark = pytest.mark.django_db

PASSWORD = "correct horse battery"


@pytest.fixture
def run(monkeypatch):
    """Run a command with this stdin, and return its stdout and stderr."""

    def command(*arguments: str, stdin: str = "") -> tuple[str, str]:
        out, err = io.StringIO(), io.StringIO()
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(stdin.encode())))
        call_command(*arguments, stdout=out, stderr=err)
        return out.getvalue(), err.getvalue()

    return command


@pytest.fixture
def my_team() -> Team:
    """The team of `--team=my-team`, with a key that has not been tried."""
    team = make_team("My team")
    make_key(team, state=ApiKey.State.UNTRIED)
    return team


READY = {
    "video_url": "https://m/v",
    "audio_url": "https://m/a",
    "transcript": [{"start": 0, "end": 1, "text": "Hi", "speaker": "A"}],
}


# --- create_team -------------------------------------------------------------------------------------


def test_create_team_creates_an_owner_who_can_log_in_a_team_and_a_key(run, client, monkeypatch):
    monkeypatch.setenv("CAMB_API_KEY", "secret-1234")
    out, err = run(
        "create_team",
        "--owner=You@Example.org",
        "--password-stdin",
        "--name=My team",
        "--camb-key-env=CAMB_API_KEY",
        stdin=f"{PASSWORD}\n",
    )
    assert (out, err) == ("my-team\n", "")
    team = Team.objects.get(slug="my-team")
    assert [(m.user.email, m.role) for m in team.memberships.all()] == [("you@example.org", Membership.Role.OWNER)]
    assert (team.api_key.secret, team.api_key.last_four, team.api_key.is_demo) == ("secret-1234", "1234", False)
    assert [(a.email, a.verified, a.primary) for a in EmailAddress.objects.all()] == [
        ("you@example.org", True, True)
    ]
    assert client.login(request=None, email="you@example.org", password=PASSWORD)


def test_create_team_twice_changes_only_what_is_given(run, monkeypatch):
    monkeypatch.setenv("KEY", "first-key-aaaa")
    command = ("create_team", "--owner=you@example.org", "--name=My team")
    run(*command, "--password-stdin", "--camb-key-env=KEY", stdin=PASSWORD)
    assert run(*command)[0] == "my-team\n"
    user, team = User.objects.get(), Team.objects.get()
    assert user.check_password(PASSWORD)
    assert team.api_key.secret == "first-key-aaaa"

    monkeypatch.setenv("KEY", "second-key-bbbb")
    run(*command, "--password-stdin", "--camb-key-env=KEY", stdin="another good passphrase")
    user.refresh_from_db()
    assert user.check_password("another good passphrase")
    assert ApiKey.objects.get().secret == "second-key-bbbb"


def test_create_team_with_the_name_of_another_owners_team_creates_a_new_team(run):
    make_team("My team")
    assert run("create_team", "--owner=you@example.org", "--name=My team")[0] == "my-team-2\n"


def test_create_team_warns_that_an_owner_has_no_password(run):
    _, err = run("create_team", "--owner=you@example.org", "--name=My team")
    assert err == "you@example.org has no password yet: give one with --password-stdin.\n"


@pytest.mark.parametrize(
    ("arguments", "stdin", "sentence"),
    [
        (["--owner=nobody", "--name=T"], "", "Enter a valid email address."),
        (["--owner=a@example.org", "--name= "], "", "The team's name must have 1 to 100 characters."),
        (["--owner=a@example.org", "--name=T", "--camb-key-env=UNSET"], "", "The environment variable UNSET holds"),
        (["--owner=a@example.org", "--name=T", "--password-stdin"], "short", "This password is too short."),
        (["--owner=a@example.org", "--name=T", "--password-stdin"], "", "This password is too short."),
    ],
)  # fmt: skip
def test_create_team_refuses_with_one_sentence_and_creates_nothing(run, arguments, stdin, sentence):
    with pytest.raises(CommandError) as refusal:
        run("create_team", *arguments, stdin=stdin)
    assert str(refusal.value).startswith(sentence)
    assert (User.objects.count(), Team.objects.count()) == (0, 0)


# --- add_runs ----------------------------------------------------------------------------------------


def test_add_runs_counts_new_known_and_invalid_ids(run, my_team):
    make_run(my_team, camb_run_id=11)
    out, err = run("add_runs", "--team=my-team", "-", stdin="11, 12\nrun_id: 13\n-4")
    assert out == "2 new, 1 already here, 1 not an id.\n"
    assert err.startswith("Not an id: -4 (")
    assert sorted(my_team.runs.values_list("camb_run_id", flat=True)) == [11, 12, 13]


def test_add_runs_tells_archived_and_restored_runs_apart(run, my_team):
    archived, removed = make_run(my_team, camb_run_id=11), make_run(my_team, camb_run_id=12)
    archive_runs(my_team, [archived.pk])
    remove_runs(my_team, [removed.pk], by="Ann")
    out, _ = run("add_runs", "--team=my-team", "-", stdin="10 11 12")
    assert out == "1 new, 0 already here, 1 archived, 1 restored, 0 not an id.\n"


def test_add_runs_says_which_sheet_it_reads(run, my_team, tmp_path):
    file = tmp_path / "runs.xlsx"
    file.write_bytes(workbook(May=[["run_id"], [21]], June=[["run_id"], [22]]))
    _, err = run("add_runs", "--team=my-team", str(file))
    assert err == "Only the sheet “May” is read; --sheet chooses another. Sheets: May, June.\n"
    assert run("add_runs", "--team=my-team", "--sheet=June", str(file))[1] == ""
    assert sorted(my_team.runs.values_list("camb_run_id", flat=True)) == [21, 22]
    with pytest.raises(CommandError, match=r"there is no sheet “July”\. Sheets: May, June\."):
        run("add_runs", "--team=my-team", "--sheet=July", str(file))


def test_add_runs_says_which_encoding_it_guessed(run, my_team, tmp_path):
    file = tmp_path / "runs.csv"
    file.write_bytes("run_id,title\n1344,Огни гавани".encode("cp1251"))
    _, err = run("add_runs", "--team=my-team", str(file))
    assert err == "Read as Cyrillic, cp1251; --encoding chooses another.\n"
    file.write_bytes("run_id,title\n1345,Огни гавани".encode("cp1251"))
    assert run("add_runs", "--team=my-team", "--encoding=cp1251", str(file))[1] == ""
    assert set(my_team.runs.values_list("title", flat=True)) == {"Огни гавани"}


def test_add_runs_reads_a_file_with_titles(run, my_team, tmp_path):
    file = tmp_path / "runs.csv"
    file.write_bytes("\ufeffrun_id,title\r\n21,Küche\r\n22,市場\r\n".encode())
    assert run("add_runs", "--team=my-team", str(file)) == ("2 new, 0 already here, 0 not an id.\n", "")
    assert dict(my_team.runs.values_list("camb_run_id", "title")) == {21: "Küche", 22: "市場"}


def test_add_runs_gives_the_dubs_a_language(run, my_team, tmp_path):
    file = tmp_path / "runs.csv"
    file.write_text("run_id,language\n21,de\n22,\n23,Klingonish\n")
    _, err = run("add_runs", "--team=my-team", "--language=Brazilian Portuguese", str(file))
    assert err == "23: Dubroom knows no language “Klingonish”; the run is added without one\n"
    assert dict(my_team.runs.values_list("camb_run_id", "given_language")) == {21: "de", 22: "pt-br", 23: ""}
    with pytest.raises(CommandError, match="Dubroom knows no language “Klingonish”"):
        run("add_runs", "--team=my-team", "--language=Klingonish", str(file))


@pytest.mark.parametrize(
    ("content", "sentence"),
    [(b"no numbers here", "This text holds no run id."), (b"", "This text holds no run id.")],
)
def test_add_runs_fails_without_an_id_in_the_text(run, my_team, tmp_path, content, sentence):
    (tmp_path / "file").write_bytes(content)
    with pytest.raises(CommandError, match=sentence):
        run("add_runs", "--team=my-team", str(tmp_path / "file"))


def test_add_runs_adds_nothing_while_a_table_leaves_a_question(run, my_team):
    text = "run_id,title\n1344,Kitchen\n\nReference,Folder,title\n1345,24,Garden\n1346,12,Cellar"
    with pytest.raises(CommandError, match=r"“Reference”, “Folder”\. Choose one\. Nothing was added\."):
        run("add_runs", "--team=my-team", "-", stdin=text)
    assert not my_team.runs.exists()


def test_add_runs_fails_with_a_sentence_for_an_unreadable_file(run, my_team, tmp_path):
    (tmp_path / "file").write_bytes(b"%PDF-1.7")
    with pytest.raises(CommandError, match="A PDF holds no list of ids"):
        run("add_runs", "--team=my-team", str(tmp_path / "file"))
    with pytest.raises(CommandError, match="can't open"):
        run("add_runs", "--team=my-team", str(tmp_path / "missing"))


@pytest.mark.parametrize("command", [["add_runs", "-"], ["refresh"]])
def test_an_unknown_team_is_named(run, command):
    with pytest.raises(CommandError, match="There is no team 'nowhere'"):
        run(*command, "--team=nowhere")


# --- remove_runs -------------------------------------------------------------------------------------


def test_remove_runs_names_the_ids_that_it_did_not_find(run, my_team):
    make_run(my_team, camb_run_id=11), make_run(my_team, camb_task_id="b9e3d2f4-7c1a-4f0e-9d55-0a1b2c3d4e5f")
    with pytest.raises(CommandError, match=r"No such run in the team: 12, no-task\.$"):
        run("remove_runs", "--team=my-team", "011", "12", "b9e3d2f4-7c1a-4f0e-9d55-0a1b2c3d4e5f", "no-task")
    assert Run.objects.removed().count() == 2
    with pytest.raises(CommandError, match=r"No such run in the trash: 12\.$"):
        run("remove_runs", "--team=my-team", "--restore", "11", "12")
    assert Run.objects.removed().count() == 1


# --- refresh -----------------------------------------------------------------------------------------


def test_refresh_asks_about_every_due_run_without_a_worker(run, my_team, camb, settings):
    settings.REFRESH_CALLS_PER_SECOND = 10  # fewer than the calls this needs
    camb.runs.update(dict.fromkeys(range(1, 51), READY) | {51: None, 52: {"status": "ERROR"}})
    for number in range(1, 53):
        make_run(my_team, camb_run_id=number)
    out, _ = run("refresh", "--team=my-team")
    assert out == "Runs checked: 52. Calls: 11. Waiting: 1. Ready: 50. Failed: 1.\n"
    assert sorted(id for call in camb.calls for id in call.run_ids) == list(range(1, 53))


def test_refresh_waits_when_the_rate_limit_is_free_again_right_after_the_claim(run, my_team, camb, monkeypatch):
    ApiKey.objects.update(rate_used_until=timezone.now() + timedelta(seconds=30))
    claim = claims.claim

    def claim_then_free_the_rate(team_id: int) -> claims.Lease | None:
        lease = claim(team_id)
        ApiKey.objects.update(rate_used_until=None)
        return lease

    monkeypatch.setattr(claims, "claim", claim_then_free_the_rate)
    make_run(my_team, camb_run_id=1)
    assert run("refresh", "--team=my-team")[0].startswith("Runs checked: 1. Calls: 1.")


def test_refresh_skips_other_teams_and_finished_runs(run, my_team, camb):
    make_run(my_team, camb_run_id=1, due_at=None)
    make_run(camb_run_id=2)
    assert run("refresh", "--team=my-team")[0] == "Runs checked: 0. Calls: 0.\n"
    assert camb.calls == []


def test_refresh_fails_with_the_message_of_a_failing_key(run, my_team, camb):
    camb.keys.clear()
    make_run(my_team, camb_run_id=1)
    with pytest.raises(CommandError) as failure:
        run("refresh", "--team=my-team")
    assert str(failure.value) == ApiKey.objects.get().message != ""


def test_refresh_fails_without_a_key(run):
    make_team("My team")
    with pytest.raises(CommandError, match="has no CAMB"):
        run("refresh", "--team=my-team")


# --- start -------------------------------------------------------------------------------------------


def test_the_first_start_creates_the_demo_team(client):
    demo.seed(ensure_user(demo.EMAIL, demo.password()))
    team = Team.objects.get()
    assert dict(team.runs.values_list("camb_run_id", "title")) == DEMO_TITLES
    assert (team.api_key.is_demo, team.api_key.secret) == (True, demo.KEY)
    assert team.copy_policy.is_enabled
    assert client.login(request=None, email=demo.EMAIL, password=demo.password())


# --- rebuild_search ----------------------------------------------------------------------------------


def test_rebuild_search_fills_the_index_and_prints_its_size(run):
    dub = make_dub(None, ["the kitchen", "a garden"])
    assert search(dub.team_id, "kitchen").count == 0
    out, _ = run("rebuild_search")
    assert out == "2 lines are in the index.\n"
    assert [hit.cue.text for hit in search(dub.team_id, "kitchen").hits] == ["the kitchen"]


def test_create_team_with_the_same_password_ends_no_token(run):
    create = ["create_team", "--owner=anna@example.org", "--name=Dub", "--password-stdin"]
    run(*create, stdin=PASSWORD)
    AccessToken.objects.issue(Membership.objects.get(), "Nightly", can_write=False)
    run(*create, stdin=PASSWORD)
    assert AccessToken.objects.count() == 1
    run(*create, stdin="seven grey herons")
    assert AccessToken.objects.count() == 0


def test_a_lost_second_step_is_removed_for_one_account(run):
    anna, ben = make_user("anna@example.org"), make_user()
    make_app(anna)
    make_app(ben)
    assert (
        run("remove_second_step", "Anna@example.org ")[0] == "anna@example.org logs in with the password alone.\n"
    )
    assert (has_second_step(anna.pk), has_second_step(ben.pk)) == (False, True)
    for email, sentence in [
        ("anna@example.org", "The account anna@example.org has no second step."),
        ("kim@example.org", "There is no account with the address kim@example.org."),
    ]:
        with pytest.raises(CommandError, match=sentence):
            run("remove_second_step", email)
