import type { LoggedRequest } from './request-log.ts'
import type { RequestKind } from './route.ts'

/**
 * What goes wrong. "The body" is the request's for `PATCH upload`, `PUT upload`, `POST upload` and `PUT manifest`
 * (what has arrived by then is stored), else the answer's; `afterBytes` counts in it.
 *
 * - `reset`: the connection ends with a TCP reset. Bytes still under way may be lost with it.
 * - `close`: the connection ends with an orderly FIN, in the middle; all bytes before arrive.
 * - `stall`: nothing more happens until the client gives up or the registry is closed.
 * - `truncate`: the body ends there and is said to be complete.
 * - `flip byte`: one bit of the byte at `afterBytes` (default 0) is inverted.
 * - `wrong digest`: `Docker-Content-Digest` names other bytes.
 * - `ignore range`: a request for a range is answered 200 with all bytes.
 * - `lose answer`: the request is carried out, then the connection is reset instead of answered.
 * - `{ status }`: this answer instead; the request is not carried out.
 * - `{ hold }`: the request waits for the promise, then goes on as usual.
 */
export type FaultEffect =
  | 'reset'
  | 'close'
  | 'stall'
  | 'truncate'
  | 'flip byte'
  | 'wrong digest'
  | 'ignore range'
  | 'lose answer'
  | { status: number; headers?: Record<string, string>; body?: string }
  | { hold: Promise<unknown> }

/** A scripted fault. Faults are tried in the order in which they were added; a request meets the first that fits. */
export interface Fault {
  on: RequestKind | RequestKind[]
  then: FaultEffect
  /** How many requests meet it; `Infinity` for all. @default 1 */
  times?: number
  /** How many fitting requests are let through first. @default 0 */
  skip?: number
  /** Bytes of the body after which it strikes; without it the fault strikes before the request is carried out. */
  afterBytes?: number
  /** Only requests to this repository, tag, or digest (for an upload the one in the query), or for which `where` says so. */
  match?: {
    repository?: string
    tag?: string
    digest?: string
    where?: (request: LoggedRequest) => boolean
  }
}

/** A fault that was added to a running registry. */
export interface AddedFault {
  /** How many requests have met it. */
  readonly met: number
  remove(): void
}

/** The faults of one registry. */
export interface FaultScript {
  add(fault: Fault): AddedFault
  /** The fault that `request` meets, counted as met. */
  take(request: LoggedRequest): Fault | undefined
}

export function createFaultScript(faults: readonly Fault[]): FaultScript {
  const script: { fault: Fault; skipped: number; met: number }[] = []
  const add = (fault: Fault): AddedFault => {
    const item = { fault, skipped: 0, met: 0 }
    script.push(item)
    return {
      get met() {
        return item.met
      },
      remove() {
        const at = script.indexOf(item)
        if (at !== -1) script.splice(at, 1)
      },
    }
  }
  for (const fault of faults) add(fault)
  return {
    add,
    take(request) {
      for (const item of script) {
        const { fault } = item
        if (item.met >= (fault.times ?? 1) || !fits(fault, request)) continue
        if (item.skipped < (fault.skip ?? 0)) {
          item.skipped++
          continue
        }
        item.met++
        request.fault = nameOf(fault)
        return fault
      }
      return undefined
    },
  }
}

function fits({ on, match }: Fault, request: LoggedRequest): boolean {
  if (Array.isArray(on) ? !on.includes(request.kind) : on !== request.kind) return false
  if (match === undefined) return true
  const { repository, tag, digest, where } = match
  const references = [request.reference, request.query['digest'], request.query['mount']]
  return (
    (repository === undefined || repository === request.repository) &&
    (tag === undefined || tag === request.reference) &&
    (digest === undefined || references.includes(digest)) &&
    (where === undefined || where(request))
  )
}

function nameOf({ then, afterBytes }: Fault): string {
  const effect = typeof then === 'string' ? then : 'hold' in then ? 'hold' : `status ${then.status}`
  return afterBytes === undefined ? effect : `${effect} after ${afterBytes} bytes`
}
