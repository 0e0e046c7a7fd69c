import { type Command, InvalidArgumentError, Option } from 'commander'
import { begin } from '../../db/begin.ts'
import { createKey } from '../../db/keys/create.ts'
import { listKeys } from '../../db/keys/list.ts'
import { revokeKey } from '../../db/keys/revoke.ts'
import { rotateKey } from '../../db/keys/rotate.ts'
import { type Scope, scopes } from '../../db/keys/scopes.ts'
import type { ApiKeyRow } from '../../db/rows.ts'
import { withDatabase } from '../app/database.ts'
import { Failure } from '../app/failure.ts'
import { addHelp } from '../app/help.ts'
import { tenantId, wholeNumber } from '../app/options.ts'
import { print, printJson, printTable } from '../app/output.ts'

type Common = { tenant: number; json?: boolean }
type NewKeyOptions = { name: string; scope?: Scope[]; expires?: Date; ratePerMinute?: number }

const environment = ['DATABASE_URL', 'PIGEONPOST_DATA', 'LOG_LEVEL'] as const

export function addKeys(program: Command): void {
  const keys = program
    .command('keys')
    .summary('create, list, rotate and revoke API keys')
    .description(
      'API keys of a tenant. A key is shown once, when it is made: only its hash is kept.',
    )
  const add = (name: string, summary: string): Command =>
    keys
      .command(name)
      .summary(summary)
      .description(`${summary[0]?.toUpperCase() ?? ''}${summary.slice(1)}.`)
      .option('--tenant <id>', 'its tenant', tenantId, 1)
      .option('--json', 'print the result as JSON')

  const list = add('list', 'list the active keys')
    .option('--all', 'include revoked and expired keys')
    .action(async (options: Common & { all?: boolean }) => {
      await withDatabase('keys', async (sql) =>
        show(await listKeys(sql, options.tenant, options), options),
      )
    })
  addHelp(list, {
    environment,
    examples: ['pigeonpost keys list', 'pigeonpost keys list --all --json'],
  })

  const create = add('create', 'create a key')
    .requiredOption('--name <name>', 'a name, for people: who uses the key')
    .addOption(new Option('--scope <scope...>', 'its scopes; default: all').choices(scopes))
    .option('--expires <time>', 'when it expires: ISO 8601, or a time from now (90d)', later)
    .option(
      '--rate-per-minute <n>',
      'maximum requests a minute, per server; default: no limit',
      wholeNumber(1, 2 ** 31 - 1),
    )
    .action(async (options: Common & NewKeyOptions) => {
      const { name, tenant, expires, ratePerMinute } = options
      await withDatabase('keys', async (sql) => {
        await sql`insert into pigeonpost.tenants (tenant_id) values (${tenant}) on conflict do nothing`
        const made = await createKey(sql, {
          tenantId: tenant,
          name,
          ...(options.scope ? { scopes: options.scope } : {}),
          expiresAt: expires ?? null,
          ratePerMinute: ratePerMinute ?? null,
        })
        showNew(made, options)
      })
    })
  addHelp(create, {
    environment,
    examples: [
      'pigeonpost keys create --name shop',
      'pigeonpost keys create --name twilio --scope webhooks --expires 365d --tenant 101',
      'pigeonpost keys create --name guest --scope messages:read --rate-per-minute 60',
    ],
  })

  const rotate = add('rotate', 'replace a key with a new one')
    .argument('<key>', 'its uuid or its prefix (pp_1_abcd)')
    .option(
      '--grace <time>',
      'how long the old key stays valid: ISO 8601, or a time from now (24h)',
      later,
    )
    .action(async (which: string, options: Common & { grace?: Date }) => {
      await withDatabase('keys', async (sql) => {
        const made = await begin(sql, (tx) =>
          rotateKey(tx, options.tenant, which, options.grace ?? null),
        )
        if (!made) throw notFound(which, options)
        showNew(made, options)
      })
    })
  addHelp(rotate, { environment, examples: ['pigeonpost keys rotate pp_1_x3Kd --grace 24h'] })

  const revoke = add('revoke', 'revoke a key')
    .argument('<key>', 'its uuid or its prefix (pp_1_abcd)')
    .action(async (which: string, options: Common) => {
      await withDatabase('keys', async (sql) => {
        const row = await revokeKey(sql, options.tenant, which)
        if (!row) throw notFound(which, options)
        if (options.json) printJson(shape(row))
        else print(`${row.prefix}… (${row.name}) is revoked; servers forget it within 2 seconds`)
      })
    })
  addHelp(revoke, { environment, examples: ['pigeonpost keys revoke pp_1_x3Kd'] })
}

/** For commander: a future time, in ISO 8601, or a span from now. */
function later(text: string): Date {
  const span = /^(\d{1,6})([smhd])$/.exec(text)
  const seconds = { s: 1, m: 60, h: 3_600, d: 86_400 }[span?.[2] ?? ''] ?? 0
  const date = span ? new Date(Date.now() + Number(span[1]) * seconds * 1_000) : new Date(text)
  const written = span !== null || /^\d{4}-\d{2}-\d{2}/.test(text)
  if (!written || Number.isNaN(date.getTime()) || date.getTime() <= Date.now()) {
    throw new InvalidArgumentError(
      'Give a time to come such as 2027-11-20T10:00:00Z, or a span: 90d.',
    )
  }
  return date
}

function notFound(which: string, { tenant }: Common): Failure {
  return new Failure(
    `tenant ${tenant} has no key ${which} that works, or several; "pigeonpost keys list" tells`,
  )
}

function shape({
  id,
  name,
  prefix,
  scopes: may,
  rate_per_minute: ratePerMinute,
  created_at,
  expires_at,
  revoked_at,
  last_used_at,
}: ApiKeyRow) {
  return {
    id,
    name,
    prefix,
    scopes: may,
    ratePerMinute,
    createdAt: created_at,
    lastUsedAt: last_used_at,
    expiresAt: expires_at,
    revokedAt: revoked_at,
  }
}

function showNew(made: ApiKeyRow & { key: string }, { json }: Common): void {
  if (json) printJson({ ...shape(made), key: made.key })
  else print(made.key)
}

function show(rows: ApiKeyRow[], { json }: Common): void {
  if (json) {
    printJson({ keys: rows.map(shape) })
    return
  }
  if (rows.length === 0) {
    print('no keys; "pigeonpost keys create --name …" makes one')
    return
  }
  const day = (date: Date | null) => date?.toISOString().slice(0, 16).replace('T', ' ') ?? ''
  printTable(
    ['key', 'name', 'scopes', 'a minute', 'created', 'last used', 'ends'],
    rows.map((row) => [
      `${row.prefix}…`,
      row.name,
      row.scopes.length === scopes.length ? 'all' : row.scopes.join(' '),
      String(row.rate_per_minute ?? ''),
      day(row.created_at),
      day(row.last_used_at),
      row.revoked_at ? `revoked ${day(row.revoked_at)}` : day(row.expires_at),
    ]),
  )
}
