import type { Sql } from './connect.ts'
import { createKey } from './keys/create.ts'
import { findKey } from './keys/find.ts'
import { scopes } from './keys/scopes.ts'

/**
 * What the first `pigeonpost start` on a database leaves for the next ones to find: tenant 1, for it an account of the
 * built-in simulator that nothing limits, and a key that may do everything.
 *
 * The account is made only where the tenant has none at all: one that the operator took away stays away.
 *
 * @param key the key of the last time; it is kept while it is tenant 1's, valid, and may still do everything
 */
export async function prepareFirstRun(
  sql: Sql,
  key: string | undefined,
): Promise<{ key: string; newKey: boolean }> {
  await sql`
    insert into pigeonpost.tenants (tenant_id) values (1) on conflict (tenant_id) do nothing`
  // Two may start at once on a database of their own choosing: whichever comes second finds the first's.
  await sql`
    insert into pigeonpost.accounts
      (tenant_id, channel, address, name, provider, rate_per_minute, daily_limit, is_default)
    select 1, 'fakechat', '+15550001000', 'Simulator', 'fakechat', null, null, true
    where not exists (select from pigeonpost.accounts where tenant_id = 1)
    on conflict do nothing`
  const found = key ? await findKey(sql, key) : null
  const mayAll = scopes.every((scope) => found?.scopes.includes(scope))
  if (key && found?.tenantId === 1 && mayAll) return { key, newKey: false }
  const made = await createKey(sql, { tenantId: 1, name: 'pigeonpost start', scopes })
  return { key: made.key, newKey: true }
}
