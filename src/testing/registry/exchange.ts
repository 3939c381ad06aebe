import assert from 'node:assert/strict'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { ByteSource } from '../../streams/byte-source.ts'
import type { Fault } from './fault.ts'
import type { LoggedRequest } from './request-log.ts'
import type { Route } from './route.ts'

/** Ends the handling of a request that has met its fault, or was answered with an error. */
export class Interrupted extends Error {
  override readonly name = 'Interrupted'
}

/** The error codes of the distribution specification, and the ones that Harbor adds. */
export type RegistryErrorCode =
  | 'BLOB_UNKNOWN'
  | 'BLOB_UPLOAD_INVALID'
  | 'BLOB_UPLOAD_UNKNOWN'
  | 'DENIED'
  | 'DIGEST_INVALID'
  | 'FORBIDDEN'
  | 'MANIFEST_BLOB_UNKNOWN'
  | 'MANIFEST_INVALID'
  | 'MANIFEST_UNKNOWN'
  | 'NAME_INVALID'
  | 'NAME_UNKNOWN'
  | 'PRECONDITION'
  | 'RANGE_INVALID'
  | 'REQUEST_ENTITY_TOO_LARGE'
  | 'SIZE_INVALID'
  | 'UNAUTHORIZED'
  | 'UNKNOWN'
  | 'UNSUPPORTED'

export type Headers = Record<string, string | number>

/** One request and its answer, with the fault that it meets. Every body passes here, so faults strike in one place. */
export class Exchange {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly url: URL
  readonly route: Route
  readonly log: LoggedRequest
  fault: Fault | undefined
  /** Runs once the answer was handed over in full. */
  afterwards: (() => void)[] = []

  constructor(init: {
    request: IncomingMessage
    response: ServerResponse
    url: URL
    route: Route
    log: LoggedRequest
  }) {
    this.request = init.request
    this.response = init.response
    this.url = init.url
    this.route = init.route
    this.log = init.log
  }

  /** The repository of the path; only for routes that have one. */
  get repository(): string {
    assert(this.route.repository !== undefined)
    return this.route.repository
  }

  /** The reference of the path; only for routes that have one. */
  get reference(): string {
    assert(this.route.reference !== undefined)
    return this.route.reference
  }

  header(name: string): string | undefined {
    return this.request.headers[name] as string | undefined
  }

  /** Whether the fault, if any, has this effect. */
  meets(effect: Fault['then']): boolean {
    return this.fault?.then === effect
  }

