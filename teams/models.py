"""Users, teams, memberships with their roles, invitations, access tokens for scripts, and the audit trail."""

import hashlib
import secrets
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, ClassVar, NoReturn
from zoneinfo import ZoneInfo

from django.contrib.auth.models import AbstractUser, AnonymousUser, BaseUserManager
from django.db import IntegrityError, models, transaction
from django.db.models import Q
from django.dispatch import Signal
from django.utils import timezone
from django.utils.text import slugify
from django.utils.translation import gettext_lazy as _

from teams import time_zones
from teams.read_models import read_models

# The limits of accounts and teams. Each is checked here or in a form, and printed into the sentences that name it.
MAX_PERSON_NAME = 150
MAX_TEAM_NAME = 100
MAX_ACTOR_NAME = 254  # of the person who did something: an email address if they gave no name
MAX_TOKEN_NAME = 100
MAX_TOKENS = 50  # of one person in one team
INVITATION_LIFETIME = timedelta(days=7)
TOKEN_LIFETIMES = (timedelta(days=30), timedelta(days=90), timedelta(days=365))
DEFAULT_TOKEN_LIFETIME = timedelta(days=90)

# `/t/new/` is the page that creates a team.
RESERVED_SLUGS = ("new",)
SPEEDS = ("0.5", "0.75", "1", "1.25", "1.5", "1.75", "2")


# Sent with `user` in the transaction that stores a new password, for what else the person had opened to others.
password_changed = Signal()


class UserManager(BaseUserManager["User"]):
    def get(self, *args: Any, **lookups: Any) -> "User":
        """Return one user. By `pk` alone, as Django reads the person of each request, it takes plain SQL."""
        if args or lookups.keys() != {"pk"}:
            return super().get(*args, **lookups)
        for user in read_models(self.model, "where id = %s", [lookups["pk"]]):
            return user
        raise self.model.DoesNotExist

    def create_user(self, email: str, password: str | None = None, **extra: Any) -> "User":
        if not email:
            raise ValueError("A user needs an email address.")
        user = self.model(email=email.strip().lower(), **extra)
        user.set_password(password)
        user.save()
        return user

    def create_superuser(self, email: str, password: str | None = None, **extra: Any) -> "User":
        return self.create_user(email, password, is_staff=True, is_superuser=True, **extra)


class User(AbstractUser):
    """A person, identified by an email address, which is stored in lower case."""

    username = first_name = last_name = None  # type: ignore[assignment]
    name = models.CharField(_("name"), max_length=MAX_PERSON_NAME, blank=True)
    email = models.EmailField(_("email address"), unique=True)
    # The settings of the player, which follow the person to every machine.
    speed = models.CharField(max_length=4, default="1", choices=[(speed, f"{speed}×") for speed in SPEEDS])
    has_captions = models.BooleanField(default=True)
    uses_shortcuts = models.BooleanField(default=True, db_column="has_keys")
    hidden_columns = models.JSONField(
        null=True, help_text=_("The columns of the list of runs that the person does not want to see.")
    )
    time_zone = models.CharField(
        max_length=64, blank=True, default="", db_default="", help_text=_("Empty until a browser has named one.")
    )

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []
    objects: ClassVar[UserManager] = UserManager()  # type: ignore[assignment]

    def __str__(self) -> str:
        return self.name or self.email

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Save the user. A new password ends the access tokens, as it ends the sessions."""
        has_new_password = getattr(self, "_password", None) is not None and not self._state.adding
        with transaction.atomic():
            super().save(*args, **kwargs)
            if has_new_password:
                AccessToken.objects.filter(membership__user=self).delete()
                password_changed.send(User, user=self)

    @property
    def zone(self) -> ZoneInfo:
        """The user's time zone; UTC while none is known."""
        return time_zones.zone(self.time_zone)


class TeamManager(models.Manager["Team"]):
    def create_for(self, owner: User, name: str) -> "Team":
        """Create a team with its first owner, and return the team. Its slug is made from the name and is unique."""
        for slug in _slugs(name):
            try:
                with transaction.atomic():
                    team = self.create(name=name, slug=slug)
                    team.memberships.create(user=owner, role=Membership.Role.OWNER)
            except IntegrityError:
                continue  # another team has this slug
            return team
        raise AssertionError("the last slug is random")


