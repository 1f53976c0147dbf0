"""Models, fields and indexes get the names that the glossary gives them; no row is touched."""

from django.db import migrations, models
from django.db.models import CASCADE, Q


class Migration(migrations.Migration):

    dependencies = [("results", "0003_progress"), ("teams", "0002_access_tokens")]

    operations = [
        # An index names its fields, so it is removed before they are renamed and added again afterwards.
        migrations.RemoveIndex("run", "run_wanted"),
        migrations.RemoveIndex("dub", "dub_untold"),
        migrations.RemoveIndex("speakername", "name_unsettled"),
        migrations.RenameModel("Pulse", "TeamVersion"),
        migrations.RenameModel("Word", "VocabularyWord"),
        migrations.RenameModel("Finding", "SearchAlert"),
        migrations.RenameModel("Shelf", "CopyPolicy"),
        migrations.RenameModel("Copy", "MediaCopy"),
        migrations.RenameModel("Answer", "RawAnswer"),
        migrations.RenameField("apikey", "asked_at", "last_call_at"),
        migrations.RenameField("apikey", "paced_to", "rate_used_until"),
        # Only the names by which the other side reaches them; the database sees no change.
        migrations.AlterField(
            "attempt",
            "run",
            models.ForeignKey(db_index=False, on_delete=CASCADE, related_name="call_attempts", to="results.run"),
        ),
        migrations.AlterField(
            "searchalert",
            "saved_search",
            models.ForeignKey(db_index=False, on_delete=CASCADE, related_name="alerts", to="results.savedsearch"),
        ),
        migrations.AlterField(
            "rawanswer",
            "run",
            models.OneToOneField(on_delete=CASCADE, related_name="raw_answer", primary_key=True, serialize=False, to="results.run"),
        ),
        migrations.AlterField(
            "copypolicy",
            "team",
            models.OneToOneField(on_delete=CASCADE, related_name="copy_policy", primary_key=True, serialize=False, to="teams.team"),
        ),
        migrations.AlterField(
            "teamversion",
            "team",
            models.OneToOneField(on_delete=CASCADE, related_name="version_counter", primary_key=True, serialize=False, to="teams.team"),
        ),
        migrations.RenameField("run", "asks", "attempts"),
        migrations.RenameField("run", "wanted_at", "requested_at"),
        migrations.RenameField("dub", "is_told", "is_alert_checked"),
        migrations.RenameField("speakername", "settled_to", "applied_through"),
        migrations.RenameField("teamversion", "wanted", "requested"),
        migrations.RenameField("teamversion", "wanted_since", "requested_since"),
        migrations.RenameField("copypolicy", "is_on", "is_enabled"),
        migrations.RenameField("copypolicy", "most_bytes", "quota_bytes"),
        migrations.RenameField("copypolicy", "looked_at", "synced_at"),
        migrations.RenameField("mediacopy", "got", "received_bytes"),
        migrations.RenameField("mediacopy", "tries", "failures"),
        migrations.RenameField("mediacopy", "peaks", "waveform"),
        migrations.AddIndex(
            "run",
            models.Index(fields=["team", "requested_at"], name="run_requested", condition=Q(requested_at__isnull=False)),
        ),
        migrations.AddIndex(
            "dub", models.Index(fields=["id"], name="dub_alert_unchecked", condition=Q(is_alert_checked=False))
        ),
        migrations.AddIndex(
            "speakername",
            models.Index(fields=["id"], name="speaker_name_pending", condition=Q(applied_through__isnull=False)),
        ),
    ]