  /** What a fault does before the request is carried out. */
  async strikeFirst(): Promise<void> {
    const { fault } = this
    if (fault === undefined) return
    if (typeof fault.then === 'object' && 'hold' in fault.then) {
      await Promise.race([fault.then.hold, this.#gone()])
    } else if (fault.afterBytes === undefined) await this.strike()
  }

  /** The request's body. What arrived before a fault is yielded before this throws. */
  async *body(): AsyncGenerator<Uint8Array> {
    const bytes: AsyncIterable<Buffer> = this.request.iterator({ destroyOnReturn: false })
    const counted = async function* (log: LoggedRequest) {
      for await (const chunk of bytes) {
        log.bytesIn += chunk.length
        yield chunk
      }
    }
    yield* this.#faulty(counted(this.log), 'request')
  }

  /** Answers. With a source as body, `Content-Length` must be among the headers. */
  async answer(status: number, headers: Headers, body?: Uint8Array | ByteSource): Promise<void> {
    const { fault, response } = this
    if (this.meets('lose answer')) {
      this.request.socket.resetAndDestroy()
      throw new Interrupted()
    }
    const all = { ...headers }
    if (this.meets('wrong digest') && 'Docker-Content-Digest' in all) {
      all['Docker-Content-Digest'] = `sha256:${'0'.repeat(64)}`
    }
    const source = body instanceof Uint8Array ? [body] : (body ?? [])
    if (body instanceof Uint8Array) all['Content-Length'] ??= body.length
    if (this.meets('truncate') && this.#faultyBody() === 'answer') {
      all['Content-Length'] = Math.min(fault?.afterBytes ?? 0, Number(all['Content-Length'] ?? 0))
    }
    this.log.status = status
    response.writeHead(status, all)
    if (this.request.method !== 'HEAD') {
      for await (const chunk of this.#faulty(source, 'answer')) await this.#write(chunk)
    }
    response.end()
    for (const task of this.afterwards) task()
  }

  /** Answers with an error of the specification and ends the handling of the request. */
  async refuse(
    status: number,
    code: RegistryErrorCode,
    message: string,
    init: { detail?: unknown; headers?: Headers } = {},
  ): Promise<never> {
    const error = { code, message, ...(init.detail === undefined ? {} : { detail: init.detail }) }
    const body = Buffer.from(JSON.stringify({ errors: [error] }))
    await this.answer(status, { 'Content-Type': 'application/json', ...init.headers }, body)
    throw new Interrupted()
  }

  /** Carries out the fault where it ends the request; else returns. */
  async strike(): Promise<void> {
    assert(this.fault !== undefined)
    const { then } = this.fault
    const { socket } = this.request
    if (then === 'reset') {
      socket.resetAndDestroy()
    } else if (then === 'close') {
      socket.destroy()
    } else if (then === 'stall') {
      await this.#gone()
    } else if (typeof then === 'object' && 'status' in then) {
      assert(!this.response.headersSent, 'a status cannot follow the first bytes of an answer')
      this.log.status = then.status
      const body = then.body ?? ''
      this.response.writeHead(then.status, {
        'Content-Length': Buffer.byteLength(body),
        ...then.headers,
      })
      this.response.end(this.request.method === 'HEAD' ? undefined : body)
    } else {
      return
    }
    throw new Interrupted()
  }

  /** Resolves when the connection has ended. */
  async #gone(): Promise<void> {
    const { socket } = this.request
    if (!socket.destroyed)
      await new Promise<void>((resolve) => socket.once('close', () => resolve()))
  }

  /** Which body the fault strikes in. */
  #faultyBody(): 'request' | 'answer' {
    return /^(POST|PUT|PATCH) /.test(this.log.kind) ? 'request' : 'answer'
  }

  /** `source` with the fault in it, if it belongs into this body. */
  async *#faulty(
    source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
    side: 'request' | 'answer',
  ): AsyncGenerator<Uint8Array> {
    const { fault } = this
    const flips = this.meets('flip byte')
    const truncates = this.meets('truncate')
    if (
      fault === undefined ||
      side !== this.#faultyBody() ||
      (fault.afterBytes === undefined && !flips && !truncates)
    ) {
      yield* source
      return
    }
    const after = fault.afterBytes ?? 0
    let size = 0
    for await (const chunk of source) {
      const from = size
      size += chunk.length
      if (size <= after || from > after) {
        if (!truncates || from < after) yield chunk
        continue
      }
      if (flips) {
        const flipped = Buffer.from(chunk)
        flipped[after - from]! ^= 0x01
        yield flipped
        continue
      }
      if (from < after) yield chunk.subarray(0, after - from)
      if (truncates) continue
      await this.strike()
      yield chunk.subarray(after - from)
    }
    if (size <= after) await this.strike()
  }

  /** Resolves when the bytes were handed to the kernel. */
  async #write(chunk: Uint8Array): Promise<void> {
    const { response } = this
    await new Promise<void>((resolve, reject) => {
      const gone = () => reject(new Interrupted('the client went away'))
      response.once('close', gone)
      response.write(chunk, (error) => {
        response.off('close', gone)
        if (error) reject(new Interrupted('the client went away', { cause: error }))
        else resolve()
      })
    })
    this.log.bytesOut += chunk.length
  }
}
