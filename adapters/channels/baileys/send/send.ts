import { cannotSend } from '../../shared/content.ts'
import type {
  ChannelAccount,
  OutboundMessage,
  Provider,
  SendContext,
  SendOutcome,
} from '../../channel.ts'
import { contentsOf, jidOf, quotedOf } from './compose.ts'
import { refusal, thrown } from './errors.ts'
import { messageIdOf } from '../message-id.ts'
import type { BaileysConnection, BaileysContent, SendOptions } from '../bridge/socket.ts'

export type BaileysProviderOptions = {
  /** The account's bridge; null where this process has none. */
  socketOf: (account: ChannelAccount) => BaileysConnection | null
}

/**
 * Sends through the account's linked device. The external id is `messageIdOf(attemptId)`, known before anything leaves;
 * `sent` means that WhatsApp's server acknowledged it. A second message under the same id is not known to be taken once.
 *
 * With `settings.check_recipient` numbers are looked up first, and one that is not on WhatsApp is refused for good:
 * writing to such numbers gets a number banned. WhatsApp's own spelling of the number (Brazil's ninth digit) is used.
 */
export function baileysProvider({ socketOf }: BaileysProviderOptions): Provider {
  return {
    name: 'baileys',
    channels: ['whatsapp'],
    takesIdempotencyKey: () => false,
    async send(message, context) {
      const jid = jidOf(message)
      if (!jid) return cannotSend('recipient_invalid', 'The recipient is no phone, LID or group.')
      const contents = contentsOf(message)
      if (typeof contents === 'string') return cannotSend('content_unsupported', contents)
      if (context.signal.aborted) return aborted()
      const connection = socketOf(context.account)
      if (!connection || connection.state === 'connecting' || connection.state === 'stopped') {
        return later('not_connected', 'The account is not connected to WhatsApp.')
      }
      if (connection.state === 'ended') return loggedOut()
      const recipient = await checkRecipient(connection, jid, context)
      return typeof recipient === 'string'
        ? sendAll(connection, recipient, contents, message, context.signal)
        : recipient
    },
  }
}

/** The JID to send to, or why not. LIDs and groups cannot be looked up. */
async function checkRecipient(
  connection: BaileysConnection,
  jid: string,
  { account, signal }: SendContext,
): Promise<string | SendOutcome> {
  if (account.settings['check_recipient'] !== true || !jid.endsWith('@s.whatsapp.net')) return jid
  try {
    const answer = await inTime(connection.onWhatsApp(jid), signal)
    if (answer === late) return later('timeout', 'WhatsApp did not say whether it has the number.')
    if (!answer)
      return later('recipient_unchecked', 'WhatsApp did not say whether it has the number.')
    const found = answer.find(({ exists }) => exists === true)
    return found?.jid ?? cannotSend('recipient_unknown', 'The number is not on WhatsApp.')
  } catch (error) {
    // Nothing was sent yet, whatever went wrong.
    const outcome = thrown(error)
    return outcome.outcome === 'not_sent'
      ? { ...outcome, retryable: outcome.account === undefined }
      : later('recipient_unchecked', String(error))
  }
}

/** In order, each after the last was acknowledged. Once one has left, the message is never simply `not_sent`. */
async function sendAll(
  connection: BaileysConnection,
  jid: string,
  contents: BaileysContent[],
  message: OutboundMessage,
  signal: AbortSignal,
): Promise<SendOutcome> {
  const reacts = contents.some((content) => 'react' in content)
  const quoted = reacts ? null : quotedOf(message)
  for (const [part, content] of contents.entries()) {
    const options: SendOptions = {
      messageId: messageIdOf(message.attemptId, part),
      ...(part === 0 ? quoted : null),
    }
    const failure = await sendOne(connection, jid, content, options, signal)
    if (failure && part === 0) return failure
    if (failure && failure.outcome !== 'sent') {
      return {
        outcome: 'ambiguous',
        errorCode: 'partly_sent',
        errorMessage: `${part} of ${contents.length} parts were sent: ${failure.errorMessage}`,
      }
    }
  }
  return { outcome: 'sent', externalMessageId: messageIdOf(message.attemptId) }
}

/** Null where WhatsApp took it. */
async function sendOne(
  connection: BaileysConnection,
  jid: string,
  content: BaileysContent,
  options: SendOptions,
  signal: AbortSignal,
): Promise<SendOutcome | null> {
  try {
    const word = await inTime(connection.send(jid, content, options), signal)
    if (word === 'taken') return null
    if (word === late) return ambiguous('timeout', 'WhatsApp did not acknowledge it in time.')
    if (word === 'lost')
      return ambiguous(
        'connection_lost',
        'The connection was lost before WhatsApp acknowledged it.',
      )
    return refusal(word.refused)
  } catch (error) {
    return thrown(error)
  }
}

const late = Symbol('late')

/** What the promise gives, or `late`. A socket's work cannot be called off: it may still happen. */
async function inTime<T>(promise: Promise<T>, signal: AbortSignal): Promise<T | typeof late> {
  const { promise: over, resolve } = Promise.withResolvers<typeof late>()
  const onAbort = () => resolve(late)
  signal.addEventListener('abort', onAbort, { once: true })
  if (signal.aborted) onAbort()
  try {
    return await Promise.race([promise, over])
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}

function aborted(): SendOutcome {
  return later('aborted', 'The time was over before anything was sent.')
}

function later(errorCode: string, errorMessage: string): SendOutcome {
  return { outcome: 'not_sent', retryable: true, errorCode, errorMessage }
}

function loggedOut(): SendOutcome {
  return {
    outcome: 'not_sent',
    retryable: false,
    errorCode: 'logged_out',
    errorMessage: 'The number is no longer linked to this device.',
    account: 'disconnect',
  }
}

function ambiguous(errorCode: string, errorMessage: string): SendOutcome {
  return { outcome: 'ambiguous', errorCode, errorMessage }
}
