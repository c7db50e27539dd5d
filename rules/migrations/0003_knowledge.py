import audit.identifiers
import audit.migration_operations
import audit.triggers
import django.db.models.deletion
import django_fsm
import pgtrigger.compiler
import simple_history.models
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('audit', '__first__'),
        ('rules', '0002_contract_slots'),
    ]

    operations = [
        migrations.CreateModel(
            name='HistoricalRunbook',
            fields=[
                ('history_actor', models.CharField(max_length=160)),
                ('history_request_id', models.CharField(max_length=80)),
                ('history_transaction', models.BigIntegerField()),
                ('id', models.UUIDField(db_index=True, default=audit.identifiers.uuid7, editable=False)),
                ('version', models.PositiveIntegerField(default=1, editable=False)),
                ('created_at', models.DateTimeField(blank=True, editable=False)),
                ('updated_at', models.DateTimeField(blank=True, editable=False)),
                ('history_change_reason', models.TextField(null=True)),
                ('slug', models.SlugField()),
                ('title', models.CharField(max_length=120)),
                ('history_id', models.BigAutoField(editable=False, primary_key=True, serialize=False)),
                ('history_date', models.DateTimeField()),
                ('history_type', models.CharField(choices=[('+', 'Created'), ('~', 'Changed'), ('-', 'Deleted')], max_length=1)),
                ('history_user', models.ForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('owner', models.ForeignKey(blank=True, db_constraint=False, help_text='Accepts or rejects every change of it', null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='rules.owner')),
            ],
            options={
                'verbose_name': 'historical runbook',
                'verbose_name_plural': 'historical runbooks',
                'ordering': ('-history_date', '-history_id'),
                'get_latest_by': ('history_date', 'history_id'),
            },
            bases=(simple_history.models.HistoricalChanges, models.Model),
        ),
        migrations.CreateModel(
            name='Runbook',
            fields=[
                ('id', models.UUIDField(default=audit.identifiers.uuid7, editable=False, primary_key=True, serialize=False)),
                ('version', models.PositiveIntegerField(default=1, editable=False)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('updated_at', models.DateTimeField(auto_now=True)),
                ('slug', models.SlugField(unique=True)),
                ('title', models.CharField(max_length=120)),
                ('owner', models.ForeignKey(help_text='Accepts or rejects every change of it', on_delete=django.db.models.deletion.PROTECT, related_name='runbooks', to='rules.owner')),
            ],
            options={
                'abstract': False,
                'triggers': [pgtrigger.compiler.Trigger(name='history_insert', sql=audit.triggers.StrictTriggerSql(func='\n            \n    IF coalesce(current_setting(\'handrail.actor\', true), \'\') = \'\' THEN\n        RAISE EXCEPTION \'Nobody is acting on %: wrap the edge in audit.context.acting()\', TG_TABLE_NAME USING ERRCODE = \'HR001\';\n    END IF;\n\n            INSERT INTO "rules_historicalrunbook" ("id", "version", "created_at", "updated_at", "slug", "title", "owner_id", history_date, history_user_id, history_change_reason, history_actor, history_request_id, history_transaction, history_type)\n            SELECT "id", "version", "created_at", "updated_at", "slug", "title", "owner_id", coalesce(nullif(current_setting(\'handrail.now\', true), \'\')::timestamptz, clock_timestamp()), nullif(current_setting(\'handrail.user_id\', true), \'\')::bigint, nullif(current_setting(\'handrail.reason\', true), \'\'), current_setting(\'handrail.actor\'), coalesce(current_setting(\'handrail.request_id\', true), \'\'), pg_current_xact_id()::text::bigint, \'+\' FROM changed;\n            RETURN NULL;\n        ', hash='69e80668a39b6c774f05f10f9eca8b31cbfda70d', ignore_func_name='SECURITY DEFINER SET search_path = public, pg_temp', level='STATEMENT', operation='INSERT', pgid='pgtrigger_history_insert_0d9d4', referencing='REFERENCING NEW TABLE AS changed ', table='rules_runbook', when='AFTER')), pgtrigger.compiler.Trigger(name='history_update', sql=audit.triggers.StrictTriggerSql(func='\n            \n    IF coalesce(current_setting(\'handrail.actor\', true), \'\') = \'\' THEN\n        RAISE EXCEPTION \'Nobody is acting on %: wrap the edge in audit.context.acting()\', TG_TABLE_NAME USING ERRCODE = \'HR001\';\n    END IF;\n\n            INSERT INTO "rules_historicalrunbook" ("id", "version", "created_at", "updated_at", "slug", "title", "owner_id", history_date, history_user_id, history_change_reason, history_actor, history_request_id, history_transaction, history_type)\n            SELECT "id", "version", "created_at", "updated_at", "slug", "title", "owner_id", coalesce(nullif(current_setting(\'handrail.now\', true), \'\')::timestamptz, clock_timestamp()), nullif(current_setting(\'handrail.user_id\', true), \'\')::bigint, nullif(current_setting(\'handrail.reason\', true), \'\'), current_setting(\'handrail.actor\'), coalesce(current_setting(\'handrail.request_id\', true), \'\'), pg_current_xact_id()::text::bigint, \'~\' FROM changed;\n            RETURN NULL;\n        ', hash='1e15940481a672721693878580a8311ffe426968', ignore_func_name='SECURITY DEFINER SET search_path = public, pg_temp', level='STATEMENT', operation='UPDATE', pgid='pgtrigger_history_update_5a21a', referencing='REFERENCING NEW TABLE AS changed ', table='rules_runbook', when='AFTER')), pgtrigger.compiler.Trigger(name='guard_update', sql=audit.triggers.StrictTriggerSql(func="\n            IF NEW.version IS DISTINCT FROM OLD.version + 1 OR NEW.id IS DISTINCT FROM OLD.id THEN\n                RAISE EXCEPTION '% %: version % does not follow %', TG_TABLE_NAME, OLD.id, NEW.version, OLD.version\n                    USING ERRCODE = 'HR002';\n            END IF;\n            \n            RETURN NEW;\n        ", hash='d31eab55e78b7eec22fb548a1fa61e98e56cbd21', operation='UPDATE', pgid='pgtrigger_guard_update_60f8b', table='rules_runbook', when='BEFORE')), pgtrigger.compiler.Trigger(name='refuse_delete', sql=audit.triggers.StrictTriggerSql(func="RAISE EXCEPTION '% refuses %', TG_TABLE_NAME, TG_OP USING ERRCODE = 'HR004';", hash='1972382845e9d460f7c8478c309a7235cb663d70', level='STATEMENT', operation='DELETE', pgid='pgtrigger_refuse_delete_ab60b', table='rules_runbook', when='BEFORE'))],
            },
        ),
        migrations.CreateModel(
            name='HistoricalRunbookVersion',
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
                ('state', models.CharField(choices=[('proposed', 'Waits for its owner'), ('current', 'In force'), ('replaced', 'Replaced'), ('rejected', 'Not taken'), ('withdrawn', 'Taken back')], default='proposed', max_length=50)),
                ('body', models.TextField(help_text='Markdown')),
                ('covers', models.JSONField(blank=True, default=list)),
                ('note', models.CharField(help_text='What is new, and why', max_length=280)),
                ('base_number', models.PositiveIntegerField(default=0, help_text='The version it was written from; 0 for the first')),
                ('case_key', models.CharField(blank=True, help_text='The exception that taught it', max_length=40)),
                ('proposed_by', models.CharField(max_length=160)),
                ('proposed_by_name', models.CharField(max_length=160)),
                ('proposed_at', models.DateTimeField()),
                ('decided_by', models.CharField(blank=True, max_length=160)),
                ('decided_by_name', models.CharField(blank=True, max_length=160)),
                ('decided_at', models.DateTimeField(null=True)),
                ('comment', models.CharField(blank=True, help_text='Why it was not taken', max_length=280)),
                ('history_id', models.BigAutoField(editable=False, primary_key=True, serialize=False)),
                ('history_date', models.DateTimeField()),
                ('history_type', models.CharField(choices=[('+', 'Created'), ('~', 'Changed'), ('-', 'Deleted')], max_length=1)),
                ('history_user', models.ForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('runbook', models.ForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='rules.runbook')),
            ],
            options={
                'verbose_name': 'historical runbook version',
                'verbose_name_plural': 'historical runbook versions',
                'ordering': ('-history_date', '-history_id'),
                'get_latest_by': ('history_date', 'history_id'),
            },
            bases=(simple_history.models.HistoricalChanges, models.Model),
        ),
        migrations.CreateModel(
            name='RunbookVersion',
            fields=[
                ('id', models.UUIDField(default=audit.identifiers.uuid7, editable=False, primary_key=True, serialize=False)),
                ('version', models.PositiveIntegerField(default=1, editable=False)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('updated_at', models.DateTimeField(auto_now=True)),
                ('number', models.PositiveIntegerField()),
                ('state', models.CharField(choices=[('proposed', 'Waits for its owner'), ('current', 'In force'), ('replaced', 'Replaced'), ('rejected', 'Not taken'), ('withdrawn', 'Taken back')], default='proposed', max_length=50)),
                ('body', models.TextField(help_text='Markdown')),
                ('covers', models.JSONField(blank=True, default=list)),
                ('note', models.CharField(help_text='What is new, and why', max_length=280)),
                ('base_number', models.PositiveIntegerField(default=0, help_text='The version it was written from; 0 for the first')),
                ('case_key', models.CharField(blank=True, help_text='The exception that taught it', max_length=40)),
                ('proposed_by', models.CharField(max_length=160)),
                ('proposed_by_name', models.CharField(max_length=160)),
                ('proposed_at', models.DateTimeField()),
                ('decided_by', models.CharField(blank=True, max_length=160)),
                ('decided_by_name', models.CharField(blank=True, max_length=160)),
                ('decided_at', models.DateTimeField(null=True)),
                ('comment', models.CharField(blank=True, help_text='Why it was not taken', max_length=280)),
                ('runbook', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='versions', to='rules.runbook')),
            ],
            options={
                'abstract': False,
                'indexes': [models.Index(condition=models.Q(('case_key', ''), _negated=True), fields=['case_key'], name='runbookversion_of_case')],
                'constraints': [models.UniqueConstraint(fields=('runbook', 'number'), name='runbookversion_one_per_number'), models.UniqueConstraint(condition=models.Q(('state', 'current')), fields=('runbook',), name='runbookversion_one_in_force'), models.CheckConstraint(condition=models.Q(('state__in', ['proposed', 'current', 'replaced', 'rejected', 'withdrawn'])), name='runbookversion_state_is_known'), models.CheckConstraint(condition=models.Q(('number__gte', 1)), name='runbookversion_counts_from_one'), models.CheckConstraint(condition=models.Q(('body', ''), _negated=True), name='runbookversion_says_something'), models.CheckConstraint(condition=models.Q(models.Q(('state__in', ['current', 'replaced', 'rejected']), _negated=True), models.Q(('decided_by', models.F('proposed_by')), _negated=True), _connector='OR'), name='runbookversion_decided_by_somebody_else'), models.CheckConstraint(condition=models.Q(models.Q(('decided_at__isnull', True), ('state', 'proposed')), models.Q(models.Q(('state', 'proposed'), _negated=True), ('decided_at__isnull', False)), _connector='OR'), name='runbookversion_decided_at_iff_decided'), models.CheckConstraint(condition=models.Q(models.Q(('state', 'rejected'), _negated=True), models.Q(('comment', ''), _negated=True), _connector='OR'), name='runbookversion_no_says_why')],
                'triggers': [pgtrigger.compiler.Trigger(name='history_insert', sql=audit.triggers.StrictTriggerSql(func='\n            \n    IF coalesce(current_setting(\'handrail.actor\', true), \'\') = \'\' THEN\n        RAISE EXCEPTION \'Nobody is acting on %: wrap the edge in audit.context.acting()\', TG_TABLE_NAME USING ERRCODE = \'HR001\';\n    END IF;\n\n            INSERT INTO "rules_historicalrunbookversion" ("id", "version", "created_at", "updated_at", "runbook_id", "number", "state", "body", "covers", "note", "base_number", "case_key", "proposed_by", "proposed_by_name", "proposed_at", "decided_by", "decided_by_name", "decided_at", "comment", history_date, history_user_id, history_change_reason, history_actor, history_request_id, history_transaction, history_type)\n            SELECT "id", "version", "created_at", "updated_at", "runbook_id", "number", "state", "body", "covers", "note", "base_number", "case_key", "proposed_by", "proposed_by_name", "proposed_at", "decided_by", "decided_by_name", "decided_at", "comment", coalesce(nullif(current_setting(\'handrail.now\', true), \'\')::timestamptz, clock_timestamp()), nullif(current_setting(\'handrail.user_id\', true), \'\')::bigint, nullif(current_setting(\'handrail.reason\', true), \'\'), current_setting(\'handrail.actor\'), coalesce(current_setting(\'handrail.request_id\', true), \'\'), pg_current_xact_id()::text::bigint, \'+\' FROM changed;\n            RETURN NULL;\n        ', hash='4e72edf8f1f262f3c534d45a913ebb3622ec20e1', ignore_func_name='SECURITY DEFINER SET search_path = public, pg_temp', level='STATEMENT', operation='INSERT', pgid='pgtrigger_history_insert_54c7b', referencing='REFERENCING NEW TABLE AS changed ', table='rules_runbookversion', when='AFTER')), pgtrigger.compiler.Trigger(name='history_update', sql=audit.triggers.StrictTriggerSql(func='\n            \n    IF coalesce(current_setting(\'handrail.actor\', true), \'\') = \'\' THEN\n        RAISE EXCEPTION \'Nobody is acting on %: wrap the edge in audit.context.acting()\', TG_TABLE_NAME USING ERRCODE = \'HR001\';\n    END IF;\n\n            INSERT INTO "rules_historicalrunbookversion" ("id", "version", "created_at", "updated_at", "runbook_id", "number", "state", "body", "covers", "note", "base_number", "case_key", "proposed_by", "proposed_by_name", "proposed_at", "decided_by", "decided_by_name", "decided_at", "comment", history_date, history_user_id, history_change_reason, history_actor, history_request_id, history_transaction, history_type)\n            SELECT "id", "version", "created_at", "updated_at", "runbook_id", "number", "state", "body", "covers", "note", "base_number", "case_key", "proposed_by", "proposed_by_name", "proposed_at", "decided_by", "decided_by_name", "decided_at", "comment", coalesce(nullif(current_setting(\'handrail.now\', true), \'\')::timestamptz, clock_timestamp()), nullif(current_setting(\'handrail.user_id\', true), \'\')::bigint, nullif(current_setting(\'handrail.reason\', true), \'\'), current_setting(\'handrail.actor\'), coalesce(current_setting(\'handrail.request_id\', true), \'\'), pg_current_xact_id()::text::bigint, \'~\' FROM changed;\n            RETURN NULL;\n        ', hash='b416f37f8c79dd79c002dafe2206baa8d3368be7', ignore_func_name='SECURITY DEFINER SET search_path = public, pg_temp', level='STATEMENT', operation='UPDATE', pgid='pgtrigger_history_update_088c1', referencing='REFERENCING NEW TABLE AS changed ', table='rules_runbookversion', when='AFTER')), pgtrigger.compiler.Trigger(name='guard_update', sql=audit.triggers.StrictTriggerSql(func="\n            IF NEW.version IS DISTINCT FROM OLD.version + 1 OR NEW.id IS DISTINCT FROM OLD.id THEN\n                RAISE EXCEPTION '% %: version % does not follow %', TG_TABLE_NAME, OLD.id, NEW.version, OLD.version\n                    USING ERRCODE = 'HR002';\n            END IF;\n            \n            IF NEW.state IS DISTINCT FROM OLD.state AND (OLD.state, NEW.state) NOT IN (('current', 'replaced'), ('proposed', 'current'), ('proposed', 'rejected'), ('proposed', 'withdrawn')) THEN\n                RAISE EXCEPTION '% %: no way from % to %', TG_TABLE_NAME, OLD.id, OLD.state, NEW.state\n                    USING ERRCODE = 'HR003';\n            END IF;\n        \n            RETURN NEW;\n        ", hash='3e8ebd9e05f264e3e2612fe0f4ad1464d851f7a6', operation='UPDATE', pgid='pgtrigger_guard_update_628b4', table='rules_runbookversion', when='BEFORE')), pgtrigger.compiler.Trigger(name='refuse_delete', sql=audit.triggers.StrictTriggerSql(func="RAISE EXCEPTION '% refuses %', TG_TABLE_NAME, TG_OP USING ERRCODE = 'HR004';", hash='3a650dd0291b4a6eac9cd678629239d2fbbf4ef1', level='STATEMENT', operation='DELETE', pgid='pgtrigger_refuse_delete_da6d0', table='rules_runbookversion', when='BEFORE')), pgtrigger.compiler.Trigger(name='keep_published', sql=audit.triggers.StrictTriggerSql(func='\n            IF TRUE AND (NEW."runbook_id" IS DISTINCT FROM OLD."runbook_id" OR NEW."number" IS DISTINCT FROM OLD."number" OR NEW."body" IS DISTINCT FROM OLD."body" OR NEW."covers" IS DISTINCT FROM OLD."covers" OR NEW."note" IS DISTINCT FROM OLD."note" OR NEW."base_number" IS DISTINCT FROM OLD."base_number" OR NEW."case_key" IS DISTINCT FROM OLD."case_key" OR NEW."proposed_by" IS DISTINCT FROM OLD."proposed_by" OR NEW."proposed_by_name" IS DISTINCT FROM OLD."proposed_by_name" OR NEW."proposed_at" IS DISTINCT FROM OLD."proposed_at") THEN\n                RAISE EXCEPTION \'% % is published and does not change\', TG_TABLE_NAME, OLD.id USING ERRCODE = \'HR004\';\n            END IF;\n            RETURN NEW;\n        ', hash='9b608a32a77d4cbeadf2d97494ead355458b993e', operation='UPDATE', pgid='pgtrigger_keep_published_f3781', table='rules_runbookversion', when='BEFORE'))],
            },
            bases=(django_fsm.FSMModelMixin, models.Model),
        ),
        migrations.CreateModel(
            name='RunbookReading',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('at', models.DateTimeField()),
                ('user', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('version', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='readings', to='rules.runbookversion')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('version', 'user'), name='runbookreading_once_per_person')],
                'triggers': [pgtrigger.compiler.Trigger(name='append_only', sql=audit.triggers.StrictTriggerSql(func="RAISE EXCEPTION '% refuses %', TG_TABLE_NAME, TG_OP USING ERRCODE = 'HR004';", hash='fbef0bc671f8bb445a8776b824b7e19452904c69', level='STATEMENT', operation='UPDATE OR DELETE', pgid='pgtrigger_append_only_c8263', table='rules_runbookreading', when='BEFORE')), pgtrigger.compiler.Trigger(name='refuse_truncate', sql=audit.triggers.StrictTriggerSql(func="RAISE EXCEPTION '% refuses %', TG_TABLE_NAME, TG_OP USING ERRCODE = 'HR004';", hash='365a2fb46f60a4962135ae454675902750779b2e', level='STATEMENT', operation='TRUNCATE', pgid='pgtrigger_refuse_truncate_6634e', table='rules_runbookreading', when='BEFORE'))],
            },
        ),
        audit.migration_operations.InstallTriggers(
            models=['runbook', 'runbookversion', 'runbookreading'],
        ),
    ]
