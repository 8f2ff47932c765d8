"""
C{teamchat backup} and C{teamchat restore}: whole, or not at all.
"""

import json
import shutil
import sqlite3
import stat
import subprocess
from contextlib import closing

import pytest

from teamchatd.config import Config
from teamchatd.console import backup, restore
from teamchatd.console.place import Place
from teamchatd.store import lock, restored
from tests.daemon import NOON, Daemon
from tests.killing import moments, refusal

DAY = "2027-01-15T080000Z"


@pytest.fixture
def root(tmp_path):
    """
    Where backups go.
    """
    return tmp_path / "backups"


@pytest.fixture
def back_up(here, root, silent):
    return lambda: backup.back_up(here, root, lambda: NOON, silent)


@pytest.fixture
def put_back(tmp_path, silent, monkeypatch):
    """
    Restores a backup into a directory.
    """

    def put_back(source, directory, replace=False):
        place = Place(Config(), directory)
        return restore.restore(place, source, replace, lambda: NOON, silent)

    return put_back


@pytest.fixture
def made(daemon, ada, upload, back_up):
    """
    A backup of a daemon on which something was said and shown, and which has stopped.
    """
    daemon.say(ada, "hello")
    upload()
    folder = back_up().folder
    daemon.say(ada, "later")
    daemon.stop()
    for recurring in daemon.house.recurring:
        recurring.startService()  # so that whoever cleans up can stop it again
    yield folder
    daemon.database.startService()


def everything(directory):
    """
    What is in all files below C{directory}, and who may read them.
    """
    return {
        str(path.relative_to(directory)): (
            stat.S_IMODE(path.stat().st_mode),
            path.read_bytes() if path.is_file() else None,
        )
        for path in sorted(directory.rglob("*"))
    }


def contents(path):
    """
    All that a database holds but its era.
    """
    with closing(sqlite3.connect(path)) as connection:
        return [line for line in connection.iterdump() if not line.startswith('INSERT INTO "head"')]


def era(path):
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute("SELECT era FROM head").fetchone()[0]


def test_backup(teamchat, daemon, ada, upload, root):
    """
    A folder that is called after the time, with all that there is, and for nobody else.
    """
    daemon.say(ada, "hello")
    name = upload()
    (daemon.directory / "jwt-secret").write_text("x" * 64)
    status, said, complaint = teamchat("backup", root)
    assert (status, complaint) == (0, "")
    [folder] = root.iterdir()
    assert backup.STAMP.fullmatch(folder.name)
    assert said.startswith(f"{folder}: 2 messages, 2 files, ")
    assert said.endswith(f" of {daemon.directory}\n")
    found = everything(folder)
    thumbnail = daemon.rows("SELECT thumb_name FROM images")[0][0]
    assert set(found) == {
        *("teamchat.sqlite", "jwt-secret", "files", f"files/{name}", f"files/{thumbnail}"),
        *("SHA256SUMS", "manifest.json"),
    }
    assert {mode for mode, data in found.values() if data is not None} == {0o600}
    assert {found["files"][0], stat.S_IMODE(folder.stat().st_mode)} == {0o700}
    assert stat.S_IMODE(root.stat().st_mode) == 0o700
    noted = json.loads((folder / "manifest.json").read_text())
    assert noted["counts"] == {
        "users": 1,
        "channels": 1,
        "messages": 2,
        "reactions": 0,
        "conversations": 0,
        "webhooks": 0,
        "images": 1,
    }
    assert [noted["version"], noted["schema"], noted["files"]] == ["0.1.0", 5, 2]
    assert noted["era"] == daemon.database.head().era
    checked = subprocess.run(
        ["sha256sum", "--check", "--quiet", "SHA256SUMS"], cwd=folder, capture_output=True
    )
    assert (checked.returncode, checked.stdout) == (0, b"")
    assert contents(folder / "teamchat.sqlite") == contents(daemon.directory / "teamchat.sqlite")


def test_same_second(back_up, root):
    """
    Two in one second are two.
    """
    names = [back_up().folder.name for _ in range(11)]
    assert names == [DAY] + [f"{DAY}-{number}" for number in range(2, 12)]
    assert [path.name for path in backup.in_order(root)] == names


