"""Breakers, limits of a key, and a shot's place before the others of the same person."""

import django.core.validators
import django.db.models.deletion
from django.db import migrations, models


def loosen_sandbox(apps, schema_editor):
    """The sandbox's keys get what new ones get (generations.keys)."""
    apps.get_model("generations", "ProviderKey").objects.filter(is_sandbox=True).update(max_concurrent=200)


class Migration(migrations.Migration):

    dependencies = [
        ("generations", "0002_money"),
    ]

    operations = [
        migrations.CreateModel(
            name="Breaker",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("side", models.CharField(choices=[("submit", "sending"), ("read", "asking")], max_length=6)),
                ("state", models.CharField(choices=[("closed", "closed"), ("open", "open"), ("half_open", "being tested")], default="closed", max_length=9)),
                ("failures", models.PositiveIntegerField(default=0)),
                ("window", models.JSONField(default=list)),
                ("unknown_times", models.JSONField(default=list)),
                ("reason", models.TextField(blank=True)),
                ("opened_at", models.DateTimeField(null=True)),
                ("next_probe_at", models.DateTimeField(null=True)),
                ("pause_seconds", models.PositiveIntegerField(default=0)),
                ("held_until", models.DateTimeField(null=True)),
                ("held_words", models.TextField(blank=True)),
                ("version", models.PositiveIntegerField(default=0)),
                ("key", models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="breakers", to="generations.providerkey")),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("key", "side"), name="one_breaker_a_side")],
            },
        ),
        migrations.AddField(
            model_name="generation",
            name="hurried_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="generation",
            name="repeats",
            field=models.BooleanField(default=False),
        ),
        migrations.AddField(
            model_name="attempt",
            name="repeats",
            field=models.BooleanField(default=False),
        ),
        migrations.AddField(
            model_name="providerkey",
            name="max_concurrent",
            field=models.PositiveSmallIntegerField(default=20, help_text="Shots that may be at the provider at once.", validators=[django.core.validators.MinValueValidator(1)], verbose_name="at a time"),
        ),
        migrations.AddField(
            model_name="providerkey",
            name="max_per_minute",
            field=models.PositiveSmallIntegerField(blank=True, help_text="Paid requests in any 60 seconds; empty for no limit.", null=True, validators=[django.core.validators.MinValueValidator(1)], verbose_name="a minute"),
        ),
        migrations.RunPython(loosen_sandbox, migrations.RunPython.noop),
        migrations.AddIndex(
            model_name="attempt",
            index=models.Index(fields=["started_at"], name="attempts_lately"),
        ),
    ]
