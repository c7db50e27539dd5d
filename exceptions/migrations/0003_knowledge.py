import audit.identifiers
import audit.migration_operations
import audit.triggers
import django.db.models.deletion
import django_fsm
import exceptions.models.postmortems
import pgtrigger.compiler
import simple_history.models
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('audit', '__first__'),
        ('exceptions', '0002_sent_back'),
        ('rules', '0003_knowledge'),
    ]

    operations = [
        migrations.RunSQL(
            sql='CREATE SEQUENCE exceptions_postmortem_number START 1;',
            reverse_sql='DROP SEQUENCE exceptions_postmortem_number;',
        ),
        migrations.CreateModel(
            name='HistoricalPostmortem',
            fields=[
                ('history_actor', models.CharField(max_length=160)),
                ('history_request_id', models.CharField(max_length=80)),
                ('history_transaction', models.BigIntegerField()),
                ('id', models.UUIDField(db_index=True, default=audit.identifiers.uuid7, editable=False)),
                ('version', models.PositiveIntegerField(default=1, editable=False)),
                ('created_at', models.DateTimeField(blank=True, editable=False)),
                ('updated_at', models.DateTimeField(blank=True, editable=False)),
                ('history_change_reason', models.TextField(null=True)),
                ('number', models.BigIntegerField(db_default=exceptions.models.postmortems.NextPostmortemNumber(), db_index=True, editable=False)),
                ('reason', models.CharField(choices=[('p1', 'A P1 is over'), ('average', 'Took longer than promised on average'), ('person', 'Somebody asked for it')], max_length=10)),
                ('type', models.SlugField(db_index=False)),
                ('cause', models.CharField(blank=True, max_length=200)),
                ('state', models.CharField(choices=[('draft', 'Draft'), ('published', 'Published'), ('dismissed', 'Not needed')], default='draft', max_length=50)),
                ('title', models.CharField(max_length=200)),
                ('since', models.DateTimeField()),
                ('until', models.DateTimeField()),
                ('figures', models.JSONField(blank=True, default=dict)),
                ('timeline', models.JSONField(blank=True, default=list)),
                ('summary', models.TextField(blank=True, help_text='What happened and whom it hurt; Markdown')),
                ('causes', models.TextField(blank=True, help_text='Why it could happen; Markdown')),
                ('drafted_at', models.DateTimeField()),
                ('ended_at', models.DateTimeField(null=True)),
                ('ended_by', models.CharField(blank=True, max_length=160)),
                ('ended_by_name', models.CharField(blank=True, max_length=160)),
                ('comment', models.CharField(blank=True, help_text='Why it is not needed', max_length=280)),
                ('history_id', models.BigAutoField(editable=False, primary_key=True, serialize=False)),
                ('history_date', models.DateTimeField()),
                ('history_type', models.CharField(choices=[('+', 'Created'), ('~', 'Changed'), ('-', 'Deleted')], max_length=1)),
                ('client', models.ForeignKey(blank=True, db_constraint=False, help_text='None: of the house, seen by house roles.', null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='rules.client')),
                ('history_user', models.ForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('owner', models.ForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='rules.owner')),
            ],
            options={
                'verbose_name': 'historical postmortem',
                'verbose_name_plural': 'historical postmortems',
                'ordering': ('-history_date', '-history_id'),
                'get_latest_by': ('history_date', 'history_id'),
            },
            bases=(simple_history.models.HistoricalChanges, models.Model),
        ),
        migrations.CreateModel(
            name='Postmortem',
            fields=[
                ('id', models.UUIDField(default=audit.identifiers.uuid7, editable=False, primary_key=True, serialize=False)),
                ('version', models.PositiveIntegerField(default=1, editable=False)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('updated_at', models.DateTimeField(auto_now=True)),
                ('number', models.BigIntegerField(db_default=exceptions.models.postmortems.NextPostmortemNumber(), editable=False, unique=True)),
                ('reason', models.CharField(choices=[('p1', 'A P1 is over'), ('average', 'Took longer than promised on average'), ('person', 'Somebody asked for it')], max_length=10)),
                ('type', models.SlugField(db_index=False)),
                ('cause', models.CharField(blank=True, max_length=200)),
                ('state', models.CharField(choices=[('draft', 'Draft'), ('published', 'Published'), ('dismissed', 'Not needed')], default='draft', max_length=50)),
                ('title', models.CharField(max_length=200)),
                ('since', models.DateTimeField()),
                ('until', models.DateTimeField()),
                ('figures', models.JSONField(blank=True, default=dict)),
                ('timeline', models.JSONField(blank=True, default=list)),
                ('summary', models.TextField(blank=True, help_text='What happened and whom it hurt; Markdown')),
                ('causes', models.TextField(blank=True, help_text='Why it could happen; Markdown')),
                ('drafted_at', models.DateTimeField()),
                ('ended_at', models.DateTimeField(null=True)),
                ('ended_by', models.CharField(blank=True, max_length=160)),
                ('ended_by_name', models.CharField(blank=True, max_length=160)),
                ('comment', models.CharField(blank=True, help_text='Why it is not needed', max_length=280)),
                ('client', models.ForeignKey(help_text='None: of the house, seen by house roles.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='rules.client')),
                ('owner', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='postmortems', to='rules.owner')),
            ],
            options={
                'abstract': False,
                'indexes': [models.Index(condition=models.Q(('state', 'draft')), fields=['type', 'cause'], name='postmortem_draft_of_cause')],
                'constraints': [models.CheckConstraint(condition=models.Q(('state__in', ['draft', 'published', 'dismissed'])), name='postmortem_state_is_known'), models.CheckConstraint(condition=models.Q(('reason__in', ['p1', 'average', 'person'])), name='postmortem_reason_is_known'), models.CheckConstraint(condition=models.Q(('until__gte', models.F('since'))), name='postmortem_ends_after_it_begins'), models.UniqueConstraint(condition=models.Q(('reason', 'average')), fields=('type', 'since'), name='postmortem_one_per_type_and_week'), models.CheckConstraint(condition=models.Q(models.Q(('state', 'published'), _negated=True), models.Q(models.Q(('summary', ''), _negated=True), models.Q(('causes', ''), _negated=True)), _connector='OR'), name='postmortem_published_says_what_and_why'), models.CheckConstraint(condition=models.Q(models.Q(('state', 'dismissed'), _negated=True), models.Q(('comment', ''), _negated=True), _connector='OR'), name='postmortem_dismissed_says_why'), models.CheckConstraint(condition=models.Q(models.Q(('ended_at__isnull', True), ('state', 'draft')), models.Q(models.Q(('state', 'draft'), _negated=True), ('ended_at__isnull', False)), _connector='OR'), name='postmortem_ended_at_iff_over')],
                'triggers': [pgtrigger.compiler.Trigger(name='history_insert', sql=audit.triggers.StrictTriggerSql(func='\n            \n    IF coalesce(current_setting(\'handrail.actor\', true), \'\') = \'\' THEN\n        RAISE EXCEPTION \'Nobody is acting on %: wrap the edge in audit.context.acting()\', TG_TABLE_NAME USING ERRCODE = \'HR001\';\n    END IF;\n\n            INSERT INTO "exceptions_historicalpostmortem" ("id", "version", "created_at", "updated_at", "number", "client_id", "reason", "type", "cause", "state", "title", "owner_id", "since", "until", "figures", "timeline", "summary", "causes", "drafted_at", "ended_at", "ended_by", "ended_by_name", "comment", history_date, history_user_id, history_change_reason, history_actor, history_request_id, history_transaction, history_type)\n            SELECT "id", "version", "created_at", "updated_at", "number", "client_id", "reason", "type", "cause", "state", "title", "owner_id", "since", "until", "figures", "timeline", "summary", "causes", "drafted_at", "ended_at", "ended_by", "ended_by_name", "comment", coalesce(nullif(current_setting(\'handrail.now\', true), \'\')::timestamptz, clock_timestamp()), nullif(current_setting(\'handrail.user_id\', true), \'\')::bigint, nullif(current_setting(\'handrail.reason\', true), \'\'), current_setting(\'handrail.actor\'), coalesce(current_setting(\'handrail.request_id\', true), \'\'), pg_current_xact_id()::text::bigint, \'+\' FROM changed;\n            RETURN NULL;\n        ', hash='21449c97b1005fc1e539b4c4c061be6b6a4815f5', ignore_func_name='SECURITY DEFINER SET search_path = public, pg_temp', level='STATEMENT', operation='INSERT', pgid='pgtrigger_history_insert_f5fc1', referencing='REFERENCING NEW TABLE AS changed ', table='exceptions_postmortem', when='AFTER')), pgtrigger.compiler.Trigger(name='history_update', sql=audit.triggers.StrictTriggerSql(func='\n            \n    IF coalesce(current_setting(\'handrail.actor\', true), \'\') = \'\' THEN\n        RAISE EXCEPTION \'Nobody is acting on %: wrap the edge in audit.context.acting()\', TG_TABLE_NAME USING ERRCODE = \'HR001\';\n    END IF;\n\n            INSERT INTO "exceptions_historicalpostmortem" ("id", "version", "created_at", "updated_at", "number", "client_id", "reason", "type", "cause", "state", "title", "owner_id", "since", "until", "figures", "timeline", "summary", "causes", "drafted_at", "ended_at", "ended_by", "ended_by_name", "comment", history_date, history_user_id, history_change_reason, history_actor, history_request_id, history_transaction, history_type)\n            SELECT "id", "version", "created_at", "updated_at", "number", "client_id", "reason", "type", "cause", "state", "title", "owner_id", "since", "until", "figures", "timeline", "summary", "causes", "drafted_at", "ended_at", "ended_by", "ended_by_name", "comment", coalesce(nullif(current_setting(\'handrail.now\', true), \'\')::timestamptz, clock_timestamp()), nullif(current_setting(\'handrail.user_id\', true), \'\')::bigint, nullif(current_setting(\'handrail.reason\', true), \'\'), current_setting(\'handrail.actor\'), coalesce(current_setting(\'handrail.request_id\', true), \'\'), pg_current_xact_id()::text::bigint, \'~\' FROM changed;\n            RETURN NULL;\n        ', hash='b4bd114056e3a915922894656e4625e996b2b1e8', ignore_func_name='SECURITY DEFINER SET search_path = public, pg_temp', level='STATEMENT', operation='UPDATE', pgid='pgtrigger_history_update_ae2e3', referencing='REFERENCING NEW TABLE AS changed ', table='exceptions_postmortem', when='AFTER')), pgtrigger.compiler.Trigger(name='guard_update', sql=audit.triggers.StrictTriggerSql(func="\n            IF NEW.version IS DISTINCT FROM OLD.version + 1 OR NEW.id IS DISTINCT FROM OLD.id THEN\n                RAISE EXCEPTION '% %: version % does not follow %', TG_TABLE_NAME, OLD.id, NEW.version, OLD.version\n                    USING ERRCODE = 'HR002';\n            END IF;\n            \n            IF NEW.state IS DISTINCT FROM OLD.state AND (OLD.state, NEW.state) NOT IN (('draft', 'dismissed'), ('draft', 'published')) THEN\n                RAISE EXCEPTION '% %: no way from % to %', TG_TABLE_NAME, OLD.id, OLD.state, NEW.state\n                    USING ERRCODE = 'HR003';\n            END IF;\n        \n            RETURN NEW;\n        ", hash='c3b972ac36216b2958fb09554c37ea2370bc60d2', operation='UPDATE', pgid='pgtrigger_guard_update_ba5a4', table='exceptions_postmortem', when='BEFORE')), pgtrigger.compiler.Trigger(name='refuse_delete', sql=audit.triggers.StrictTriggerSql(func="RAISE EXCEPTION '% refuses %', TG_TABLE_NAME, TG_OP USING ERRCODE = 'HR004';", hash='17228597b4591670bcbff8acd3d60ec990785d94', level='STATEMENT', operation='DELETE', pgid='pgtrigger_refuse_delete_8be3f', table='exceptions_postmortem', when='BEFORE')), pgtrigger.compiler.Trigger(name='keep_published', sql=audit.triggers.StrictTriggerSql(func='\n            IF OLD.state <> \'draft\' AND (NEW."number" IS DISTINCT FROM OLD."number" OR NEW."client_id" IS DISTINCT FROM OLD."client_id" OR NEW."reason" IS DISTINCT FROM OLD."reason" OR NEW."type" IS DISTINCT FROM OLD."type" OR NEW."cause" IS DISTINCT FROM OLD."cause" OR NEW."title" IS DISTINCT FROM OLD."title" OR NEW."since" IS DISTINCT FROM OLD."since" OR NEW."until" IS DISTINCT FROM OLD."until" OR NEW."figures" IS DISTINCT FROM OLD."figures" OR NEW."timeline" IS DISTINCT FROM OLD."timeline" OR NEW."summary" IS DISTINCT FROM OLD."summary" OR NEW."causes" IS DISTINCT FROM OLD."causes" OR NEW."drafted_at" IS DISTINCT FROM OLD."drafted_at" OR NEW."ended_at" IS DISTINCT FROM OLD."ended_at" OR NEW."ended_by" IS DISTINCT FROM OLD."ended_by" OR NEW."ended_by_name" IS DISTINCT FROM OLD."ended_by_name") THEN\n                RAISE EXCEPTION \'% % is published and does not change\', TG_TABLE_NAME, OLD.id USING ERRCODE = \'HR004\';\n            END IF;\n            RETURN NEW;\n        ', hash='34cee188d6963b846f01d9b74a7f4ed4908352c4', operation='UPDATE', pgid='pgtrigger_keep_published_27549', table='exceptions_postmortem', when='BEFORE'))],
            },
            bases=(django_fsm.FSMModelMixin, models.Model),
        ),
        migrations.CreateModel(
            name='HistoricalPostmortemAction',
            fields=[
                ('history_actor', models.CharField(max_length=160)),
                ('history_request_id', models.CharField(max_length=80)),
                ('history_transaction', models.BigIntegerField()),
                ('id', models.UUIDField(db_index=True, default=audit.identifiers.uuid7, editable=False)),
                ('version', models.PositiveIntegerField(default=1, editable=False)),
                ('created_at', models.DateTimeField(blank=True, editable=False)),
                ('updated_at', models.DateTimeField(blank=True, editable=False)),
                ('history_change_reason', models.TextField(null=True)),
                ('number', models.PositiveIntegerField()),
                ('text', models.CharField(max_length=280)),
                ('due_on', models.DateField()),
                ('state', models.CharField(choices=[('open', 'Open'), ('done', 'Done'), ('dropped', 'Dropped')], default='open', max_length=50)),
                ('ended_at', models.DateTimeField(null=True)),
                ('ended_by', models.CharField(blank=True, max_length=160)),
                ('ended_by_name', models.CharField(blank=True, max_length=160)),
                ('comment', models.CharField(blank=True, help_text='What came of it, or why it was dropped', max_length=280)),
                ('history_id', models.BigAutoField(editable=False, primary_key=True, serialize=False)),
                ('history_date', models.DateTimeField()),
                ('history_type', models.CharField(choices=[('+', 'Created'), ('~', 'Changed'), ('-', 'Deleted')], max_length=1)),
                ('history_user', models.ForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('owner', models.ForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='rules.owner')),
                ('postmortem', models.ForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='exceptions.postmortem')),
            ],
            options={
                'verbose_name': 'historical postmortem action',
                'verbose_name_plural': 'historical postmortem actions',
                'ordering': ('-history_date', '-history_id'),
                'get_latest_by': ('history_date', 'history_id'),
            },
            bases=(simple_history.models.HistoricalChanges, models.Model),
        ),
        migrations.CreateModel(
            name='PostmortemAction',
            fields=[
                ('id', models.UUIDField(default=audit.identifiers.uuid7, editable=False, primary_key=True, serialize=False)),
                ('version', models.PositiveIntegerField(default=1, editable=False)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('updated_at', models.DateTimeField(auto_now=True)),
                ('number', models.PositiveIntegerField()),
                ('text', models.CharField(max_length=280)),
                ('due_on', models.DateField()),
                ('state', models.CharField(choices=[('open', 'Open'), ('done', 'Done'), ('dropped', 'Dropped')], default='open', max_length=50)),
                ('ended_at', models.DateTimeField(null=True)),
                ('ended_by', models.CharField(blank=True, max_length=160)),
                ('ended_by_name', models.CharField(blank=True, max_length=160)),
                ('comment', models.CharField(blank=True, help_text='What came of it, or why it was dropped', max_length=280)),
                ('owner', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='postmortem_actions', to='rules.owner')),
                ('postmortem', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='actions', to='exceptions.postmortem')),
            ],
            options={
                'abstract': False,
                'indexes': [models.Index(condition=models.Q(('state', 'open')), fields=['due_on'], name='postmortemaction_open_by_day')],
                'constraints': [models.UniqueConstraint(fields=('postmortem', 'number'), name='postmortemaction_one_per_number'), models.CheckConstraint(condition=models.Q(('state__in', ['open', 'done', 'dropped'])), name='postmortemaction_state_is_known'), models.CheckConstraint(condition=models.Q(('text', ''), _negated=True), name='postmortemaction_says_what'), models.CheckConstraint(condition=models.Q(models.Q(('ended_at__isnull', True), ('state', 'open')), models.Q(models.Q(('state', 'open'), _negated=True), ('ended_at__isnull', False)), _connector='OR'), name='postmortemaction_ended_at_iff_over'), models.CheckConstraint(condition=models.Q(models.Q(('state', 'dropped'), _negated=True), models.Q(('comment', ''), _negated=True), _connector='OR'), name='postmortemaction_dropped_says_why')],
                'triggers': [pgtrigger.compiler.Trigger(name='history_insert', sql=audit.triggers.StrictTriggerSql(func='\n            \n    IF coalesce(current_setting(\'handrail.actor\', true), \'\') = \'\' THEN\n        RAISE EXCEPTION \'Nobody is acting on %: wrap the edge in audit.context.acting()\', TG_TABLE_NAME USING ERRCODE = \'HR001\';\n    END IF;\n\n            INSERT INTO "exceptions_historicalpostmortemaction" ("id", "version", "created_at", "updated_at", "postmortem_id", "number", "text", "owner_id", "due_on", "state", "ended_at", "ended_by", "ended_by_name", "comment", history_date, history_user_id, history_change_reason, history_actor, history_request_id, history_transaction, history_type)\n            SELECT "id", "version", "created_at", "updated_at", "postmortem_id", "number", "text", "owner_id", "due_on", "state", "ended_at", "ended_by", "ended_by_name", "comment", coalesce(nullif(current_setting(\'handrail.now\', true), \'\')::timestamptz, clock_timestamp()), nullif(current_setting(\'handrail.user_id\', true), \'\')::bigint, nullif(current_setting(\'handrail.reason\', true), \'\'), current_setting(\'handrail.actor\'), coalesce(current_setting(\'handrail.request_id\', true), \'\'), pg_current_xact_id()::text::bigint, \'+\' FROM changed;\n            RETURN NULL;\n        ', hash='b9751b088f3786eb7603d0933cf390aa93e93061', ignore_func_name='SECURITY DEFINER SET search_path = public, pg_temp', level='STATEMENT', operation='INSERT', pgid='pgtrigger_history_insert_70114', referencing='REFERENCING NEW TABLE AS changed ', table='exceptions_postmortemaction', when='AFTER')), pgtrigger.compiler.Trigger(name='history_update', sql=audit.triggers.StrictTriggerSql(func='\n            \n    IF coalesce(current_setting(\'handrail.actor\', true), \'\') = \'\' THEN\n        RAISE EXCEPTION \'Nobody is acting on %: wrap the edge in audit.context.acting()\', TG_TABLE_NAME USING ERRCODE = \'HR001\';\n    END IF;\n\n            INSERT INTO "exceptions_historicalpostmortemaction" ("id", "version", "created_at", "updated_at", "postmortem_id", "number", "text", "owner_id", "due_on", "state", "ended_at", "ended_by", "ended_by_name", "comment", history_date, history_user_id, history_change_reason, history_actor, history_request_id, history_transaction, history_type)\n            SELECT "id", "version", "created_at", "updated_at", "postmortem_id", "number", "text", "owner_id", "due_on", "state", "ended_at", "ended_by", "ended_by_name", "comment", coalesce(nullif(current_setting(\'handrail.now\', true), \'\')::timestamptz, clock_timestamp()), nullif(current_setting(\'handrail.user_id\', true), \'\')::bigint, nullif(current_setting(\'handrail.reason\', true), \'\'), current_setting(\'handrail.actor\'), coalesce(current_setting(\'handrail.request_id\', true), \'\'), pg_current_xact_id()::text::bigint, \'~\' FROM changed;\n            RETURN NULL;\n        ', hash='9148c4d3f5ac7d332384e192767416e8b466f062', ignore_func_name='SECURITY DEFINER SET search_path = public, pg_temp', level='STATEMENT', operation='UPDATE', pgid='pgtrigger_history_update_d98b0', referencing='REFERENCING NEW TABLE AS changed ', table='exceptions_postmortemaction', when='AFTER')), pgtrigger.compiler.Trigger(name='guard_update', sql=audit.triggers.StrictTriggerSql(func="\n            IF NEW.version IS DISTINCT FROM OLD.version + 1 OR NEW.id IS DISTINCT FROM OLD.id THEN\n                RAISE EXCEPTION '% %: version % does not follow %', TG_TABLE_NAME, OLD.id, NEW.version, OLD.version\n                    USING ERRCODE = 'HR002';\n            END IF;\n            \n            IF NEW.state IS DISTINCT FROM OLD.state AND (OLD.state, NEW.state) NOT IN (('open', 'done'), ('open', 'dropped')) THEN\n                RAISE EXCEPTION '% %: no way from % to %', TG_TABLE_NAME, OLD.id, OLD.state, NEW.state\n                    USING ERRCODE = 'HR003';\n            END IF;\n        \n            RETURN NEW;\n        ", hash='960e3c61ec6d4a92d7e5e4211ebaedb2876eb1fa', operation='UPDATE', pgid='pgtrigger_guard_update_b2d6a', table='exceptions_postmortemaction', when='BEFORE')), pgtrigger.compiler.Trigger(name='refuse_delete', sql=audit.triggers.StrictTriggerSql(func="RAISE EXCEPTION '% refuses %', TG_TABLE_NAME, TG_OP USING ERRCODE = 'HR004';", hash='8cefecbbcf0cc6dd6e6cfe283e2800631bc266ba', level='STATEMENT', operation='DELETE', pgid='pgtrigger_refuse_delete_af904', table='exceptions_postmortemaction', when='BEFORE')), pgtrigger.compiler.Trigger(name='keep_published', sql=audit.triggers.StrictTriggerSql(func='\n            IF TRUE AND (NEW."postmortem_id" IS DISTINCT FROM OLD."postmortem_id" OR NEW."number" IS DISTINCT FROM OLD."number" OR NEW."text" IS DISTINCT FROM OLD."text" OR NEW."due_on" IS DISTINCT FROM OLD."due_on") THEN\n                RAISE EXCEPTION \'% % is published and does not change\', TG_TABLE_NAME, OLD.id USING ERRCODE = \'HR004\';\n            END IF;\n            RETURN NEW;\n        ', hash='0edd720e18494bab71fbb0d417231cb40d3b4c21', operation='UPDATE', pgid='pgtrigger_keep_published_85b2b', table='exceptions_postmortemaction', when='BEFORE'))],
            },
            bases=(django_fsm.FSMModelMixin, models.Model),
        ),
        migrations.CreateModel(
            name='PostmortemCase',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('case', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='postmortems', to='exceptions.exceptioncase')),
                ('postmortem', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='cases', to='exceptions.postmortem')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('postmortem', 'case'), name='postmortemcase_once')],
                'triggers': [pgtrigger.compiler.Trigger(name='append_only', sql=audit.triggers.StrictTriggerSql(func="RAISE EXCEPTION '% refuses %', TG_TABLE_NAME, TG_OP USING ERRCODE = 'HR004';", hash='63969b283082f60723737acb78233185ed59a735', level='STATEMENT', operation='UPDATE OR DELETE', pgid='pgtrigger_append_only_7f483', table='exceptions_postmortemcase', when='BEFORE')), pgtrigger.compiler.Trigger(name='refuse_truncate', sql=audit.triggers.StrictTriggerSql(func="RAISE EXCEPTION '% refuses %', TG_TABLE_NAME, TG_OP USING ERRCODE = 'HR004';", hash='716f6133620861aa7a2a54e21d338b37173e848f', level='STATEMENT', operation='TRUNCATE', pgid='pgtrigger_refuse_truncate_8d232', table='exceptions_postmortemcase', when='BEFORE'))],
            },
        ),
        audit.migration_operations.InstallTriggers(
            models=['postmortem', 'postmortemaction', 'postmortemcase'],
        ),
    ]
