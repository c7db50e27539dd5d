import audit.triggers
import django.db.models.deletion
import pgtrigger.compiler
import pgtrigger.migrations
from django.conf import settings
from audit.migration_operations import at_once
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('rules', '0008_time_to_look'),
        ('sync', '0005_verified_handoffs'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        pgtrigger.migrations.RemoveTrigger(
            model_name='system',
            name='history_insert',
        ),
        pgtrigger.migrations.RemoveTrigger(
            model_name='system',
            name='history_update',
        ),
        migrations.AddField(
            model_name='historicalsystem',
            name='reader',
            field=models.ForeignKey(blank=True, db_constraint=False, db_index=False, help_text='With whose API tokens it reads the feed of exports, where it has no address.', null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='outboundmessage',
            name='given_up_at',
            field=models.DateTimeField(help_text='When it had been tried often enough.', null=True),
        ),
        migrations.RunSQL(
            """
            UPDATE sync_outboundmessage m
            SET given_up_at = coalesce((SELECT max(a.at) FROM sync_attempt a WHERE a.message_id = m.id), m.due_at)
            WHERE m.state = 'dead'
            """,
            migrations.RunSQL.noop,
        ),
        migrations.AddField(
            model_name='system',
            name='reader',
            field=models.OneToOneField(blank=True, help_text='With whose API tokens it reads the feed of exports, where it has no address.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddIndex(
            model_name='outboundmessage',
            index=models.Index(condition=models.Q(('state', 'dead')), fields=['system', 'caused_at'], name='outboundmessage_given_up'),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='system',
            trigger=pgtrigger.compiler.Trigger(name='history_insert', sql=audit.triggers.StrictTriggerSql(func='\n            \n    IF coalesce(current_setting(\'handrail.actor\', true), \'\') = \'\' THEN\n        RAISE EXCEPTION \'Nobody is acting on %: wrap the edge in audit.context.acting()\', TG_TABLE_NAME USING ERRCODE = \'HR001\';\n    END IF;\n\n            INSERT INTO "sync_historicalsystem" ("id", "version", "created_at", "updated_at", "slug", "name", "layer", "base_url", "client_id", "owner_id", "wants_exports", "reader_id", "authority", "max_attempts", "is_active", "paused_until", history_date, history_user_id, history_change_reason, history_actor, history_request_id, history_transaction, history_type)\n            SELECT "id", "version", "created_at", "updated_at", "slug", "name", "layer", "base_url", "client_id", "owner_id", "wants_exports", "reader_id", "authority", "max_attempts", "is_active", "paused_until", coalesce(nullif(current_setting(\'handrail.now\', true), \'\')::timestamptz, clock_timestamp()), nullif(current_setting(\'handrail.user_id\', true), \'\')::bigint, nullif(current_setting(\'handrail.reason\', true), \'\'), current_setting(\'handrail.actor\'), coalesce(current_setting(\'handrail.request_id\', true), \'\'), pg_current_xact_id()::text::bigint, \'+\' FROM changed;\n            RETURN NULL;\n        ', hash='5d2c695ff4f2a6fb2727d1758a05bb86e9f9cf6f', ignore_func_name='SECURITY DEFINER SET search_path = public, pg_temp', level='STATEMENT', operation='INSERT', pgid='pgtrigger_history_insert_f3b71', referencing='REFERENCING NEW TABLE AS changed ', table='sync_system', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='system',
            trigger=pgtrigger.compiler.Trigger(name='history_update', sql=audit.triggers.StrictTriggerSql(func='\n            \n    IF coalesce(current_setting(\'handrail.actor\', true), \'\') = \'\' THEN\n        RAISE EXCEPTION \'Nobody is acting on %: wrap the edge in audit.context.acting()\', TG_TABLE_NAME USING ERRCODE = \'HR001\';\n    END IF;\n\n            INSERT INTO "sync_historicalsystem" ("id", "version", "created_at", "updated_at", "slug", "name", "layer", "base_url", "client_id", "owner_id", "wants_exports", "reader_id", "authority", "max_attempts", "is_active", "paused_until", history_date, history_user_id, history_change_reason, history_actor, history_request_id, history_transaction, history_type)\n            SELECT "id", "version", "created_at", "updated_at", "slug", "name", "layer", "base_url", "client_id", "owner_id", "wants_exports", "reader_id", "authority", "max_attempts", "is_active", "paused_until", coalesce(nullif(current_setting(\'handrail.now\', true), \'\')::timestamptz, clock_timestamp()), nullif(current_setting(\'handrail.user_id\', true), \'\')::bigint, nullif(current_setting(\'handrail.reason\', true), \'\'), current_setting(\'handrail.actor\'), coalesce(current_setting(\'handrail.request_id\', true), \'\'), pg_current_xact_id()::text::bigint, \'~\' FROM changed;\n            RETURN NULL;\n        ', hash='291e8907d1be5c19defc2ceda295bd3a8b30c298', ignore_func_name='SECURITY DEFINER SET search_path = public, pg_temp', level='STATEMENT', operation='UPDATE', pgid='pgtrigger_history_update_024ff', referencing='REFERENCING NEW TABLE AS changed ', table='sync_system', when='AFTER')),
        ),
        migrations.AddConstraint(
            model_name='outboundmessage',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('given_up_at__isnull', False), ('state', 'dead')), models.Q(models.Q(('state', 'dead'), _negated=True), ('given_up_at__isnull', True)), _connector='OR'), name='outboundmessage_given_up_at_iff_given_up'),
        ),
    ]
    operations = at_once(operations)
