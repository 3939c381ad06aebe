import { request as httpRequest, type Agent, type IncomingHttpHeaders } from 'node:http'

/** Where a service listens. */
export type ListeningAt = { port: number } | { socketPath: string }

/** A request as it is sent. */
export interface TestRequest {
  method?: string
  path?: string
  headers?: Record<string, string>
  body?: string
}

/** What was answered, whole. */
export interface Answer {
  status: number
  type: string | undefined
  headers: IncomingHttpHeaders
  body: string
}

/**
 * Sends one request to this machine, by default `GET /`, without any header that is not named besides Host. `agent` keeps
 * connections. @default a connection for each request
 */
export function sendRequest(
  where: ListeningAt,
  { method = 'GET', path = '/', headers = {}, body }: TestRequest,
  agent: Agent | false = false,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = httpRequest(
      { ...where, host: '127.0.0.1', method, path, headers, agent },
      (response) => {
        const pieces: Buffer[] = []
        response.on('data', (piece: Buffer) => pieces.push(piece))
        response.on('error', reject)
        response.on('end', () =>
          resolve({
            status: response.statusCode ?? 0,
            type: response.headers['content-type'],
            headers: response.headers,
            body: Buffer.concat(pieces).toString(),
          }),
        )
      },
    )
    request.on('error', reject)
    request.end(body)
  })
}