def test_keep(teamchat, root, back_up):
    """
    The newest are kept, and nothing that is no backup goes.
    """
    for _ in range(3):
        back_up()
    (root / ".partial").mkdir()
    (root / ".partial" / "half").touch()
    status, said, _ = teamchat("backup", root, "--keep", "2")
    assert status == 0
    assert said.count("Deleted") == 2
    # The one that was just made says the time of this machine, which is not the tests' noon.
    assert len(list(root.iterdir())) == 2
    assert teamchat("backup", root, "--keep", "0")[0] == 2


def test_keep_what_is_nowhere_else(teamchat, daemon, root, back_up, upload):
    """
    A backup that has a file which is lost by now stays; the others go as ever.
    """
    before = back_up().folder
    lost = upload()
    has_it = back_up().folder
    (daemon.directory / "files" / lost).unlink()
    again = back_up().folder
    status, said, complaint = teamchat("backup", root, "--keep", "1")
    assert (status, "1 files of images" in complaint) == (0, True)
    [newest] = set(root.iterdir()) - {has_it}
    assert (has_it / "files" / lost).exists()
    assert f"{has_it} stays: it has some of these files." in said
    assert {f"Deleted {before}", f"Deleted {again}"} <= set(said.splitlines())
    assert newest not in (before, again)  # but the one that was made now, be it by an older clock


@pytest.mark.parametrize("name", ["notes.txt", "2027", ".hidden"])
def test_not_for_backups(back_up, root, name):
    """
    Among other things no backup is made: nobody would know which is which.
    """
    root.mkdir()
    (root / name).write_text("mine")
    with pytest.raises(backup.CannotDo, match="holds other things than backups"):
        back_up()
    assert [path.name for path in root.iterdir()] == [name]


def test_in_the_data_directory(here, silent, daemon):
    """
    A backup of itself would grow and grow, and go with what it is for.
    """
    for inside in (daemon.directory, daemon.directory / "backups"):
        with pytest.raises(backup.CannotDo, match="belongs elsewhere"):
            backup.back_up(here, inside, lambda: NOON, silent)
    assert not (daemon.directory / "backups").exists()


def test_no_database(silent, root, tmp_path):
    empty = Place(Config(), tmp_path / "empty")
    with pytest.raises(Exception, match="there is no database"):
        backup.back_up(empty, root, lambda: NOON, silent)
    assert list(root.iterdir()) == []


def test_one_at_a_time(here, silent, root, back_up):
    """
    A second backup does not take away what the first is writing.
    """

    def now():
        with pytest.raises(backup.CannotDo, match="Another backup is being made"):
            back_up()
        return NOON

    made = backup.back_up(here, root, now, silent)
    assert list(root.iterdir()) == [made.folder]


def test_no_file(teamchat, daemon, upload, root):
    """
    An image whose file is lost does not keep the others from being copied; it is told.
    """
    lost, kept = upload(), upload()
    (daemon.directory / "files" / lost).unlink()
    status, _, complaint = teamchat("backup", root)
    assert (status, "1 files of images are not there any more" in complaint) == (0, True)
    [folder] = root.iterdir()
    assert (folder / "files" / kept).exists()


def test_deleted_meanwhile(daemon, ada, here, silent, root, upload):
    """
    What is deleted while the files are copied is in the copy: a file goes an hour later.
    """
    name = upload()
    said = daemon.done(daemon.get(f"/channels/{daemon.general(ada)}/messages", ada))["messages"]

    class Deleting:
        def at(self, how_far):
            if said:
                daemon.done(daemon.delete(f"/messages/{said.pop()['id']}", ada))
                daemon.clock.advance(30 * 60)

        def over(self):
            pass

    # Told before the first file is copied.
    progress = Deleting()
    original = backup.copies.files_of

    def deleting(path):
        progress.at("")
        return original(path)

    backup.copies.files_of = deleting
    try:
        made = backup.back_up(here, root, lambda: NOON, silent)
    finally:
        backup.copies.files_of = original
    assert not said
    assert made.missing == []
    assert (made.folder / "files" / name).exists()


def test_killed_while_backing_up(here, root, silent, upload):
    """
    C{kill -9} at any moment: what has the name of a backup is a whole one, and the next is
    not kept from being made.
    """
    upload()
    first = backup.back_up(here, root, lambda: NOON - 60, silent).folder
    whole = everything(first)
    count = 0
    for moment in moments(lambda: backup.back_up(here, root, lambda: NOON, silent), root):
        count = moment + 1
        assert everything(first) == whole
        assert {path.name for path in root.iterdir()} <= {first.name, ".partial", DAY}
        if (root / DAY).exists():
            assert set(everything(root / DAY)) == set(whole)
            shutil.rmtree(root / DAY)
    assert count > 10
    assert sorted(path.name for path in root.iterdir()) == [first.name, DAY]


