import type { Sql } from './connect.ts'
import { createKey } from './keys/create.ts'
import { findKey } from './keys/find.ts'
import { scopes } from './keys/scopes.ts'

/**
 * Sets up a database for `pigeonpost start`, unless an earlier start did: tenant 1, its account of the built-in simulator
 * without limits, and an API key with every scope.
 *
 * The account is created only where the tenant has none at all, so that one that the operator deleted is not recreated.
 *
 * @param key the key of the last start; it is kept while it is tenant 1's, valid, and has every scope
 */
export async function prepareFirstRun(
  sql: Sql,
  key: string | undefined,
): Promise<{ key: string; newKey: boolean }> {
  await sql`
    insert into pigeonpost.tenants (tenant_id) values (1) on conflict (tenant_id) do nothing`
  // Two processes may start at once on one database: the second finds what the first has created.
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
