"""Who is there: users, their teams, the roles they have in them, invitations that are out, and scripts' tokens."""

import hashlib
import secrets
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, ClassVar

from django.contrib.auth.models import AbstractUser, BaseUserManager
from django.db import IntegrityError, models, transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.text import slugify
from django.utils.translation import gettext_lazy as _

INVITATION_LIFETIME = timedelta(days=7)
# /t/new/ is the page that creates a team.
RESERVED_SLUGS = ("new",)
SPEEDS = ("0.5", "0.75", "1", "1.25", "1.5", "1.75", "2")


class UserManager(BaseUserManager["User"]):
    def create_user(self, email: str, password: str | None = None, **extra: Any) -> "User":
        if not email:
            raise ValueError("A user needs an e-mail address.")
        user = self.model(email=email.strip().lower(), **extra)
        user.set_password(password)
        user.save()
        return user

    def create_superuser(self, email: str, password: str | None = None, **extra: Any) -> "User":
        return self.create_user(email, password, is_staff=True, is_superuser=True, **extra)


class User(AbstractUser):
    """A person, known by their e-mail address (kept in lower case)."""

    username = None  # type: ignore[assignment]
    first_name = None  # type: ignore[assignment]
    last_name = None  # type: ignore[assignment]
    name = models.CharField(_("name"), max_length=150, blank=True)
    email = models.EmailField(_("e-mail address"), unique=True)
    # How they watch, on whichever machine.
    speed = models.CharField(max_length=4, default="1", choices=[(speed, f"{speed}×") for speed in SPEEDS])
    has_captions = models.BooleanField(default=True)
    has_keys = models.BooleanField(default=True)

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []
    objects: ClassVar[UserManager] = UserManager()  # type: ignore[assignment]

    def __str__(self) -> str:
        return self.name or self.email


class TeamManager(models.Manager["Team"]):
    def create_for(self, owner: User, name: str) -> "Team":
        """Create a team with its first owner; the address comes from the name and is made unique."""
        for slug in _slugs(name):
            try:
                with transaction.atomic():
                    team = self.create(name=name, slug=slug)
                    team.memberships.create(user=owner, role=Membership.Role.OWNER)
            except IntegrityError:
                continue  # another team has this address
            return team
        raise AssertionError("the last slug is random")


def _slugs(name: str) -> Iterator[str]:
    stem = slugify(name)[:50].strip("-") or "team"
    if stem not in RESERVED_SLUGS:
        yield stem
    yield from (f"{stem}-{number}" for number in range(2, 20))
    yield f"{stem}-{secrets.token_hex(4)}"


class Team(models.Model):
    """People who share runs. Its slug is in every address: the team is never hidden in the session."""

    name = models.CharField(_("name"), max_length=100)
    slug = models.SlugField(max_length=64, unique=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects: ClassVar[TeamManager] = TeamManager()

    def __str__(self) -> str:
        return self.name


class LastOwnerError(Exception):
    """A team keeps at least one owner, else nobody could mend it."""


class Membership(models.Model):
    class Role(models.TextChoices):
        OWNER = "owner", _("Owner")
        MEMBER = "member", _("Member")
        VIEWER = "viewer", _("Viewer")

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="memberships", db_index=False)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(_("role"), max_length=10, choices=Role.choices)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["team", "user"], name="one_membership_a_person")]

    def __str__(self) -> str:
        return f"{self.user} in {self.team} as {self.role}"

    def change_role(self, role: str) -> None:
        """Give another role. Raises LastOwnerError rather than leave the team without an owner."""
        with transaction.atomic():
            self._keep_an_owner(still_owner=role == self.Role.OWNER)
            Membership.objects.filter(pk=self.pk).update(role=role)
        self.role = role

    def remove(self) -> None:
        """End the membership. Raises LastOwnerError rather than leave the team without an owner."""
        with transaction.atomic():
            self._keep_an_owner(still_owner=False)
            self.delete()

    def _keep_an_owner(self, *, still_owner: bool) -> None:
        # The team's row is the lock: two owners who step down at the same moment are judged one after the other.
        Team.objects.select_for_update().get(pk=self.team_id)
        others = Membership.objects.filter(team_id=self.team_id, role=self.Role.OWNER).exclude(pk=self.pk)
        if not still_owner and not others.exists():
            raise LastOwnerError


