import { createHash, randomUUID } from 'node:crypto'
import t, { type Test } from 'tap'
import { startWorker } from '../../../../adapters/worker/worker.ts'
import { begin } from '../../../../db/begin.ts'
import type { Sql } from '../../../../db/connect.ts'
import { type Candidate, claimMessages } from '../../../../db/delivery/claim.ts'
import { leaseAccount } from '../../../../db/delivery/lease.ts'
import { wakeAccount } from '../../../../db/delivery/wake.ts'
import { findFile, judgeFile, keepFile } from '../../../../db/media/files.ts'
import { attachFile, createMedia } from '../../../../db/media/media.ts'
import { mediaFolders } from '../../../support/media.ts'
import { reach } from '../../../support/pooler.ts'
import { waitFor } from '../../../support/wait.ts'
import {
  addAccount,
  deliveryDatabase,
  pool,
  readMessage,
  scripted,
  silent,
} from '../delivery/support.ts'

const candidate: Candidate = {
  ord: 0,
  provider: 'scripted',
  reason: 'account',
  prefix: null,
  content_type: null,
  keyed: false,
  usable: true,
  fallback: false,
}

/** A message whose file is pending, and an account in our hands. */
async function start(t: Test, named: 'by a URL' | 'by an upload') {
  const { url, sql } = await deliveryDatabase(t)
  const target = await addAccount(sql)
  const uploaded = await upload(sql)
  await sql`
    insert into pigeonpost.messages (tenant_id, account_id, channel, direction, address, content_type, media_url, media_id)
    values (1, ${target.accountId}, 'whatsapp', 'outbound', '+27831234567', 'image',
      ${named === 'by a URL' ? 'http://files.test/a.jpg' : null}, ${named === 'by an upload' ? uploaded.mediaId : null})`
  await wakeAccount(sql, target, 0)
  const account = await leaseAccount(sql, target, 30_000)
  if (!account) throw new Error('the account is not to be had')
  return {
    url,
    sql,
    uploaded,
    other: pool(t, url),
    claim: async (on: Sql) => claimMessages(on, account, { limit: 10, candidates: [candidate] }),
    /** A worker, once the turn that we have begun is over. */
    async work() {
      await sql`update pigeonpost_private.account_wakeups set leased_until = null, lease_id = null, due_at = now()`
      const provider = scripted()
      const worker = await startWorker({
        ...reach(url),
        logger: silent,
        providers: new Map([[provider.name, provider]]),
        media: (await mediaFolders(t)).settings,
      })
      t.teardown(async () => worker.stop())
    },
  }
}

/** A file that waits for the scanner, and its row of media. */
async function upload(sql: Sql): Promise<{ fileId: string; mediaId: string }> {
  const id = randomUUID()
  return begin(sql, async (tx) => {
    const fileId = await keepFile(tx, {
      tenantId: 1,
      id,
      sha256: createHash('sha256').update(id).digest('hex'),
      size: 1,
      contentType: 'image/jpeg',
      status: 'pending',
      storage: 'folder',
      storageKey: `messages/1/2026/11/${id}`,
      previewKey: null,
      metadata: {},
      signature: null,
      errorMessage: null,
    })
    const row = await createMedia(tx, { tenantId: 1, fileId, filename: 'a.jpg', createdBy: null })
    return { fileId, mediaId: row.id }
  })
}

t.test('a file that comes while its message is being claimed wakes it', async (t) => {
  const { sql, other, uploaded, claim } = await start(t, 'by a URL')
  await judge(sql, uploaded.fileId)
  const [media] = await sql<{ id: string }[]>`
    select id from pigeonpost.media where message_id is not null`
  const attaching: Promise<boolean>[] = []
  await begin(sql, async (tx) => {
    const { messages, taken } = await claim(tx as unknown as Sql)
    t.match([messages.length, taken], [0, 1])
    attaching.push(
      attachFile(other, 1, media?.id ?? '', { fileId: uploaded.fileId, filename: 'a' }),
    )
    await waitFor(
      async () => {
        const rows = await sql`
          select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`
        return rows.length === 1
      },
      { what: 'the file to wait for the claim' },
    )
  })
  t.strictSame(await Promise.all(attaching), [true])
  const message = await readMessage(sql)
  t.match(message, { status: 'scheduled', error_code: 'media_pending' })
  t.ok(Number(message.next_attempt_at) <= Date.now(), 'it is due at once')
  const [wakeup] = await sql`
    select due_at <= now() as due from pigeonpost_private.account_wakeups`
  t.equal(wakeup?.['due'], true, 'and so is its account')
})

t.test('an upload that is judged just then is seen two seconds later at most', async (t) => {
  const { sql, other, uploaded, claim, work } = await start(t, 'by an upload')
  await begin(sql, async (tx) => {
    const { messages, taken } = await claim(tx as unknown as Sql)
    t.match([messages.length, taken], [0, 1])
    await judge(other, uploaded.fileId)
  })
  const message = await readMessage(sql)
  t.match(message, { status: 'scheduled', error_code: 'media_pending' })
  const inMs = Number(message.next_attempt_at) - Date.now()
  t.ok(inMs <= 2_000, `due in ${inMs} ms`)
  await work()
  await waitFor(async () => (await readMessage(sql)).status === 'sent', { what: 'it to be sent' })
})

async function judge(sql: Sql, fileId: string): Promise<void> {
  const file = await findFile(sql, 1, fileId)
  if (!file) throw new Error('there is no file')
  await judgeFile(sql, file, { status: 'clean' })
}
