import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Readable } from 'node:stream'
import t from 'tap'
import type { Storages } from '../../../../adapters/media/storages.ts'
import { spool } from '../../../../adapters/media/spool.ts'
import { ingestFile } from '../../../../adapters/media/ingest-file.ts'
import { type Scanner, ScannerUnavailableError } from '../../../../adapters/scan/index.ts'
import { startMedia } from '../../../../adapters/worker/media/media.ts'
import { begin } from '../../../../db/begin.ts'
import { createMedia } from '../../../../db/media/media.ts'
import { mediaFolders, picture } from '../../../support/media.ts'
import { waitFor } from '../../../support/wait.ts'
import { deliveryDatabase, silent } from '../delivery/support.ts'

function counting({ current, ...others }: Storages) {
  let puts = 0
  const put: typeof current.put = async (...given) => {
    await current.put(...given)
    puts += 1
  }
  const counted = { ...current, put }
  return { storages: { ...others, current: counted, get: async () => counted }, puts: () => puts }
}

t.test('a file whose row is deleted while it is fetched is not kept', async (t) => {
  const { sql } = await deliveryDatabase(t)
  const content = await picture()
  let asked = 0
  const server = createServer((_request, response) => {
    asked += 1
    // Erased, or a second copy that a merge drops.
    void sql`delete from pigeonpost.messages`.then(() => response.end(content))
  })
  await new Promise<void>((ready) => void server.listen(0, '127.0.0.1', ready))
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  await sql`
    insert into pigeonpost.messages (tenant_id, channel, direction, address, external_message_id, content_type, media_url)
    values (1, 'whatsapp', 'inbound', '+27830000001', 'a', 'image', ${`http://127.0.0.1:${port}/a.jpg`})`
  const { settings, stored, spoolEmpties } = await mediaFolders(t)
  const { storages, puts } = counting(settings.storages)
  const privateHosts = [{ hostname: '127.0.0.1', port }]
  const running = startMedia({ ...settings, storages, privateHosts, sql, logger: silent })
  t.teardown(async () => running.stop())
  await waitFor(() => puts() === 2, { what: 'the file and its preview to be stored' })
  await waitFor(async () => (await stored()).length === 0, { what: 'both to be deleted again' })
  await waitFor(async () => (await sql`select from pigeonpost_private.media_tasks`).length === 0, {
    what: 'nothing to be left to do',
  })
  t.equal((await sql`select from pigeonpost.media_files`).length, 0)
  await spoolEmpties()
  t.equal(asked, 1)
})

t.test('nor is the preview of one that is deleted while it is scanned', async (t) => {
  const { sql } = await deliveryDatabase(t)
  const { settings, stored } = await mediaFolders(t)
  const { spoolFolder: folder, limit } = settings
  const { storages, puts } = counting(settings.storages)
  const clean = { verdict: 'clean' as const }
  const down: Scanner = {
    scan: () => Promise.reject(new ScannerUnavailableError('down')),
    check: () => Promise.reject(new ScannerUnavailableError('down')),
  }
  await ingestFile(
    { storage: storages.current, scanner: down, folder },
    await spool(Readable.from([await picture()]), { folder, limit }),
    {
      tenantId: 1,
      declared: { filename: 'a.jpg' },
      strict: true,
      run: async (work) => begin(sql, work),
      attach: async (tx, { id: fileId, filename }) =>
        createMedia(tx, { tenantId: 1, fileId, filename, createdBy: null }),
    },
  )
  const scanner: Scanner = {
    async scan() {
      await sql`delete from pigeonpost.media`
      return clean
    },
    check: async () => 'up',
  }
  const running = startMedia({ ...settings, storages, scanner, sql, logger: silent })
  t.teardown(async () => running.stop())
  await waitFor(() => puts() === 2, { what: 'the preview to be stored' })
  await waitFor(async () => (await stored()).length === 0, { what: 'it to be deleted again' })
  await waitFor(async () => (await sql`select from pigeonpost_private.media_tasks`).length === 0, {
    what: 'nothing to be left to do',
  })
  t.equal((await sql`select from pigeonpost.media_files`).length, 0)
})
