import { join } from 'node:path'
import openapiTS from 'openapi-typescript'
import type { OpenAPIV3_1 } from 'openapi-types'
import { pino } from 'pino'
import { startApi } from '../../adapters/http/index.ts'
import { mediaFolders } from './media.ts'

export const apiTypesFile = join(import.meta.dirname, 'api-types.d.ts')

/** What a server says of itself; it needs no database for that. */
export async function readDocument(): Promise<OpenAPIV3_1.Document> {
  const ends: (() => unknown)[] = []
  const { settings } = await mediaFolders({ teardown: (end) => void ends.push(end) })
  const api = await startApi({
    url: 'postgres://nobody@127.0.0.1:1/none',
    host: '127.0.0.1',
    port: 0,
    auth: 'keys',
    logger: pino({ level: 'silent' }),
    media: settings,
  })
  try {
    const response = await fetch(`${api.url}/openapi.json`)
    return (await response.json()) as OpenAPIV3_1.Document
  } finally {
    await api.close()
    for (const end of ends) await end()
  }
}

/** The types of a client, as openapi-typescript makes them. */
export async function apiTypes(document: OpenAPIV3_1.Document): Promise<string> {
  const types = await openapiTS(structuredClone(document) as never, { commentHeader: '' })
  return `// Made by test/dump-api-types.ts from /openapi.json.\n${types}`
}