class InvitationQuerySet(models.QuerySet["Invitation"]):
    def waiting(self) -> "InvitationQuerySet":
        """Invitations that nobody has accepted, expired ones among them."""
        return self.filter(accepted_at=None)

    def acceptable(self) -> "InvitationQuerySet":
        """Invitations that still open the door."""
        return self.waiting().filter(expires_at__gt=timezone.now())

    def opened_by(self, token: str) -> "InvitationQuerySet":
        """The acceptable invitation with this token, or none."""
        return self.acceptable().filter(token_hash=_hashed(token))

    def issue(self, *, team: Team, email: str, role: str, invited_by: User) -> tuple["Invitation", str]:
        """Invite someone; returns the invitation and its token, which is kept nowhere else."""
        email, token = email.lower(), secrets.token_urlsafe(32)
        with transaction.atomic():
            self.waiting().filter(team=team, email=email).delete()
            invitation = self.create(
                team=team, email=email, role=role, invited_by=invited_by, token_hash=_hashed(token)
            )
        return invitation, token


def _hashed(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _invitation_end() -> datetime:
    return timezone.now() + INVITATION_LIFETIME


class Invitation(models.Model):
    """An open door into a team for one e-mail address; only the hash of its token is stored."""

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="invitations")
    email = models.EmailField(_("e-mail address"))
    role = models.CharField(_("role"), max_length=10, choices=Membership.Role.choices)
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
        """Make the invited person a member; None when the address is not theirs or the door is closed by now."""
        if user.email != self.email:
            return None
        with transaction.atomic():
            # Who accepts, revokes or is late is decided here: the row count says whether the door was open.
            if not Invitation.objects.acceptable().filter(pk=self.pk).update(accepted_at=timezone.now()):
                return None
            # Someone who is in the team already keeps the role they have.
            return Membership.objects.get_or_create(team=self.team, user=user, defaults={"role": self.role})[0]


# --- Scripts -----------------------------------------------------------------------------------------


class AccessTokenQuerySet(models.QuerySet["AccessToken"]):
    def opened_by(self, secret: str) -> "AccessTokenQuerySet":
        """The token with this secret, of a person who may log in; or none. It may have expired."""
        tokens = self.select_related("membership__team", "membership__user")
        return tokens.filter(token_hash=_hashed(secret), membership__user__is_active=True)

    def issue(
        self, membership: Membership, name: str, *, can_write: bool, expires_at: datetime | None = None
    ) -> tuple["AccessToken", str]:
        """Give a script a way in; returns the token and its secret, which is kept nowhere else."""
        # Hexadecimal, so that a double click takes all of it; the prefix tells whoever finds it what it opens.
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
    """What a script shows in a person's place, for one team; it never opens more than they may do at that moment.

    It hangs on the membership: who leaves a team takes their tokens along. Only the hash of its secret is stored.
    """

    PREFIX = "dubroom_"
    USE_NOTED_EVERY = timedelta(minutes=1)

    membership = models.ForeignKey(Membership, on_delete=models.CASCADE, related_name="tokens", db_index=False)
    name = models.CharField(_("name"), max_length=100)
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
        """Remember that it was used, though not at every request: else each one that reads would write."""
        before = timezone.now() - self.USE_NOTED_EVERY
        if self.last_used_at is None or self.last_used_at <= before:
            unnoted = Q(last_used_at=None) | Q(last_used_at__lte=before)
            AccessToken.objects.filter(unnoted, pk=self.pk).update(last_used_at=timezone.now())
