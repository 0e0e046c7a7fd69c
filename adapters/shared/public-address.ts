/**
 * Which hosts a URL from outside may lead to. Our own network has services that trust every client (the cloud's
 * metadata at 169.254.169.254 gives out credentials), so only addresses of the public internet will do.
 */

import ipaddr from 'ipaddr.js'

/** A host of the own network that may be fetched from all the same. */
export type PrivateHost = {
  /** As URLs spell it: in lower case, IPv6 in brackets. */
  hostname: string
  /** Null means any. */
  port: number | null
}

const globalUnicast = ipaddr.IPv6.parseCIDR('2000::/3')
const nat64 = ipaddr.IPv6.parseCIDR('64:ff9b::/96')

/**
 * Whether an address is one of the public internet. Private, loopback, link-local, unique-local, carrier-grade NAT,
 * multicast, documentation and reserved ranges are not; nor are IPv6 forms that hold such an IPv4 address (mapped,
 * NAT64), nor 6to4 and Teredo whatever they hold.
 */
export function isPublicAddress(address: string): boolean {
  if (!ipaddr.isValid(address)) return false
  const parsed = ipaddr.process(address)
  if (parsed instanceof ipaddr.IPv4) return isPublic4(parsed)
  if (parsed.match(nat64)) {
    return isPublic4(new ipaddr.IPv4(parsed.toByteArray().slice(12)))
  }
  return parsed.range() === 'unicast' && parsed.match(globalUnicast)
}

function isPublic4(address: ipaddr.IPv4): boolean {
  return address.range() === 'unicast'
}

/**
 * Reads a list such as `minio.internal:9000, files, [fd00::1]`.
 * @throws {Error} that quotes the entry that is no host.
 */
export function parsePrivateHosts(list: string): PrivateHost[] {
  const entries = list.split(',').map((entry) => entry.trim())
  return entries.filter(Boolean).map((entry) => {
    const [, host = '', port] = /^(\[[^\]]+\]|[^\s:/?#@[\]\\]+)(?::(\d{1,5}))?$/.exec(entry) ?? []
    const url = host && `http://${host}/`
    if (!url || !URL.canParse(url) || Number(port ?? 0) > 65_535) {
      throw new Error(`has ${JSON.stringify(entry)}; give host or host:port`)
    }
    return { hostname: new URL(url).hostname, port: port === undefined ? null : Number(port) }
  })
}

export function isPrivateHost(url: URL, hosts: readonly PrivateHost[]): boolean {
  const port = Number(url.port || (url.protocol === 'https:' ? 443 : 80))
  return hosts.some(
    (host) => host.hostname === url.hostname && (host.port === null || host.port === port),
  )
}