def test_disk_full_while_backing_up(here, root, silent, upload):
    """
    It says so, and nothing is left of it.
    """
    upload(size=(1000, 900))
    sentences = []
    for size in (1_000, 100_000, 200_000, 10_000_000):
        sentences.append(refusal(lambda: backup.back_up(here, root, lambda: NOON, silent), size))
        assert [path.name for path in root.iterdir()] == ([] if sentences[-1] else [DAY])
    assert sentences[-1] == ""
    assert all(sentences[:-1])
    assert all("cannot be copied" in each or "was not made" in each for each in sentences[:-1])


def test_no_room(here, root, silent, monkeypatch):
    """
    What will not fit is not begun.
    """
    monkeypatch.setattr(
        "teamchatd.console.copying.shutil.disk_usage",
        lambda path: shutil._ntuple_diskusage(9, 9, 9),
    )
    with pytest.raises(backup.CannotDo, match=r"takes .* kB, and in .* 9 bytes are free"):
        backup.back_up(here, root, lambda: NOON, silent)
    assert list(root.iterdir()) == []


# Restoring


def test_restore(made, put_back, tmp_path):
    """
    All is as it was, but for the era; and for nobody else to read.
    """
    directory = tmp_path / "new"
    assert put_back(made, directory) is None
    found = everything(directory)
    original = everything(made)
    for name, kept in original.items():
        if name not in ("teamchat.sqlite", "SHA256SUMS", "manifest.json"):
            assert found[name] == kept
    assert set(found) == set(original) - {"SHA256SUMS", "manifest.json"} | {"lock"}
    assert {mode for mode, data in found.values() if data is not None} == {0o600}
    assert contents(directory / "teamchat.sqlite") == contents(made / "teamchat.sqlite")
    assert era(directory / "teamchat.sqlite") != era(made / "teamchat.sqlite")


def test_served(made, put_back, daemon, tmp_path):
    """
    A daemon serves it; clients that come with an id from before start anew.
    """
    put_back(made, tmp_path / "new")
    other = Daemon(tmp_path / "new")
    ada = other.token("ada")
    assert other.read(ada) == ["hello", "look"]
    [shown] = [each for each in page(other, ada) if each["images"]]
    path = f"/channels/{other.general(ada)}/messages/image/{shown['images'][0]}"
    assert other.get(path, ada).status == 200
    listener = other.listen(ada, f"{era(made / 'teamchat.sqlite')}.1")
    assert listener.types == ["CONNECTED", "RESET"]
    assert other.listen(ada, listener.events[-1].id).types == ["CONNECTED"]
    other.stop()


def page(daemon, who):
    return daemon.done(daemon.get(f"/channels/{daemon.general(who)}/messages", who))["messages"]


def test_replace(made, put_back, daemon):
    """
    What was there moves aside, whole, and can be put back.
    """
    before = everything(daemon.directory)
    with pytest.raises(restore.CannotDo, match="With --replace it moves aside"):
        put_back(made, daemon.directory)
    assert everything(daemon.directory) == before
    aside = put_back(made, daemon.directory, replace=True)
    before.pop("lock")
    assert everything(aside) == before
    assert aside.parent == daemon.directory


def test_way_back(made, put_back, daemon):
    """
    The copy that an upgrade has made, with the images and the secret that are there.
    """
    (daemon.directory / "jwt-secret").write_text("x" * 64)
    copy = daemon.directory / "teamchat.sqlite.before-0006-at-4"
    shutil.copy(made / "teamchat.sqlite", copy)
    before = everything(daemon.directory)
    with pytest.raises(restore.CannotDo, match="With --replace"):
        put_back(copy, daemon.directory)
    aside = put_back(copy, daemon.directory, replace=True)
    before.pop("lock")
    assert everything(aside) == before
    assert said_in(daemon.directory) == ["hello", "look"]
    assert era(daemon.directory / "teamchat.sqlite") != era(aside / "teamchat.sqlite")
    found = everything(daemon.directory)
    for name in ("jwt-secret", f"files/{an_image(made).name}"):
        assert found[name] == before[name]
    shutil.rmtree(aside)
    assert an_image(daemon.directory).read_bytes()
    with pytest.raises(Exception, match="is damaged"):
        put_back(daemon.directory / "jwt-secret", daemon.directory, replace=True)
    assert said_in(daemon.directory) == ["hello", "look"]


