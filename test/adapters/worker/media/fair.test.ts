import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import t from 'tap'
import { startMedia } from '../../../../adapters/worker/media/media.ts'
import { deleteLater } from '../../../../db/media/files.ts'
import { mediaFolders } from '../../../support/media.ts'
import { waitFor } from '../../../support/wait.ts'
import { deliveryDatabase, silent } from '../delivery/support.ts'

t.test("hosts that let one tenant wait do not hold up another's files", async (t) => {
  const { sql } = await deliveryDatabase(t)
  let asked = 0
  const server = createServer(() => void (asked += 1))
  await new Promise<void>((ready) => void server.listen(0, '127.0.0.1', ready))
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  await sql`
    insert into pigeonpost.messages (tenant_id, channel, direction, address, external_message_id, content_type, media_url)
    select 1, 'whatsapp', 'inbound', '+27830000001', i::text, 'image', ${`http://127.0.0.1:${port}/`} || i
    from generate_series(1, 20) i`
  await sql`insert into pigeonpost.tenants (tenant_id) values (2)`
  await sql`update pigeonpost_private.media_tasks set due_at = now() - interval '1 hour'`
  await deleteLater(sql, 2, 'folder', 'messages/2/2026/11/01a1fa28-ff0d-7ab1-abdc-8b08598a6f62')
  const { settings } = await mediaFolders(t)
  const privateHosts = [{ hostname: '127.0.0.1', port }]
  const running = startMedia({ ...settings, privateHosts, sql, logger: silent })
  t.teardown(async () => running.stop())
  await waitFor(
    async () =>
      (await sql`select from pigeonpost_private.media_tasks where tenant_id = 2`).length === 0,
    { what: "the other tenant's task to be done" },
  )
  await waitFor(() => asked === 4, { what: 'the rest to be asked for' })
  t.equal((await sql`select from pigeonpost_private.media_tasks where tenant_id = 1`).length, 20)
})
