import audit.migration_operations
import django.db.models.deletion
from django.db import migrations, models

# What lay on the one shelf a product had lies in the client's main place from now on, without a lot.
INTO_PLACES = """
    SELECT set_config('handrail.actor', 'system:migration', true);
    INSERT INTO fulfilment_location (id, version, created_at, updated_at, client_id, slug, name, country, priority, is_active)
    SELECT gen_random_uuid(), 1, now(), now(), client_id, 'main', '', '', 100, true
    FROM (SELECT DISTINCT s.client_id FROM fulfilment_stockitem i JOIN fulfilment_sku s ON s.id = i.sku_id) clients;
    INSERT INTO fulfilment_stocklot (id, version, created_at, updated_at, item_id, location_id, code, on_hand, reserved, state)
    SELECT gen_random_uuid(), 1, now(), now(), i.id, p.id, '', i.on_hand, i.reserved, 'usable'
    FROM fulfilment_stockitem i JOIN fulfilment_sku s ON s.id = i.sku_id
    JOIN fulfilment_location p ON p.client_id = s.client_id;
    UPDATE fulfilment_reservation r SET lot_id = l.id, held_at = r.created_at, version = r.version + 1
    FROM fulfilment_stocklot l WHERE l.item_id = r.stock_item_id;
    UPDATE fulfilment_orderline SET queued_at = created_at, version = version + 1 WHERE state = 'back_ordered';
    SET CONSTRAINTS ALL IMMEDIATE;
"""


class Migration(migrations.Migration):

    dependencies = [
        ('fulfilment', '0003_stock_in_places'),
    ]

    operations = [
        migrations.RunSQL(sql=INTO_PLACES, reverse_sql=migrations.RunSQL.noop),
        migrations.AlterField(
            model_name='reservation',
            name='lot',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='reservations', to='fulfilment.stocklot'),
        ),
        migrations.AddConstraint(
            model_name='orderline',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('state', 'back_ordered'), _negated=True), ('queued_at__isnull', False), _connector='OR'), name='orderline_that_waits_has_a_place'),
        ),
    ]
    operations = audit.migration_operations.at_once(operations)
