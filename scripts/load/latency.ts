import type { Agent } from 'node:http'
import { sendRequest } from '../../src/testing/service/send-request.ts'

/** Where requests go, and with what. */
export interface Target {
  port: number
  headers: Record<string, string>
  agent: Agent
}

/** One answer, and how long it took to its last byte, in milliseconds. */
export interface Timed {
  status: number
  body: string
  ms: number
}

/** Sends one request on a connection that is kept. */
export async function timed(
  { port, headers, agent }: Target,
  path: string,
  body?: string,
): Promise<Timed> {
  const started = performance.now()
  const request =
    body === undefined
      ? { path, headers }
      : { method: 'POST', path, headers: { ...headers, 'content-type': 'application/json' }, body }
  const answer = await sendRequest({ port }, request, agent)
  return { status: answer.status, body: answer.body, ms: performance.now() - started }
}

/** The value below which `share` of the values are: 0.99 for the 99th percentile. Of none it is NaN. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)] ?? NaN
}

/** Calls `step` with 0, 1, … `count` - 1, `width` at a time, and returns what came of each, in order. */
export async function inParallel<Result>(
  count: number,
  width: number,
  step: (index: number) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = []
  let next = 0
  const lane = async (): Promise<void> => {
    while (next < count) {
      const index = next++
      results[index] = await step(index)
    }
  }
  await Promise.all(Array.from({ length: width }, lane))
  return results
}
