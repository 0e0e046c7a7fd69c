import type { FastifyInstance } from 'fastify'
import type { Storages } from '../../../media/index.ts'
import { answerSignedPath, filesPath } from '../../../storage/index.ts'
import { problemBody } from '../../server/errors.ts'

const words = {
  403: { code: 'link_wrong', message: 'The link is changed, or has expired' },
  404: { code: 'file_unknown', message: 'There is no such file any more' },
  416: { code: 'range_wrong', message: 'The range begins after the end of the file' },
}

/**
 * Files of storages that do not serve them themselves, by the links that `GET /api/v1/media/:id/download` gives: the
 * signature is all the leave that it takes. Downloads hold no connection to the database.
 */
export function addFiles(app: FastifyInstance, storages: Storages): void {
  app.get(`${filesPath}*`, {
    // A link is made by us and followed as it is: nobody builds one from the document.
    schema: { hide: true },
    config: { scope: null },
    handler: async (request, reply) => {
      const gone = new AbortController()
      reply.raw.once('close', () => gone.abort())
      const { range } = request.headers
      let answer = await answerSignedPath(storages.current, request.url, range, gone.signal)
      for (const name of ['folder', 'cloudinary']) {
        // What was stored before another storage was chosen is still served.
        if (answer.status !== 403 && answer.status !== 404) break
        const other = await storages.get(name).catch(() => null)
        if (!other || other === storages.current) continue
        const found = await answerSignedPath(other, request.url, range, gone.signal)
        if (found.status !== 403 && found.status !== 404) answer = found
      }
      const { status, headers, body } = answer
      if (body) return reply.code(status).headers(headers).send(body)
      const said = words[status as keyof typeof words] ?? words[404]
      return reply
        .code(status)
        .headers(headers)
        .send(problemBody({ status, ...said, details: [] }))
    },
  })
}
