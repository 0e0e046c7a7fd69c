import type { FastifyRequest } from 'fastify'
import { InvalidInputError } from '../../../db/errors.ts'

/** Headers with one value. Of most of them Node takes the first and drops the rest; two keys it joins to a third. */
const singleHeaders: ReadonlyMap<string, string> = new Map(
  ['Authorization', 'Content-Type', 'Host', 'Idempotency-Key', 'Last-Event-ID'].map((name) => [
    name.toLowerCase(),
    name,
  ]),
)

/** @throws InvalidInputError `header_repeated`, whichever of the two was meant */
export function refuseRepeatedHeaders({ raw }: FastifyRequest): void {
  const seen = new Set<string>()
  for (let at = 0; at < raw.rawHeaders.length; at += 2) {
    const header = singleHeaders.get(raw.rawHeaders[at]?.toLowerCase() ?? '')
    if (header === undefined) continue
    if (seen.has(header)) {
      throw new InvalidInputError(`${header} was sent more than once`, {
        code: 'header_repeated',
        field: header,
        hint: 'Send it once.',
      })
    }
    seen.add(header)
  }
}
