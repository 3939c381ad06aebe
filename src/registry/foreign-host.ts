import { lookup } from 'node:dns'
import { BlockList, isIP, type LookupFunction } from 'node:net'
import { hostnameOf, isLoopback, type Host } from './host.ts'

/**
 * Addresses that lead to this machine or its link, where a cloud's metadata service answers us but not the registry.
 * An IPv4 address written as IPv6 is matched by its rule. Sources: RFC 6890; `fd00:ec2::/32` is AWS' metadata service.
 */
const ownMachine = new BlockList()
ownMachine.addSubnet('0.0.0.0', 8)
ownMachine.addSubnet('127.0.0.0', 8)
ownMachine.addSubnet('169.254.0.0', 16)
ownMachine.addAddress('::', 'ipv6')
ownMachine.addAddress('::1', 'ipv6')
ownMachine.addSubnet('fe80::', 10, 'ipv6')
ownMachine.addSubnet('fd00:ec2::', 32, 'ipv6')

/** Whether `hostname`, as a URL has it, is this machine or something on its link. */
export function isOwnMachine(hostname: string): boolean {
  const name = hostnameOf(hostname).replace(/\.$/, '')
  const family = isIP(name)
  if (family === 0) return isLoopback(name)
  return ownMachine.check(name, family === 6 ? 'ipv6' : 'ipv4')
}

/**
 * Why `url`, which is not at the registry `host` itself, must not be contacted on its behalf; undefined when it may be.
 * Nobody is sent to our own machine by a registry elsewhere; and where `foreignHosts` lists hosts, to no other.
 */
export function refuseForeign(host: Host, url: URL): string | undefined {
  if (!isNearby(host) && isOwnMachine(url.hostname)) {
    return 'it is an address of this machine, not of the registry'
  }
  const { foreignHosts } = host.init
  if (foreignHosts === undefined || foreignHosts.some((pattern) => matches(pattern, url))) {
    return undefined
  }
  return 'it is no configured registry, and provider.foreign_hosts does not list it'
}

/** Whether a pattern, `host[:port]` or `*.domain[:port]`, is `url`'s host; without a port it means the standard ones. */
function matches(pattern: string, url: URL): boolean {
  const [, wildcard, name = '', port = ''] = /^(\*\.)?(.*?)(?::(\d+))?$/.exec(pattern) ?? []
  const standard = url.protocol === 'https:' ? '443' : '80'
  if ((port || standard) !== (url.port || standard)) return false
  const own = name.toLowerCase()
  return wildcard === undefined ? url.hostname === own : url.hostname.endsWith(`.${own}`)
}

/** Whether the registry itself is on this machine. */
function isNearby(host: Host): boolean {
  const { address } = host.init
  return host.loopback || (address !== undefined && isLoopback(hostnameOf(address)))
}

/**
 * Resolves names to which a registry sends us. One that leads to our own machine is refused, so that a name cannot do
 * what the address may not. `resolve` is Node's.
 */
export function foreignLookup(host: Host, resolve: typeof lookup = lookup): LookupFunction {
  if (isNearby(host)) return resolve
  return (hostname, options, callback) => {
    resolve(hostname, options, (error, address, family) => {
      const found = typeof address === 'string' ? [address] : (address ?? []).map((a) => a.address)
      if (error === null && found.some(isOwnMachine)) {
        const refused = new Error(`${hostname} leads to this machine`)
        callback(Object.assign(refused, { code: 'FOREIGN_HOST_IS_OWN_MACHINE' }), address, family)
      } else callback(error, address, family)
    })
  }
}
