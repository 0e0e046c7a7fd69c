/**
 * X-Twilio-Signature: base64 of HMAC-SHA1, keyed with the account's auth token, over the URL that Twilio called and,
 * sorted by name, each form parameter's name and value. A JSON body is covered by its SHA-256 in the URL's `bodySHA256`.
 * Source: twilio.com/docs/usage/webhooks/webhooks-security, and Twilio's own SDK where that page is silent.
 */

import { createHash, createHmac, timingSafeEqual } from 'node:crypto'
import { parse, stringify } from 'node:querystring'
import type { ChannelAccount, WebhookRequest } from '../channel.ts'
import { readSecrets } from '../../shared/secrets.ts'
import { readForm } from './form.ts'

/** True only for a signature by the account's secret `auth_token`. Never throws. */
export function verify(request: WebhookRequest, account: ChannelAccount): boolean {
  const token = readSecrets(account.secret, 'auth_token')['auth_token']
  const given = request.headers['x-twilio-signature']
  if (!token || !given) return false
  const hash = bodyHashOf(request.url)
  if (hash !== null && !isEqual(hash, createHash('sha256').update(request.body).digest('hex'))) {
    return false
  }
  const parameters = hash === null ? signedForm(request.body) : ''
  return urlsOf(request.url, account.settings['webhook_url'])
    .flatMap(spellings)
    .some((url) => isEqual(given, sign(token, url + parameters)))
}

function sign(token: string, text: string): string {
  return createHmac('sha1', token).update(text, 'utf8').digest('base64')
}

function isEqual(given: string, expected: string): boolean {
  const [a, b] = [Buffer.from(given), Buffer.from(expected)]
  return a.length === b.length && timingSafeEqual(a, b)
}

function bodyHashOf(url: string): string | null {
  return new URLSearchParams(queryOf(url)).get('bodySHA256')
}

function queryOf(url: string): string {
  const start = url.indexOf('?')
  return start === -1 ? '' : url.slice(start)
}

/** A name that comes more than once is signed with each of its different values, sorted; SDK, toFormUrlEncodedParam. */
function signedForm(body: Buffer): string {
  const form = readForm(body)
  return Array.from(form.keys())
    .toSorted(byCodeUnit)
    .flatMap((name) =>
      [...new Set(form.get(name))].toSorted(byCodeUnit).map((value) => name + value),
    )
    .join('')
}

function byCodeUnit(a: string, b: string): number {
  return a < b ? -1 : Number(a > b)
}

/**
 * The URL as it came in, and as the account's `webhook_url` says that Twilio knows it, for a proxy that changes it: its
 * scheme, host and port; its path too, where it has one.
 */
function urlsOf(url: string, override: unknown): string[] {
  const [, origin, path] =
    typeof override === 'string' ? (/^(https?:\/\/[^/?#]+)([^?#]*)/i.exec(override) ?? []) : []
  if (!origin) return [url]
  const rest = url.replace(/^[a-z][a-z0-9+.-]*:\/\/[^/?#]*/i, '')
  const whole = path && path !== '/' ? [origin + path + queryOf(rest)] : []
  return [origin + rest, ...whole, url]
}

/**
 * The spellings that Twilio's SDK accepts: as it is, without its port and with the standard one; then the same as
 * `new URL` escapes it, and with the query string as `querystring` does. SDK, validateRequest.
 */
function spellings(url: string): string[] {
  const normal = URL.parse(url)?.href ?? url
  const escaped = [withoutPort(normal), withPort(normal)]
  return [
    ...new Set([withoutPort(url), withPort(url), ...escaped, ...escaped.map(withLegacyQuery)]),
  ]
}

type Parts = {
  scheme: string
  user: string
  host: string
  /** With its colon. */
  port: string
  rest: string
}

/** Without normalizing anything: the characters that Twilio signed have to stay. */
function split(url: string): Parts | null {
  const [prefix, scheme = '', authority = ''] =
    /^([a-z][a-z0-9+.-]*:\/\/)([^/?#]*)/i.exec(url) ?? []
  if (prefix === undefined) return null
  const at = authority.lastIndexOf('@') + 1
  // The colons within an IPv6 address come before its bracket.
  const [, host = '', port = ''] = /^(.*?)(:[^:\]]*)?$/s.exec(authority.slice(at)) ?? []
  return { scheme, user: authority.slice(0, at), host, port, rest: url.slice(prefix.length) }
}

function withoutPort(url: string): string {
  const parts = split(url)
  return parts ? parts.scheme + parts.user + parts.host + parts.rest : url
}

function withPort(url: string): string {
  const parts = split(url)
  if (!parts || parts.port) return url
  const port = parts.scheme.toLowerCase() === 'https://' ? ':443' : ':80'
  return parts.scheme + parts.user + parts.host + port + parts.rest
}

function withLegacyQuery(url: string): string {
  const query = queryOf(url).slice(1)
  return query ? url.slice(0, url.indexOf('?') + 1) + stringify(parse(query)) : url
}
