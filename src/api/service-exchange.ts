import type { IncomingHttpHeaders, IncomingMessage } from 'node:http'
import { AccelError } from '../errors/accel-error.ts'
import type { ServiceAddress } from './service-address.ts'

/** How a service is spoken to. */
export interface ExchangeInit {
  /** The `Authorization` header, to the letter. @default none */
  authorization?: string
  /** PEM certificates that are trusted besides the system's. @default none */
  ca?: string
  /** Milliseconds until a connection must stand. @default 5,000 */
  connectTimeoutMs?: number
  /** Milliseconds until an answer must be there. @default 60,000 */
  answerTimeoutMs?: number
}

/** One request. */
export interface Ask {
  method: string
  path: string
  headers?: Record<string, string>
  body?: string
  /** The answer may take as long as it wants. */
  unlimited?: boolean
  signal?: AbortSignal | undefined
}

/** An answer that was read to its end. */
export interface ServiceAnswer {
  status: number
  headers: IncomingHttpHeaders
  body: string
}

/** Largest answer that is read: a list of ten thousand tasks has some megabytes. */
const MAX_ANSWER = 64 * 1024 * 1024

/** Longest time without a byte of a stream, in milliseconds: several signs of life of the service. */
const MAX_SILENCE_MS = 60_000

/** Sends one request and reads the answer, whatever its status. Throws HTTP_SERVICE_UNREACHABLE, and what `signal` says. */
export async function askService(
  address: ServiceAddress,
  init: ExchangeInit,
  ask: Ask,
): Promise<ServiceAnswer> {
  const deadline = ask.unlimited ? [] : [AbortSignal.timeout(init.answerTimeoutMs ?? 60_000)]
  return reaching(address, ask.signal, async () => {
    const response = await send(address, init, ask, deadline)
    return read(response)
  })
}

/** Sends one request and returns the answer, whose text comes as it is sent. Throws as `askService`, also while it is read. */
export async function streamService(
  address: ServiceAddress,
  init: ExchangeInit,
  ask: Ask,
): Promise<{ status: number; pieces: AsyncIterable<string>; whole(): Promise<ServiceAnswer> }> {
  return reaching(address, ask.signal, async () => {
    const response = await send(address, init, ask, [])
    response.setTimeout(MAX_SILENCE_MS, () => response.destroy(new Error('silent for too long')))
    const { statusCode: status = 0 } = response
    return {
      status,
      pieces: textOf(address, ask.signal, response),
      whole: () => reaching(address, ask.signal, () => read(response)),
    }
  })
}

async function* textOf(
  address: ServiceAddress,
  signal: AbortSignal | undefined,
  response: IncomingMessage,
): AsyncGenerator<string> {
  const iterator = response.setEncoding('utf8')[Symbol.asyncIterator]()
  try {
    for (;;) {
      const next = await reaching(address, signal, () => iterator.next())
      if (next.done) return
      yield next.value as string
    }
  } finally {
    response.destroy()
  }
}

function send(
  address: ServiceAddress,
  init: ExchangeInit,
  ask: Ask,
  deadline: AbortSignal[],
): Promise<IncomingMessage> {
  const { authorization, ca, connectTimeoutMs = 5_000 } = init
  const { method, path, headers = {}, body = '', signal } = ask
  return new Promise((resolve, reject) => {
    // Imported, they would be loaded with each start of the program, and Node's own undici with them.
    const { request: start } = process.getBuiltinModule(address.secure ? 'node:https' : 'node:http')
    const request = start(
      {
        ...address.where,
        method,
        path,
        agent: false,
        ...(ca === undefined ? {} : { ca }),
        headers: {
          'content-type': 'application/json',
          'content-length': Buffer.byteLength(body),
          ...headers,
          ...(authorization === undefined ? {} : { authorization }),
        },
        signal: AbortSignal.any([...deadline, ...(signal === undefined ? [] : [signal])]),
      },
      resolve,
    )
    const timer = setTimeout(
      () => request.destroy(new Error('no connection in time')),
      connectTimeoutMs,
    )
    request.on('socket', (socket) => {
      socket.once(address.secure ? 'secureConnect' : 'connect', () => clearTimeout(timer))
    })
    request.on('close', () => clearTimeout(timer))
    request.on('error', reject)
    request.end(body)
  })
}

async function read(response: IncomingMessage): Promise<ServiceAnswer> {
  const pieces: Buffer[] = []
  let size = 0
  for await (const piece of response as AsyncIterable<Buffer>) {
    size += piece.length
    if (size > MAX_ANSWER) throw new Error(`more than ${MAX_ANSWER} bytes`)
    pieces.push(piece)
  }
  const { statusCode: status = 0, headers } = response
  return { status, headers, body: Buffer.concat(pieces).toString() }
}

/** Does `step`; whatever fails then is that the service cannot be reached, unless the user has ended it. */
async function reaching<Result>(
  { text: address }: ServiceAddress,
  signal: AbortSignal | undefined,
  step: () => Promise<Result>,
): Promise<Result> {
  try {
    return await step()
  } catch (cause) {
    if (signal?.aborted) throw signal.reason
    if (cause instanceof AccelError) throw cause
    const problem = problemOf(cause)
    throw new AccelError('HTTP_SERVICE_UNREACHABLE', { address, problem }, { cause })
  }
}

/** Node tells of several addresses that were tried as an error without a message. */
function problemOf(cause: unknown): string {
  const { code, message, name } = cause as NodeJS.ErrnoException
  return code ?? (message || name)
}
