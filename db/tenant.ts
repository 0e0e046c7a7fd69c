import { begin } from './begin.ts'
import type { Db, Sql, Transaction } from './connect.ts'

/**
 * Runs `work` in one transaction as role `pigeonpost_app`, bound to one tenant: row-level security applies to our own API
 * as to any other client, so a forgotten `where tenant_id` shows nothing of other tenants.
 * @param options.lockMs ms after which Postgres ends a statement that waits for a lock (55P03); by default what the
 * connection has. Not a statement_timeout: that would also end a commit's wait for its standby, as if it had answered.
 */
export async function asTenant<T>(
  sql: Sql,
  tenantId: number,
  work: (tx: Transaction) => Promise<T>,
  options: TenantOptions = {},
): Promise<T> {
  const entered = settingsOf(tenantId, options).map(([name, value]) => setting(name, value))
  return begin(sql, work, { enter: `select ${entered.join(', ')}` })
}

/** What an auto-committed statement must select before it may do anything for a tenant. */
export function asTenantOf(db: Db, tenantId: number, options: TenantOptions) {
  return settingsOf(tenantId, options)
    .map(([name, value]) => db`set_config(${name}, ${value}, true)`)
    .reduce((list, one) => db`${list}, ${one}`)
}

type TenantOptions = { lockMs?: number | undefined }

function settingsOf(tenantId: number, { lockMs }: TenantOptions): [string, string][] {
  const lock: [string, string][] = lockMs === undefined ? [] : [['lock_timeout', whole(lockMs)]]
  return [['role', 'pigeonpost_app'], ['pigeonpost.tenant', whole(tenantId)], ...lock]
}

/** Goes into a statement's text. */
function whole(value: number): string {
  if (Number.isSafeInteger(value)) return String(value)
  throw new TypeError(`${value} is no whole number`)
}

function setting(name: string, value: string): string {
  return `set_config('${name}', '${value}', true)`
}
