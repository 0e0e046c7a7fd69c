import { createHmac, timingSafeEqual } from 'node:crypto'
import type { ChannelAccount, WebhookAnswer, WebhookRequest } from '../channel.ts'
import { isSameSecret, readSecrets } from '../../shared/secrets.ts'

/** The secret that stands alone where an account's secret is no JSON object. */
export const mainSecret = 'access_token'

/**
 * A GET is Meta's check of a new webhook: `hub.verify_token` is what was typed in there (secret `verify_token`).
 * Anything else carries `X-Hub-Signature-256: sha256=` and, in hex, the HMAC-SHA256 of the exact bytes with the app's
 * secret (`app_secret`). An account that has no such secret lets nothing in.
 * Source: https://developers.facebook.com/docs/graph-api/webhooks/getting-started
 */
export function verify(request: WebhookRequest, account: ChannelAccount): boolean {
  const { verify_token: token, app_secret: appSecret } = readSecrets(account.secret, mainSecret)
  if (request.method === 'GET') {
    const given = request.query['hub.verify_token']
    return isSameSecret(given, token)
  }
  const given = request.headers['x-hub-signature-256']
  if (!appSecret || given === undefined) return false
  if (!/^sha256=[0-9a-f]{64}$/.test(given)) return false
  const signature = createHmac('sha256', appSecret).update(request.body).digest()
  return timingSafeEqual(Buffer.from(given.slice('sha256='.length), 'hex'), signature)
}

/** Meta's check is answered with its own `hub.challenge`. */
export function handshake(request: WebhookRequest): WebhookAnswer | null {
  const challenge = request.query['hub.challenge']
  if (request.method !== 'GET' || request.query['hub.mode'] !== 'subscribe' || !challenge) {
    return null
  }
  return { status: 200, contentType: 'text/plain', body: challenge }
}
