"""The data folder of an earlier release is closed to other users, and nothing else is."""

import os
from pathlib import Path

import pytest

from dashboard.embedded import data_folder


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


@pytest.fixture
def folder(tmp_path) -> Path:
    """A data folder as earlier releases made it."""
    names = "dubroom.sqlite3 dubroom.sqlite3-wal secret.key mail/1.log media/2/a.mp4 notes.txt"
    for name in names.split():
        path = tmp_path / "data" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x")
        path.chmod(0o644)
    for path in (tmp_path / "data", *(tmp_path / "data").glob("m*")):
        path.chmod(0o755)
    return tmp_path / "data"


def test_an_older_folder_and_its_files_are_closed(folder):
    data_folder.close_to_others(folder)
    modes = {str(path.relative_to(folder)): mode(path) for path in folder.rglob("*")}
    assert mode(folder) == 0o700
    assert modes.pop("notes.txt") == 0o644
    assert {name: found for name, found in modes.items() if found & 0o077} == {}
    assert (modes["dubroom.sqlite3-wal"], modes["media"], modes["media/2/a.mp4"]) == (0o600, 0o700, 0o600)


def test_what_a_link_leads_to_keeps_its_permissions(folder, tmp_path):
    elsewhere = tmp_path / "shared"
    elsewhere.mkdir()
    elsewhere.chmod(0o755)
    (folder / "cache").symlink_to(elsewhere)
    (folder / "media" / "more").symlink_to(elsewhere)
    data_folder.close_to_others(folder)
    assert mode(elsewhere) == 0o755


def test_a_folder_for_all_users_is_refused_and_left_alone(folder):
    folder.chmod(0o1777)
    with pytest.raises(data_folder.SharedFolderError, match="is shared by all users of this machine"):
        data_folder.close_to_others(folder)
    assert (folder.stat().st_mode & 0o7777, mode(folder / "dubroom.sqlite3")) == (0o1777, 0o644)


def test_a_folder_of_another_user_is_refused(folder, monkeypatch):
    def chmod(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(Path, "chmod", chmod)
    with pytest.raises(data_folder.SharedFolderError, match="belongs to one of them"):
        data_folder.close_to_others(folder)


def test_files_are_closed_to_others_from_their_first_byte(tmp_path):
    """The settings set the umask before anything is written."""
    current = os.umask(0o077)
    assert current == 0o077
    (tmp_path / "x").write_text("x")
    assert mode(tmp_path / "x") == 0o600
