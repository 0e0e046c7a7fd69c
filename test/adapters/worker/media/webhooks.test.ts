import type { IncomingMessage, ServerResponse } from 'node:http'
import t, { type Test } from 'tap'
import { createScanner } from '../../../../adapters/scan/index.ts'
import { startMedia } from '../../../../adapters/worker/media/media.ts'
import { eicar, noClamd, startClamd } from '../../../support/clamd.ts'
import { type FileServer, startFileServer } from '../../../support/file-server.ts'
import { mediaFolders, picture } from '../../../support/media.ts'
import type { Peer, PeerRequest } from '../../../support/peer.ts'
import { waitFor } from '../../../support/wait.ts'
import { genericPeer, mime } from '../../channels/email/peer.ts'
import { fakechatPeer } from '../../channels/fakechat/peer.ts'
import { createLab } from '../../channels/lab.ts'
import { form, peer as sendgridPeer } from '../../channels/sendgrid/peer.ts'
import { telegramPeer } from '../../channels/telegram/peer.ts'
import { smsPeer } from '../../channels/twilio/peer.ts'
import { peer as whatsappPeer } from '../../channels/whatsapp/peer.ts'
import { pool, silent } from '../delivery/support.ts'

const at = new Date('2026-11-01T10:00:00Z')

type Servers = { provider: FileServer; elsewhere: FileServer }
type Kind = {
  peer: Peer
  /** Has the servers give the content, and makes the webhook that tells of it. */
  send(about: Servers & { content: Buffer; peer: Peer }): PeerRequest
  /** What the file is called then. */
  filename: string | RegExp
}

/** The account's provider is our server; what its settings say besides stays. */
function onServer(peer: Peer, { provider }: Servers): Peer {
  const settings = { ...peer.account.settings, api_url: provider.url }
  return { ...peer, account: { ...peer.account, settings } }
}

function mediaOf(peer: Peer): PeerRequest {
  if (!peer.media) throw new Error('the peer sends no media')
  return peer.media({ id: peer.id(1), from: peer.person(1), caption: 'look', at })
}

/** Gives the content to who shows this, and to nobody else. */
function guarded(authorization: string | undefined, content: Buffer) {
  return ({ headers }: IncomingMessage, response: ServerResponse) => {
    if (headers.authorization === authorization) response.end(content)
    else response.writeHead(401).end()
  }
}

const kinds: Record<string, Kind> = {
  'fakechat, by a URL': {
    peer: fakechatPeer,
    filename: 'cat.jpg',
    send({ elsewhere, content, peer }) {
      elsewhere.routes.set('/cat.jpg', content)
      const request = mediaOf(peer)
      return {
        ...request,
        body: String(request.body).replace('https://media.example', elsewhere.url),
      }
    },
  },
  'the generic webhook, by a URL': {
    peer: genericPeer,
    filename: 'photo.jpg',
    send({ elsewhere, content, peer }) {
      elsewhere.routes.set('/photo.png', content)
      const request = mediaOf(peer)
      return {
        ...request,
        body: String(request.body).replace('https://files.example.com', elsewhere.url),
      }
    },
  },
  'Twilio, with credentials that its redirect does not get to see': {
    peer: smsPeer,
    filename: /\.jpg$/,
    send({ provider, elsewhere, content, peer }) {
      const values = new URLSearchParams(String(mediaOf(peer).body))
      const path = new URL(values.get('MediaUrl0') ?? '').pathname
      values.set('MediaUrl0', provider.url + path)
      const { account_sid: sid } = peer.account.settings
      const { auth_token: token } = JSON.parse(peer.account.secret ?? '') as { auth_token: string }
      const basic = `Basic ${Buffer.from(`${String(sid)}:${token}`).toString('base64')}`
      provider.routes.set(path, ({ headers }, response) => {
        const known = headers.authorization === basic
        response.writeHead(known ? 307 : 401, { location: `${elsewhere.url}/signed` }).end()
      })
      elsewhere.routes.set('/signed', guarded(undefined, content))
      return { ...mediaOf(peer), body: values.toString() }
    },
  },
  'WhatsApp, by an id': {
    peer: whatsappPeer,
    filename: /\.jpg$/,
    send({ provider, content, peer }) {
      const { access_token: token } = JSON.parse(peer.account.secret ?? '') as Record<
        string,
        string
      >
      const { headers } = { headers: `Bearer ${token}` }
      provider.routes.set('/v25.0/2754859441498', (request, response) => {
        if (request.headers.authorization !== headers) response.writeHead(401).end('{}')
        else response.end(JSON.stringify({ url: `${provider.url}/lookaside`, id: '2754859441498' }))
      })
      provider.routes.set('/lookaside', guarded(headers, content))
      return mediaOf(peer)
    },
  },
  'Telegram, by a file_id': {
    peer: telegramPeer,
    filename: /\.jpg$/,
    send({ provider, content, peer }) {
      const { bot_token: token } = JSON.parse(peer.account.secret ?? '') as Record<string, string>
      provider.routes.set(`/bot${token}/getFile`, (_, response, body) => {
        const { file_id: id } = JSON.parse(body) as { file_id: string }
        response.end(JSON.stringify({ ok: true, result: { file_path: `photos/${id}.jpg` } }))
      })
      provider.routes.set(`/file/bot${token}/photos/AgAD-large.jpg`, content)
      return mediaOf(peer)
    },
  },
  'SendGrid, inside a whole mail': {
    peer: sendgridPeer,
    filename: 'photo.jpg',
    send({ content, peer }) {
      const { address } = peer.account
      const what = { id: peer.id(1), from: peer.person(1), at }
      const file = { filename: 'photo.jpg', type: 'image/jpeg', content }
      const mail = mime(what, 'look', file).replace(/^To: .*$/m, `To: ${address}`)
      return form([
        ['envelope', JSON.stringify({ to: [address], from: what.from })],
        ['email', mail],
      ])
    },
  },
}

