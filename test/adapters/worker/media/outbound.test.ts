import { buffer } from 'node:stream/consumers'
import t, { type Test } from 'tap'
import type { OutboundFile, Provider } from '../../../../adapters/channels/channel.ts'
import { createScanner, type Scanner } from '../../../../adapters/scan/index.ts'
import { type Worker, startWorker } from '../../../../adapters/worker/worker.ts'
import { eicar, noClamd, startClamd } from '../../../support/clamd.ts'
import { startFileServer } from '../../../support/file-server.ts'
import { mediaFolders, picture } from '../../../support/media.ts'
import { reach } from '../../../support/pooler.ts'
import { waitFor } from '../../../support/wait.ts'
import { testApi } from '../../http/support/api.ts'
import { type Scripted, scripted, sent, silent } from '../delivery/support.ts'

type Given = { scanner?: Scanner | null; publicUrl?: string | null; channel?: string }

/** An API, a server that has files, an account, and a provider that keeps what it is given to send. */
async function start(
  t: Test,
  { scanner = null, publicUrl = null, channel = 'whatsapp' }: Given = {},
) {
  const folders = await mediaFolders(t, { scanner })
  const files = await startFileServer(t)
  const api = await testApi(t, { media: folders.settings })
  const { sql, post, get } = api
  /** What went along, read when it was sent. */
  const taken: (Omit<OutboundFile, 'read'> & { content: Buffer })[] = []
  const provider: Scripted & Provider = {
    ...scripted(async (message) => {
      for (const { read, ...file } of message.files ?? [])
        taken.push({ ...file, content: await buffer(await read()) })
      return sent()
    }),
    channels: [channel],
  }
  await sql`
    insert into pigeonpost.accounts (tenant_id, channel, address, provider, rate_per_minute, daily_limit)
    values (1, ${channel}, ${channel === 'email' ? 'us@example.com' : '+15550001111'}, 'scripted', null, null)`
  const work = async (): Promise<Worker> => {
    const worker = await startWorker({
      ...reach(api.database.url),
      logger: silent,
      providers: new Map([[provider.name, provider]]),
      publicUrl,
      media: { ...folders.settings, privateHosts: [files.host] },
    })
    t.teardown(async () => worker.stop())
    return worker
  }
  const send = async (about: object): Promise<string> => {
    const to = channel === 'email' ? 'ann@example.com' : '+27831234567'
    const answer = await post('/api/v1/messages', { to, type: 'Image', ...about })
    if (answer.status !== 202) throw new Error(JSON.stringify(answer.body))
    return String(answer.body.data.id)
  }
  const upload = async (content: Buffer): Promise<{ id: string; status: string }> => {
    const response = await fetch(`${api.api.url}/api/v1/media`, {
      method: 'POST',
      headers: { authorization: `Bearer ${api.key}`, 'x-filename': 'photo.jpg' },
      body: new Uint8Array(content),
    })
    return ((await response.json()) as { data: { id: string; status: string } }).data
  }
  const messageOf = async (id: string) =>
    (await sql`select * from pigeonpost.messages_with_state where id = ${id}`)[0] ?? {}
  const becomes = async (id: string, status: string, code: string | null = null) =>
    waitFor(
      async () => {
        const { state: is, error_code: why } = await messageOf(id)
        return is === status && why === code
      },
      { what: `the message to be ${status}` },
    )
  return {
    ...folders,
    api,
    sql,
    get,
    post,
    files,
    provider,
    taken,
    work,
    send,
    upload,
    messageOf,
    becomes,
    waits: async (id: string) => becomes(id, 'scheduled', 'media_pending'),
    hasten: async () => sql`update pigeonpost_private.media_tasks set due_at = now()`,
  }
}

