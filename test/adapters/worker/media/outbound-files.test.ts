import { randomUUID } from 'node:crypto'
import t, { type Test } from 'tap'
import { mediaOf } from '../../../../adapters/channels/shared/content.ts'
import { createOutboundFiles } from '../../../../adapters/media/outbound.ts'
import { wakeAccount } from '../../../../db/delivery/wake.ts'
import { mediaFolders } from '../../../support/media.ts'
import {
  addAccount,
  deliveryDatabase,
  readMessage,
  scripted,
  turnContext,
  takeTurn,
} from '../delivery/support.ts'

const url = 'https://example.com/unscanned.jpg'

/** One turn of an account that has this message to send. */
async function turn(t: Test, row: Record<string, unknown>, storage = true) {
  const { sql } = await deliveryDatabase(t)
  const target = await addAccount(sql)
  const { tenantId: tenant_id, accountId: account_id } = target
  const message = {
    tenant_id,
    account_id,
    channel: 'whatsapp',
    direction: 'outbound',
    address: '+17770000001',
    body: 'hello',
    ...row,
  }
  await sql`insert into pigeonpost.messages ${sql(message as never)}`
  const id = randomUUID()
  const file = {
    tenant_id,
    id,
    sha256: Buffer.alloc(32),
    size: 3,
    content_type: 'image/jpeg',
    status: 'unscanned',
    storage: 'folder',
    storage_key: `messages/1/2026/11/${id}`,
  }
  await sql`insert into pigeonpost.media_files ${sql(file as never)}`
  await sql`update pigeonpost.media set file_id = ${id} where message_id is not null`
  await wakeAccount(sql, target, 0)
  const { settings } = await mediaFolders(t)
  const provider = scripted()
  const files = storage ? { files: createOutboundFiles(sql, settings.storages, null) } : {}
  await takeTurn(turnContext(t, sql, provider, files), target)
  return { provider, message: await readMessage(sql) }
}

t.test('a provider gets our file, and never the address that the message named', async (t) => {
  const metadata = { media: [{ url }], subject: 'kept' }
  const { provider } = await turn(t, { content_type: 'image', media_url: url, metadata })
  const [asked] = provider.requests
  t.match(asked, { mediaUrl: null, metadata: { subject: 'kept' }, files: [{ size: 3 }] })
  t.notMatch(JSON.stringify(asked), url)
})

for (const [what, row] of [
  ['a text', { content_type: 'text', media_url: url }],
  ['what is no reference', { content_type: 'image', media_url: url, metadata: { media: ['x'] } }],
  ['no upload', { content_type: 'image', metadata: { media: [{ media_id: 'x', url }] } }],
] as const) {
  t.test(`an address beside ${what} is not handed on unscanned`, async (t) => {
    const { provider } = await turn(t, row)
    t.match(provider.requests, [{ body: 'hello' }])
    t.same(
      provider.requests.flatMap((asked) => mediaOf(asked)),
      [],
    )
  })
}

t.test('a worker that knows no storage leaves what takes files along to another', async (t) => {
  const image = { content_type: 'image', media_url: url }
  const { provider, message } = await turn(t, image, false)
  t.same(provider.requests, [])
  t.match(message, { status: 'scheduled', error_code: 'media_pending', attempts: 0 })
  const text = await turn(t, { content_type: 'text' }, false)
  t.match(text.message, { status: 'sent' })
})
