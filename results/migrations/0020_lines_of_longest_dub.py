from django.db import migrations

# A run's number of lines was that of all its dubs. The condition leaves the many runs with one dub alone.
LONGEST = """
    UPDATE results_run
    SET cue_count = (SELECT MAX(cue_count) FROM results_dub WHERE results_dub.run_id = results_run.id)
    WHERE id IN (SELECT run_id FROM results_dub GROUP BY run_id HAVING COUNT(*) > 1)
"""


class Migration(migrations.Migration):

    dependencies = [
        ('results', '0019_tag_letters'),
    ]

    operations = [
        migrations.RunSQL(LONGEST, migrations.RunSQL.noop),
    ]
