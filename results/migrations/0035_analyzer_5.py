"""Empties the search index for the fifth version of the analyzer, as `0025_analyzer_3` did for the third."""

from importlib import import_module

from django.db import migrations

empty_index = import_module("results.migrations.0025_analyzer_3").empty_index


class Migration(migrations.Migration):
    dependencies = [
        ("results", "0034_task_attempts"),
    ]

    operations = [
        migrations.RunPython(empty_index, empty_index),
    ]