def _slugs(name: str) -> Iterator[str]:
    stem = slugify(name)[:50].strip("-") or "team"
    if stem not in RESERVED_SLUGS:
        yield stem
    yield from (f"{stem}-{number}" for number in range(2, 20))
    yield f"{stem}-{secrets.token_hex(4)}"


class Team(models.Model):
    """A group of people who share runs. Its slug is part of every address: the session never decides the team."""

    name = models.CharField(_("name"), max_length=MAX_TEAM_NAME)
    slug = models.SlugField(max_length=64, unique=True)
    only_owners_remove = models.BooleanField(
        default=False, db_default=False, help_text=_("Whether removing runs is left to the owners.")
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    removed_at = models.DateTimeField(
        null=True, help_text=_("When the team was removed; None: it is in use. It can be restored for a while.")
    )
    removed_by = models.CharField(max_length=MAX_ACTOR_NAME, blank=True, default="", db_default="")
    requires_second_step = models.BooleanField(default=False, db_default=False)

    objects: ClassVar[TeamManager] = TeamManager()

    def __str__(self) -> str:
        return self.name


class LastOwnerError(Exception):
    """Raised instead of removing a team's last owner: without an owner, no member could repair the team."""


class MembershipQuerySet(models.QuerySet["Membership"]):
    def of_user(self, user: User | AnonymousUser) -> "MembershipQuerySet":
        """The user's memberships, without those of removed teams."""
        return self.filter(user=user.pk or 0, team__removed_at=None)


class Membership(models.Model):
    """A user's place in a team, with a role."""

    class Role(models.TextChoices):
        OWNER = "owner", _("Owner")
        MANAGER = "manager", _("Manager")
        MEMBER = "member", _("Member")
        VIEWER = "viewer", _("Viewer")

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="memberships", db_index=False)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(_("role"), max_length=10, choices=Role.choices)
    may_export = models.BooleanField(
        default=True,
        db_default=True,
        help_text=_("Whether the person may take transcripts and media out; owners always may."),
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = MembershipQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["team", "user"], name="one_membership_a_person")]

    def __str__(self) -> str:
        return f"{self.user} in {self.team} as {self.role}"

    def change_role(self, role: str) -> None:
        """Set another role. Raises LastOwnerError if the team would be left without an owner."""
        with transaction.atomic():
            self._keep_an_owner(still_owner=role == self.Role.OWNER)
            Membership.objects.filter(pk=self.pk).update(role=role)
            if role != self.Role.OWNER:
                self._end_invitations()
        self.role = role

    def set_export(self, *, is_allowed: bool) -> None:
        """Let the person take transcripts and media out of Dubroom, or no longer."""
        Membership.objects.filter(pk=self.pk).update(may_export=is_allowed)
        self.may_export = is_allowed

    def remove(self) -> None:
        """Delete the membership. Raises LastOwnerError if the team would be left without an owner."""
        with transaction.atomic():
            self._keep_an_owner(still_owner=False)
            self._end_invitations()
            self.delete()

    def _end_invitations(self) -> None:
        """Delete what the person has offered in the name of the team: it would still be accepted after them."""
        Invitation.objects.waiting().filter(team_id=self.team_id, invited_by_id=self.user_id).delete()

    def _keep_an_owner(self, *, still_owner: bool) -> None:
        # The team's row is the lock: when two owners step down at the same moment, the second is refused.
        Team.objects.select_for_update().get(pk=self.team_id)
        others = Membership.objects.filter(team_id=self.team_id, role=self.Role.OWNER).exclude(pk=self.pk)
        if not still_owner and not others.exists():
            raise LastOwnerError


