import { isIPv4 } from 'node:net'
import type { FastifyRequest } from 'fastify'
import { ForbiddenError } from '../../../db/errors.ts'

/** Whether only this machine can reach the host. */
export function isLoopback(host: string): boolean {
  const name = host.toLowerCase().replace(/^\[(.*)\]$/, '$1')
  return name === 'localhost' || name === '::1' || (isIPv4(name) && name.startsWith('127.'))
}

/**
 * Under PIGEONPOST_AUTH=none the machine's own browser has access too, and any page in it may call us: by a host name of its
 * own that resolves to this machine (DNS rebinding), or across origins. Both show in the headers.
 * @throws ForbiddenError `host_not_local`, `origin_not_local`
 */
export function refuseForeignPages(request: FastifyRequest): void {
  if (!isLoopback(request.hostname)) {
    throw new ForbiddenError(`Host ${request.hostname} is not this machine`, {
      code: 'host_not_local',
      field: 'Host',
      hint: 'Under PIGEONPOST_AUTH=none, call by 127.0.0.1 or localhost.',
    })
  }
  const { origin } = request.headers
  if (origin !== undefined && !(URL.canParse(origin) && isLoopback(new URL(origin).hostname))) {
    throw new ForbiddenError('Pages of other hosts are not let in', {
      code: 'origin_not_local',
      field: 'Origin',
      hint: 'Use API keys: PIGEONPOST_AUTH=keys.',
    })
  }
}
