import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import type { Sql } from '../../db/connect.ts'
import { postgresVersion } from './version.ts'

const execute = promisify(execFile)

/** The pg_dump of PostgreSQL 15, or what is missing and how to get it. */
export async function findPgDump(): Promise<{ path: string } | { missing: string }> {
  if (postgresVersion !== 15) {
    return { missing: 'migrations/schema.sql is what PostgreSQL 15 says: PG_VERSION=15 make test' }
  }
  for (const path of ['pg_dump', '/usr/lib/postgresql/15/bin/pg_dump']) {
    const answer = await execute(path, ['--version']).catch(() => null)
    if (/ 15\.\d+/.test(answer?.stdout ?? '')) return { path }
  }
  return { missing: 'there is no pg_dump of PostgreSQL 15: apt-get install postgresql-client-15' }
}

/** The migrated schema as SQL, without what differs between two runs. */
export async function dumpSchema(pgDump: string, url: string): Promise<string> {
  const parts: string[] = []
  // Told a table, pg_dump leaves out the schemas, so the et_ views in `public` are asked for by themselves.
  for (const what of [
    ['--schema=pigeonpost', '--schema=pigeonpost_private'],
    ['--table=public.et_*'],
  ]) {
    const { stdout } = await execute(pgDump, ['--schema-only', ...what, '--dbname', url], {
      maxBuffer: 64 * 1024 * 1024,
    })
    parts.push(stdout)
  }
  return parts
    .join('')
    .replaceAll(/^(-- Dumped .*|\\(un)?restrict .*|--|)$\n/gm, '')
    .replaceAll(/^-- (Name: .*); Owner: .*$/gm, '\n-- $1')
    .trimStart()
}

/** Everything in the catalog that a migration can make, one line each, sorted: equal before and after means that nothing changed. */
export async function describeCatalog(sql: Sql): Promise<string[]> {
  const rows = await sql.begin(async (tx) => {
    // Names are told with their schema whoever asks.
    await tx`set local search_path = pg_catalog`
    return tx<{ line: string }[]>`
    with schema as (
      select oid, nspname, nspowner, nspacl from pg_namespace where nspname in ('pigeonpost', 'pigeonpost_private')
    ), relation as (
      select c.* from pg_class c where c.relnamespace in (select oid from schema)
        or c.relnamespace = 'public'::regnamespace and c.relname like 'et\\_%'
    ), acl as (
      select 'schema ' || s.nspname as of, s.nspacl as acl from schema s
      union all select 'relation ' || r.relnamespace::regnamespace || '.' || r.relname, r.relacl from relation r
      union all select 'column ' || r.relname || '.' || a.attname, a.attacl from relation r join pg_attribute a on a.attrelid = r.oid
      union all select 'function ' || p.oid::regprocedure, p.proacl from pg_proc p where p.pronamespace in (select oid from schema)
    ), line as (
      select 'schema ' || nspname || ' of ' || nspowner::regrole as line from schema
      union all
      select 'relation ' || relnamespace::regnamespace || '.' || relname || ' ' || relkind::text || ' of ' || relowner::regrole || ' '
        || coalesce(reloptions::text, '') || ' rls ' || relrowsecurity || relforcerowsecurity || ' ' || relpersistence::text
        || coalesce(pg_get_expr(relpartbound, oid), '') from relation
      union all
      select 'column ' || r.relname || '.' || a.attname || ' ' || a.attnum || ' ' || format_type(a.atttypid, a.atttypmod) || a.attnotnull
        || coalesce(pg_get_expr(d.adbin, d.adrelid), '')
      from relation r join pg_attribute a on a.attrelid = r.oid and a.attnum > 0 left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
      union all select 'constraint ' || r.relname || '.' || c.conname || ' ' || pg_get_constraintdef(c.oid)
      from relation r join pg_constraint c on c.conrelid = r.oid
      union all select 'index ' || pg_get_indexdef(x.indexrelid) || x.indisvalid from relation r join pg_index x on x.indrelid = r.oid
      union all select 'trigger ' || r.relname || ' ' || pg_get_triggerdef(g.oid) || g.tgenabled::text
      from relation r join pg_trigger g on g.tgrelid = r.oid where not g.tgisinternal
      union all select 'view ' || r.relname || pg_get_viewdef(r.oid) from relation r where r.relkind = 'v'
      union all select 'policy ' || r.relname || '.' || p.polname || p.polcmd::text || p.polpermissive || p.polroles::text
        || coalesce(pg_get_expr(p.polqual, p.polrelid), '') || coalesce(pg_get_expr(p.polwithcheck, p.polrelid), '')
      from relation r join pg_policy p on p.polrelid = r.oid
      union all select 'sequence ' || s.schemaname || '.' || s.sequencename || s.data_type::text || s.start_value || ' ' || s.min_value || ' ' || s.cycle
      from pg_sequences s where s.schemaname in (select nspname from schema)
      union all select 'function ' || pg_get_functiondef(p.oid) || ' of ' || p.proowner::regrole from pg_proc p
      where p.pronamespace in (select oid from schema)
      union all select 'grant ' || acl.of || ' ' || e.grantee::regrole || ' ' || e.privilege_type || e.is_grantable || ' by ' || e.grantor::regrole
      from acl cross join aclexplode(acl.acl) e
      union all select 'comment ' || d.classoid::regclass || ' ' || coalesce(r.relname, p.proname, s.nspname) || ' ' || d.objsubid || ' ' || d.description
      from pg_description d left join relation r on r.oid = d.objoid and d.classoid = 'pg_class'::regclass
      left join pg_proc p on p.oid = d.objoid and d.classoid = 'pg_proc'::regclass and p.pronamespace in (select oid from schema)
      left join schema s on s.oid = d.objoid and d.classoid = 'pg_namespace'::regclass
      where coalesce(r.oid, p.oid, s.oid) is not null
    )
    select line from line order by line collate "C"`
  })
  return rows.map(({ line }) => line)
}
