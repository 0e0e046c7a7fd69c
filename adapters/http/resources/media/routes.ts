import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import type { Transaction } from '../../../../db/connect.ts'
import { ConflictError, NotFoundError, retryTransient } from '../../../../db/errors.ts'
import { findFile } from '../../../../db/media/files.ts'
import { createMedia, deleteMedia, findMedia } from '../../../../db/media/media.ts'
import type { MediaFileRow, MediaRow } from '../../../../db/rows.ts'
import { discard, InfectedError, ingestFile } from '../../../media/index.ts'
import { principalOf } from '../../server/auth.ts'
import type { Services } from '../../server/context.ts'
import { flag, noQuery, uuidParams } from '../../shared/fields.ts'
import { acceptEmptyJsonBody } from '../../server/empty-json-body.ts'
import { linkShape, mediaShape, toMediaShape } from './schema.ts'
import { createIdempotency, idempotencyHeaders } from '../../server/idempotency.ts'
import { receiveUpload } from './upload.ts'

const one = z.object({ success: z.literal(true), data: mediaShape })
const link = z.object({ success: z.literal(true), data: linkShape })
const binary = { type: 'string' as const, format: 'binary' }
const uploadBody = {
  required: true,
  content: {
    'multipart/form-data': {
      schema: {
        type: 'object' as const,
        properties: { file: binary },
        required: ['file'],
        additionalProperties: false,
      },
    },
    'application/octet-stream': { schema: binary },
  },
}
const filenameHeader = {
  in: 'header',
  name: 'x-filename',
  description: 'Of a body that is no form: its name, percent-encoded; or Content-Disposition',
  schema: { type: 'string' as const },
}
const linkQuery = {
  redirect: flag('redirect').optional().describe('true: 302 to the file itself'),
  expiresIn: z.coerce
    .number('expiresIn must be seconds')
    .int('expiresIn must be a whole number of seconds')
    .min(10, 'expiresIn must be from 10 to 86400 seconds')
    .max(86_400, 'expiresIn must be from 10 to 86400 seconds')
    .default(900)
    .describe('Seconds for which the link holds'),
}

