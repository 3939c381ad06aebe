import type { SourceConfig } from '../config/schema.ts'
import { isAccelError } from '../errors/accel-error.ts'
import { formatSpan } from '../quantity/span.ts'
import type { Greeting, RegistryClient } from '../registry/client.ts'
import type { HarborSystem } from '../registry/harbor-setup.ts'
import { resolveHost, type HostInit } from '../registry/host.ts'
import { failure, ok, warning, type Finding } from './check.ts'
import { registryFailure, type Spoken } from './registry-fix.ts'

/** A registry as it answered. */
export interface KnownRegistry {
  host: string
  source: SourceConfig
  /** With TLS. */
  secure: boolean
  /** The name of our account there; undefined without one. */
  account: string | undefined
  /** Where it is a Harbor. */
  harbor?: HarborSystem
}

/** Clocks that differ by less are no trouble to anybody, in milliseconds. */
const CLOCK_TOLERANCE = 30_000

/** Whether a registry answers, as the configuration says that it does, and lets our account in. */
export async function registryChecks(
  registry: RegistryClient,
  host: string,
  source: SourceConfig,
  signal: AbortSignal,
): Promise<{ findings: Finding[]; known?: KnownRegistry }> {
  const spoken: Spoken = { host, secure: isSecure(host, source) }
  let greeting: Greeting
  let account: string | undefined
  const before = performance.now()
  try {
    greeting = await registry.check(host, { signal })
    account = await greeting.account()
  } catch (error) {
    if (signal.aborted) throw error
    return { findings: [registryFailure(error, spoken)] }
  }
  const ms = performance.now() - before
  const findings = [
    transport(greeting, source, host, ms),
    login(greeting, account, source, host),
    ...clock(greeting),
  ]
  const known: KnownRegistry = { host, source, secure: greeting.secure, account }
  try {
    if (!(await registry.harbor(host).detected({ signal }))) return { findings, known }
    const harbor = await registry.harbor(host).system({ signal })
    return { findings: [...findings, ...system(harbor)], known: { ...known, harbor } }
  } catch (error) {
    // another registry may answer anything to a path that it does not know
    if (!isAccelError(error) || signal.aborted) throw error
    return { findings, known }
  }
}

function isSecure(host: string, { plainHttp, caFile, clientCertFile }: SourceConfig): boolean {
  const init: HostInit = {
    plainHttp,
    ca: caFile || undefined,
    clientCertificate: clientCertFile ? { cert: '', key: '' } : undefined,
  }
  return resolveHost(host, init).secure
}

function transport({ secure }: Greeting, source: SourceConfig, host: string, ms: number): Finding {
  const took = formatSpan(ms)
  const section = `provider.source."${host}"`
  if (!secure) {
    const found = `it answers over HTTP without TLS, in ${took}`
    if (resolveHost(host, {}).loopback) return ok(`${found}, on this machine`)
    return warning(
      `${found}: whoever is on the way can read the account and change images`,
      `serve the registry with TLS and remove ${section}.plain_http`,
    )
  }
  if (!source.insecure) return ok(`it answers over HTTPS, in ${took}; its certificate is trusted`)
  return warning(
    `it answers over HTTPS, in ${took}, and nobody checks its certificate`,
    `name its authority in ${section}.ca_file and remove ${section}.insecure`,
  )
}

function login(
  { login: scheme }: Greeting,
  account: string | undefined,
  source: SourceConfig,
  host: string,
): Finding {
  const from = source.auth === undefined ? ', from the Docker configuration,' : ''
  if (scheme === 'none') {
    return ok(
      account === undefined
        ? 'it asks nobody who they are'
        : `it asks nobody who they are, so whether ${account}${from} may log in is open`,
    )
  }
  if (account !== undefined) {
    const how = scheme === 'bearer' ? 'by its token service' : 'with user and password'
    return ok(`the account ${account}${from} logs in ${how}`)
  }
  return warning(
    'it wants an account and none is configured: only what everybody may do is possible, and that is not to push',
    `set provider.source."${host}".auth to base64 of user:password`,
  )
}

function clock({ time }: Greeting): Finding[] {
  if (time === undefined) return []
  const skew = Math.abs(Date.now() - time)
  if (skew < CLOCK_TOLERANCE) return []
  return [
    warning(
      `its clock and that of this machine differ by ${formatSpan(skew)}, expected less than ${formatSpan(CLOCK_TOLERANCE)}: tokens and certificates may count as expired`,
      'set both clocks by NTP',
    ),
  ]
}

function system({ version, readOnly, notifies }: HarborSystem): Finding[] {
  const name = version === undefined ? 'it is a Harbor' : `it is a Harbor, ${version}`
  const findings = [ok(name)]
  if (readOnly) {
    const fix =
      'in Harbor: Administration > Configuration > System Settings, clear "Repository Read Only"'
    findings.push(failure('it is in read-only mode: nothing can be pushed', fix))
  }
  if (!notifies) {
    const fix = 'switch on notification_enable in the configuration of Harbor'
    findings.push(warning('it sends no webhooks at all', fix))
  }
  return findings
}
