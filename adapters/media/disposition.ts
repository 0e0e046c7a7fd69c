/**
 * The filename of a Content-Disposition (RFC 6266), `filename*` before `filename`; null where there is none. It is as it
 * was sent: make it safe before use.
 */
export function filenameOf(header: string | undefined): string | null {
  if (!header) return null
  const extended = /;\s*filename\*\s*=\s*([\w-]+)'[^']*'([^;\s]+)/i.exec(header)
  if (extended) {
    const name = decode(extended[1] ?? '', extended[2] ?? '')
    if (name) return name
  }
  const [, quoted, token] =
    /;\s*filename\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^;\s"]+))/i.exec(header) ?? []
  const name = quoted?.replaceAll(/\\(.)/g, '$1') ?? token
  // Node reads headers as Latin-1; most servers mean UTF-8.
  return name ? asUtf8(Buffer.from(name, 'latin1')) : null
}

/** RFC 8187. */
function decode(charset: string, value: string): string | null {
  const bytes = Buffer.from(
    value.replaceAll(/%([0-9a-f]{2})/gi, (_, hex: string) =>
      String.fromCharCode(parseInt(hex, 16)),
    ),
    'latin1',
  )
  if (/^utf-8$/i.test(charset)) return bytes.toString('utf8')
  return /^iso-8859-1$/i.test(charset) ? bytes.toString('latin1') : null
}

function asUtf8(bytes: Buffer): string {
  const text = bytes.toString('utf8')
  return text.includes('\uFFFD') ? bytes.toString('latin1') : text
}
