import audit.migration_operations
import audit.triggers
import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('sync', '0007_when_events_were_applied'),
    ]

    operations = [
        pgtrigger.migrations.RemoveTrigger(
            model_name='flowrun',
            name='guard_update',
        ),
        migrations.AddField(
            model_name='expectation',
            name='is_handoff',
            field=models.BooleanField(db_default=False, default=False, help_text='Somebody downstream has to have said it; the last of a run always is.'),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='flowrun',
            trigger=pgtrigger.compiler.Trigger(name='guard_update', sql=audit.triggers.StrictTriggerSql(func="\n            IF NEW.version IS DISTINCT FROM OLD.version + 1 OR NEW.id IS DISTINCT FROM OLD.id THEN\n                RAISE EXCEPTION '% %: version % does not follow %', TG_TABLE_NAME, OLD.id, NEW.version, OLD.version\n                    USING ERRCODE = 'HR002';\n            END IF;\n            \n            IF NEW.state IS DISTINCT FROM OLD.state AND (OLD.state, NEW.state) NOT IN (('missed', 'cancelled'), ('missed', 'done'), ('missed', 'unverified'), ('running', 'cancelled'), ('running', 'done'), ('running', 'missed'), ('running', 'unverified'), ('unverified', 'cancelled'), ('unverified', 'done'), ('unverified', 'running')) THEN\n                RAISE EXCEPTION '% %: no way from % to %', TG_TABLE_NAME, OLD.id, OLD.state, NEW.state\n                    USING ERRCODE = 'HR003';\n            END IF;\n        \n            RETURN NEW;\n        ", hash='b7c242f756e864da0f0800256424dc17dacfa96f', operation='UPDATE', pgid='pgtrigger_guard_update_0fb0e', table='sync_flowrun', when='BEFORE')),
        ),
    ]
    operations = audit.migration_operations.at_once(operations)
