"""
A daemon with providers in memory, for all tests of signing in through others.
"""

from teamchatd.config import CustomProvider, Registration
from tests.browser import Browser
from tests.provider import SECRET, US, Client, Provider

APP = "https://chat.example/app"

TENANT = "11111111-2222-3333-4444-555555555555"

BEGIN_AGAIN = "This sign-in is too old, is finished, or was begun in another browser. Begin again."
AWAY = "X cannot be reached right now. Try again later."
NONSENSE = "X answers something that this server does not understand. Try again later."
UNPROVEN = (
    "What X sent does not prove who you are. Begin again; if that does not help, tell your"
    " administrator."
)
UNINVITED = "Nobody with this e-mail address has been invited."


def back_to(provider_id):
    return f"https://chat.example/auth/oauth/{provider_id}/callback"


def registered(provider_id):
    return Registration(US, SECRET, back_to(provider_id))


def custom(provider_id="x", name="X", issuer="https://login.example", **more):
    given = {"client_id": US, "client_secret": SECRET, "redirect_uri": back_to(provider_id)}
    return CustomProvider(provider_id, name, issuer, **(given | more))


PLAIN = custom(
    "plain",
    "Plain",
    "",
    authorization_url="https://plain.example/authorize?prompt=login",
    token_url="https://plain.example/token",
    user_info_url="https://plain.example/userinfo",
    scopes=("email", "profile"),
)


class House:
    """
    A daemon, a provider, and those who sit before their browsers.
    """

    def __init__(self, make, auth=None, **oauth):
        self.provider = Provider(lambda: self.daemon.clock.seconds())
        self.daemon = make(
            new_client=lambda: Client(self.provider),
            auth={"app_url": APP} | (auth or {}),
            oauth={"custom": (custom(), PLAIN)} | oauth,
        )

    def browser(self):
        return Browser(self.daemon, self.provider)

    def me(self, token):
        return self.daemon.done(self.daemon.get("/auth/me", token))["user"]

    def emails(self):
        return [
            email
            for (email,) in self.daemon.rows("SELECT email FROM users WHERE removed_at IS NULL")
        ]

    def bound(self):
        return self.daemon.rows("SELECT issuer, subject FROM identities ORDER BY issuer, subject")
