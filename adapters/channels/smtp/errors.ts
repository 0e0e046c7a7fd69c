/**
 * What it means that sending failed. A server's replies are certain: 4yz says later, 5yz never (RFC 5321, section
 * 4.2.1). Without a reply it depends on how far the message had got.
 */

import type { SendOutcome } from '../channel.ts'
import { FileUnreadable } from '../shared/multipart.ts'

/** What nodemailer tells of an error (its NodemailerError), as far as it is of use here. */
type Told = {
  code: string
  /** The code of the socket's or TLS' own error. */
  originalCode: string
  message: string
  command: string
  response: string
  responseCode: number | null
}

/** Replies to MAIL FROM or RCPT TO that are about the account (RFC 4954, section 6): it has to log in, or to encrypt. */
const aboutAccount = new Set([530, 534, 535, 538])

/**
 * `written`: the whole message, with the dot that ends it, may have left. Before that, no server takes it.
 */
export function classifyError(error: unknown, { written }: { written: boolean }): SendOutcome {
  if (error instanceof FileUnreadable && !written) {
    return {
      outcome: 'not_sent',
      retryable: true,
      errorCode: 'media_unreadable',
      errorMessage: error.message,
    }
  }
  const told = read(error)
  const { code, message, command, response, responseCode } = told
  // Such as 5.1.1 (RFC 3463), which says more than 550 does.
  const enhanced = /^\d{3}[ -]([245]\.\d{1,3}\.\d{1,3})\b/.exec(response)?.[1]
  const errorMessage = (response || message).slice(0, 1000)
  if (responseCode !== null && responseCode >= 400) {
    const errorCode = enhanced ?? String(responseCode)
    // 503 is about the order of commands; what comes before MAIL and AUTH is about the connection.
    const early = !written && /^(CONN|EHLO|HELO|STARTTLS)$/.test(command)
    const retryable = responseCode < 500 || responseCode === 503 || early
    const account =
      !retryable && (code === 'EAUTH' || aboutAccount.has(responseCode))
        ? { account: 'disconnect' as const }
        : {}
    return { outcome: 'not_sent', retryable, errorCode, errorMessage, ...account }
  }
  if (written) {
    return code === 'EABORT' || code === 'ETIMEDOUT'
      ? {
          outcome: 'ambiguous',
          errorCode: 'timeout',
          errorMessage: 'The server did not answer in time.',
        }
      : { outcome: 'ambiguous', errorCode: 'connection_lost', errorMessage }
  }
  const refused = refusals[code]
  if (refused) {
    return {
      outcome: 'not_sent',
      retryable: false,
      errorCode: refused,
      errorMessage,
      ...(code === 'EAUTH' || code === 'ENOAUTH' ? { account: 'disconnect' } : {}),
    }
  }
  const errorCode = tlsErrors.test(told.originalCode)
    ? 'tls_failed'
    : (failures[code] ?? 'connection_failed')
  return { outcome: 'not_sent', retryable: true, errorCode, errorMessage }
}

/** nodemailer's codes for what no second try makes better, where no reply says why. */
const refusals: Record<string, string> = {
  // The server offers no way to log in that we know, or the credentials are incomplete.
  EAUTH: 'unauthorized',
  ENOAUTH: 'unauthorized',
  // An address that cannot be written into a command.
  EENVELOPE: 'address_invalid',
  // Longer than the server's SIZE.
  EMESSAGE: 'too_large',
}

/** Node's codes for a handshake or a certificate that was no good. */
const tlsErrors = /^(ERR_TLS|ERR_SSL|CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO_|HOSTNAME_)/

const failures: Record<string, string> = {
  // The signal.
  EABORT: 'aborted',
  ETIMEDOUT: 'timeout',
  EDNS: 'host_unknown',
  // No STARTTLS where it is a must, or a certificate that is not to be trusted.
  ETLS: 'tls_failed',
  EPROTOCOL: 'answer_unreadable',
}

function read(error: unknown): Told {
  const about: Record<string, unknown> =
    typeof error === 'object' && error !== null ? { ...error } : {}
  const word = (name: string) => (typeof about[name] === 'string' ? about[name] : '')
  const { responseCode } = about
  return {
    code: word('code'),
    originalCode: word('originalCode'),
    message: error instanceof Error ? error.message : String(error),
    command: word('command'),
    response: word('response'),
    responseCode: typeof responseCode === 'number' ? responseCode : null,
  }
}
