import { Readable } from 'node:stream'
import t, { type Test } from 'tap'
import { spool } from '../../../adapters/media/spool.ts'
import { ingestFile } from '../../../adapters/media/ingest-file.ts'
import type { Scanner, Verdict } from '../../../adapters/scan/index.ts'
import { begin } from '../../../db/begin.ts'
import { createMedia } from '../../../db/media/media.ts'
import { mediaFolders, picture } from '../../support/media.ts'
import { deliveryDatabase } from '../worker/delivery/support.ts'

async function start(t: Test) {
  const { sql } = await deliveryDatabase(t)
  const { settings, stored } = await mediaFolders(t)
  const { spoolFolder: folder, limit, storages } = settings
  const take = async (content: Buffer, scanner: Scanner | null) =>
    ingestFile(
      { storage: storages.current, scanner, folder },
      await spool(Readable.from([content]), { folder, limit }),
      {
        tenantId: 1,
        declared: { filename: 'a.jpg' },
        strict: true,
        run: async (work) => begin(sql, work),
        attach: async (tx, { id: fileId, filename }) =>
          createMedia(tx, { tenantId: 1, fileId, filename, createdBy: null }),
      },
    )
  return { sql, stored, take }
}

const says = (verdict: Verdict): Scanner => ({
  scan: async () => verdict,
  check: async () => 'a scanner',
})

t.test('what came before there was a scanner is scanned when it comes again', async (t) => {
  const { sql, stored, take } = await start(t)
  const content = await picture()
  t.equal((await take(content, null)).status, 'unscanned')
  t.equal((await take(content, null)).status, 'unscanned')
  const infected = says({ verdict: 'infected', signature: 'Eicar' })
  t.match(await take(content, infected), { status: 'infected', error_message: 'Eicar' })
  const rows = await sql`select status, storage_key from pigeonpost.media`
  t.same(
    rows.map((row) => ({ ...row })),
    Array.from({ length: 3 }, () => ({ status: 'infected', storage_key: null })),
  )
  const tasks = await sql`select subject from pigeonpost_private.media_tasks where kind = 'delete'`
  t.strictSame(
    tasks.map(({ subject }) => String(subject).replace('folder:', '')).toSorted(),
    await stored(),
    'it is deleted where it lay',
  )
})

t.test('and is clean from then on where nothing is found', async (t) => {
  const { sql, take } = await start(t)
  const content = await picture()
  await take(content, null)
  const clean = says({ verdict: 'clean' })
  const both = await Promise.all([take(content, clean), take(content, clean)])
  t.match(both, [{ status: 'clean' }, { status: 'clean' }])
  const [row] = await sql`select count(*)::integer as files from pigeonpost.media_files`
  t.equal(row?.['files'], 1)
})
