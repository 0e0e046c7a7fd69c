/** multipart/form-data with files of ours, which are read while they are sent: none of them is held in memory. */

import { randomUUID } from 'node:crypto'
import type { OutboundFile } from '../channel.ts'

/** A body that is made while it is sent. */
export type StreamedBody = {
  contentType: string
  /** Bytes. */
  length: number
  /** Whether the last of it was handed over. Before that, nobody can have taken the request. */
  readonly whole: boolean
  read(): AsyncGenerator<Uint8Array>
}

/** A file of ours that could not be read. */
export class FileUnreadable extends Error {
  constructor(file: OutboundFile, why: string, options?: ErrorOptions) {
    super(`The file ${file.filename} could not be read: ${why}`, options)
    this.name = 'FileUnreadable'
  }
}

/** The file's bytes, as many as it says. @throws FileUnreadable */
export async function* readFile(file: OutboundFile): AsyncGenerator<Uint8Array> {
  let length = 0
  try {
    for await (const chunk of await file.read()) {
      const bytes = Buffer.from(chunk as Uint8Array)
      length += bytes.length
      if (length > file.size) break
      yield bytes
    }
  } catch (cause) {
    throw new FileUnreadable(file, cause instanceof Error ? cause.message : String(cause), {
      cause,
    })
  }
  if (length !== file.size) {
    const what = length > file.size ? 'more' : `only ${length}`
    throw new FileUnreadable(file, `it has ${what} of its ${file.size} bytes`)
  }
}

/** A form of texts and files, in this order. Source: RFC 7578. */
export function multipart(fields: [name: string, content: string | OutboundFile][]): StreamedBody {
  const boundary = `pigeonpost-${randomUUID()}`
  const parts = fields.map(([name, content]) => ({
    head: headOf(boundary, name, content),
    content,
  }))
  const end = Buffer.from(`--${boundary}--\r\n`)
  let whole = false
  return {
    contentType: `multipart/form-data; boundary=${boundary}`,
    length: parts.reduce(
      (sum, { head, content }) => sum + head.length + sizeOf(content) + 2,
      end.length,
    ),
    get whole() {
      return whole
    },
    async *read() {
      for (const { head, content } of parts) {
        yield head
        if (typeof content === 'string') yield Buffer.from(content)
        else yield* readFile(content)
        yield Buffer.from('\r\n')
      }
      whole = true
      yield end
    },
  }
}

function headOf(boundary: string, name: string, content: string | OutboundFile): Buffer {
  const file =
    typeof content === 'string'
      ? ''
      : `; filename="${escapeName(content.filename)}"\r\nContent-Type: ${oneLine(content.contentType)}`
  return Buffer.from(
    `--${boundary}\r\nContent-Disposition: form-data; name="${escapeName(name)}"${file}\r\n\r\n`,
  )
}

function sizeOf(content: string | OutboundFile): number {
  return typeof content === 'string' ? Buffer.byteLength(content) : content.size
}

/** As browsers do: https://html.spec.whatwg.org/multipage/form-control-infrastructure.html#multipart-form-data */
function escapeName(name: string): string {
  return name.replace(/[\r\n"]/g, (char) => encodeURIComponent(char))
}

function oneLine(text: string): string {
  return text.replace(/[\r\n]+/g, ' ')
}
