import { request as httpRequest, type Agent } from 'node:http'

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
export function timed(
  { port, headers, agent }: Target,
  path: string,
  body?: string,
): Promise<Timed> {
  return new Promise((resolve, reject) => {
    const started = performance.now()
    const method = body === undefined ? 'GET' : 'POST'
    const type = body === undefined ? {} : { 'content-type': 'application/json' }
    const request = httpRequest(
      { host: '127.0.0.1', port, path, method, agent, headers: { ...headers, ...type } },
      (response) => {
        const pieces: Buffer[] = []
        response.on('data', (piece: Buffer) => pieces.push(piece))
        response.on('error', reject)
        response.on('end', () =>
          resolve({
            status: response.statusCode ?? 0,
            body: Buffer.concat(pieces).toString(),
            ms: performance.now() - started,
          }),
        )
      },
    )
    request.on('error', reject)
    request.end(body)
  })
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
