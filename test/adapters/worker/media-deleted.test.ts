import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import t from 'tap'
import { startMedia } from '../../../adapters/worker/media.ts'
import { mediaFolders, picture } from '../../support/media.ts'
import { waitFor } from '../../support/wait.ts'
import { deliveryDatabase, silent } from './support.ts'

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
  const { settings, stored, spooled } = await mediaFolders(t)
  let puts = 0
  const { current } = settings.storages
  const put: typeof current.put = async (...given) => {
    await current.put(...given)
    puts += 1
  }
  const storages = { ...settings.storages, current: { ...current, put } }
  const privateHosts = [{ hostname: '127.0.0.1', port }]
  const running = startMedia({ ...settings, storages, privateHosts, sql, logger: silent })
  t.teardown(async () => running.stop())
  await waitFor(() => puts === 2, { what: 'the file and its preview to be stored' })
  await waitFor(async () => (await stored()).length === 0, { what: 'both to be deleted again' })
  await waitFor(async () => (await sql`select from pigeonpost_private.media_tasks`).length === 0, {
    what: 'nothing to be left to do',
  })
  t.equal((await sql`select from pigeonpost.media_files`).length, 0)
  t.strictSame(await spooled(), [])
  t.equal(asked, 1)
})
