import { createServer } from 'node:net'
import t, { type Test } from 'tap'
import { startMedia } from '../../../../adapters/worker/media/media.ts'
import type { Scanner } from '../../../../adapters/scan/index.ts'
import { eicar, noClamd, startClamd } from '../../../support/clamd.ts'
import { StorageUnavailableError } from '../../../../adapters/storage/index.ts'
import { mediaFolders, picture, scannerOf } from '../../../support/media.ts'
import { pool, silent } from '../../worker/delivery/support.ts'
import { waitFor } from '../../../support/wait.ts'
import { errorOf, testApi } from '../support/api.ts'

async function start(t: Test, options: { scanner?: Scanner | null; limit?: number } = {}) {
  const folders = await mediaFolders(t, options)
  const api = await testApi(t, { media: folders.settings })
  const upload = async (content: Uint8Array, filename = 'picture.jpg', type = 'image/jpeg') => {
    const form = new FormData()
    form.append('file', new Blob([content], { type }), filename)
    return send(form)
  }
  const send = async (body: FormData | Uint8Array, headers: Record<string, string> = {}) => {
    const response = await fetch(`${api.api.url}/api/v1/media`, {
      method: 'POST',
      headers: { authorization: `Bearer ${api.key}`, ...headers },
      body,
    })
    return {
      status: response.status,
      headers: response.headers,
      body: JSON.parse(await response.text()),
    }
  }
  /** The links lead to files.test; here they lead to our server. */
  const fetchFile = (url: string, headers: Record<string, string> = {}) =>
    fetch(url.replace('http://files.test', api.api.url), { headers })
  const nothingIsLeft = async (t: Test) => {
    t.strictSame(await folders.stored(), [], 'nothing is stored')
    t.strictSame(await folders.spooled(), [], 'nothing is in the spool')
  }
  const worker = () => {
    const running = startMedia({
      ...folders.settings,
      sql: pool(t, api.database.url),
      logger: silent,
    })
    t.teardown(async () => running.stop())
    return running
  }
  return { ...api, ...folders, upload, send, fetchFile, nothingIsLeft, worker }
}

t.test(
  'a picture goes in by a form and comes out by a link, whole, in parts and small',
  async (t) => {
    const { upload, get, fetchFile, spooled } = await start(t)
    const content = await picture(640, 480)
    const answer = await upload(content, '../../etc/Ünder\u202egpj.jpg')
    t.equal(answer.status, 201)
    const { data } = answer.body
    t.match(data, {
      ownerService: 'api',
      filename: 'Ündergpj.jpg',
      contentType: 'image/jpeg',
      size: content.length,
      status: 'unscanned',
      previewUrl: `/api/v1/media/${data.id}/preview`,
      metadata: { width: 640, height: 480 },
    })
    t.match(data.storageKey, /^messages\/1\/\d{4}\/\d\d\/[0-9a-f-]{36}$/)
    t.strictSame((await get(`/api/v1/media/${data.id}`)).body.data, data)
    t.strictSame(await spooled(), [])

    const link = (await get(`/api/v1/media/${data.id}/download`)).body.data
    const until = Date.parse(link.expiresAt) - Date.now()
    t.ok(until > 880_000 && until <= 900_000, 'it holds for a quarter of an hour')
    const whole = await fetchFile(link.url)
    t.equal(whole.headers.get('content-type'), 'image/jpeg')
    t.match(whole.headers.get('content-disposition'), /^attachment; filename/)
    t.match(whole.headers.get('cache-control'), /^private, max-age=(8|9)\d\d$/)
    t.equal(whole.headers.get('content-security-policy'), "default-src 'none'; sandbox")
    t.equal(whole.headers.get('x-content-type-options'), 'nosniff')
    t.ok(Buffer.from(await whole.arrayBuffer()).equals(content))
    const part = await fetchFile(link.url, { range: 'bytes=2-5' })
    t.equal(part.status, 206)
    t.ok(Buffer.from(await part.arrayBuffer()).equals(content.subarray(2, 6)))
    const wrong = await fetchFile(`${link.url}x`)
    t.equal(wrong.status, 403)
    t.equal(((await wrong.json()) as { code: string }).code, 'link_wrong')

    const preview = await fetchFile((await get(`${data.previewUrl}`)).body.data.url)
    t.equal(preview.headers.get('content-type'), 'image/webp')
    t.ok((await preview.arrayBuffer()).byteLength > 100)
  },
)

