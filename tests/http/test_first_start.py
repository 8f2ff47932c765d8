"""
What a server has from its first start, and how its first administrator comes.
"""

from concurrent.futures import ThreadPoolExecutor

import pytest
from attrs import evolve

from teamchatd.chat.first_start import FirstStart, UnusableAdmin
from teamchatd.config import InitialUser
from teamchatd.house import mint
from tests.daemon import BCRYPT_COST

memory_only = pytest.mark.parametrize("make_daemon", ["memory"], indirect=True)

PASSWORD = "correct horse"


@pytest.fixture(params=["dev", "password"])
def mode(request):
    return request.param


@pytest.fixture
def empty(make_daemon, mode):
    """
    A server on which nobody has been, and nobody may come without an invitation.
    """
    return make_daemon(auth={"auth_mode": mode, "is_invite_required": True})


def link_of(daemon):
    """
    The token of the link in the log.  A daemon that answers has said it.
    """
    assert daemon.get("/health").status == 200
    return daemon.setup_token


def come(daemon, email, token):
    """
    With the link from the log: an access token, or None.
    """
    given = {"email": email, "token": token}
    if daemon.mode == "dev":
        answer = daemon.post("/auth/dev-login", given=given)
        assert answer.status in (200, 401)
        return answer.json.get("token")
    answer = daemon.post("/auth/setup-password", given=given | {"password": PASSWORD})
    assert answer.status in (200, 400)
    return answer.json.get("accessToken")


def me(daemon, who):
    return daemon.done(daemon.get("/auth/me", who))["user"]


def test_link(empty):
    """
    Whoever opens the link of an empty server first is its administrator, by an
    address of their choice, in one session; nobody is after them.
    """
    link = link_of(empty)
    assert come(empty, "eve@example.org", link[:-1]) is None
    ada = come(empty, "ada@example.org", link)
    assert (me(empty, ada)["isAdmin"], me(empty, ada)["userName"]) == (True, "ada")
    assert len(empty.done(empty.get("/auth/sessions", ada))["sessions"]) == 1
    assert come(empty, "eve@example.org", link) is None
    assert empty.done(empty.get("/users", ada)) == {"users": [me(empty, ada)]}
    [channel] = empty.done(empty.get("/channels", ada))["channels"]
    assert channel["name"] == "General"


def test_newer_link(empty):
    """
    A restart shows another link, and the older one is void.
    """
    older = link_of(empty)
    empty.restart()
    newer = link_of(empty)
    assert newer != older
    assert come(empty, "eve@example.org", older) is None
    assert come(empty, "ada@example.org", newer)


@memory_only
def test_no_link(empty):
    """
    Once there is an administrator no link is made, and none is good.
    """
    link = link_of(empty)
    come(empty, "ada@example.org", link)
    empty.restart()
    assert link_of(empty) is None
    assert come(empty, "eve@example.org", link) is None


@memory_only
def test_link_expires(empty):
    """
    The link lives seven days.
    """
    link = link_of(empty)
    empty.clock.advance(7 * 24 * 60 * 60)
    assert come(empty, "eve@example.org", link) is None


@memory_only
def test_link_lives_until_then(empty):
    """
    In the last second of the seven days it is still good.
    """
    empty.clock.advance(7 * 24 * 60 * 60 - 1)
    assert come(empty, "ada@example.org", link_of(empty))


@memory_only
def test_link_is_not_kept(empty):
    """
    The record knows the link when it sees it, and does not hold it.
    """
    files = [path.read_bytes() for path in empty.directory.glob("*.*")]
    assert not [data for data in files if link_of(empty).encode() in data]


@pytest.mark.real
def test_all_at_once(as_process):
    """
    Ten who open the link at the same moment: one is administrator, the others
    are refused.
    """
    daemon = as_process(auth={"auth_mode": "password"})
    link = link_of(daemon)

    def open_it(number):
        given = {"email": f"user{number}@example.org", "password": PASSWORD, "token": link}
        return daemon.another().post("/auth/setup-password", given=given, Connection="close")

    with ThreadPoolExecutor(10) as crowd:
        answers = list(crowd.map(open_it, range(10)))
    assert sorted(answer.status for answer in answers) == [200] + [400] * 9
    [ada] = [answer.json["accessToken"] for answer in answers if answer.status == 200]
    assert len(daemon.done(daemon.get("/users", ada))["users"]) == 1