def test_way_back_from_a_restore(made, put_back, daemon, tmp_path):
    """
    What a restore has moved aside can be put back: with what a daemon that was killed had only
    written ahead, and with images that only lie there.
    """
    path = daemon.directory / "teamchat.sqlite"
    killed = tmp_path / "killed"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE messages SET content = 'last words' WHERE content = 'later'")
        connection.commit()
        shutil.copytree(daemon.directory, killed)
    (killed / "teamchat.sqlite-shm").unlink()
    assert (killed / "teamchat.sqlite-wal").stat().st_size > 0
    put_back(killed / "teamchat.sqlite", tmp_path / "back")
    assert said_in(tmp_path / "back") == ["hello", "look", "last words"]
    assert an_image(tmp_path / "back").read_bytes() == an_image(killed).read_bytes()


def test_replace_twice(made, put_back, daemon, silent):
    """
    What moved aside stays when something else does.
    """
    first = put_back(made, daemon.directory, replace=True)
    kept = everything(first)
    place = Place(Config(), daemon.directory)
    second = restore.restore(place, made, True, lambda: NOON + 60, silent)
    assert everything(first) == kept
    assert (second / "teamchat.sqlite").exists()


def test_while_running(daemon, back_up, put_back):
    """
    A running daemon keeps what it has.
    """
    folder = back_up().folder
    before = everything(daemon.directory)
    with pytest.raises(Exception, match="another teamchat is running"):
        put_back(folder, daemon.directory, replace=True)
    assert everything(daemon.directory) == before


def change(path):
    with open(path, "r+b") as file:
        file.seek(-1, 2)
        last = file.read(1)
        file.seek(-1, 2)
        file.write(bytes([last[0] ^ 1]))


def of_the_future(folder):
    with closing(sqlite3.connect(folder / "teamchat.sqlite")) as connection, connection:
        connection.execute("INSERT INTO schema VALUES (9999, 9999)")
    note_anew(folder)


def no_sqlite(folder):
    (folder / "teamchat.sqlite").write_bytes(b"no database")
    note_anew(folder)


def leading_out(folder):
    (folder.parent / "outside").write_text("outside")
    with open(folder / "SHA256SUMS", "a") as sums:
        sums.write(f"{'0' * 64}  files/../../outside\n")
    note_anew(folder, sums=False)


def note_anew(folder, sums=True):
    """
    As somebody who wants us to believe it would.
    """
    if sums:
        names = [path for path in sorted(folder.rglob("*")) if path.is_file()]
        lines = [
            f"{backup.summed(path).digest}  {path.relative_to(folder)}\n"
            for path in names
            if path.name not in ("SHA256SUMS", "manifest.json")
        ]
        (folder / "SHA256SUMS").write_text("".join(lines))
    noted = json.loads((folder / "manifest.json").read_text())
    noted["sums"] = backup.summed(folder / "SHA256SUMS").digest
    (folder / "manifest.json").write_text(json.dumps(noted))


def an_image(folder):
    return next((folder / "files").iterdir())


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (lambda folder: change(folder / "teamchat.sqlite"), "is not what it was when the backup"),
        (lambda folder: change(an_image(folder)), "is not what it was when the backup"),
        (lambda folder: change(folder / "SHA256SUMS"), "is not what it was when the backup"),
        (lambda folder: an_image(folder).unlink(), "is missing: this backup is not whole"),
        (lambda folder: (folder / "SHA256SUMS").unlink(), "is not what it was"),
        (lambda folder: (folder / "manifest.json").unlink(), "is no backup: there is no manifest"),
        (lambda folder: (folder / "manifest.json").write_text("{"), "manifest.json is damaged"),
        (lambda folder: (folder / "manifest.json").write_text("{}"), "of another version"),
        (
            lambda folder: (folder / "manifest.json").write_text('{"format": 1}'),
            "manifest.json is damaged",
        ),
        (of_the_future, "was written by a newer version"),
        (no_sqlite, "is damaged"),
        (leading_out, r"names files/\.\./\.\./outside, which we did not make"),
        (shutil.rmtree, "There is no directory"),
    ],
)
def test_damaged(made, put_back, daemon, damage, sentence):
    """
    What is not what it was is not put in the place of anything.
    """
    damage(made)
    before = everything(daemon.directory)
    with pytest.raises(Exception, match=sentence):
        put_back(made, daemon.directory, replace=True)
    assert everything(daemon.directory) == before


