import django.db.models.deletion
from django.conf import settings
from audit.migration_operations import at_once
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('audit', '0002_language_of_a_person'),
        ('fulfilment', '0015_gifts'),
    ]

    operations = [
        migrations.CreateModel(
            name='FeedPlace',
            fields=[
                ('reader', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='+', serialize=False, to=settings.AUTH_USER_MODEL)),
                ('transaction', models.BigIntegerField()),
                ('number', models.BigIntegerField()),
                ('at', models.DateTimeField(help_text='When it got there.')),
            ],
        ),
    ]
    operations = at_once(operations)
