/** What Baileys' errors and WhatsApp's codes mean. */

import type { SendOutcome } from '../../channel.ts'
import { FileUnreadable } from '../../shared/multipart.ts'
import { NotConnected } from '../bridge/socket.ts'
import { asObject } from '../values.ts'

/**
 * Codes in the server's acknowledgement of a message (`<ack class="message" error="…">`). All are final: Baileys also
 * reports them as a status, and sending again makes a restriction worse. Source: Baileys, lib/Utils/decode-wa-message.js
 * (SERVER_ERROR_CODES, NACK_REASONS) and lib/Socket/messages-recv.js (handleBadAck).
 */
const refusals: Record<string, { code: string; meaning: string }> = {
  '463': {
    code: 'recipient_unreachable',
    meaning: 'WhatsApp lets this account start no new chats; existing ones go on',
  },
  '479': {
    code: 'stanza_invalid',
    meaning: 'WhatsApp could not read the message, mostly for a stale session of the device',
  },
  '403': { code: 'forbidden', meaning: 'we are not in the group, or may not write in it' },
  '404': { code: 'recipient_unknown', meaning: 'there is no such recipient' },
}

export function refusal(code: string): SendOutcome {
  const known = refusals[code]
  return {
    outcome: 'not_sent',
    retryable: false,
    errorCode: known?.code ?? `whatsapp_${code}`,
    errorMessage: `WhatsApp refused the message (${code})${known ? `: ${known.meaning}` : ''}.`,
  }
}

/**
 * What sendMessage threw. It prepares (downloads and uploads files, asks for devices and keys), then writes one stanza;
 * only what certainly comes before that is `not_sent`:
 * - the connection was closed (428), which is thrown instead of writing, and at the questions before it;
 * - the server refused one of those questions: `data` is then its code (assertNodeErrorFree);
 * - the file could not be read or uploaded, or the content is none (400).
 * Anything else, timeouts (408) above all, may have happened after it was written: `ambiguous`.
 */
export function thrown(error: unknown): SendOutcome {
  const message = error instanceof Error ? error.message : String(error)
  if (error instanceof NotConnected) return notSent('not_connected', message, true)
  if (error instanceof FileUnreadable) return notSent('media_unreadable', message, true)
  const boom = asObject(error)
  const status = asObject(boom?.['output'])?.['statusCode']
  const data = boom?.['data']
  if (status === 428) return notSent('not_connected', message, true)
  if (status === 401) {
    return { ...notSent('logged_out', message, false), account: 'disconnect' }
  }
  if (status === 400) return notSent('content_unsupported', message, false)
  if (typeof data === 'number' && data >= 400) {
    if (data === 429) return notSent('rate_limited', message, true)
    return data >= 500
      ? notSent(String(data), message, true)
      : notSent(refusals[String(data)]?.code ?? String(data), message, false)
  }
  if (/^(Failed to fetch stream|Media upload failed)/i.test(message)) {
    return notSent('media_unavailable', message, true)
  }
  return {
    outcome: 'ambiguous',
    errorCode: status === 408 ? 'timeout' : 'send_failed',
    errorMessage: message,
  }
}

function notSent(errorCode: string, errorMessage: string, retryable: boolean) {
  return {
    outcome: 'not_sent' as const,
    retryable,
    errorCode,
    errorMessage: errorMessage.slice(0, 500),
  }
}

/** How a connection's end is to be taken. */
export type End = {
  code: string
  /** `again`: connect again, at once or after a while. `account`: it cannot send any more. `stop`: leave it to others. */
  next: 'again' | 'at_once' | 'account' | 'stop'
  meaning: string
}

/** Source: Baileys, lib/Types/index.js (DisconnectReason), whose numbers are the errors' status codes. */
const ends: Record<number, End> = {
  401: { code: 'logged_out', next: 'account', meaning: 'the device was unlinked; link it again' },
  403: { code: 'forbidden', next: 'account', meaning: 'WhatsApp banned the number or the device' },
  411: {
    code: 'multidevice_mismatch',
    next: 'account',
    meaning: 'the phone does not take linked devices; link it again',
  },
  440: {
    code: 'connection_replaced',
    next: 'stop',
    meaning: 'another process connected with the same login; taking it back would begin a fight',
  },
  515: { code: 'restart_required', next: 'at_once', meaning: 'usual after linking' },
}

export function endOf(lastDisconnect: unknown): End {
  const error = asObject(asObject(lastDisconnect)?.['error'])
  const status = asObject(error?.['output'])?.['statusCode']
  const known = typeof status === 'number' ? ends[status] : undefined
  const message = typeof error?.['message'] === 'string' ? error['message'] : 'no reason was given'
  const code = typeof status === 'number' ? String(status) : 'closed'
  return known ?? { code, next: 'again', meaning: message }
}