def test_the_root_of_backups(made, put_back, tmp_path):
    """
    Whoever names the directory of all backups hears which is the newest.
    """
    with pytest.raises(restore.CannotDo, match=f"The newest is {made}"):
        put_back(made.parent, tmp_path / "new")


def test_killed_while_restoring(made, put_back, daemon, tmp_path):
    """
    C{kill -9} at any moment: the next start finds the old record or the new one, and the
    old one, whole, is somewhere.
    """
    old = everything(daemon.directory)
    old.pop("lock")
    saved = tmp_path / "saved"
    shutil.copytree(daemon.directory, saved)
    new = contents(made / "teamchat.sqlite")
    before = contents(daemon.directory / "teamchat.sqlite")
    assert new != before
    outcomes = []

    def replace():
        put_back(made, daemon.directory, replace=True)

    for _ in moments(replace, daemon.directory):
        # Killed again on the way on, once, at the first moment that there is.
        if restored.is_unfinished(daemon.directory):
            with pytest.raises(Exception, match="half-way through a restore"):
                daemon.database.visit()
        other = Daemon(daemon.directory)
        other.stop()
        is_new = "later" not in said_in(daemon.directory)
        outcomes.append(is_new)
        asides = list(daemon.directory.glob(f"{restored.ASIDE}*"))
        assert len(asides) == is_new
        if is_new:
            assert everything(asides[0]) == old
            assert said_in(daemon.directory) == ["hello", "look"]
        else:
            assert said_in(daemon.directory) == ["hello", "look", "later"]
        assert set(everything(daemon.directory / "files")) >= {an_image(made).name}
        shutil.rmtree(daemon.directory)
        shutil.copytree(saved, daemon.directory)
    assert outcomes == sorted(outcomes)
    assert {False, True} <= set(outcomes)


def said_in(directory):
    with closing(sqlite3.connect(directory / "teamchat.sqlite")) as connection:
        rows = connection.execute("SELECT content FROM messages ORDER BY position")
        return [content for (content,) in rows]


def test_killed_while_moving_in(made, put_back, daemon, tmp_path):
    """
    Whoever finishes it may be killed, too, at any moment.
    """
    half = restored.new(daemon.directory)
    shutil.copytree(made, half, dirs_exist_ok=True)
    for name in ("SHA256SUMS", "manifest.json"):
        (half / name).unlink()
    restored.make_count(daemon.directory, "x")
    saved = tmp_path / "saved"
    shutil.copytree(daemon.directory, saved)
    count = 0
    for moment in moments(lambda: restored.finish(daemon.directory), daemon.directory):
        count = moment + 1
        restored.finish(daemon.directory)
        assert said_in(daemon.directory) == ["hello", "look"]
        assert said_in(daemon.directory / "before-restore-x") == ["hello", "look", "later"]
        assert not restored.is_unfinished(daemon.directory)
        shutil.rmtree(daemon.directory)
        shutil.copytree(saved, daemon.directory)
    assert count >= 6


def test_disk_full_while_restoring(made, put_back, daemon):
    """
    It says so, and all is as it was.
    """
    before = everything(daemon.directory)
    for size in (1_000, 100_000, 200_000):
        sentence = refusal(lambda: put_back(made, daemon.directory, replace=True), size)
        assert "Nothing was restored" in sentence
        assert everything(daemon.directory) == before
    assert refusal(lambda: put_back(made, daemon.directory, replace=True), 10_000_000) == ""


def test_what_was_left(made, put_back, daemon, tmp_path):
    """
    What is left of one that was cut off is no part of what is put back.
    """
    directory = tmp_path / "new"
    half = directory / restored.HALF
    half.mkdir(parents=True)
    (half / "stray").write_text("half")
    put_back(made, directory)
    assert "stray" not in everything(directory)
    assert not half.exists()


def test_lost_and_found(made, put_back, tmp_path):
    """
    A data directory that is a file system of its own is empty with that in it.
    """
    directory = tmp_path / "mount"
    (directory / "lost+found").mkdir(parents=True)
    assert put_back(made, directory) is None
    assert (directory / "lost+found").is_dir()


def test_lock_is_let_go(made, put_back, tmp_path):
    put_back(made, tmp_path / "new")
    lock.take(tmp_path / "new").close()
