import type { Sql } from '../connect.ts'
import type { Target } from './lease.ts'

export const deliverTask = 'deliver'

/**
 * Queues a delivery job for each account, for whichever worker is free; an account has at most one waiting job. The job
 * carries no state: what is due is in account_wakeups. It is not retried, because the sweep finds the account again.
 */
export async function addDeliverJobs(sql: Sql, targets: Target[]): Promise<void> {
  if (targets.length === 0) return
  await sql`
    select from graphile_worker.add_jobs(array(
      select row(${deliverTask}, json_build_object('tenantId', t.tenant_id, 'accountId', t.account_id), null, null, 1,
        'deliver:' || t.tenant_id || ':' || t.account_id, null, null)::graphile_worker.job_spec
      from unnest(${targets.map((target) => target.tenantId)}::integer[],
        ${targets.map((target) => target.accountId)}::uuid[]) t (tenant_id, account_id)
      group by t.tenant_id, t.account_id order by t.tenant_id, t.account_id
    ))`
}