t.test('a link may be followed at once', async (t) => {
  const { upload, api, key } = await start(t)
  const { data } = (await upload(await picture())).body
  const response = await fetch(
    `${api.url}/api/v1/media/${data.id}/download?redirect=true&disposition=inline&expiresIn=60`,
    {
      headers: { authorization: `Bearer ${key}` },
      redirect: 'manual',
    },
  )
  t.equal(response.status, 302)
  t.match(response.headers.get('location'), /disposition=inline/)
})

t.test('a whole body with its name in a header is an upload too', async (t) => {
  const { send } = await start(t)
  const content = await picture()
  const one = await send(content, { 'content-type': 'image/jpeg', 'x-filename': 'K%C3%A4se.jpg' })
  t.match([one.status, one.body.data?.filename], [201, 'Käse.jpg'])
  const other = await send(await picture(), {
    'content-type': 'application/octet-stream',
    'content-disposition': `attachment; filename*=UTF-8''na%C3%AFve.png`,
  })
  t.match(
    [other.status, other.body.data?.filename],
    [201, 'naïve.jpg'],
    'by its content it is a JPEG',
  )
})

t.test('what is no good upload is refused with the field, and nothing is left', async (t) => {
  const { upload, send, nothingIsLeft, sql } = await start(t, { limit: 100_000 })
  const good = await picture()
  const zip = Buffer.concat([Buffer.from('PK\x03\x04'), Buffer.alloc(200, 1)])
  const form = (...parts: [string, Blob | string][]) => {
    const all = new FormData()
    for (const [name, value] of parts) {
      if (typeof value === 'string') all.append(name, value)
      else all.append(name, value, 'a.jpg')
    }
    return all
  }
  const blob = new Blob([good])
  const cases: [string, () => ReturnType<typeof send>, number, string, string][] = [
    ['a ZIP named .jpg', () => upload(zip), 415, 'unsupported_type', 'file'],
    [
      'text',
      () => upload(Buffer.from('hello'), 'a.txt', 'text/plain'),
      415,
      'unsupported_type',
      'file',
    ],
    [
      'a picture that breaks off',
      () => upload(good.subarray(0, 900)),
      422,
      'image_undecodable',
      'file',
    ],
    [
      'too many bytes',
      () => upload(Buffer.concat([good, Buffer.alloc(100_000)])),
      413,
      'file_too_large',
      'file',
    ],
    [
      'too many bytes, and no form',
      () => send(Buffer.alloc(100_001)),
      413,
      'file_too_large',
      'file',
    ],
    ['no bytes', () => upload(Buffer.alloc(0)), 400, 'file_missing', 'file'],
    ['no file', () => send(form()), 400, 'file_missing', 'file'],
    ['another field', () => send(form(['photo', blob])), 400, 'form_field_unknown', 'photo'],
    [
      'two files',
      () => send(form(['file', blob], ['file', blob])),
      400,
      'form_field_unknown',
      'file',
    ],
    [
      'a field beside the file',
      () => send(form(['file', blob], ['note', 'x'])),
      400,
      'form_field_unknown',
      'note',
    ],
    [
      'a form without a boundary',
      () => send(Buffer.from('x'), { 'content-type': 'multipart/form-data' }),
      400,
      'form_malformed',
      'body',
    ],
    [
      'a form that ends early',
      () =>
        send(
          Buffer.from(
            '--x\r\ncontent-disposition: form-data; name="file"; filename="a"\r\n\r\nabc',
          ),
          { 'content-type': 'multipart/form-data; boundary=x' },
        ),
      400,
      'form_malformed',
      'body',
    ],
  ]
  for (const [what, ask, status, code, field] of cases) {
    const answer = await ask()
    const error = errorOf(t, answer)
    t.match([answer.status, error.code, error.fields], [status, code, [field]], what)
    await nothingIsLeft(t)
  }
  t.equal((await sql`select from pigeonpost.media_files`).length, 0)
})

t.test('a client that goes away amid its upload leaves nothing', async (t) => {
  const { api, key, spooled, nothingIsLeft } = await start(t)
  const { connect } = await import('node:net')
  const { hostname, port } = new URL(api.url)
  const socket = connect(Number(port), hostname)
  socket.on('error', () => {})
  socket.write(
    `POST /api/v1/media HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${key}\r\ncontent-type: image/jpeg\r\ncontent-length: 1000000\r\n\r\n${'x'.repeat(50_000)}`,
  )
  await waitFor(async () => (await spooled()).length === 1, { what: 'the upload to begin' })
  socket.destroy()
  await waitFor(async () => (await spooled()).length === 0, { what: 'the spool to be empty' })
  await nothingIsLeft(t)
})

