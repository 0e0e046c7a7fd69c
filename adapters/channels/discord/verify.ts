import { createPublicKey, verify as verifySignature } from 'node:crypto'
import type { ChannelAccount, WebhookRequest } from '../channel.ts'
import { isSameSecret, readSecrets } from '../../shared/secrets.ts'

/**
 * Whether it is Discord that calls, or our bridge:
 * - with X-Signature-Ed25519, an Ed25519 signature (hex) over X-Signature-Timestamp and the raw body, by the key whose
 *   public half (hex) is `settings.public_key`.
 *   https://discord.com/developers/docs/interactions/overview#setting-up-an-endpoint-validating-security-request-headers
 * - else the secret `bridge_token`, as `Authorization: Bearer …` or `X-Pigeonpost-Token`.
 *
 * A request with a signature has to stand by it: a token beside it does not help.
 */
export function verify(request: WebhookRequest, account: ChannelAccount): boolean {
  const signature = request.headers['x-signature-ed25519']
  return signature === undefined
    ? verifyBridge(request, account)
    : verifyDiscord(request, signature, account.settings['public_key'])
}

/** What precedes the 32 bytes of an Ed25519 key in DER (RFC 8410). */
const derPrefix = Buffer.from('302a300506032b6570032100', 'hex')

function verifyDiscord({ headers, body }: WebhookRequest, signature: string, key: unknown) {
  const timestamp = headers['x-signature-timestamp']
  if (!timestamp || typeof key !== 'string') return false
  // Buffer.from(…, 'hex') would stop in silence at what is none.
  if (!/^[0-9a-f]{64}$/i.test(key) || !/^[0-9a-f]{128}$/i.test(signature)) return false
  try {
    const publicKey = createPublicKey({
      key: Buffer.concat([derPrefix, Buffer.from(key, 'hex')]),
      format: 'der',
      type: 'spki',
    })
    const signed = Buffer.concat([Buffer.from(timestamp), body])
    return verifySignature(null, signed, publicKey, Buffer.from(signature, 'hex'))
  } catch {
    return false
  }
}

function verifyBridge({ headers }: WebhookRequest, { secret }: ChannelAccount): boolean {
  const expected = readSecrets(secret, 'bot_token')['bridge_token']
  const bearer = /^Bearer (.+)$/i.exec(headers['authorization'] ?? '')?.[1]
  const given = headers['x-pigeonpost-token'] ?? bearer
  return isSameSecret(given, expected)
}
