import { decodeExtended, parse } from 'content-disposition'

/**
 * The filename of a Content-Disposition (RFC 6266), `filename*` before `filename`; null where there is none. It is as it
 * was sent: make it safe before use.
 */
export function filenameOf(header: string | undefined): string | null {
  if (!header) return null
  const { filename, 'filename*': extended } = parse(header, { extended: false }).parameters
  const decoded = extended && decodeExtended(extended)
  if (decoded) return decoded
  // Node reads headers as Latin-1; most servers mean UTF-8.
  return filename ? asUtf8(Buffer.from(filename, 'latin1')) : null
}

function asUtf8(bytes: Buffer): string {
  const text = bytes.toString('utf8')
  return text.includes('\uFFFD') ? bytes.toString('latin1') : text
}
