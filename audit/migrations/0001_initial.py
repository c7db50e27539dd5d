import audit.identifiers
import audit.migration_operations
import audit.models.events
import audit.triggers
import django.contrib.auth.models
import django.contrib.auth.validators
import django.utils.timezone
import pgtrigger.compiler
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('auth', '0012_alter_user_first_name_max_length'),
    ]

    operations = [
        migrations.CreateModel(
            name='ChainHead',
            fields=[
                ('pk', models.CompositePrimaryKey('subject_type', 'subject_id', blank=True, editable=False, primary_key=True, serialize=False)),
                ('subject_type', models.CharField(max_length=80)),
                ('subject_id', models.CharField(max_length=80)),
                ('seq', models.BigIntegerField()),
                ('digest', models.BinaryField()),
                ('hash', models.BinaryField()),
            ],
            options={
                'triggers': [pgtrigger.compiler.Trigger(name='refuse_delete', sql=audit.triggers.StrictTriggerSql(func="RAISE EXCEPTION '% refuses %', TG_TABLE_NAME, TG_OP USING ERRCODE = 'HR004';", hash='139c535f9a2fb5e23b0ac663b1622e6a5da17c14', level='STATEMENT', operation='DELETE', pgid='pgtrigger_refuse_delete_c99fd', table='audit_chainhead', when='BEFORE')), pgtrigger.compiler.Trigger(name='refuse_truncate', sql=audit.triggers.StrictTriggerSql(func="RAISE EXCEPTION '% refuses %', TG_TABLE_NAME, TG_OP USING ERRCODE = 'HR004';", hash='1bdb01d42e801ed043c56f06bd50a4252a8cf252', level='STATEMENT', operation='TRUNCATE', pgid='pgtrigger_refuse_truncate_f3e9f', table='audit_chainhead', when='BEFORE'))],
            },
        ),
        migrations.CreateModel(
            name='Event',
            fields=[
                ('id', models.UUIDField(default=audit.identifiers.uuid7, editable=False, primary_key=True, serialize=False)),
                ('at', models.DateTimeField()),
                ('type', models.CharField(max_length=80)),
                ('subject_type', models.CharField(max_length=80)),
                ('subject_id', models.CharField(max_length=80)),
                ('client_id', models.UUIDField(null=True)),
                ('actor', models.CharField(max_length=160)),
                ('channel', models.CharField(max_length=20)),
                ('request_id', models.CharField(blank=True, max_length=80)),
                ('body', models.TextField()),
                ('seq', models.BigIntegerField()),
                ('hash', models.BinaryField()),
                ('transaction', models.BigIntegerField(db_default=audit.models.events.CurrentTransaction())),
            ],
            options={
                'indexes': [models.Index(fields=['transaction', 'id'], name='event_in_sealing_order'), models.Index(fields=['client_id', '-at', '-id'], name='event_of_client_by_time'), models.Index(fields=['actor', '-at', '-id'], name='event_of_actor_by_time')],
                'constraints': [models.UniqueConstraint(fields=('subject_type', 'subject_id', 'seq'), name='event_one_per_place_in_chain'), models.CheckConstraint(condition=models.Q(('actor', ''), _negated=True), name='event_has_an_actor')],
                'triggers': [pgtrigger.compiler.Trigger(name='append_only', sql=audit.triggers.StrictTriggerSql(func="RAISE EXCEPTION '% refuses %', TG_TABLE_NAME, TG_OP USING ERRCODE = 'HR004';", hash='2ad487ebd038bdae2b97ec659fc968317f39d8c4', level='STATEMENT', operation='UPDATE OR DELETE', pgid='pgtrigger_append_only_7d947', table='audit_event', when='BEFORE')), pgtrigger.compiler.Trigger(name='refuse_truncate', sql=audit.triggers.StrictTriggerSql(func="RAISE EXCEPTION '% refuses %', TG_TABLE_NAME, TG_OP USING ERRCODE = 'HR004';", hash='a06ac3376f2a12a622b00934042e695281151fac', level='STATEMENT', operation='TRUNCATE', pgid='pgtrigger_refuse_truncate_035de', table='audit_event', when='BEFORE'))],
            },
        ),
        migrations.CreateModel(
            name='Heartbeat',
            fields=[
                ('loop', models.CharField(max_length=60, primary_key=True, serialize=False)),
                ('at', models.DateTimeField()),
                ('lag_seconds', models.FloatField(default=0)),
                ('oldest_due', models.DateTimeField(null=True)),
                ('worked', models.PositiveBigIntegerField(default=0)),
            ],
        ),
        migrations.CreateModel(
            name='IdempotencyRecord',
            fields=[
                ('id', models.UUIDField(default=audit.identifiers.uuid7, editable=False, primary_key=True, serialize=False)),
                ('caller', models.CharField(max_length=160)),
                ('key', models.CharField(max_length=128)),
                ('request_hash', models.CharField(max_length=64)),
                ('status', models.PositiveSmallIntegerField()),
                ('headers', models.JSONField(default=dict)),
                ('body', models.TextField()),
                ('at', models.DateTimeField()),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('caller', 'key'), name='idempotencyrecord_one_answer_per_key')],
                'triggers': [pgtrigger.compiler.Trigger(name='append_only', sql=audit.triggers.StrictTriggerSql(func="RAISE EXCEPTION '% refuses %', TG_TABLE_NAME, TG_OP USING ERRCODE = 'HR004';", hash='22bad234bb1cd376f7c17d47b3f55634f6017e9e', level='STATEMENT', operation='UPDATE OR DELETE', pgid='pgtrigger_append_only_25512', table='audit_idempotencyrecord', when='BEFORE')), pgtrigger.compiler.Trigger(name='refuse_truncate', sql=audit.triggers.StrictTriggerSql(func="RAISE EXCEPTION '% refuses %', TG_TABLE_NAME, TG_OP USING ERRCODE = 'HR004';", hash='14c35ac4e794e8067b0e84f1951a3d45e770d346', level='STATEMENT', operation='TRUNCATE', pgid='pgtrigger_refuse_truncate_7975c', table='audit_idempotencyrecord', when='BEFORE'))],
            },
        ),
        migrations.CreateModel(
            name='RefusalTally',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('source', models.CharField(max_length=60)),
                ('code', models.CharField(max_length=60)),
                ('minute', models.DateTimeField()),
                ('what', models.CharField(max_length=200)),
                ('count', models.PositiveBigIntegerField()),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('minute', 'source', 'code'), name='refusaltally_one_per_minute')],
            },
        ),
        migrations.CreateModel(
            name='Seal',
            fields=[
                ('number', models.PositiveBigIntegerField(primary_key=True, serialize=False)),
                ('sealed_at', models.DateTimeField()),
                ('event_count', models.PositiveBigIntegerField()),
                ('total_count', models.PositiveBigIntegerField()),
                ('last_transaction', models.BigIntegerField()),
                ('last_event', models.UUIDField()),
                ('root', models.BinaryField()),
                ('previous', models.BinaryField()),
                ('statement', models.TextField(help_text='The signed statement, a compact JWS.')),
            ],
            options={
                'triggers': [pgtrigger.compiler.Trigger(name='append_only', sql=audit.triggers.StrictTriggerSql(func="RAISE EXCEPTION '% refuses %', TG_TABLE_NAME, TG_OP USING ERRCODE = 'HR004';", hash='b9e4d2b4f02eba85a1b4bd612d0fdda4786b7e84', level='STATEMENT', operation='UPDATE OR DELETE', pgid='pgtrigger_append_only_4de12', table='audit_seal', when='BEFORE')), pgtrigger.compiler.Trigger(name='refuse_truncate', sql=audit.triggers.StrictTriggerSql(func="RAISE EXCEPTION '% refuses %', TG_TABLE_NAME, TG_OP USING ERRCODE = 'HR004';", hash='63f11b25de1a0f85b4eda31f5473e4f3135ed261', level='STATEMENT', operation='TRUNCATE', pgid='pgtrigger_refuse_truncate_d6b65', table='audit_seal', when='BEFORE'))],
            },
        ),
        migrations.CreateModel(
            name='WrongTry',
            fields=[
                ('key', models.CharField(max_length=64, primary_key=True, serialize=False)),
                ('count', models.PositiveIntegerField()),
                ('last_at', models.DateTimeField()),
            ],
            options={
                'indexes': [models.Index(fields=['last_at'], name='wrongtry_by_age')],
            },
        ),
        migrations.CreateModel(
            name='User',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('password', models.CharField(max_length=128, verbose_name='password')),
                ('last_login', models.DateTimeField(blank=True, null=True, verbose_name='last login')),
                ('is_superuser', models.BooleanField(default=False, help_text='Designates that this user has all permissions without explicitly assigning them.', verbose_name='superuser status')),
                ('username', models.CharField(error_messages={'unique': 'A user with that username already exists.'}, help_text='Required. 150 characters or fewer. Letters, digits and @/./+/-/_ only.', max_length=150, unique=True, validators=[django.contrib.auth.validators.UnicodeUsernameValidator()], verbose_name='username')),
                ('first_name', models.CharField(blank=True, max_length=150, verbose_name='first name')),
                ('last_name', models.CharField(blank=True, max_length=150, verbose_name='last name')),
                ('email', models.EmailField(blank=True, max_length=254, verbose_name='email address')),
                ('is_staff', models.BooleanField(default=False, help_text='Designates whether the user can log into this admin site.', verbose_name='staff status')),
                ('is_active', models.BooleanField(default=True, help_text='Designates whether this user should be treated as active. Unselect this instead of deleting accounts.', verbose_name='active')),
                ('date_joined', models.DateTimeField(default=django.utils.timezone.now, verbose_name='date joined')),
                ('time_zone', models.CharField(default='Europe/Berlin', help_text='IANA name; times are shown in it.', max_length=64)),
                ('groups', models.ManyToManyField(blank=True, help_text='The groups this user belongs to. A user will get all permissions granted to each of their groups.', related_name='user_set', related_query_name='user', to='auth.group', verbose_name='groups')),
                ('user_permissions', models.ManyToManyField(blank=True, help_text='Specific permissions for this user.', related_name='user_set', related_query_name='user', to='auth.permission', verbose_name='user permissions')),
            ],
            options={
                'constraints': [models.CheckConstraint(condition=models.Q(('time_zone', ''), _negated=True), name='user_has_a_time_zone')],
            },
            managers=[
                ('objects', django.contrib.auth.models.UserManager()),
            ],
        ),
        audit.migration_operations.InstallTriggers(
            models=['chainhead', 'event', 'idempotencyrecord', 'seal'],
        ),
    ]
    operations = audit.migration_operations.at_once(operations)
