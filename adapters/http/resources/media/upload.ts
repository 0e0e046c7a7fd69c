import { Busboy, type BusboyHeaders } from '@fastify/busboy'
import type { FastifyRequest } from 'fastify'
import { InvalidInputError } from '../../../../db/errors.ts'
import {
  discard,
  filenameOf,
  spool,
  type Spooled,
  type SpoolOptions,
} from '../../../media/index.ts'

export type Upload = {
  spooled: Spooled
  filename: string | null
  /** As the client says it. */
  contentType: string | null
}

const hint = 'Send one file, as the field file.'

/**
 * The file of an upload, spooled while it comes: the field `file` of a form (multipart/form-data), or the whole body with
 * its name in Content-Disposition or, percent-encoded, in X-Filename. Where it fails, nothing is left.
 * @throws InvalidInputError `file_missing`, `form_malformed`, `form_field_unknown`; what `spool` throws
 */
export async function receiveUpload(
  request: FastifyRequest,
  options: SpoolOptions,
): Promise<Upload> {
  const type = request.headers['content-type'] ?? ''
  const isForm = /^multipart\/form-data\s*(;|$)/i.test(type)
  const upload = await (isForm ? fromForm : fromBody)(request, options).catch((error: unknown) => {
    // The rest is read and thrown away, so that the client, still writing, gets to read the answer.
    request.raw.resume()
    throw error
  })
  if (upload.spooled.size > 0) return upload
  await discard(upload.spooled)
  throw new InvalidInputError('file is empty', { code: 'file_missing', field: 'file', hint })
}

async function fromBody(request: FastifyRequest, options: SpoolOptions): Promise<Upload> {
  const { 'content-disposition': disposition, 'x-filename': given } = request.headers
  const filename = filenameOf(disposition) ?? decode(Array.isArray(given) ? given[0] : given)
  const spooled = await spool(request.raw, options)
  return { spooled, filename, contentType: request.headers['content-type'] ?? null }
}

async function fromForm(request: FastifyRequest, options: SpoolOptions): Promise<Upload> {
  const ended = Promise.withResolvers<void>()
  const coming: Promise<Upload>[] = []
  const unknown: string[] = []
  const broken = new AbortController()
  const signal = AbortSignal.any([broken.signal, ...(options.signal ? [options.signal] : [])])
  const form = openForm(request)
  form.on('file', (name, content, filename, _encoding, contentType) => {
    content.on('error', () => ended.reject(malformed()))
    if (name !== 'file' || coming.length > 0) {
      unknown.push(name)
      content.resume()
      return
    }
    const upload = spool(content, { ...options, signal }).then((spooled) => ({
      spooled,
      filename,
      contentType,
    }))
    upload.catch(ended.reject)
    coming.push(upload)
  })
  form.on('field', (name) => void unknown.push(name))
  form.on('finish', ended.resolve)
  form.on('error', () => ended.reject(malformed()))
  request.raw.once('close', () => {
    if (!request.raw.complete) ended.reject(malformed())
  })
  request.raw.pipe(form)
  try {
    await ended.promise
    const [upload] = await Promise.all(coming)
    const [field] = unknown
    if (field !== undefined) throw unexpected(field)
    if (!upload) {
      throw new InvalidInputError('file is missing', { code: 'file_missing', field: 'file', hint })
    }
    return upload
  } catch (error) {
    request.raw.unpipe(form)
    broken.abort(error)
    for (const one of await Promise.allSettled(coming)) {
      if (one.status === 'fulfilled') await discard(one.value.spooled)
    }
    throw error
  }
}

function openForm(request: FastifyRequest): InstanceType<typeof Busboy> {
  try {
    return new Busboy({
      headers: request.headers as BusboyHeaders,
      limits: { files: 2, fields: 10, fieldSize: 10_000, headerPairs: 100, parts: 12 },
    })
  } catch {
    throw malformed()
  }
}

function unexpected(name: string): InvalidInputError {
  const field = name.slice(0, 100)
  const message = name === 'file' ? 'There are several files' : `${field} is not known`
  return new InvalidInputError(message, { code: 'form_field_unknown', field, hint })
}

function malformed(): InvalidInputError {
  return new InvalidInputError('The form is malformed, or broke off', {
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
