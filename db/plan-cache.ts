import type { Transaction } from './connect.ts'

/** For what follows in the transaction: what means few rows of one tenant and many of another is planned for each. */
export async function planAnew(tx: Transaction): Promise<void> {
  await tx`select set_config('plan_cache_mode', 'force_custom_plan', true)`
}

/** For what follows in the transaction: where one plan is as good for all, a connection makes it once. */
export async function planOnce(tx: Transaction): Promise<void> {
  await tx`select set_config('plan_cache_mode', 'force_generic_plan', true)`
}