t.test('the same file twice is stored once, and goes with the last of its rows', async (t) => {
  const { upload, call, stored, worker, get, sql } = await start(t)
  const content = await picture()
  const one = (await upload(content)).body.data
  const other = (await upload(content, 'again.jpg')).body.data
  t.not(one.id, other.id)
  t.equal(other.storageKey, one.storageKey)
  t.match(other, { filename: 'again.jpg', status: 'unscanned', metadata: { width: 64 } })
  t.equal((await stored()).length, 2, 'the file and its preview')
  worker()
  t.equal((await call('DELETE', `/api/v1/media/${one.id}`)).status, 200)
  t.equal((await get(`/api/v1/media/${other.id}/download`)).status, 200)
  t.equal((await call('DELETE', `/api/v1/media/${other.id}`)).status, 200)
  await waitFor(async () => (await stored()).length === 0, { what: 'the file to be deleted' })
  await waitFor(async () => (await sql`select from pigeonpost_private.media_tasks`).length === 0, {
    what: 'its tasks to end',
  })
  const gone = await get(`/api/v1/media/${other.id}`)
  t.match([gone.status, gone.body.code], [404, 'media_unknown'])
})

t.test('a repeated upload is answered as before, and stores nothing again', async (t) => {
  const { send, sql, spooled } = await start(t)
  const content = await picture()
  const headers = { 'content-type': 'image/jpeg', 'x-filename': 'a.jpg', 'idempotency-key': 'k' }
  const first = await send(content, headers)
  const [again, atOnce] = await Promise.all([send(content, headers), send(content, headers)])
  t.equal(first.status, 201)
  for (const answer of [again, atOnce]) {
    t.strictSame([answer.status, answer.body], [201, first.body])
    t.equal(answer.headers.get('idempotency-replayed'), 'true')
  }
  t.equal((await sql`select from pigeonpost.media`).length, 1)
  for (const [what, ask] of Object.entries({
    'another file': async () => send(await picture(), headers),
    'another name': async () => send(content, { ...headers, 'x-filename': 'b.jpg' }),
  })) {
    const refused = await ask()
    t.match([refused.status, refused.body.code], [409, 'idempotency_key_reused'], what)
  }
  t.strictSame(await spooled(), [])

  const other = await picture()
  const fresh = { ...headers, 'idempotency-key': 'two at once' }
  const both = await Promise.all([send(other, fresh), send(other, fresh)])
  t.strictSame(both[0]?.body, both[1]?.body)
  t.equal((await sql`select from pigeonpost.media`).length, 2)
  await sql`delete from pigeonpost.media`
  t.equal((await sql`select from pigeonpost.media_files`).length, 0)
  t.equal(
    (await send(Buffer.from('no picture'), { ...headers, 'idempotency-key': 'bad' })).status,
    415,
  )
  t.equal(
    (await send(content, { ...headers, 'idempotency-key': 'bad' })).status,
    201,
    'an error is not kept',
  )
})

t.test("another tenant's file is not there", async (t) => {
  const { upload, makeKey, get } = await start(t)
  const { data } = (await upload(await picture())).body
  const { key } = await makeKey({ tenantId: 2 })
  const theirs = { authorization: `Bearer ${key}` }
  for (const path of ['', '/download', '/preview']) {
    const answer = await get(`/api/v1/media/${data.id}${path}`, theirs)
    t.match([answer.status, answer.body.code], [404, 'media_unknown'])
  }
})

t.test('a file that a message still has to take along stays', async (t) => {
  const { upload, call, post, sql } = await start(t)
  const { data } = (await upload(await picture())).body
  const [account] =
    await sql`insert into pigeonpost.accounts (tenant_id, channel) values (1, 'whatsapp') returning id`
  const body = { to: '+27831234567', type: 'Image', mediaId: data.id, accountId: account?.['id'] }
  const sent = await post('/api/v1/messages', body)
  t.equal(sent.status, 202)
  const refused = await call('DELETE', `/api/v1/media/${data.id}`)
  t.match([refused.status, refused.body.code], [409, 'media_in_use'])
  await sql`update pigeonpost.messages set status = 'canceled'`
  t.equal((await call('DELETE', `/api/v1/media/${data.id}`)).status, 200)

  const unknown = await post('/api/v1/messages', {
    ...body,
    mediaId: '00000000-0000-7000-8000-000000000000',
  })
  t.match(
    [unknown.status, unknown.body.code, unknown.body.details[0].field],
    [404, 'media_unknown', 'mediaId'],
  )
  const both = await post('/api/v1/messages', { ...body, mediaUrl: 'https://example.com/a.jpg' })
  t.match([both.status, both.body.details[0].field], [400, 'mediaId'])
})

