/**
 * Files that are two things at once: one to whoever checks them, another to whoever opens them.
 *
 * What is caught: a ZIP archive (and so a JAR, DOCX or APK) at the end of any other file; in images, audio and video a
 * PDF header where PDF readers look for one; in images a PDF's end at the end, and a page's or script's opening tag in
 * the first or last 64 KiB (comments and metadata lie there).
 *
 * What is not: other archives (RAR, 7z), a video behind an image (telephones make these: motion photos), tags elsewhere
 * in a file, what a document holds inside (macros of a .doc, scripts of a PDF), payloads hidden in pixels. Signatures of
 * malware are the scanner's work. Whoever serves files sends their stored type with `nosniff`.
 */

import type { FileHandle } from 'node:fs/promises'
import type { MediaKind } from '../types.ts'
import { readRange } from './read-range.ts'

const windowBytes = 65_536
/** Readers of PDF take a header within the first 1,024 bytes (ISO 32000-1, annex H), and its end within the last. */
const pdfBytes = 1_024
const zipEnd = Buffer.from('PK\x05\x06', 'latin1')
const zipEndBytes = 22

/** What else the file is, in words that complete "it is also …"; null where nothing was found. */
export async function findSecondType(
  handle: FileHandle,
  { kind, contentType }: { kind: MediaKind; contentType: string },
): Promise<string | null> {
  const { size } = await handle.stat()
  const head = await readRange(handle, 0, Math.min(size, windowBytes))
  const tailAt = Math.max(0, size - windowBytes - zipEndBytes)
  const tail = await readRange(handle, tailAt, size - tailAt)
  const isArchive = /zip|openxml|opendocument|epub/.test(contentType)
  // PDF and Word files may hold whole archives as attachments, which end before the file does.
  if (!isArchive && (await endsAsZip(handle, tail, tailAt, kind === 'file'))) return 'a ZIP archive'
  if (kind === 'file') return null
  if (/%PDF-\d/.test(latin(head.subarray(0, pdfBytes)))) return 'a PDF'
  if (kind !== 'image') return null
  if (latin(tail.subarray(-pdfBytes)).includes('%%EOF')) return 'a PDF'
  const markup = /<(script|html|body|iframe|!doctype html|\?php)[\s>/]/i
  return markup.test(latin(head)) || markup.test(latin(tail)) ? 'a web page or script' : null
}

/** Whether readers of ZIP find an archive: its end record, with a directory right before it. */
async function endsAsZip(
  handle: FileHandle,
  tail: Buffer,
  tailAt: number,
  atTheVeryEnd: boolean,
): Promise<boolean> {
  let at = tail.lastIndexOf(zipEnd)
  for (; at >= 0; at = at === 0 ? -1 : tail.lastIndexOf(zipEnd, at - 1)) {
    if (at + zipEndBytes > tail.length) continue
    const commentEnds = at + zipEndBytes + tail.readUInt16LE(at + 20)
    if (atTheVeryEnd && commentEnds !== tail.length) continue
    const directoryAt = tailAt + at - tail.readUInt32LE(at + 12)
    if (directoryAt < 0) continue
    const first = await readRange(handle, directoryAt, 4)
    if (first.toString('latin1') === 'PK\x01\x02') return true
  }
  return false
}

function latin(bytes: Buffer): string {
  return bytes.toString('latin1')
}
