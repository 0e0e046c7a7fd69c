import { Busboy } from '@fastify/busboy'
import { UnreadablePayload } from '../channel.ts'

export type Part = {
  name: string
  filename: string | null
  /** MIME type, without parameters. */
  type: string
  content: Buffer
}

/**
 * The parts of multipart/form-data, each as its bytes: SendGrid's fields differ in their charsets.
 * @throws UnreadablePayload
 */
export async function readMultipart(contentType: string, body: Buffer): Promise<Part[]> {
  const parts: Part[] = []
  const done = Promise.withResolvers<void>()
  try {
    const busboy = new Busboy({
      headers: { 'content-type': contentType },
      isPartAFile: () => true,
      limits: { parts: 1000 },
    })
    busboy.on('file', (name, stream, filename: string | undefined, _encoding, type) => {
      const chunks: Buffer[] = []
      stream.on('data', (chunk: Buffer) => chunks.push(chunk))
      stream.on('error', done.reject)
      stream.on('end', () => {
        const content = Buffer.concat(chunks)
        parts.push({ name: name ?? '', filename: filename || null, type, content })
      })
    })
    busboy.on('error', done.reject)
    busboy.on('finish', done.resolve)
    busboy.end(body)
    await done.promise
  } catch (cause) {
    const said = cause instanceof Error ? cause.message : String(cause)
    throw new UnreadablePayload(
      'body',
      `the form cannot be read: ${said}`,
      undefined,
      'form_malformed',
      {
        cause,
      },
    )
  }
  return parts
}