t.test('with a scanner', { skip: noClamd }, async (t) => {
  const clamd = await startClamd(t)

  t.test('what it finds clean is clean, and what it finds infected never is stored', async (t) => {
    const { upload, get, post, nothingIsLeft, sql, stored } = await start(t, {
      scanner: scannerOf(clamd),
    })
    const bad = Buffer.concat([await picture(), Buffer.from(eicar)])
    for (const round of [1, 2]) {
      const refused = await upload(bad)
      t.match([refused.status, errorOf(t, refused).code], [422, 'media_infected'], `${round}`)
      await nothingIsLeft(t)
    }
    const rows = await sql`select id, status, storage_key, error_message from pigeonpost.media`
    t.equal(rows.length, 2)
    t.match(rows[0], { status: 'infected', storage_key: null, error_message: /Eicar/ })
    const id = rows[0]?.['id']
    for (const path of ['download', 'preview']) {
      const answer = await get(`/api/v1/media/${id}/${path}`)
      t.match([answer.status, answer.body.code], [409, 'media_infected'])
    }
    await sql`insert into pigeonpost.accounts (tenant_id, channel) values (1, 'whatsapp')`
    const sent = await post('/api/v1/messages', { to: '+27831234567', type: 'Image', mediaId: id })
    t.match([sent.status, sent.body.code], [409, 'media_infected'])
    const events = await sql`select type from pigeonpost.event_log where type like 'media.%'`
    t.strictSame(
      events.map((row) => row['type']),
      ['media.rejected', 'media.rejected'],
    )
    const good = await upload(await picture())
    t.equal(good.body.data.status, 'clean')
    t.equal((await stored()).length, 2)
  })

  t.test(
    'while it is down files wait and are not given out, and are judged when it is back',
    async (t) => {
      const away = await freePort()
      const down = scannerOf({ ...clamd, port: away })
      const { upload, get, worker, settings, sql, stored } = await start(t, { scanner: down })
      const good = (await upload(await picture())).body.data
      const bad = (await upload(Buffer.concat([await picture(), Buffer.from(eicar)]))).body.data
      t.match([good.status, bad.status], ['pending', 'pending'])
      t.equal(good.previewUrl, null, 'nobody has looked inside')
      for (const { id } of [good, bad]) {
        const answer = await get(`/api/v1/media/${id}/download`)
        t.match([answer.status, answer.body.code], [409, 'media_pending'])
      }
      const running = worker()
      await waitFor(
        async () => {
          const [row] =
            await sql`select from pigeonpost_private.media_tasks where error_message is not null`
          return row !== undefined
        },
        { what: 'a scan that fails' },
      )
      t.equal((await get(`/api/v1/media/${good.id}`)).body.data.status, 'pending')
      await running.stop()
      settings.scanner = scannerOf(clamd)
      await sql`update pigeonpost_private.media_tasks set due_at = now()`
      worker()
      const status = async (id: string) => (await get(`/api/v1/media/${id}`)).body.data.status
      await waitFor(async () => (await status(good.id)) === 'clean', {
        what: 'the good one to be clean',
      })
      await waitFor(async () => (await status(bad.id)) === 'infected', {
        what: 'the bad one to be found',
      })
      t.match((await get(`/api/v1/media/${good.id}`)).body.data, {
        metadata: { width: 64 },
        previewUrl: String,
      })
      await waitFor(async () => (await stored()).length === 2, {
        what: 'the bad one to be deleted',
      })
      const events =
        await sql`select type from pigeonpost.event_log where type like 'media.%' order by type`
      t.strictSame(
        events.map((row) => row['type']),
        ['media.rejected', 'media.uploaded'],
      )
    },
  )
})

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((done) => void server.listen(0, '127.0.0.1', done))
  const address = server.address()
  await new Promise<void>((done) => void server.close(() => done()))
  return typeof address === 'object' && address ? address.port : 0
}

t.test('a storage that cannot be used is no fault of the request: 503', async (t) => {
  const { settings } = await mediaFolders(t)
  const gone = async () => {
    throw new StorageUnavailableError('connect ECONNREFUSED 10.0.0.7')
  }
  const current = { ...settings.storages.current, put: gone, presign: gone }
  const storages = { ...settings.storages, current, get: async () => current }
  const api = await testApi(t, { media: { ...settings, storages } })
  const response = await fetch(`${api.api.url}/api/v1/media`, {
    method: 'POST',
    headers: { authorization: `Bearer ${api.key}` },
    body: await picture(),
  })
  t.equal(response.status, 503)
  t.equal(response.headers.get('retry-after'), '1')
  const body = await response.text()
  t.match(JSON.parse(body), { success: false, code: 'storage_unavailable' })
  t.notMatch(body, '10.0.0.7')
})
