import type { LoggedRequest } from '../../src/testing/registry/request-log.ts'

/** What a client caused, as the registry saw it. */
export interface Traffic {
  requests: number
  /** Bytes of the bodies of all answers. */
  bytes: number
  /** Milliseconds from the first question to the last answer, as the client sees it. */
  ms: number
}

/** Does `work` and says what it moved; nobody else may use the registry meanwhile. */
export async function trafficOf<T>(
  registry: { requests(): LoggedRequest[] },
  work: () => Promise<T>,
): Promise<{ result: T; traffic: Traffic }> {
  const before = registry.requests().length
  const start = performance.now()
  const result = await work()
  const ms = performance.now() - start
  const requests = registry.requests().slice(before)
  const bytes = requests.reduce((sum, request) => sum + request.bytesOut, 0)
  return { result, traffic: { requests: requests.length, bytes, ms } }
}
