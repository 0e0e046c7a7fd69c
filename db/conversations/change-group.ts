import type { GroupChange } from '../../adapters/channels/channel.ts'
import type { Transaction } from '../connect.ts'

/**
 * What a channel tells of a group: its name, its picture, its new id. A group that is not here, or a new id that is
 * another conversation's already, is left as it is.
 */
export async function changeGroup(
  tx: Transaction,
  tenantId: number,
  {
    change,
    channel,
    accountId,
  }: { change: GroupChange; channel: string; accountId: string | null },
): Promise<void> {
  const moved = change.newExternalId ?? null
  await tx`
    update pigeonpost.conversations c set
      group_name = coalesce(nullif(${change.name ?? null}::text, ''), c.group_name),
      group_avatar = coalesce(${change.avatar ?? null}, c.group_avatar),
      group_metadata = c.group_metadata || ${tx.json((change.metadata ?? {}) as never)},
      external_id = case when not exists (
        select from pigeonpost.conversations o where o.tenant_id = c.tenant_id and o.account_id = c.account_id
          and o.external_id = ${moved} and o.type <> 'direct' and o.merged_into is null)
        then coalesce(${moved}, c.external_id) else c.external_id end
    where c.tenant_id = ${tenantId} and c.channel = ${channel} and c.external_id = ${change.externalId}
      and c.type <> 'direct' and c.merged_into is null and (${accountId}::uuid is null or c.account_id = ${accountId})`
}