/** Files go in by upload, and come out by links that expire. */
export async function addMedia(app: FastifyInstance, { context, media }: Services): Promise<void> {
  if (!media) return
  const { storages, scanner, spoolFolder: folder, limit } = media

  await app.register(async (scope) => {
    // The bytes are read by receiveUpload, as they come.
    scope.removeAllContentTypeParsers()
    scope.addContentTypeParser('*', (_request, _payload, done) => done(null))
    scope.withTypeProvider<ZodTypeProvider>().post('/media', {
      bodyLimit: limit + 1_048_576,
      config: {
        scope: 'messages:write',
        errors: [408, 422],
        operation: { requestBody: uploadBody, parameters: [filenameHeader] },
      },
      schema: {
        operationId: 'uploadMedia',
        summary: 'Upload a file',
        description:
          'Of a listed type (JPEG, PNG, GIF, WebP, MP4, MPEG, MP3, OGG, WAV, PDF, DOC, DOCX), told by its content.',
        querystring: noQuery,
        headers: idempotencyHeaders,
        response: { 201: one },
      },
      handler: async (request, reply) => {
        const { tenantId, keyId } = principalOf(request)
        const going = new AbortController()
        reply.raw.once('close', () => going.abort(new Error('the client went away')))
        const { signal } = going
        const upload = await receiveUpload(request, { folder, limit, signal })
        const { filename, contentType, spooled } = upload
        const content = { sha256: spooled.sha256, filename }
        const { claim, send, ...idempotency } = createIdempotency<z.output<typeof one>>(
          context,
          request,
          reply,
          content,
        )
        const earlier = await idempotency.earlier().catch(async (error: unknown) => {
          await discard(spooled)
          throw error
        })
        if (earlier) {
          await discard(spooled)
          return send(earlier)
        }
        const taken = await ingestFile({ storage: storages.current, scanner, folder }, spooled, {
          tenantId,
          declared: { filename, contentType },
          strict: true,
          run: async (work) => retryTransient(() => context.asTenant(tenantId, work)),
          attach: async (tx, { id: fileId, status, filename: safe }) => {
            const make = () =>
              createMedia(tx, { tenantId, fileId, filename: safe, createdBy: keyId })
            // An error is not kept; its row is.
            if (status === 'infected') return make()
            return claim(tx, async () => {
              return { status: 201, body: { success: true, data: toMediaShape(await make()) } }
            })
          },
        })
        if ('error_message' in taken) throw infected(taken)
        return send(taken)
      },
    })
  })

  await app.register(async (scope) => {
    acceptEmptyJsonBody(scope)
    const routes = scope.withTypeProvider<ZodTypeProvider>()
    routes.get('/media/:id', {
      config: { scope: 'messages:read' },
      schema: {
        operationId: 'getMedia',
        summary: 'A file and its state',
        params: uuidParams,
        querystring: noQuery,
        response: { 200: one },
      },
      handler: async (request) => {
        const { tenantId } = principalOf(request)
        const row = await context.asTenant(tenantId, (tx) =>
          mediaOf(tx, tenantId, request.params.id),
        )
        return { success: true as const, data: toMediaShape(row) }
      },
    })

    routes.delete('/media/:id', {
      config: { scope: 'messages:write' },
      schema: {
        operationId: 'deleteMedia',
        summary: 'Delete it; the file goes with the last row that shows it',
        params: uuidParams,
        querystring: noQuery,
        response: { 200: z.object({ success: z.literal(true), data: z.object({ id: z.uuid() }) }) },
      },
      handler: async (request) => {
        const { tenantId } = principalOf(request)
        const { id } = request.params
        const done = await retryTransient(() =>
          context.asTenant(tenantId, (tx) => deleteMedia(tx, tenantId, id)),
        )
        if (done === 'unknown') throw unknown(id)
        if (done === 'in_use') {
          throw new ConflictError('A message that is still to be sent takes the file along', {
            code: 'media_in_use',
            field: 'id',
            hint: 'Cancel the message first, or wait until it is sent.',
          })
        }
        return { success: true as const, data: { id } }
      },
    })

    for (const what of ['download', 'preview'] as const) {
      routes.get(`/media/:id/${what}`, {
        config: { scope: 'messages:read', errors: [409] },
        schema: {
          operationId: what === 'preview' ? 'linkMediaPreview' : 'linkMediaDownload',
          summary:
            what === 'preview'
              ? 'A link to its thumbnail (WebP)'
              : 'A link to the file, that expires',
          params: uuidParams,
          querystring: z.strictObject(
            what === 'preview'
              ? linkQuery
              : {
                  ...linkQuery,
                  disposition: z
                    .enum(['attachment', 'inline'], 'disposition must be attachment or inline')
                    .optional()
                    .describe('Whether a browser saves it (attachment, the default) or shows it'),
                },
          ),
          response: {
            200: link,
            302: z.undefined().describe('With redirect=true: Location has the link'),
          },
        },
        handler: async (request, reply) => {
          const { tenantId } = principalOf(request)
          const { redirect, expiresIn: seconds, ...rest } = request.query
          const { row, file } = await context.asTenant(tenantId, async (tx) => {
            const row = await mediaOf(tx, tenantId, request.params.id)
            return { row, file: row.file_id && (await findFile(tx, tenantId, row.file_id)) }
          })
          const { storage: name, key } = readyFile(row, file || null, what)
          const storage = await storages.get(name)
          const inline =
            what === 'preview' || ('disposition' in rest && rest.disposition === 'inline')
          const url = await storage.presign(key, {
            seconds,
            filename: what === 'preview' ? 'preview.webp' : (row.filename ?? 'file'),
            contentType: what === 'preview' ? 'image/webp' : (row.content_type ?? ''),
            disposition: inline ? 'inline' : 'attachment',
          })
          if (redirect) return reply.redirect(url, 302)
          const expiresAt = new Date(Date.now() + seconds * 1_000).toISOString()
          return { success: true as const, data: { url, expiresAt } }
        },
      })
    }
  })
}

async function mediaOf(tx: Transaction, tenantId: number, id: string): Promise<MediaRow> {
  const row = await findMedia(tx, tenantId, id)
  if (!row) throw unknown(id)
  return row
}

function unknown(id: string): NotFoundError {
  return new NotFoundError(`There is no media ${id}`, { code: 'media_unknown', field: 'id' })
}

function infected({ id, error_message: signature }: MediaRow): InfectedError {
  return new InfectedError(`The file is infected (${signature}) and was not stored`, {
    code: 'media_infected',
    field: 'file',
    hint: `What is known of it is in media ${id}.`,
  })
}

/** Nothing that is not clean, or with no scanner unscanned, comes out. @throws ConflictError, NotFoundError */
function readyFile(
  row: MediaRow,
  file: MediaFileRow | null,
  what: 'download' | 'preview',
): { storage: string; key: string } {
  if (row.status === 'pending' || row.status === 'scanning') {
    throw new ConflictError('The file is not fetched or not scanned yet', {
      code: 'media_pending',
      field: 'id',
      hint: 'Ask again when its status is clean or unscanned.',
    })
  }
  const ready = file && (file.status === 'clean' || file.status === 'unscanned')
  if (!ready || !file.storage || !file.storage_key) {
    throw new ConflictError(`The file was refused: ${row.error_message ?? row.status}`, {
      code: row.error_code ?? 'media_rejected',
      field: 'id',
    })
  }
  const key = what === 'preview' ? file.preview_key : file.storage_key
  if (!key) {
    throw new NotFoundError('The file has no preview', { code: 'preview_unknown', field: 'id' })
  }
  return { storage: file.storage, key }
}
