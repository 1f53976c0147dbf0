"""On PostgreSQL each line of the search index says which run it is of, so that looking at runs needs no look at cues."""

from django.db import migrations

STATEMENTS = {
    "forwards": [
        "ALTER TABLE results_search ADD COLUMN run_id bigint",
        "UPDATE results_search SET run_id = results_cue.run_id FROM results_cue WHERE results_cue.id = cue_id",
        "DELETE FROM results_search WHERE run_id IS NULL",
        "ALTER TABLE results_search ALTER COLUMN run_id SET NOT NULL",
    ],
    "backwards": ["ALTER TABLE results_search DROP COLUMN run_id"],
}


def on_postgresql(direction):
    def execute(apps, schema_editor):
        if schema_editor.connection.vendor == "postgresql":
            for statement in STATEMENTS[direction]:
                schema_editor.execute(statement)

    return execute


class Migration(migrations.Migration):

    dependencies = [("results", "0008_claims")]

    operations = [migrations.RunPython(on_postgresql("forwards"), on_postgresql("backwards"))]