class InvitationQuerySet(models.QuerySet["Invitation"]):
    def waiting(self) -> "InvitationQuerySet":
        """Invitations that have not been accepted, including expired ones."""
        return self.filter(accepted_at=None)

    def acceptable(self) -> "InvitationQuerySet":
        """Invitations that can still be accepted: they end with the account of the person who sent them."""
        current = self.waiting().filter(expires_at__gt=timezone.now(), team__removed_at=None)
        return current.filter(invited_by__is_active=True)

    def opened_by(self, token: str) -> "InvitationQuerySet":
        """The acceptable invitation with this token; empty when the token is wrong or expired."""
        return self.acceptable().filter(token_hash=_hashed(token))

    def issue(
        self, *, team: Team, email: str, role: str, invited_by: User, may_export: bool = True
    ) -> tuple["Invitation", str]:
        """Create an invitation, and return it with its token. Only the token's hash is stored.

        An open invitation of the same address to the same team is replaced.
        """
        email, token = email.lower(), secrets.token_urlsafe(32)
        with transaction.atomic():
            self.waiting().filter(team=team, email=email).delete()
            invitation = self.create(
                team=team,
                email=email,
                role=role,
                may_export=may_export,
                invited_by=invited_by,
                token_hash=_hashed(token),
            )
        return invitation, token


def _hashed(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _invitation_end() -> datetime:
    return timezone.now() + INVITATION_LIFETIME


class Invitation(models.Model):
    """Lets one email address join a team, once and until it expires. Only the hash of its token is stored."""

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="invitations")
    email = models.EmailField(_("email address"))
    role = models.CharField(_("role"), max_length=10, choices=Membership.Role.choices)
    may_export = models.BooleanField(default=True, db_default=True)
    token_hash = models.CharField(max_length=64, unique=True)
    invited_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    expires_at = models.DateTimeField(default=_invitation_end)
    accepted_at = models.DateTimeField(null=True)

    objects = InvitationQuerySet.as_manager()

    def __str__(self) -> str:
        return f"{self.email} to {self.team}"

    @property
    def is_expired(self) -> bool:
        return self.expires_at <= timezone.now()

    def accept(self, user: User) -> Membership | None:
        """Make the invited user a member, and return the membership.

        Returns None when the invitation is for another address, or can no longer be accepted.
        """
        if user.email != self.email:
            return None
        with transaction.atomic():
            # This UPDATE settles a race with revoking, expiry and a second click: its row count decides.
            if not Invitation.objects.acceptable().filter(pk=self.pk).update(accepted_at=timezone.now()):
                return None
            # A user who is already in the team keeps the present role.
            place = {"role": self.role, "may_export": self.may_export}
            return Membership.objects.get_or_create(team=self.team, user=user, defaults=place)[0]


# --- Scripts -----------------------------------------------------------------------------------------


class AccessTokenQuerySet(models.QuerySet["AccessToken"]):
    def opened_by(self, secret: str) -> "AccessTokenQuerySet":
        """The token with this secret, if its person may log in; else empty. The token may have expired."""
        tokens = self.select_related("membership__team", "membership__user")
        return tokens.filter(
            token_hash=_hashed(secret), membership__user__is_active=True, membership__team__removed_at=None
        )

    def issue(
        self, membership: Membership, name: str, *, can_write: bool, expires_at: datetime | None = None
    ) -> tuple["AccessToken", str]:
        """Create a token for a script, and return it with its secret. Only the secret's hash is stored."""
        # Hexadecimal, so that a double click selects all of it. The prefix says what a leaked one opens.
        secret = f"{AccessToken.PREFIX}{secrets.token_hex(24)}"
        token = self.create(
            membership=membership,
            name=name,
            can_write=can_write,
            expires_at=expires_at,
            token_hash=_hashed(secret),
            last_four=secret[-4:],
        )
        return token, secret


class AccessToken(models.Model):
    """Authenticates a script as a person in one team, with no more rights than the person has at that moment.

    A token belongs to the membership, so it is deleted when its person leaves the team. Only the hash of its secret
    is stored.
    """

    PREFIX = "dubroom_"
    USE_NOTED_EVERY = timedelta(minutes=1)

    membership = models.ForeignKey(Membership, on_delete=models.CASCADE, related_name="tokens", db_index=False)
    name = models.CharField(_("name"), max_length=MAX_TOKEN_NAME)
    can_write = models.BooleanField(default=False)
    token_hash = models.CharField(max_length=64, unique=True)
    last_four = models.CharField(max_length=4)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    expires_at = models.DateTimeField(null=True, help_text=_("None: never."))
    last_used_at = models.DateTimeField(null=True)

    objects = AccessTokenQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["membership", "name"], name="one_token_a_name")]

    def __str__(self) -> str:
        return self.name

    @property
    def is_expired(self) -> bool:
        return self.expires_at is not None and self.expires_at <= timezone.now()

    def note_use(self) -> None:
        """Store the time of use, at most once in `USE_NOTED_EVERY`: else every request would write."""
        before = timezone.now() - self.USE_NOTED_EVERY
        if self.last_used_at is None or self.last_used_at <= before:
            unnoted = Q(last_used_at=None) | Q(last_used_at__lte=before)
            AccessToken.objects.filter(unnoted, pk=self.pk).update(last_used_at=timezone.now())


