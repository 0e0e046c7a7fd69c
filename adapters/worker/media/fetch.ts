import { Readable } from 'node:stream'
import { begin } from '../../../db/begin.ts'
import { isRetryable, PigeonpostError } from '../../../db/errors.ts'
import { findKeptRequest } from '../../../db/inbox/select.ts'
import { attachFile, failMedia } from '../../../db/media/media.ts'
import { findMediaToFetch, type MediaToFetch } from '../../../db/media/reference.ts'
import { finishMediaTask, type MediaTask } from '../../../db/media/tasks.ts'
import {
  type ChannelAccount,
  type MediaReference,
  MediaUnavailable,
} from '../../channels/channel.ts'
import { channels } from '../../channels/registry.ts'
import { lookUpSecret } from '../../shared/secrets.ts'
import {
  discard,
  DiscardedError,
  FetchError,
  fetchFile,
  ingestFile,
  spool,
  type Spooled,
  StalledError,
} from '../../media/index.ts'
import type { MediaContext } from './context.ts'

/** Maximum attempts; the last is some five minutes after the first, because providers' links expire within minutes. */
const maxAttempts = 7
const wholeMs = 120_000

/**
 * Fetches a file that a message names, with the credentials of the message's account, and links it. One that is not
 * available becomes `failed`; its message keeps its text.
 * @throws transient errors, so that the task is retried
 */
export async function fetchMedia(context: MediaContext, task: MediaTask): Promise<void> {
  const { sql, logger, storages, scanner, spoolFolder, signal: stopping } = context
  const { tenantId } = task
  const media = await findMediaToFetch(sql, tenantId, task.subject)
  if (!media || media.hasFile || media.status !== 'pending') {
    await finishMediaTask(sql, task)
    return
  }
  const signal = AbortSignal.any([stopping, AbortSignal.timeout(wholeMs)])
  const reference = media.reference as MediaReference
  try {
    const { said, ...spooled } = await bring(context, tenantId, media, signal).catch(
      (error: unknown) => Promise.reject(asTooSlow(error)),
    )
    if (spooled.size === 0) {
      await discard(spooled)
      throw new MediaUnavailable('media_empty', 'The file has no bytes.', false)
    }
    await ingestFile({ storage: storages.current, scanner, folder: spoolFolder }, spooled, {
      tenantId,
      declared: {
        filename: text(reference.filename) ?? said.filename ?? nameIn(text(reference.url)),
        contentType: text(reference.content_type) ?? said.contentType,
      },
      // What goes out by a URL is as an upload is; a mail takes any file along.
      strict: media.isToSend && media.account.channel !== 'email',
      signal,
      run: async (work) => begin(sql, work),
      attach: async (tx, { id: fileId, filename }) => {
        const attached = await attachFile(tx, tenantId, media.id, { fileId, filename })
        if (!attached) throw new DiscardedError('its row was deleted meanwhile')
        await finishMediaTask(tx, task)
      },
    })
  } catch (error) {
    if (error instanceof DiscardedError) {
      await finishMediaTask(sql, task)
      return
    }
    const final = finalReason(error, task.attempt)
    if (!final || stopping.aborted) throw error
    logger.warn({ ...task, code: final.code, reason: final.message }, 'a file is not available')
    await begin(sql, async (tx) => {
      await failMedia(tx, tenantId, media.id, final)
      await finishMediaTask(tx, task)
    })
  }
}

type Brought = Spooled & { said: { filename: string | null; contentType: string | null } }

async function bring(
  { sql, spoolFolder: folder, limit, privateHosts }: MediaContext,
  tenantId: number,
  media: MediaToFetch,
  signal: AbortSignal,
): Promise<Brought> {
  const reference = media.reference as MediaReference & { content_base64?: unknown }
  const nothing = { filename: null, contentType: null }
  const keep = async (content: Readable | Uint8Array): Promise<Brought> => {
    const source = content instanceof Readable ? content : Readable.from([content])
    return { ...(await spool(source, { folder, limit, signal })), said: nothing }
  }
  if (typeof reference.content_base64 === 'string') {
    return keep(Buffer.from(reference.content_base64, 'base64'))
  }
  const digest = text(reference.details?.['webhook'])
  const kept = digest === null ? null : await findKeptRequest(sql, tenantId, digest)
  const { account } = media
  const name = kept?.channel ?? account.provider ?? account.channel
  const channel = channels.get(name) ?? channels.get(account.channel)
  const as: ChannelAccount = {
    tenantId,
    accountId: account.id,
    channel: account.channel,
    address: account.address,
    provider: account.provider,
    settings: account.settings,
    secret: lookUpSecret(account.secret_ref),
  }
  const ours = media.isToSend && text(reference.url) !== null
  const source =
    channel?.locate && !ours
      ? await channel.locate(reference, {
          account: as,
          signal,
          webhook: async () => kept?.request ?? null,
        })
      : { url: text(reference.url) }
  if ('content' in source) return keep(source.content)
  if (source.url === null) {
    throw new MediaUnavailable('media_unaddressed', 'Nothing says where the file is.', false)
  }
  const headers = 'headers' in source && source.headers ? { headers: source.headers } : {}
  const { contentType, filename, ...spooled } = await fetchFile(source.url, {
    folder,
    limit,
    privateHosts,
    signal,
    ...headers,
  })
  return { ...spooled, said: { filename, contentType } }
}

/** A provider that stops sending, or takes too long, is retried, but only a few times. */
export function asTooSlow(error: unknown): unknown {
  const late = error instanceof DOMException && error.name === 'TimeoutError'
  if (!late && !(error instanceof StalledError)) return error
  return new MediaUnavailable('timeout', 'The file did not come in time.', true, { cause: error })
}

/** Why it will never be available; null where a retry may succeed. */
export function finalReason(
  error: unknown,
  attempt: number,
): { code: string; message: string } | null {
  if (error instanceof FetchError || error instanceof MediaUnavailable) {
    if (error.retryable && attempt < maxAttempts) return null
    return { code: error.code, message: error.message }
  }
  // Of a type that is not sent, or too large.
  if (error instanceof PigeonpostError && !isRetryable(error)) {
    return { code: error.details.code, message: error.message }
  }
  return null
}

function text(value: unknown): string | null {
  return typeof value === 'string' && value !== '' ? value : null
}

/** The last part of a URL's path. */
function nameIn(url: string | null): string | null {
  if (url === null || !URL.canParse(url)) return null
  const last = new URL(url).pathname.split('/').at(-1) ?? ''
  try {
    return decodeURIComponent(last)
  } catch {
    return last
  }
}
