import { createCipheriv, createHmac } from 'node:crypto'
import { getMediaKeys } from 'baileys'
import { baileys } from '../../../../adapters/channels/baileys/index.ts'
import { messageIdOf } from '../../../../adapters/channels/baileys/message-id.ts'
import { startFileServer } from '../../../support/files.ts'
import type { Peer, PeerRequest } from '../../../support/peer.ts'

const jid = (address: string) => `${address.slice(1)}@s.whatsapp.net`
const lid = (address: string) => `${address.slice(4)}0099@lid`

/** A file as WhatsApp's servers have it, by the keys that Baileys derives. */
export async function encrypt(
  bytes: Buffer,
  mediaKey: Buffer,
  type: 'image' | 'document' | 'audio' | 'video',
): Promise<Buffer> {
  const { iv, cipherKey, macKey } = await getMediaKeys(mediaKey, type)
  const aes = createCipheriv('aes-256-cbc', cipherKey, iv)
  const body = Buffer.concat([aes.update(bytes), aes.final()])
  const mac = createHmac('sha256', macKey ?? '')
    .update(iv)
    .update(body)
    .digest()
    .subarray(0, 10)
  return Buffer.concat([body, mac])
}

/** As decodeMessageNode makes keys in a chat or group that is addressed by LIDs. */
export function keyOf(what: {
  id: string
  from: string
  group?: string
  fromMe?: boolean
}): object {
  const { id, from, group, fromMe = false } = what
  return group
    ? {
        remoteJid: group,
        fromMe,
        id,
        participant: lid(from),
        participantAlt: jid(from),
        addressingMode: 'lid',
      }
    : {
        remoteJid: lid(from),
        remoteJidAlt: jid(from),
        fromMe,
        id,
        participant: '',
        addressingMode: 'lid',
      }
}

export function post(...events: { event: string; data: unknown; at?: number }[]): PeerRequest {
  return {
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(events.length === 1 ? events[0] : events),
  }
}

export const seconds = (at: Date) => Math.floor(at.getTime() / 1000)

function upsert(key: object, message: object, at: Date) {
  const info = { key, messageTimestamp: seconds(at), pushName: 'Thandi', broadcast: false, message }
  return { event: 'messages.upsert', data: { messages: [info], type: 'notify' } }
}

/** The id of the message that an edit, a revoke or a reaction itself comes in. */
const carrier = (id: string, kind: string) => `${id}${kind}`.slice(-40)

const statusOf = { delivered: 3, read: 4, failed: 0 }

export const peer: Peer = {
  channel: baileys,
  account: {
    channel: 'whatsapp',
    address: '+27820000000',
    provider: 'baileys',
    settings: {},
    secret: null,
  },
  id: (n) => messageIdOf(`0193a5b0-7c00-7000-8000-${n.toString(16).padStart(12, '0')}`),
  person: (n) => `+2783${String(1_000_000 + n)}`,
  groupId: (n) => `1203630${String(10_000_000_000 + n)}@g.us`,
  sign: (request) => request,

  text: ({ id, from, body, at, group }) =>
    post(upsert(keyOf({ id, from, ...(group ? { group } : {}) }), { conversation: body }, at)),
  media: ({ id, from, caption, at }) =>
    post(
      upsert(
        keyOf({ id, from }),
        {
          imageMessage: {
            url: 'https://mmg.whatsapp.net/o1/v/t62/f2/image.enc',
            mimetype: 'image/jpeg',
            caption,
            fileSha256: { type: 'Buffer', data: Buffer.alloc(32, 7).toString('base64') },
            fileLength: { low: 48_213, high: 0, unsigned: true },
            mediaKey: { type: 'Buffer', data: Buffer.alloc(32, 9).toString('base64') },
            directPath: '/o1/v/t62/f2/image.enc',
          },
        },
        at,
      ),
    ),
  async serve(t, bytes) {
    const encrypted = await encrypt(bytes, Buffer.alloc(32, 9), 'image')
    const server = await startFileServer(t, ({ path }) =>
      path === '/o1/v/t62/f2/image.enc' ? { body: encrypted } : { status: 404 },
    )
    return { settings: { api_url: server.url } }
  },
  edit: ({ id, from, body, at, group }) => {
    const key = keyOf({ id, from, ...(group ? { group } : {}) })
    const message = { editedMessage: { message: { conversation: body } } }
    const timestampMs = String(seconds(at) * 1000)
    return post(
      upsert(
        { ...key, id: carrier(id, 'E') },
        {
          protocolMessage: {
            key: { id },
            type: 14,
            editedMessage: { conversation: body },
            timestampMs,
          },
        },
        at,
      ),
      {
        event: 'messages.update',
        data: [{ key, update: { message, messageTimestamp: seconds(at) } }],
      },
    )
  },
  revoke: ({ id, from, at, group }) => {
    const key = keyOf({ id, from, ...(group ? { group } : {}) })
    const revoking = { ...key, id: carrier(id, 'D') }
    const update = { message: null, messageStubType: 1, key: revoking }
    return post(upsert(revoking, { protocolMessage: { key: { id }, type: 0 } }, at), {
      event: 'messages.update',
      data: [{ key, update }],
      at: seconds(at) * 1000,
    })
  },
  reaction: ({ id, from, emoji, at, group }) => {
    const reactor = keyOf({ id: carrier(id, 'R'), from, ...(group ? { group } : {}) })
    const reaction = { key: reactor, text: emoji ?? '', senderTimestampMs: at.getTime() }
    return post({
      event: 'messages.reaction',
      data: [{ key: keyOf({ id, from, fromMe: true, ...(group ? { group } : {}) }), reaction }],
    })
  },
  receipt: ({ id, to, status, at }) => {
    const key = { remoteJid: jid(to), id, fromMe: true }
    const refused = status === 'failed' ? { messageStubParameters: ['463'] } : {}
    const update = { status: statusOf[status], messageTimestamp: seconds(at), ...refused }
    return post({ event: 'messages.update', data: [{ key, update }] })
  },
  receipts: ['delivered', 'read', 'failed'],
}
