"""Empties the search index for the third version of the analyzer, and lets the worker fill it run by run.

SQLite cannot remove an entry by other terms than those it was added with, so no old entry may stay. The runs are
marked as restored runs are, so the worker indexes them in turns, while Dubroom serves and says how many are missing.
Titles and tags are folded anew by the worker too.
"""

from django.db import migrations


def empty_index(apps, schema_editor):
    if schema_editor.connection.vendor == "sqlite":
        with schema_editor.connection.cursor() as cursor:
            cursor.execute("SELECT sql FROM sqlite_master WHERE name = 'results_search'")
            [definition] = cursor.fetchone()
        schema_editor.execute("DROP TABLE IF EXISTS results_search_new")
        schema_editor.execute("DROP TABLE results_search")
        schema_editor.execute(definition)
    else:
        schema_editor.execute("TRUNCATE results_search")
    apps.get_model("results", "Run").objects.update(is_indexed=False, title_folded=None)
    apps.get_model("results", "Tag").objects.update(letters=None)


class Migration(migrations.Migration):

    dependencies = [
        ("results", "0024_large_changes"),
    ]

    operations = [
        migrations.RunPython(empty_index, empty_index),
    ]
