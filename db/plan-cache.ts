import type { Transaction } from './connect.ts'

/** For the rest of the transaction, plans each statement for its values: a tenant may have few rows, or nearly all. */
export async function useCustomPlans(tx: Transaction): Promise<void> {
  await tx`select set_config('plan_cache_mode', 'force_custom_plan', true)`
}

/** For the rest of the transaction, plans each statement once per connection: for statements whose best plan is always the same. */
export async function useGenericPlan(tx: Transaction): Promise<void> {
  await tx`select set_config('plan_cache_mode', 'force_generic_plan', true)`
}
