import type { AccountRow } from '../rows.ts'
import type { Db } from '../connect.ts'

/** A file that a message named, with what is needed to fetch it. */
export type MediaToFetch = {
  id: string
  status: string
  hasFile: boolean
  /** The element of the message's metadata.media, or one made from its media_url. */
  reference: Record<string, unknown>
  /** True for a message that we send; false for an inbound one, or one sent elsewhere. */
  isToSend: boolean
  account: Pick<AccountRow, 'id' | 'channel' | 'address' | 'provider' | 'settings' | 'secret_ref'>
}

/** Null where the row or the message was deleted. */
export async function findMediaToFetch(
  db: Db,
  tenantId: number,
  id: string,
): Promise<MediaToFetch | null> {
  const [row] = await db<MediaToFetch[]>`
    select x.id, x.status, x.file_id is not null as "hasFile",
      m.direction = 'outbound' and m.external_message_id is null as "isToSend",
      coalesce(case when jsonb_typeof(m.metadata -> 'media' -> (x.position - 1)) = 'object'
        then m.metadata -> 'media' -> (x.position - 1) end, jsonb_strip_nulls(jsonb_build_object('url', m.media_url))) as reference,
      json_build_object('id', a.id, 'channel', m.channel, 'address', a.address, 'provider', a.provider, 'settings', a.settings,
        'secret_ref', a.secret_ref) as account
    from pigeonpost.media x
    join pigeonpost.messages m on m.tenant_id = x.tenant_id and m.id = x.message_id
    join pigeonpost.accounts a on a.tenant_id = m.tenant_id and a.id = m.account_id
    where x.tenant_id = ${tenantId} and x.id = ${id}`
  return row ?? null
}
