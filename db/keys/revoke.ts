import type { Db } from '../connect.ts'

/** Ends a key; servers that know it from before take it for 2 s more at most. False where there was none to end. */
export async function revokeKey(db: Db, tenantId: number, id: string): Promise<boolean> {
  const revoked = await db`
    update pigeonpost.api_keys set revoked_at = now()
    where tenant_id = ${tenantId} and id = ${id} and revoked_at is null`
  return revoked.count > 0
}
