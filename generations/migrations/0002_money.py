"""Prices, budgets and the ledger; the price that is frozen on a shot."""

from decimal import Decimal

import django.core.validators
import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models

import generations.models.fields

ID = models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')
LEAST = django.core.validators.MinValueValidator(0)


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0001_initial'),
        ('generations', '0001_initial'),
    ]

    operations = [
        migrations.AddField('generation', 'price_kind', models.CharField(default='unknown', max_length=12)),
        migrations.AddField('generation', 'price_amount', generations.models.fields.MoneyField(null=True)),
        migrations.AddField('generation', 'price_words', models.CharField(blank=True, max_length=120)),
        migrations.CreateModel(
            name='Budget',
            fields=[
                ('id', ID.clone()),
                ('month', models.DateField()),
                ('limit', generations.models.fields.MoneyField(blank=True, help_text='USD; empty for no limit.', null=True, validators=[LEAST])),
                ('limit_set_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('allow_unknown', models.BooleanField(default=True, help_text='Whether shots without a published price may be made although they cannot be held against the limit.', verbose_name='allow unknown prices')),
                ('reserved', generations.models.fields.MoneyField(default=Decimal('0'))),
                ('spent', generations.models.fields.MoneyField(default=Decimal('0'))),
                ('team', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='budgets', to='accounts.team')),
            ],
            options={
                'constraints': [
                    models.UniqueConstraint(fields=('team', 'month'), name='one_budget_a_month'),
                    models.CheckConstraint(condition=models.Q(('reserved__gte', 0), ('spent__gte', 0)), name='money_is_never_negative'),
                ],
            },
        ),
        migrations.CreateModel(
            name='Ledger',
            fields=[
                ('id', ID.clone()),
                ('confirmation', models.PositiveSmallIntegerField(default=1)),
                ('kind', models.CharField(choices=[('reserve', 'Reserved'), ('settle', 'Charged'), ('release', 'Released'), ('correct', 'Corrected')], max_length=8)),
                ('amount', generations.models.fields.MoneyField(null=True)),
                ('at', models.DateTimeField(default=django.utils.timezone.now)),
                ('note', models.TextField(blank=True)),
                ('budget', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='ledger', to='generations.budget')),
                ('generation', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='ledger', to='generations.generation')),
            ],
            options={
                'verbose_name': 'ledger entry',
                'verbose_name_plural': 'ledger',
                'ordering': ['id'],
                'constraints': [
                    models.UniqueConstraint(condition=models.Q(('kind', 'reserve')), fields=('generation', 'confirmation'), name='a_confirmation_reserves_once'),
                    models.UniqueConstraint(condition=models.Q(('kind__in', ('settle', 'release'))), fields=('generation', 'confirmation'), name='a_reservation_ends_once'),
                ],
            },
        ),
        migrations.CreateModel(
            name='ModelPrice',
            fields=[
                ('id', ID.clone()),
                ('slug', models.CharField(help_text="A model's slug, or a provider's for all its models.", max_length=80, verbose_name='model')),
                ('kind', models.CharField(choices=[('flat', 'A take'), ('per_second', 'A second'), ('per_token', 'A million tokens'), ('unknown', 'Not published')], max_length=12, verbose_name='price for')),
                ('amount', generations.models.fields.MoneyField(blank=True, help_text='USD.', null=True, validators=[LEAST])),
                ('tokens', models.PositiveIntegerField(blank=True, help_text='For prices by token: what one take uses at most.', null=True, verbose_name='most tokens')),
                ('since', models.DateTimeField(default=django.utils.timezone.now, help_text='The newest price that has begun counts.')),
                ('provider_key', models.ForeignKey(blank=True, help_text='Empty for all keys.', null=True, on_delete=django.db.models.deletion.CASCADE, to='generations.providerkey')),
                ('team', models.ForeignKey(blank=True, help_text='Empty for all teams.', null=True, on_delete=django.db.models.deletion.CASCADE, to='accounts.team')),
            ],
            options={
                'verbose_name': 'price',
                'constraints': [
                    models.CheckConstraint(condition=models.Q(models.Q(('amount', None), ('kind', 'unknown')), models.Q(models.Q(('kind', 'unknown'), _negated=True), ('amount__gte', 0), ('amount__isnull', False)), _connector='OR'), name='unknown_is_never_an_amount'),
                ],
            },
        ),
    ]
