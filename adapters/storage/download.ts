import { encodeExtended } from 'content-disposition'

/** Name and type of a downloaded file: headers that are safe for any name and type. */

export type Download = {
  /** From 1 to 604,800, a week: more S3 does not sign. */
  seconds: number
  /** As somebody gave it; `safeFilename` makes it harmless. */
  filename: string
  contentType: string
  disposition: 'attachment' | 'inline'
}

/**
 * The same, fit for a header. `inline` becomes `attachment` for types that a browser would run (HTML, SVG, XML …): the
 * file came from a stranger, and would act in our name.
 * @throws RangeError for `seconds`
 */
export function checkDownload(about: Download): Download {
  const { seconds } = about
  if (!Number.isInteger(seconds) || seconds < 1 || seconds > 604_800) {
    throw new RangeError(`seconds: ${seconds} is not from 1 to 604800`)
  }
  const contentType = safeContentType(about.contentType)
  const inline = about.disposition === 'inline' && shown.test(contentType)
  return {
    seconds,
    filename: safeFilename(about.filename),
    contentType,
    disposition: inline ? 'inline' : 'attachment',
  }
}

const shown = /^(image\/(?!svg)|audio\/|video\/|text\/plain\b|application\/pdf\b)/

/** The type, or `application/octet-stream` for what is none. */
function safeContentType(given: string): string {
  const type = given.trim().toLowerCase()
  const form = /^[a-z0-9][\w.+-]{0,126}\/[a-z0-9][\w.+-]{0,126}(;\s*charset=[\w.-]{1,40})?$/
  return form.test(type) ? type : 'application/octet-stream'
}

/** Control characters, and those that turn or hide what is written: `gpj.exe` shown as `exe.jpg`. */
const unseen = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu
const maxLength = 150

/**
 * A file's name that is one on every system: no folders, no unseen characters, none of `<>:"/\|?*%`, not empty, not
 * hidden, at most 150 characters of which the ending stays.
 */
export function safeFilename(given: string): string {
  // What is longer than any name need not be looked through.
  const ends = given.length > 1_000 ? given.slice(0, 500) + given.slice(-500) : given
  const clean = ends
    .toWellFormed()
    .normalize('NFC')
    .replaceAll(unseen, '')
    .replaceAll(/[<>:"/\\|?*%]/g, '_')
    .replaceAll(/^[\s.]+|[\s.]+$/g, '')
  const characters = Array.from(clean)
  if (characters.length <= maxLength) return clean || 'file'
  const ending = /\.[\p{L}\p{N}]{1,10}$/u.exec(clean)?.[0] ?? ''
  return characters.slice(0, maxLength - ending.length).join('') + ending
}

/**
 * The header Content-Disposition. The name is there twice where it is not ASCII: for all, and in UTF-8 for those that
 * read it. Sources: RFC 6266, RFC 8187.
 */
export function contentDisposition({ disposition, filename }: Download): string {
  const name = safeFilename(filename)
  const ascii = name.replaceAll(/[^\x20-\x7e]/gu, '_')
  // Not `create`: it leaves the quotes out where a token would do, and S3 repeats the header as it is signed.
  const header = `${disposition}; filename="${ascii}"`
  return ascii === name ? header : `${header}; filename*=${encodeExtended(name)}`
}
