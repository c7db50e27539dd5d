"""Order keys count from a database sequence, so that no two writers wait for each other."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("fulfilment", "0001_initial")]

    operations = [
        migrations.RunSQL(
            "CREATE SEQUENCE fulfilment_order_number START 104233",
            "DROP SEQUENCE fulfilment_order_number",
        ),
    ]
