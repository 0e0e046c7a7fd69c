import { randomUUID } from 'node:crypto'
import t, { type Test } from 'tap'
import { createScanner } from '../../../../adapters/scan/index.ts'
import type { MediaOptions } from '../../../../adapters/worker/media/context.ts'
import { startMedia } from '../../../../adapters/worker/media/media.ts'
import { eicar, noClamd, startClamd } from '../../../support/clamd.ts'
import { startFileServer } from '../../../support/file-server.ts'
import { mediaFolders, picture } from '../../../support/media.ts'
import { waitFor } from '../../../support/wait.ts'
import { countdown, deliveryDatabase, silent } from '../delivery/support.ts'

/** A database, a server that has files, and a worker that may fetch from it. */
async function start(t: Test, given: Partial<MediaOptions> = {}) {
  const { sql } = await deliveryDatabase(t)
  const files = await startFileServer(t)
  const folders = await mediaFolders(t)
  const work = () => {
    const options = { ...folders.settings, privateHosts: [files.host], ...given }
    const worker = startMedia({ ...options, sql, logger: silent })
    t.teardown(async () => worker.stop())
    return worker
  }
  /** As a bridge does. */
  const insert = async (row: Record<string, unknown>) => {
    const [message] = await sql<{ id: string }[]>`
      insert into pigeonpost.messages ${sql({
        tenant_id: 1,
        channel: 'whatsapp',
        direction: 'inbound',
        address: '+27831234567',
        external_message_id: randomUUID(),
        content_type: 'image',
        body: 'look',
        ...row,
      } as never)} returning id`
    return message?.id ?? ''
  }
  const messageOf = async (id: string) =>
    (await sql`select body, media_id, status from pigeonpost.messages where id = ${id}`)[0]
  const mediaOf = async (id: string) =>
    sql`select * from pigeonpost.media where message_id = ${id} order by position`
  const task = async () => (await sql`select * from pigeonpost_private.media_tasks`)[0]
  return {
    ...folders,
    sql,
    files,
    work,
    insert,
    messageOf,
    mediaOf,
    task,
    events: async () =>
      (await sql`select type from pigeonpost.event_log where type like 'media.%' order by id`).map(
        (row) => String(row['type']),
      ),
    /** The next try is due now. */
    hasten: async () => sql`update pigeonpost_private.media_tasks set due_at = now()`,
    tries: async (count: number) =>
      waitFor(
        async () => {
          const found = await task()
          return found?.['attempts'] === count && found['error_message'] !== null
        },
        { what: `try ${count} to fail` },
      ),
    settled: async (id: string) =>
      waitFor(
        async () => {
          const rows = await mediaOf(id)
          return rows.some((row) => /pending|scanning/.test(String(row['status']))) ? null : rows
        },
        { what: 'the files to be settled' },
      ),
  }
}

t.test('a file that a bridge names by a URL follows its message', async (t) => {
  const { files, insert, messageOf, mediaOf, settled, work, task, events } = await start(t)
  const { promise: leave, resolve: giveLeave } = Promise.withResolvers<void>()
  const content = await picture()
  files.routes.set('/holiday.png', (_, response) => void leave.then(() => response.end(content)))
  work()
  const id = await insert({ media_url: `${files.url}/holiday.png` })
  await waitFor(() => files.requests.length === 1, { what: 'the file to be asked for' })
  t.match(await messageOf(id), { body: 'look', media_id: null, status: 'delivered' })
  t.match(await mediaOf(id), [{ status: 'pending', position: 1 }])
  giveLeave()
  const [row] = await settled(id)
  t.match(row, { status: 'unscanned', filename: 'holiday.jpg', content_type: 'image/jpeg' })
  t.equal((await messageOf(id))?.['media_id'], row?.['id'])
  t.equal(await task(), undefined)
  t.strictSame(await events(), ['media.uploaded'])
})

t.test('several files are linked by their order, whichever comes first', async (t) => {
  const { files, insert, messageOf, settled, work } = await start(t)
  const { promise: leave, resolve: giveLeave } = Promise.withResolvers<void>()
  const [one, other] = [await picture(), await picture()]
  files.routes.set('/1', (_, response) => void leave.then(() => response.end(one)))
  files.routes.set('/2', other)
  work()
  const media = [{ url: `${files.url}/1` }, { url: `${files.url}/2`, filename: 'b.jpg' }]
  const id = await insert({ metadata: { media } })
  await waitFor(async () => (await messageOf(id))?.['media_id'], {
    what: 'the second to be linked',
  })
  giveLeave()
  const rows = await settled(id)
  t.match(rows, [{ position: 1 }, { position: 2, filename: 'b.jpg' }])
  t.equal((await messageOf(id))?.['media_id'], rows[0]?.['id'])
})

