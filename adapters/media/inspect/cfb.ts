import type { FileHandle } from 'node:fs/promises'
import { readRange } from './read-range.ts'

const endOfChain = 0xfffffffe
const entryBytes = 128
/** Of 512 or 4,096 bytes each; a document's directory has a few. */
const maxSectors = 256
const streamObject = 2

/**
 * Whether a Compound File ([MS-CFB], what .doc, .xls, .ppt and .msi are) has a stream of this name in its directory: a
 * Word document has `WordDocument` ([MS-DOC] 2.1.1). False for a file whose structure does not hold.
 */
export async function hasStream(handle: FileHandle, name: string): Promise<boolean> {
  const header = await readRange(handle, 0, 512)
  if (header.length < 512) return false
  const shift = header.readUInt16LE(0x1e)
  if (shift !== 9 && shift !== 12) return false
  const size = 2 ** shift
  const sector = async (at: number) => readRange(handle, (at + 1) * size, size)

  /** The sector that follows in its chain, by the allocation table; its first 109 sectors do for a directory. */
  const after = async (at: number): Promise<number> => {
    const perSector = size / 4
    const index = Math.floor(at / perSector)
    if (index >= 109) return endOfChain
    const table = await sector(header.readUInt32LE(0x4c + index * 4))
    const offset = (at % perSector) * 4
    return offset + 4 <= table.length ? table.readUInt32LE(offset) : endOfChain
  }

  let at = header.readUInt32LE(0x30)
  for (let seen = 0; at < endOfChain - 1 && seen < maxSectors; seen++) {
    const entries = await sector(at)
    for (let start = 0; start + entryBytes <= entries.length; start += entryBytes) {
      const entry = entries.subarray(start, start + entryBytes)
      if (entry[0x42] === streamObject && nameOf(entry) === name) return true
    }
    at = await after(at)
  }
  return false
}

/** UTF-16 with a closing NUL; the length counts it, in bytes. */
function nameOf(entry: Buffer): string {
  const length = Math.min(entry.readUInt16LE(0x40), 64)
  return entry.toString('utf16le', 0, Math.max(0, length - 2))
}
