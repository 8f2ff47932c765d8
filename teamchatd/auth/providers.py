"""
Those through whom one can sign in, as data.
"""

from attrs import evolve, field, frozen

OPENID_SCOPES = ("openid", "email", "profile")

MICROSOFT = "https://login.microsoftonline.com"

VERIFIED = "email_verified"
"""The claim of OpenID Connect Core, section 5.1."""

VERIFIED_BY_MICROSOFT = "xms_edov"
"""
Microsoft lets the administrators of any tenant write any address into their
accounts, and says of none that it was verified: who believed those addresses,
was open to everybody with a tenant of their own ("nOAuth").  This claim, which
an application has to ask for, says that the address is of a domain which the
tenant has proved to own.  It is asked for in every tenant, also in a single one
that an issuer of its own names: guests bring addresses from elsewhere.
"""

SHARED_TENANTS = ("common", "organizations")


@frozen
class Registration:
    """
    What a provider and this server have agreed on (RFC 6749, section 2).
    """

    client_id: str
    client_secret: str = field(repr=False)
    redirect_uri: str


@frozen
class Addresses:
    """
    Where to ask a provider, as far as it does not say so itself.

    @ivar emails: where it lists addresses, if not in what it tells of a user.
    """

    authorization: str = ""
    token: str = ""
    user_info: str = ""
    emails: str = ""


@frozen
class Provider:
    """
    @ivar id: stands in our addresses.
    @ivar issuer: where it describes itself; empty if it speaks OAuth 2 alone.
    @ivar issued_as: how its issuer calls itself; C{{tenantid}} stands for one of many.
    @ivar verified_claim: what has to be true for an e-mail address to be believed.
    """

    id: str
    name: str
    registration: Registration
    scopes: tuple[str, ...] = ()
    issuer: str = ""
    issued_as: str = ""
    addresses: Addresses = Addresses()
    verified_claim: str = VERIFIED

    @property
    def speaks_openid(self) -> bool:
        return bool(self.issuer)


def custom(
    id: str,
    name: str,
    registration: Registration,
    issuer: str = "",
    addresses: Addresses = Addresses(),
    scopes: tuple[str, ...] = (),
) -> Provider:
    """
    A provider that the configuration describes, or the one that it names does
    (OpenID Connect Discovery).
    """
    if not issuer:
        return Provider(id, name, registration, scopes, addresses=addresses)
    scopes = scopes or OPENID_SCOPES
    if "openid" not in scopes:  # without it there is no ID token
        scopes = ("openid", *scopes)
    provider = Provider(id, name, registration, scopes, issuer, issuer, addresses)
    return _of_microsoft(provider) if issuer.startswith(f"{MICROSOFT}/") else provider


def _of_microsoft(provider: Provider) -> Provider:
    is_shared = provider.issuer in (f"{MICROSOFT}/{name}/v2.0" for name in SHARED_TENANTS)
    issued_as = f"{MICROSOFT}/{{tenantid}}/v2.0" if is_shared else provider.issuer
    return evolve(provider, issued_as=issued_as, verified_claim=VERIFIED_BY_MICROSOFT)


PRESETS = {
    "google": ("Google", "https://accounts.google.com"),
    "microsoft": ("Microsoft", f"{MICROSOFT}/common/v2.0"),
    "github": ("GitHub", ""),  # signs nothing, and so has no issuer
    "gitlab": ("GitLab", "https://gitlab.com"),
}
"""Names and issuers."""

GITHUB = Addresses(
    "https://github.com/login/oauth/authorize",
    "https://github.com/login/oauth/access_token",
    "https://api.github.com/user",
    "https://api.github.com/user/emails",
)


def preset(id: str, registration: Registration) -> Provider:
    """
    One of those that everybody knows.

    @raise KeyError: there is no such preset.
    """
    name, issuer = PRESETS[id]
    if id == "github":
        return custom(id, name, registration, "", GITHUB, ("read:user", "user:email"))
    return custom(id, name, registration, issuer)