t.test('a link that fails twice is tried again, and works', async (t) => {
  const { files, insert, settled, work, hasten, tries, task } = await start(t)
  const path = '/later.jpg'
  files.routes.set(path, 503)
  work()
  const left = countdown()
  const id = await insert({ media_url: files.url + path })
  await tries(1)
  const { due_at: due } = (await task()) ?? {}
  t.ok(left(Number(due) - Date.now(), 4_000, 6_000), 'not at once')
  files.routes.set(path, (_, response) => response.destroy())
  await hasten()
  await tries(2)
  await waitFor(() => files.requests.length === 2, { what: 'the second try to ask' })
  files.routes.set(path, await picture())
  await hasten()
  t.match(await settled(id), [{ status: 'unscanned', error_code: null }])
  t.equal(files.requests.length, 3)
})

t.test('what cannot be had for good says why, and its message keeps its text', async (t) => {
  const { files, insert, messageOf, settled, work, task, events, stored, spoolEmpties } =
    await start(t)
  files.routes.set('/gone.jpg', 404)
  files.routes.set('/empty.jpg', Buffer.alloc(0))
  files.routes.set('/large.jpg', (_, response) => response.end(Buffer.alloc(11 * 1024 * 1024)))
  files.routes.set('/endless.jpg', (_, response) => {
    const more = () => {
      while (!response.destroyed && response.write(Buffer.alloc(65_536)));
    }
    response.on('drain', more)
    more()
  })
  const redirect = (to: string) => (_: unknown, response: { writeHead: Function }) =>
    response.writeHead(302, { location: to }).end()
  files.routes.set('/inward', redirect('http://169.254.169.254/latest/meta-data/'))
  files.routes.set('/round', redirect('/round'))
  const otherPort = Number(new URL(files.url).port) + 1
  const cases: [url: string, code: string][] = [
    [`${files.url}/gone.jpg`, 'fetch_failed'],
    [`${files.url}/empty.jpg`, 'media_empty'],
    [`${files.url}/large.jpg`, 'too_large'],
    [`${files.url}/endless.jpg`, 'too_large'],
    [`${files.url}/inward`, 'url_forbidden'],
    [`${files.url}/round`, 'url_forbidden'],
    [`http://127.0.0.1:${otherPort}/a.jpg`, 'url_forbidden'],
    ['http://localhost/a.jpg', 'url_forbidden'],
    ['http://169.254.169.254/latest/meta-data/', 'url_forbidden'],
    ['http://[::ffff:169.254.169.254]/', 'url_forbidden'],
    ['http://2130706433/', 'url_forbidden'],
    ['http://me:secret@example.com/a.jpg', 'url_forbidden'],
    ['file:///etc/passwd', 'url_forbidden'],
    ['no url at all', 'url_forbidden'],
  ]
  work()
  const ids = await Promise.all(cases.map(async ([url]) => insert({ media_url: url })))
  for (const [n, [url, code]] of cases.entries()) {
    const id = ids[n] ?? ''
    const [row] = await settled(id)
    t.match(row, { status: 'failed', error_code: code, storage_key: null, error_message: /./ }, url)
    t.notMatch(row?.['error_message'], /secret|meta-data/, 'nothing of the URL but its host')
    t.match(await messageOf(id), { body: 'look', media_id: null, status: 'delivered' })
  }
  t.equal(await task(), undefined)
  t.strictSame([...new Set(await events())], ['media.rejected'])
  t.strictSame(await stored(), [])
  await spoolEmpties()
})

t.test('a link that never works is given up after seven tries', async (t) => {
  const { sql, files, insert, settled, mediaOf, work, hasten, tries } = await start(t)
  files.routes.set('/a.jpg', 500)
  const id = await insert({ media_url: `${files.url}/a.jpg` })
  await sql`update pigeonpost_private.media_tasks set attempts = 5`
  work()
  await tries(6)
  t.match(await mediaOf(id), [{ status: 'pending' }])
  await hasten()
  t.match(await settled(id), [{ status: 'failed', error_code: 'fetch_failed' }])
})

