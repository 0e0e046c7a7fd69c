import { UnsupportedTypeError } from './errors.ts'
import type { Sniffed } from './inspect/sniff.ts'
import { allowedNames, allowedType, isExtensionOf, type MediaType } from './types.ts'

/** Name and type of a file as its sender declared them. */
export type Declared = {
  filename?: string | null | undefined
  contentType?: string | null | undefined
}

/**
 * The type under which an upload is stored: its real one, if it is among the supported types (types.ts). The declared name
 * does not matter: a PNG named .jpg is stored as a PNG (`safeFilename` corrects the name), a ZIP named .jpg is refused.
 * @throws {UnsupportedTypeError} `unsupported_type` that names the real type, `ambiguous_type` for a file that is two things.
 */
export function checkAllowed(declared: Declared, sniffed: Sniffed | null): MediaType {
  const refuse = (code: string, message: string) =>
    new UnsupportedTypeError(message, { code, field: 'file', hint: `Send ${allowedNames}.` })
  if (!sniffed) {
    const said = typeSaid(declared)
    const as = said ? `, sent as ${said},` : ''
    throw refuse('unsupported_type', `file${as} has content of no known type`)
  }
  const { contentType, kind, extension, also } = sniffed
  const listed = allowedType(contentType)
  if (!listed || !isExtensionOf(listed, extension)) {
    throw refuse('unsupported_type', `file is of type ${contentType} (.${extension})`)
  }
  if (also) throw refuse('ambiguous_type', `file is of type ${contentType}, and it is also ${also}`)
  return { contentType, kind, extension }
}

const unknown: MediaType = {
  contentType: 'application/octet-stream',
  kind: 'file',
  extension: 'bin',
}

/** Types without magic bytes that no browser runs. */
const harmless: Record<string, string> = {
  'text/plain': 'txt',
  'text/csv': 'csv',
  'text/vcard': 'vcf',
  'text/x-vcard': 'vcf',
  'text/calendar': 'ics',
  'application/json': 'json',
}

/** Types that a browser runs, also where they came as something else. */
const active = /svg|xml$|html|script|x-shockwave/

/**
 * The type under which an inbound file is stored; none is refused. The real one; where the content shows none, the declared
 * one if it is harmless; `application/octet-stream` for the rest, for polyglots, and for types that a browser runs (XML, SVG,
 * HTML).
 */
export function typeOfInbound(declared: Declared, sniffed: Sniffed | null): MediaType {
  if (sniffed) {
    const { contentType, kind, extension, also } = sniffed
    return also || active.test(contentType) ? unknown : { contentType, kind, extension }
  }
  const said = typeSaid(declared)
  const extension = said && Object.hasOwn(harmless, said) ? harmless[said] : undefined
  return said && extension ? { contentType: said, kind: 'file', extension } : unknown
}

/** Without parameters; null for what is no type. */
function typeSaid({ contentType }: Declared): string | null {
  const said = contentType?.split(';')[0]?.trim().toLowerCase()
  return said && /^[\w.+-]{1,80}\/[\w.+-]{1,80}$/.test(said) ? said : null
}