t.test('a message by mediaUrl waits for its file, and takes it along', async (t) => {
  const lab = await start(t)
  const { promise: leave, resolve: giveLeave } = Promise.withResolvers<void>()
  const content = await picture()
  lab.files.routes.set('/a.png', (_, response) => void leave.then(() => response.end(content)))
  await lab.work()
  const id = await lab.send({ mediaUrl: `${lab.files.url}/a.png`, content: 'look' })
  await lab.waits(id)
  t.equal(lab.provider.requests.length, 0)
  // It would be looked at again soon: what is sent now was woken.
  await waitFor(
    async () => {
      const { count } = await lab.sql`
        update pigeonpost.outbox set due_at = now() + interval '1 hour' where state = 'scheduled'`
      return count === 1
    },
    { what: 'the message to wait' },
  )
  giveLeave()
  await lab.becomes(id, 'sent')
  t.match(lab.provider.requests, [{ body: 'look', contentType: 'image' }])
  t.match(lab.taken, [
    { filename: 'a.jpg', contentType: 'image/jpeg', size: content.length, url: null },
  ])
  t.ok(lab.taken[0]?.content.equals(content))
  t.match(await lab.messageOf(id), { attempts: 1, media_id: String })
})

t.test('a message by mediaId goes at once, with a link where there is a public URL', async (t) => {
  const lab = await start(t, { publicUrl: 'https://chat.example' })
  const content = await picture()
  const media = await lab.upload(content)
  await lab.work()
  await lab.becomes(await lab.send({ mediaId: media.id }), 'sent')
  const [file] = lab.taken
  t.match(file, { filename: 'photo.jpg', contentType: 'image/jpeg' })
  t.ok(file?.content.equals(content))
  const answer = await fetch(String(file?.url).replace('http://files.test', lab.api.api.url))
  t.ok(Buffer.from(await answer.arrayBuffer()).equals(content), 'the link is good')
})

t.test('several files go along in their order, the last of them wakes the message', async (t) => {
  const lab = await start(t)
  const { promise: leave, resolve: giveLeave } = Promise.withResolvers<void>()
  const [one, two, three] = await Promise.all([picture(), picture(), picture()])
  lab.files.routes.set('/1.jpg', (_, response) => void leave.then(() => response.end(one)))
  lab.files.routes.set('/3.jpg', three)
  const uploaded = await lab.upload(two)
  await lab.work()
  const id = await lab.send({
    mediaUrl: `${lab.files.url}/unused.jpg`,
    metadata: {
      media: [
        { url: `${lab.files.url}/1.jpg` },
        { media_id: uploaded.id },
        { url: `${lab.files.url}/3.jpg` },
      ],
    },
  })
  await lab.waits(id)
  await waitFor(async () => (await lab.messageOf(id))['media_id'], { what: 'the third to come' })
  t.equal(lab.provider.requests.length, 0)
  giveLeave()
  await lab.becomes(id, 'sent')
  t.strictSame(
    lab.taken.map(({ content }) => [one, two, three].findIndex((file) => file.equals(content))),
    [0, 1, 2],
  )
})

t.test('a text with a link goes at once, and nothing is fetched', async (t) => {
  const lab = await start(t)
  await lab.work()
  const id = await lab.send({ type: 'Text', content: 'see', mediaUrl: `${lab.files.url}/a.jpg` })
  await lab.becomes(id, 'sent')
  // Nobody has scanned what is behind the link, so it is not handed on either.
  t.match(lab.provider.requests, [{ body: 'see', mediaUrl: null }])
  t.strictSame([lab.taken, lab.files.requests], [[], []])
})

t.test('a message whose file cannot be had is never sent, not even when retried', async (t) => {
  const lab = await start(t)
  lab.files.routes.set('/a.jpg', 404)
  lab.files.routes.set('/page', Buffer.from('<html>no picture</html>'))
  await lab.work()
  for (const path of ['/a.jpg', '/page']) {
    const id = await lab.send({ mediaUrl: lab.files.url + path })
    await lab.becomes(id, 'failed', 'media_rejected')
    t.match(await lab.messageOf(id), { attempts: 0, error_message: /rows of media/ })
    t.equal((await lab.post(`/api/v1/messages/${id}/retry`, {})).status, 200)
    await lab.becomes(id, 'failed', 'media_rejected')
  }
  const codes = await lab.sql`select error_code from pigeonpost.media order by created_at`
  t.strictSame(
    codes.map((row) => row['error_code']),
    ['fetch_failed', 'unsupported_type'],
  )
  t.equal(lab.provider.requests.length, 0)
})