async function prepare(
  t: Test,
  { peer, send }: Kind,
  content: Buffer,
  scanner: Parameters<typeof mediaFolders>[1] = {},
) {
  const servers = { provider: await startFileServer(t), elsewhere: await startFileServer(t) }
  const own = onServer(peer, servers)
  const lab = await createLab(t, own)
  const folders = await mediaFolders(t, scanner)
  const files = () => lab.sql`
    select x.*, m.body, m.media_id from pigeonpost.messages m
    join pigeonpost.media x on x.tenant_id = m.tenant_id and x.message_id = m.id`
  await lab.post(send({ ...servers, content, peer: own }))
  return {
    ...lab,
    ...folders,
    files,
    events: () => lab.sql`
      select type, payload from pigeonpost.read_events(null, 500, 1) where type like 'media.%'`,
    /** Runs the worker until the file is not pending any more. */
    async work() {
      const privateHosts = [servers.provider.host, servers.elsewhere.host]
      const worker = startMedia({
        ...folders.settings,
        privateHosts,
        sql: pool(t, lab.url),
        logger: silent,
      })
      t.teardown(async () => worker.stop())
      await waitFor(async () => (await files()).every((row) => row['status'] !== 'pending'), {
        what: 'the file to come',
      })
    },
  }
}

for (const [name, kind] of Object.entries(kinds)) {
  t.test(`a file that comes by ${name} follows its message`, async (t) => {
    const content = await picture()
    const { files, work, events, stored, settings } = await prepare(t, kind, content)
    const [waiting] = await files()
    t.match(waiting, { status: 'pending', body: 'look', media_id: null, storage_key: null })
    t.equal((await files()).length, 1)
    await work()
    const [here] = await files()
    t.match(here, {
      status: 'unscanned',
      filename: kind.filename,
      content_type: 'image/jpeg',
      size: String(content.length),
      media_id: here?.['id'],
      metadata: { width: 64 },
    })
    t.match(await events(), [
      {
        type: 'media.uploaded',
        payload: {
          event_id: /^[0-9a-f-]{36}$/,
          media_id: here?.['id'],
          filename: here?.['filename'],
          content_type: 'image/jpeg',
          timestamp: /^\d{4}-\d\d-\d\dT.*Z$/,
        },
      },
    ])
    const bytes = await settings.storages.current.get(String(here?.['storage_key']))
    t.ok(Buffer.concat(await bytes.toArray()).equals(content))
    t.equal((await stored()).length, 2, 'the file and its preview')
  })
}

t.test('a virus that comes by a webhook', { skip: noClamd }, async (t) => {
  const clamd = await startClamd(t)
  for (const name of ['fakechat, by a URL', 'SendGrid, inside a whole mail'] as const) {
    t.test(`by ${name}, is found, never stored, and its message keeps its text`, async (t) => {
      const kind = kinds[name]
      if (!kind) throw new Error(name)
      const bad = Buffer.concat([await picture(), Buffer.from(eicar)])
      const scanner = createScanner({ host: clamd.host, port: clamd.port })
      const { files, work, events, stored, spoolEmpties } = await prepare(t, kind, bad, { scanner })
      await work()
      t.match(await files(), [
        {
          status: 'infected',
          body: 'look',
          media_id: null,
          storage_key: null,
          error_code: 'media_infected',
        },
      ])
      t.match(await events(), [
        { type: 'media.rejected', payload: { error_code: 'media_infected' } },
      ])
      t.strictSame(await stored(), [])
      await spoolEmpties()
    })
  }
})
