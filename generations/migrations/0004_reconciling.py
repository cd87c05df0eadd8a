"""Looking for lost requests in a provider's own list, and what was found there."""

import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ("generations", "0003_breaker_and_limits"),
    ]

    operations = [
        migrations.AddField("generation", "reconcile_tries", models.PositiveSmallIntegerField(default=0)),
        migrations.AddField("generation", "safe_to_resend", models.BooleanField(default=False)),
        migrations.CreateModel(
            name="Evidence",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("at", models.DateTimeField(default=django.utils.timezone.now)),
                ("words", models.TextField()),
                ("detail", models.JSONField(default=dict)),
                ("has_extra", models.BooleanField(default=False)),
                ("generation", models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="evidence", to="generations.generation")),
            ],
            options={"ordering": ["id"], "verbose_name_plural": "evidence"},
        ),
    ]