t.test('a message that is no longer valid when its file comes is not sent', async (t) => {
  const lab = await start(t)
  lab.files.routes.set('/a.jpg', () => {})
  await lab.work()
  const id = await lab.send({ mediaUrl: `${lab.files.url}/a.jpg` })
  await lab.waits(id)
  await lab.sql`update pigeonpost.messages set valid_until = now() + interval '1 second' where id = ${id}`
  await lab.becomes(id, 'failed', 'expired')
  t.equal(lab.provider.requests.length, 0)
})

t.test('with a scanner', { skip: noClamd }, async (t) => {
  t.test(
    'while it is down what takes a file along waits, and is sent when it is back',
    async (t) => {
      const clamd = await startClamd(t)
      const scanner = createScanner({ host: clamd.host, port: clamd.port, connectMs: 500 })
      const lab = await start(t, { scanner })
      const content = await picture()
      lab.files.routes.set('/a.jpg', await picture())
      await clamd.stop()
      const media = await lab.upload(content)
      t.equal(media.status, 'pending')
      await lab.work()
      const ids = [
        await lab.send({ mediaId: media.id }),
        await lab.send({ mediaUrl: `${lab.files.url}/a.jpg` }),
        await lab.send({
          mediaUrl: 'http://unused.example',
          metadata: { media: [{ media_id: media.id }] },
        }),
      ]
      for (const id of ids) await lab.waits(id)
      await clamd.restart()
      await lab.hasten()
      for (const id of ids) await lab.becomes(id, 'sent')
      t.equal(lab.taken.length, 3)
    },
  )

  t.test('a virus is never handed to the provider, however it is named', async (t) => {
    const clamd = await startClamd(t)
    const scanner = createScanner({ host: clamd.host, port: clamd.port })
    const lab = await start(t, { scanner })
    lab.files.routes.set('/bad.jpg', Buffer.concat([await picture(), Buffer.from(eicar)]))
    await lab.work()
    const id = await lab.send({ mediaUrl: `${lab.files.url}/bad.jpg` })
    await lab.becomes(id, 'failed', 'media_rejected')
    const bytes = Buffer.from(eicar).toString('base64')
    await lab.sql`
      insert into pigeonpost.accounts (tenant_id, channel, address, provider, rate_per_minute, daily_limit)
      values (1, 'email', 'us@example.com', 'scripted', null, null)`
    lab.provider.channels.push('email')
    const [mail] = await lab.sql<{ id: string }[]>`
      insert into pigeonpost.messages (tenant_id, channel, direction, address, body, metadata)
      values (1, 'email', 'outbound', 'ann@example.com', 'see', ${lab.sql.json({
        media: [{ filename: 'a.txt', content_type: 'text/plain', content_base64: bytes }],
      })}) returning id`
    await lab.becomes(mail?.id ?? '', 'failed', 'media_rejected')
    t.strictSame([lab.provider.requests, await lab.stored()], [[], []])
    await lab.spoolEmpties()
  })

  t.test('a file inside an outbound mail is scanned, and goes along', async (t) => {
    const clamd = await startClamd(t)
    const scanner = createScanner({ host: clamd.host, port: clamd.port })
    const lab = await start(t, { scanner, channel: 'email' })
    await lab.work()
    const [mail] = await lab.sql<{ id: string }[]>`
      insert into pigeonpost.messages (tenant_id, channel, direction, address, body, metadata)
      values (1, 'email', 'outbound', 'ann@example.com', 'see', ${lab.sql.json({
        media: [{ filename: 'a.csv', content_type: 'text/csv', content_base64: 'YSxiCjEsMgo=' }],
      })}) returning id`
    await lab.becomes(mail?.id ?? '', 'sent')
    t.match(lab.taken, [{ filename: 'a.csv', contentType: 'text/csv', size: 8 }])
    t.equal(lab.taken[0]?.content.toString(), 'a,b\n1,2\n')
    t.match(
      await lab.sql`select metadata -> 'media' as media from pigeonpost.messages where id = ${mail?.id ?? ''}`,
      [{ media: [{ filename: 'a.csv', content_base64: undefined }] }],
      'its bytes are kept once',
    )
  })
})