t.test('a server that stalls holds up nobody else, nor the end of the worker', async (t) => {
  const { files, insert, settled, work, task, spooled } = await start(t)
  files.routes.set('/slow.jpg', (_, response) => void response.write('GIF89a'))
  files.routes.set('/fast.jpg', await picture())
  const worker = work()
  await insert({ media_url: `${files.url}/slow.jpg` })
  await waitFor(async () => (await spooled()).length === 1, { what: 'the file to begin' })
  t.match(await settled(await insert({ media_url: `${files.url}/fast.jpg` })), [
    { status: 'unscanned' },
  ])
  await worker.stop()
  t.strictSame(await spooled(), [])
  const left = await task()
  t.notMatch(left?.['error_message'], /nothing for/, 'it ends before the server is given up')
  t.ok(Date.parse(String(left?.['due_at'])) <= Date.now(), 'the next worker does it')
  files.routes.set('/slow.jpg', (_, response) => void response.write('GIF89a'))
  work()
  await waitFor(
    async () => /nothing for 15000 ms/.test(String((await task())?.['error_message'])),
    { what: 'the stall to be told' },
  )
})

t.test('what a file of theirs says of itself cannot keep it from being stored', async (t) => {
  const { files, insert, settled, work } = await start(t)
  const content = await picture()
  files.routes.set('/a', (_, response) => {
    const name = `attachment; filename*=UTF-8''..%2F..%2Fetc%2F%E2%80%AEgpj.%00exe`
    response.writeHead(200, { 'content-disposition': name, 'content-type': 'text/html' })
    response.end(content)
  })
  work()
  t.match(await settled(await insert({ media_url: `${files.url}/a` })), [
    { status: 'unscanned', content_type: 'image/jpeg', filename: 'gpj.exe.jpg' },
  ])
})

t.test('a file that many messages name at once is stored once', async (t) => {
  const { sql, files, insert, settled, work, stored, task } = await start(t)
  files.routes.set('/a.jpg', await picture())
  const ids = await Promise.all(
    Array.from({ length: 12 }, async () => insert({ media_url: `${files.url}/a.jpg` })),
  )
  work()
  for (const id of ids) t.match(await settled(id), [{ status: 'unscanned' }])
  t.equal((await sql`select from pigeonpost.media_files`).length, 1)
  await waitFor(async () => (await task()) === undefined, { what: 'what lost to be deleted' })
  t.equal((await stored()).length, 2)
})

t.test('with a scanner', { skip: noClamd }, async (t) => {
  t.test('a virus by a URL is found, and found again', async (t) => {
    const clamd = await startClamd(t)
    const scanner = createScanner({ host: clamd.host, port: clamd.port })
    const lab = await start(t, { scanner })
    const { sql, files, insert, messageOf, settled, work, events, stored, spoolEmpties } = lab
    files.routes.set('/bad.jpg', Buffer.concat([await picture(), Buffer.from(eicar)]))
    files.routes.set('/bad.txt', Buffer.from(eicar))
    files.routes.set('/good.jpg', await picture())
    work()
    for (const path of ['/bad.jpg', '/bad.txt', '/bad.jpg']) {
      const id = await insert({ media_url: files.url + path })
      t.match(await settled(id), [
        { status: 'infected', error_code: 'media_infected', storage_key: null },
      ])
      t.match(await messageOf(id), { body: 'look', media_id: null })
    }
    t.strictSame(await stored(), [])
    await spoolEmpties()
    t.strictSame(
      await events(),
      Array.from({ length: 3 }, () => 'media.rejected'),
    )
    t.match(await settled(await insert({ media_url: `${files.url}/good.jpg` })), [
      { status: 'clean' },
    ])
    t.equal((await sql`select from pigeonpost.media_files where status = 'infected'`).length, 2)
  })

  t.test('while it is down files are fetched, and judged when it is back', async (t) => {
    const clamd = await startClamd(t)
    const switched = createScanner({ host: clamd.host, port: clamd.port, connectMs: 500 })
    const { sql, files, insert, messageOf, mediaOf, settled, work, hasten, tries } = await start(
      t,
      {
        scanner: switched,
      },
    )
    files.routes.set('/a.jpg', await picture())
    await clamd.stop()
    work()
    const id = await insert({ media_url: `${files.url}/a.jpg` })
    await waitFor(async () => (await mediaOf(id))[0]?.['storage_key'], { what: 'it to be stored' })
    await tries(1)
    t.match(await mediaOf(id), [{ status: 'pending', preview_url: null }])
    t.match(await messageOf(id), { media_id: null })
    t.equal((await sql`select from pigeonpost.event_log where type like 'media.%'`).length, 0)
    await clamd.restart()
    await hasten()
    t.match(await settled(id), [{ status: 'clean', preview_url: /preview$/ }])
    t.ok((await messageOf(id))?.['media_id'])
  })
})
