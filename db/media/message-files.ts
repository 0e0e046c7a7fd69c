import type { Sql } from '../connect.ts'

/** An attachment of a message, and where it is stored. */
export type MessageFile = {
  filename: string | null
  contentType: string
  /** Bytes. */
  size: number
  storage: string
  storageKey: string
  /** The element of the message's metadata.media; {} for an upload and for a media_url alone. */
  reference: Record<string, unknown>
}

/** The files of a message that is about to be sent, in their order. The claim has checked that all are ready. */
export async function findMessageFiles(
  sql: Sql,
  tenantId: number,
  messageId: string,
): Promise<MessageFile[]> {
  return sql<MessageFile[]>`
    select x.filename, f.content_type as "contentType", f.size, f.storage, f.storage_key as "storageKey",
      coalesce(case when jsonb_typeof(m.metadata -> 'media' -> (x.position - 1)) = 'object'
        then m.metadata -> 'media' -> (x.position - 1) end, '{}') as reference
    from pigeonpost.messages m
    cross join lateral pigeonpost_private.media_of(m) with ordinality x
    join pigeonpost.media_files f on f.tenant_id = x.tenant_id and f.id = x.file_id
    where m.tenant_id = ${tenantId} and m.id = ${messageId} and f.status in ('clean', 'unscanned')
    order by x.ordinality`
}