# --- Audit trail -------------------------------------------------------------------------------------


class AppendOnlyError(Exception):
    """Raised instead of changing or deleting an entry of the audit trail."""


class AuditEntryQuerySet(models.QuerySet["AuditEntry"]):
    def update(self, **_: Any) -> NoReturn:
        raise AppendOnlyError

    def delete(self) -> NoReturn:
        raise AppendOnlyError


class AuditEntry(models.Model):
    """What a person did in a team, when, and from where.

    An entry is never changed, which a trigger of the database refuses, and goes with its team or by its age. It
    holds the person's name as text, which stays readable when the account is deleted.
    """

    class Action(models.TextChoices):
        LOGGED_IN = "logged-in", _("Logged in")
        LOGIN_FAILED = "login-failed", _("Log-in failed")
        KEY_CHANGED = "key-changed", _("Key changed")
        KEY_TESTED = "key-tested", _("Key tested")
        KEY_REMOVED = "key-removed", _("Key removed")
        INVITED = "invited", _("Person invited")
        INVITATION_REVOKED = "invitation-revoked", _("Invitation revoked")
        JOINED = "joined", _("Joined the team")
        LEFT = "left", _("Left the team")
        MEMBER_CHANGED = "member-changed", _("Role or export changed")
        MEMBER_REMOVED = "member-removed", _("Person removed")
        TOKEN_CREATED = "token-created", _("Access token created")
        TOKEN_REVOKED = "token-revoked", _("Access token revoked")
        RUNS_ADDED = "runs-added", _("Runs added")
        RUNS_EDITED = "runs-edited", _("Runs edited")
        RUNS_ARCHIVED = "runs-archived", _("Runs archived")
        RUNS_UNARCHIVED = "runs-unarchived", _("Runs restored from the archive")
        RUNS_REMOVED = "runs-removed", _("Runs removed")
        RUNS_RESTORED = "runs-restored", _("Runs restored from the trash")
        RUNS_DELETED = "runs-deleted", _("Runs deleted")
        EXPORTED = "exported", _("Exported")
        MEDIA_DOWNLOADED = "media-downloaded", _("Media downloaded")
        SETTINGS_CHANGED = "settings-changed", _("Settings changed")
        TEAM_REMOVED = "team-removed", _("Team removed")
        TEAM_RESTORED = "team-restored", _("Team restored")

    class Way(models.TextChoices):
        WEB = "web", _("Web")
        TOKEN = "token", _("Access token")
        SERVER = "server", _("On the server")

    MAX_PERSON = 410
    MAX_DETAIL = 500

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="audit_entries", db_index=False)
    at = models.DateTimeField(default=timezone.now, editable=False)
    kind = models.CharField(max_length=20, choices=Action.choices)
    person = models.CharField(max_length=MAX_PERSON, blank=True, help_text=_("The name and email address."))
    way = models.CharField(max_length=6, choices=Way.choices)
    token = models.CharField(
        max_length=110, blank=True, help_text=_("The access token's name and its last four characters.")
    )
    address = models.GenericIPAddressField(
        null=True, help_text=_("None: it happened on the server, or is unknown.")
    )
    detail = models.CharField(max_length=MAX_DETAIL, blank=True, help_text=_("What it was done to."))
    count = models.PositiveIntegerField(default=1, help_text=_("How many runs or dubs it was done to at once."))

    objects = AuditEntryQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["team", "id"], name="audit_newest"),
            models.Index(fields=["team", "kind", "id"], name="audit_by_kind"),
            models.Index(fields=["at"], name="audit_by_age"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} by {self.person}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        if self.pk is not None:
            raise AppendOnlyError
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise AppendOnlyError
