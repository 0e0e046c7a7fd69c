import { allowedTypes, isExtensionOf, isKnownExtension } from './types.ts'

const maxBytes = 255

/** Bidi marks and overrides, zero-width characters, fillers, variation selectors, controls, lone surrogates, separators. */
const unseen =
  /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\u2800\uFFF9-\uFFFD]/gu

/** Names of devices on Windows, with any extension. */
const reserved = /^(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9¹²³])\s*(\.|$)/i

const graphemes = new Intl.Segmenter('und', { granularity: 'grapheme' })

/**
 * A filename from outside as it can be shown, put in a header and saved on any system: the last part of a path, without
 * what cannot be seen or turns the reading direction, no leading dots, no device's name, at most 255 bytes of UTF-8, cut
 * between characters. It is never a path of ours: keys and spooled files have names of their own.
 *
 * `extension` is the real type's, without dot. A name that ends otherwise gets it: in place of the extension of another
 * listed type (`photo.png` that is a JPEG becomes `photo.jpg`), behind anything else (`photo.exe.jpg`). Null leaves the
 * name's own.
 */
export function safeFilename(name: string | null | undefined, extension: string | null): string {
  const [stem, end] = split(clean(name ?? ''), extension)
  const suffix = end ? `.${end}` : ''
  const room = maxBytes - Buffer.byteLength(suffix)
  return `${cut(stem, room) || 'file'}${suffix}`
}

function clean(name: string): string {
  const text = name.normalize('NFC').replaceAll(unseen, '')
  const last = text.slice(Math.max(text.lastIndexOf('/'), text.lastIndexOf('\\')) + 1)
  const plain = trim(last.replaceAll(/[<>:"|?*]/g, '_').replaceAll(/\s+/gu, ' '))
  return reserved.test(plain) ? `_${plain}` : plain
}

/** The name without its extension, and the extension that it gets. */
function split(name: string, extension: string | null): [stem: string, end: string | null] {
  const [, stem = name, found = ''] = /^(.+)\.([^.\s]{1,16})$/u.exec(name) ?? []
  const ending = found.toLowerCase()
  if (extension === null) return found ? [trim(stem), found] : [name, null]
  const type = allowedTypes.find((one) => isExtensionOf(one, extension))
  if (ending === extension || (type && isExtensionOf(type, ending))) return [trim(stem), found]
  return [isKnownExtension(ending) ? trim(stem) : name, extension]
}

/** No hidden files, and nothing at the end that Windows would drop. */
function trim(text: string): string {
  return text.replace(/^[.\s]+/u, '').replace(/[.\s]+$/u, '')
}

function cut(text: string, most: number): string {
  let bytes = 0
  let result = ''
  for (const { segment } of graphemes.segment(text)) {
    bytes += Buffer.byteLength(segment)
    if (bytes > most) return trim(result)
    result += segment
  }
  return result
}
