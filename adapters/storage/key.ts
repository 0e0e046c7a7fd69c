/**
 * Keys of stored files: `messages/<tenant>/<yyyy>/<mm>/<uuid>`, with `.preview.webp` for a preview. They are made of
 * our own data, never of what somebody sent, and every storage checks them here before it does anything.
 */

import { InvalidKeyError } from './errors.ts'

const uuid = '[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}'
const month = String.raw`messages/[1-9]\d{0,9}/\d{4}/(?:0[1-9]|1[0-2])`
// No `m` flag: `$` is the end of the text, so that a trailing newline is refused.
const keyForm = new RegExp(String.raw`^${month}/${uuid}(?:\.preview\.webp)?$`)
const prefixForm = /^messages\/(?:[1-9]\d{0,9}\/(?:\d{4}\/(?:(?:0[1-9]|1[0-2])\/)?)?)?$/

/** The key of a file of the tenant. `at` gives the month in it, in UTC. @throws InvalidKeyError */
export function fileKey(tenantId: number, id: string, at: Date): string {
  const [year, monthOfYear] = Number.isNaN(at.getTime()) ? [] : at.toISOString().split('-')
  return checkKey(`messages/${tenantId}/${year}/${monthOfYear}/${id.toLowerCase()}`)
}

/** The key of a file's preview. @throws InvalidKeyError */
export function previewKey(key: string): string {
  return checkKey(`${key}.preview.webp`)
}

/** The tenant and the file id in a key of a file or preview. @throws InvalidKeyError */
export function readKey(key: string): { tenantId: number; fileId: string } {
  const [, tenant, , , name = ''] = checkKey(key).split('/')
  return { tenantId: Number(tenant), fileId: name.slice(0, 36) }
}

export function isKey(text: string): boolean {
  return keyForm.test(text)
}

/** The key itself. @throws InvalidKeyError for everything else, dots, NULs and empty segments included. */
export function checkKey(key: string): string {
  if (!isKey(key)) throw new InvalidKeyError(key, 'messages/<tenant>/<yyyy>/<mm>/<uuid>')
  return key
}

/** A prefix that ends with a segment, since `messages/1` would be tenant 10's as well. @throws InvalidKeyError */
export function checkPrefix(prefix: string): string {
  if (!prefixForm.test(prefix)) {
    throw new InvalidKeyError(prefix, 'messages/, messages/<tenant>/, …/<yyyy>/ or …/<mm>/')
  }
  return prefix
}