@memory_only
def test_members_do_not_count(make_daemon):
    """
    Where everybody may come, the first to come is administrator, and the link
    is good no more.
    """
    daemon = make_daemon()
    link = link_of(daemon)
    assert me(daemon, daemon.token("ada"))["isAdmin"] is True
    eve = come(daemon, "eve@example.org", link)
    assert me(daemon, eve)["isAdmin"] is False


@pytest.mark.real
def test_newcomers_at_once(as_process):
    """
    Where everybody may come, and ten come at the same moment, one is first.
    """
    daemon = as_process()

    def arrive(number):
        given = {"email": f"user{number}@example.org"}
        return daemon.another().post("/auth/dev-login", given=given, Connection="close").json

    with ThreadPoolExecutor(10) as crowd:
        users = [said["user"] for said in crowd.map(arrive, range(10))]
    assert sorted(user["isAdmin"] for user in users) == [False] * 9 + [True]


# The first administrator from the configuration


def check_initial_user(daemon):
    given = {"email": "ada@example.org", "password": PASSWORD}
    answer = daemon.done(daemon.post("/auth/password-login", given=given))
    user = me(daemon, answer["accessToken"])
    assert (user["userName"], user["isAdmin"]) == ("Ada L.", True)
    assert link_of(daemon) is None
    return answer["accessToken"]


def initial_user(**more):
    return InitialUser(
        **{"user_name": "Ada L.", "email": "ada@example.org", "password": PASSWORD} | more
    )


@memory_only
def test_initial_user(make_daemon):
    """
    An administrator may stand in the configuration: there is no link then, and a
    later start changes nothing about them, whatever stands there.
    """
    daemon = make_daemon(auth={"auth_mode": "password"}, chat={"initial_user": initial_user()})
    ada = check_initial_user(daemon)
    daemon.done(daemon.put("/users/me", ada, {"userName": "Lovelace"}))
    other = initial_user(password="another password", email="eve@example.org")
    daemon.chosen = evolve(daemon.chosen, chat=evolve(daemon.chosen.chat, initial_user=other))
    daemon.restart()
    [user] = daemon.done(daemon.get("/users", ada))["users"]
    assert (user["userName"], user["email"]) == ("Lovelace", "ada@example.org")
    given = {"email": "ada@example.org", "password": PASSWORD}
    assert daemon.post("/auth/password-login", given=given).status == 200


@memory_only
@pytest.mark.parametrize(
    "wanted",
    [
        {"email": "a,b@example.org"},
        {"user_name": "x" * 65},
        {"password": "password123"},
    ],
)
def test_unusable_initial_user(make_daemon, wanted):
    """
    Nobody is made who could not sign in then: the start ends with one line.
    """
    start, user = FirstStart(make_daemon().database, mint, BCRYPT_COST), initial_user(**wanted)
    with pytest.raises(UnusableAdmin, match="the first admin, .*cannot be made: .+"):
        start.make_admin(user.email, user.user_name, user.password)
    assert not start.has_user(user.email)
    assert not start.has_admin()


@memory_only
def test_two_first_starts(make_daemon):
    """
    Of two daemons that start for the first time at once, one makes the first admin.
    """
    start, user = FirstStart(make_daemon().database, mint, BCRYPT_COST), initial_user()
    made = [start.make_admin(user.email, user.user_name, user.password) for _ in range(2)]
    assert [admin is not None for admin in made] == [True, False]


@memory_only
def test_initial_user_without_a_name(make_daemon):
    """
    Who has no name there is named as anybody: by what stands before the @.
    """
    daemon = make_daemon(chat={"initial_user": initial_user(user_name="", password="")})
    assert me(daemon, daemon.token("ada"))["userName"] == "ada"


@pytest.mark.real
def test_initial_user_for_real(as_process):
    """
    The same from the environment of a real daemon.
    """
    begins = "TEAMCHAT_CHAT_INITIAL_USER_"
    environ = {begins + "USER_NAME": "Ada L.", begins + "EMAIL": "ada@example.org"}
    environ[begins + "PASSWORD"] = PASSWORD
    daemon = as_process(auth={"auth_mode": "password"}, environ=environ)
    ada = check_initial_user(daemon)
    daemon.restart()
    assert me(daemon, ada)["userName"] == "Ada L."
    assert PASSWORD not in daemon.log.read_text()
