import { createPublicKey, verify as verifySignature } from 'node:crypto'
import type { ChannelAccount, WebhookRequest } from '../channel.ts'
import { isSameSecret, readSecrets } from '../../shared/secrets.ts'
import { isEvents } from './receive.ts'

/**
 * Events have to be signed with the key in `settings.webhook_public_key` (one, or an array of several); with none
 * configured they are refused. A mail (Inbound Parse) is signed likewise where a security policy says so, and else
 * shows the account's `inbound_token` in its URL: `?token=…`.
 *
 * The signature is ECDSA on P-256 with SHA-256, over the timestamp's header and the exact bytes, trailing CRLF
 * included. https://www.twilio.com/docs/sendgrid/for-developers/tracking-events/getting-started-event-webhook-security-features
 */
export function verify(request: WebhookRequest, account: ChannelAccount): boolean {
  const keys = [account.settings['webhook_public_key']].flat()
  const signature = request.headers['x-twilio-email-event-webhook-signature']
  const timestamp = request.headers['x-twilio-email-event-webhook-timestamp']
  if (keys.some((key) => key) && signature && timestamp) {
    const signed = Buffer.concat([Buffer.from(timestamp), request.body])
    return keys.some((key) => typeof key === 'string' && isSigned(key, signed, signature))
  }
  if (isEvents(request)) return false
  const token = readSecrets(account.secret, 'api_key')['inbound_token']
  const given = request.query['token']
  return isSameSecret(given, token)
}

/** `key` is PEM, or its base64 alone, as SendGrid shows it. */
function isSigned(key: string, signed: Buffer, signature: string): boolean {
  try {
    const base64 = key.replace(/-----[A-Z ]+-----/g, '').replace(/\s+/g, '')
    const publicKey = createPublicKey({
      key: Buffer.from(base64, 'base64'),
      format: 'der',
      type: 'spki',
    })
    return (
      publicKey.asymmetricKeyDetails?.namedCurve === 'prime256v1' &&
      verifySignature('sha256', signed, publicKey, Buffer.from(signature, 'base64'))
    )
  } catch {
    return false
  }
}
