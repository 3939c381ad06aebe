import { createServiceClient, type ServiceClient } from '../api/client.ts'
import type { Config } from '../config/schema.ts'
import { isAccelError } from '../errors/accel-error.ts'
import { hostnameOf, isLoopback } from '../registry/host.ts'
import { failure, ok, skipped, warning, type Finding } from './check.ts'

/** How a running acceld is reached. */
export interface ServiceInit {
  /** `host:port`, `https://…` or `unix:///…`; without one, where the configuration has it listen. */
  address: string | undefined
  /** What the caller gave as `Authorization`. */
  authorization: string | undefined
  ca: string | undefined
  signal: AbortSignal
}

/** How long acceld may take to answer, in milliseconds. */
const ANSWER_MS = 10_000

/** Whether acceld runs, can take orders, and takes those that come with the headers of the configuration. */
export async function serviceChecks(
  config: Config | undefined,
  init: ServiceInit,
): Promise<Finding[]> {
  const address = init.address ?? (config === undefined ? 'localhost:2077' : listensAt(config))
  const { ca, signal } = init
  const client = (authorization: string | undefined): ServiceClient =>
    createServiceClient({
      address,
      answerTimeoutMs: ANSWER_MS,
      ...(authorization ? { authorization } : {}),
      ...(ca === undefined ? {} : { ca }),
    })
  try {
    const findings = [await readiness(client(undefined), address, signal)]
    if (!isPrivate(address)) {
      const found = `whether it accepts the Authorization of the configuration was not tested: ${address} is another machine, and without TLS`
      return [
        ...findings,
        skipped(found, 'run this on the machine of acceld, or give an https:// address'),
      ]
    }
    for (const { name, header, key } of headersOf(config, init.authorization)) {
      findings.push(await accepted(client(header), { name, key, signal }))
    }
    return findings
  } catch (error) {
    if (!isAccelError(error) || signal.aborted) throw error
    const fix = 'start acceld, or name its address with --addr host:port or --addr unix:///path'
    // without an address it may run on another machine
    if (init.address !== undefined) return [failure(error.message, fix)]
    return [skipped(`${error.message}; whether it runs elsewhere cannot be told`, fix)]
  }
}

/** Where `acceld` listens by its configuration, as its own machine reaches it. */
function listensAt({ server }: Config): string {
  const { uds, host, port, tls } = server
  if (uds !== '') return `unix://${uds}`
  const everywhere = ['', '0.0.0.0', '::'].includes(host)
  const name = everywhere ? 'localhost' : host.includes(':') ? `[${host}]` : host
  return tls.certFile && tls.keyFile ? `https://${name}:${port}` : `${name}:${port}`
}

/** Nobody on the way can read what is sent there. */
function isPrivate(address: string): boolean {
  if (/^(https|unix):\/\//.test(address)) return true
  return isLoopback(hostnameOf(address.replace(/^http:\/\//, '').split('/')[0] ?? ''))
}

async function readiness(
  client: ServiceClient,
  address: string,
  signal: AbortSignal,
): Promise<Finding> {
  const { ready, checks } = await client.readiness({ signal })
  if (ready) return ok(`acceld answers at ${address} and can take orders`)
  const bad = Object.entries(checks).flatMap(([name, state]) => (state === 'ok' ? [] : [name]))
  return failure(
    `acceld answers at ${address} and can take no orders: ${bad.join(' and ')} failing`,
    'see work_dir above, and the log of acceld',
  )
}

/** What requests may come with, by the configuration, and where that is written. Secrets. */
function headersOf(
  config: Config | undefined,
  given: string | undefined,
): { name: string; header: string; key: string }[] {
  const own = given === undefined ? [] : [{ name: 'the given token', header: given, key: '' }]
  if (config === undefined) return own
  const { server, provider } = config
  const token =
    server.apiToken === ''
      ? []
      : [{ name: 'server.api_token', header: `Bearer ${server.apiToken}`, key: 'server.api_token' }]
  const registries = [...provider.source].flatMap(([host, { webhook }]) => {
    const key = `provider.source."${host}".webhook.auth_header`
    return webhook.authHeader === ''
      ? []
      : [{ name: `the Authorization of ${host}'s webhook`, header: webhook.authHeader, key }]
  })
  const configured = [...token, ...registries]
  return [
    ...own.filter(({ header }) => !configured.some((one) => one.header === header)),
    ...configured,
  ]
}

async function accepted(
  client: ServiceClient,
  { name, key, signal }: { name: string; key: string; signal: AbortSignal },
): Promise<Finding> {
  try {
    await client.status({ signal })
    return ok(`acceld accepts ${name}`)
  } catch (error) {
    if (isAccelError(error, 'HTTP_SERVICE_UNAUTHORIZED')) {
      const found = `acceld refuses ${name}`
      return key === ''
        ? failure(found, 'give server.api_token with --token or $ACCEL_TOKEN')
        : failure(
            `${found}: it runs with another value of ${key} than this file has`,
            'let acceld read its configuration again: systemctl reload acceld, or SIGHUP',
          )
    }
    if (!isAccelError(error, 'HTTP_SERVICE_ANSWER')) throw error
    return warning(`acceld answers otherwise: ${error.message}`, 'run acceld of this release')
  }
}
