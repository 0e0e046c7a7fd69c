import busboy from '@fastify/busboy'
import type { FastifyRequest } from 'fastify'
import type { Readable } from 'node:stream'
import { InvalidInput } from '../../db/errors.ts'
import { filenameOf } from '../media/disposition.ts'
import { discard } from '../media/look.ts'
import { spool, type Spooled, type SpoolOptions } from '../media/spool.ts'

export interface Upload {
  spooled: Spooled
  filename: string | null
  /** As the client says it. */
  contentType: string | null
}

/**
 * The file of an upload, spooled while it comes: the field `file` of a form (multipart/form-data), or the whole body with
 * its name in Content-Disposition or, percent-encoded, in X-Filename. Where it fails, nothing is left.
 * @throws InvalidInput `file_missing`, `form_malformed`, `form_field_unknown`; what `spool` throws
 */
export async function receiveUpload(
  request: FastifyRequest,
  options: SpoolOptions,
): Promise<Upload> {
  const type = request.headers['content-type'] ?? ''
  const upload = /^multipart\/form-data\s*(;|$)/i.test(type)
    ? await fromForm(request, options)
    : await fromBody(request, options)
  if (upload.spooled.size > 0) return upload
  await discard(upload.spooled)
  throw new InvalidInput('file is empty', { code: 'file_missing', field: 'file' })
}

async function fromBody(request: FastifyRequest, options: SpoolOptions): Promise<Upload> {
  const { 'content-disposition': disposition, 'x-filename': given } = request.headers
  const filename = filenameOf(disposition) ?? decode(Array.isArray(given) ? given[0] : given)
  const spooled = await spool(request.raw, options)
  return { spooled, filename, contentType: request.headers['content-type'] ?? null }
}

async function fromForm(request: FastifyRequest, options: SpoolOptions): Promise<Upload> {
  const ended = Promise.withResolvers<void>()
  let coming: Promise<Upload> | null = null
  let problem: InvalidInput | null = null
  const form = parser(request)
  const refuse = (code: string, message: string, field: string) => {
    problem ??= new InvalidInput(message, {
      code,
      field,
      hint: 'Send one file, as the field file.',
    })
  }
  form.on(
    'file',
    (name: string, content: Readable, filename: string, _encoding: string, contentType: string) => {
      if (coming !== null || name !== 'file') {
        refuse(
          'form_field_unknown',
          coming ? 'There are several files' : `The field ${name} is not known`,
          name,
        )
        content.resume()
        return
      }
      coming = spool(content, options).then((spooled) => ({ spooled, filename, contentType }))
      coming.catch((error: unknown) => ended.reject(error))
    },
  )
  form.on('field', (name: string) =>
    refuse('form_field_unknown', `The field ${name} is not known`, name),
  )
  form.on('finish', () => ended.resolve())
  form.on('error', () => ended.reject(malformed()))
  request.raw.on('aborted', () => ended.reject(malformed()))
  request.raw.pipe(form)
  try {
    await ended.promise
  } catch (error) {
    request.raw.unpipe(form)
    await discard((await settled(coming))?.spooled ?? null)
    throw error
  }
  const upload = await settled(coming)
  const found = problem as InvalidInput | null
  if (found || !upload) {
    await discard(upload?.spooled ?? null)
    throw (
      found ??
      new InvalidInput('file is missing', {
        code: 'file_missing',
        field: 'file',
        hint: 'Send one file, as the field file.',
      })
    )
  }
  return upload
}

function parser(request: FastifyRequest): busboy.Busboy {
  try {
    return new busboy.Busboy({
      headers: request.headers as busboy.BusboyHeaders,
      limits: { files: 2, fields: 10, fieldSize: 10_000, headerPairs: 100, parts: 12 },
    })
  } catch {
    throw malformed()
  }
}

/** Null for what failed: why, was told already. */
async function settled<T>(work: Promise<T> | null): Promise<T | null> {
  return work?.catch(() => null) ?? null
}

function malformed(): InvalidInput {
  return new InvalidInput('The form is malformed, or broke off', {
    code: 'form_malformed',
    field: 'body',
    hint: 'Send multipart/form-data with a boundary, to its end.',
  })
}

function decode(text: string | undefined): string | null {
  if (!text) return null
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
