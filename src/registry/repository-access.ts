import { AccelError } from '../errors/accel-error.ts'
import type { Side } from '../errors/row.ts'
import type { CallInit } from '../transport/image-transport.ts'
import { abortError } from '../network/abort.ts'
import type { Clock } from '../network/clock.ts'
import { connectionFailure } from '../network/connection-error.ts'
import type { Log } from '../log/log.ts'
import { createRetries, type RetryInit } from '../network/retry.ts'
import { repositoryScope, type Scope } from './scope.ts'
import type { RegistryAnswerHead, RegistryRequest } from './sender.ts'
import type { Transport } from './transport.ts'

/** One repository, as the files that pull and push see it. */
export interface RepositoryAccess {
  /** `host/repository`. */
  readonly name: string
  readonly repository: string
  readonly side: Side | undefined
  readonly transport: Transport
  readonly log: Log
  readonly clock: Clock
  readonly retry: RetryInit
  /** Names a tag or digest of this repository: `host/repository:tag`, `host/repository@digest`. */
  describe(tagOrDigest: string): string
  /** `/v2/<repository>/<rest>` */
  path(rest: string): string
  /** What all requests here have. */
  request(
    access: 'pull' | 'push',
    init: CallInit,
  ): { scopes: Scope[]; side: Side | undefined; signal: AbortSignal | undefined }
  /** The transport to another configured registry to which an upload was sent on; undefined when it is not configured. */
  elsewhere(host: string): Transport | undefined
}

/** What `createRepositoryAccess` is made from. */
export interface RepositoryAccessInit {
  host: string
  repository: string
  side: Side | undefined
}

export function createRepositoryAccess(
  components: Pick<RepositoryAccess, 'transport' | 'log' | 'clock' | 'retry' | 'elsewhere'>,
  { host, repository, side }: RepositoryAccessInit,
): RepositoryAccess {
  const name = `${host}/${repository}`
  return {
    ...components,
    name,
    repository,
    side,
    describe: (tagOrDigest) => `${name}${tagOrDigest.includes(':') ? '@' : ':'}${tagOrDigest}`,
    path: (rest) => `/v2/${repository}/${rest}`,
    request: (access, init) => ({
      scopes: [repositoryScope(repository, access)],
      side,
      signal: init.signal,
    }),
  }
}

/**
 * Sends a request whose whole answer `read` consumes, and sends it again when the connection breaks while it does.
 * Throws what `read` throws, REGISTRY_UNREACHABLE, and what the transport throws.
 */
export async function readWhole<T>(
  access: RepositoryAccess,
  request: RegistryRequest,
  read: (answer: RegistryAnswerHead) => Promise<T>,
): Promise<T> {
  const retries = createRetries(access.clock, access.retry)
  for (;;) {
    const answer = await access.transport.send(request)
    try {
      return await read(answer)
    } catch (error) {
      const failure = brokenBody(access, request.what, error, retries.attempts)
      if (!(await retries.again(undefined, request.signal))) throw failure
    }
  }
}

/** REGISTRY_UNREACHABLE for a body that broke off; throws `error` itself when it is about something else. */
export function brokenBody(
  access: RepositoryAccess,
  what: string,
  error: unknown,
  attempts: number,
): AccelError {
  const failure = error instanceof AccelError ? undefined : connectionFailure(error)
  if (failure === undefined) throw error
  const { side, transport } = access
  return new AccelError(
    'REGISTRY_UNREACHABLE',
    { what, side, host: transport.host.name, problem: failure.problem, attempts },
    { cause: error },
  )
}

/** Waits for the next attempt; ABORTED when `signal` ends the waiting. */
export async function waitAgain(
  again: () => Promise<boolean>,
  signal: AbortSignal | undefined,
  what: string,
): Promise<boolean> {
  try {
    return await again()
  } catch (error) {
    if (signal?.aborted === true) throw abortError(signal, what)
    throw error
  }
}
