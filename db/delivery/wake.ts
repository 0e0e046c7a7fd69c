import type { Sql } from '../connect.ts'
import type { Target } from './lease.ts'

/** Makes an account due in `ms`, unless it is due sooner. */
export async function wakeAccount(sql: Sql, target: Target, ms: number): Promise<void> {
  await sql`
    insert into pigeonpost_private.account_wakeups as w (tenant_id, account_id, due_at)
    values (${target.tenantId}, ${target.accountId}, pigeonpost_private.clock() + ${ms} * interval '1 ms')
    on conflict on constraint account_wakeups_pkey do update set due_at = excluded.due_at
    where excluded.due_at < w.due_at`
}
