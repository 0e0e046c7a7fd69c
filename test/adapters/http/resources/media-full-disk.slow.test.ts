import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { startMedia } from '../../../../adapters/worker/media/media.ts'
import { startFileServer } from '../../../support/file-server.ts'
import { noisePng } from '../../../support/large-files.ts'
import { mediaFolders, picture } from '../../../support/media.ts'
import { noSmallDisk, smallDisk } from '../../../support/small-disk.ts'
import { waitFor } from '../../../support/wait.ts'
import { pool, silent } from '../../worker/delivery/support.ts'
import { errorOf, testApi } from '../support/api.ts'

const places = { 'the spool': 'spoolFolder', 'the storage': 'dataFolder' } as const

async function start(t: Test, place: keyof typeof places) {
  const disk = await smallDisk(t, 2)
  const folders = await mediaFolders(t, { [places[place]]: disk.folder })
  const api = await testApi(t, { media: folders.settings })
  const upload = async (content: Buffer) => {
    const response = await fetch(`${api.api.url}/api/v1/media`, {
      method: 'POST',
      headers: { authorization: `Bearer ${api.key}`, 'x-filename': 'a.png' },
      body: new Uint8Array(content),
    })
    return {
      status: response.status,
      headers: response.headers,
      body: JSON.parse(await response.text()),
    }
  }
  /** Half-written files. */
  const incoming = async () =>
    place === 'the storage' ? readdir(join(disk.folder, 'media', '.incoming')) : []
  return { ...api, ...folders, disk, upload, incoming }
}

for (const place of Object.keys(places) as (keyof typeof places)[]) {
  t.test(`with a full disk below ${place}`, { skip: noSmallDisk }, async (t) => {
    t.test('an upload is refused, nothing is left of it, and the next is taken', async (t) => {
      const { upload, stored, spooled, incoming, sql, log } = await start(t, place)
      const refused = await upload(noisePng())
      t.match(
        [refused.status, errorOf(t, refused)],
        [507, { code: 'storage_full', fields: ['file'] }],
      )
      t.equal(refused.headers.get('retry-after'), '60')
      t.notMatch(refused.body, /pigeonpost-disk/, 'where the folder is concerns nobody')
      t.ok(
        log.some((line) => /ENOSPC/.test(line)),
        'the operator is told',
      )
      t.strictSame([await stored(), await spooled(), await incoming()], [[], [], []])
      t.equal((await sql`select from pigeonpost.media_files`).length, 0)
      t.equal((await upload(await picture())).status, 201)
    })

    t.test('what a message names waits, and is fetched when there is room', async (t) => {
      const { settings, database, sql, disk, stored, spooled, incoming } = await start(t, place)
      const files = await startFileServer(t)
      files.routes.set('/a.png', noisePng())
      const worker = startMedia({
        ...settings,
        privateHosts: [files.host],
        sql: pool(t, database.url),
        logger: silent,
      })
      t.teardown(async () => worker.stop())
      await sql`
        insert into pigeonpost.messages (tenant_id, channel, direction, address, external_message_id, content_type, media_url)
        values (1, 'whatsapp', 'inbound', '+27831234567', 'm', 'image', ${`${files.url}/a.png`})`
      const media = async () => (await sql`select status from pigeonpost.media`)[0]?.['status']
      await waitFor(
        async () => {
          const [task] = await sql`select error_message from pigeonpost_private.media_tasks`
          return /ENOSPC/.test(String(task?.['error_message']))
        },
        { what: 'the disk to be full' },
      )
      t.equal(await media(), 'pending')
      t.strictSame([await stored(), await spooled(), await incoming()], [[], [], []])
      await disk.grow(30)
      await sql`update pigeonpost_private.media_tasks set due_at = now()`
      await waitFor(async () => (await media()) === 'unscanned', { what: 'the file to come' })
      t.equal((await stored()).length, 2)
    })
  })
}

t.test('a storage that cannot be used is told of as such', async (t) => {
  const folders = await mediaFolders(t)
  const { storages } = folders.settings
  const { StorageUnavailableError } = await import('../../../../adapters/storage/index.ts')
  const put = async () => {
    throw new StorageUnavailableError('S3 at secret.internal does not answer')
  }
  const current = { ...storages.current, put }
  const media = { ...folders.settings, storages: { ...storages, current } }
  const { api, key } = await testApi(t, { media })
  const answer = await fetch(`${api.url}/api/v1/media`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}` },
    body: new Uint8Array(await picture()),
  })
  t.match([answer.status, answer.headers.get('retry-after')], [503, '1'])
  const body = await answer.text()
  t.match(JSON.parse(body), { code: 'storage_unavailable' })
  t.notMatch(body, /secret/)
  t.strictSame(await folders.spooled(), [])
})
