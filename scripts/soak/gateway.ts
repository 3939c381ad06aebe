import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { Transform } from 'node:stream'
import { setTimeout as pause } from 'node:timers/promises'

export interface GatewayInit {
  /** Where connections go on to: `host:port`. */
  to: string
  /** Bytes per second, each way of each connection. @default as fast as it goes */
  speed?: number
}

/** A TCP port before a registry, which can be gone or fall silent while the registry keeps what it has. */
export class Gateway implements AsyncDisposable {
  readonly #init: GatewayInit
  readonly #sockets = new Set<Socket>()
  #server: Server
  #port = 0
  #silent = false

  private constructor(init: GatewayInit) {
    this.#init = init
    this.#server = this.#newServer()
  }

  static async open(init: GatewayInit): Promise<Gateway> {
    const gateway = new Gateway(init)
    await gateway.#listen()
    return gateway
  }

  /** `127.0.0.1:port`. */
  get host(): string {
    return `127.0.0.1:${this.#port}`
  }

  /** Breaks all connections and refuses others for `ms`. */
  async away(ms: number): Promise<void> {
    await this.#close()
    await pause(ms)
    this.#server = this.#newServer()
    await this.#listen()
  }

  /** Moves no byte for `ms`; connections are taken, and stay. */
  async silent(ms: number): Promise<void> {
    this.#silent = true
    for (const socket of this.#sockets) socket.pause()
    await pause(ms)
    this.#silent = false
    for (const socket of this.#sockets) socket.resume()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#close()
  }

  async #listen(): Promise<void> {
    this.#server.listen(this.#port, '127.0.0.1')
    await once(this.#server, 'listening')
    this.#port = (this.#server.address() as AddressInfo).port
  }

  async #close(): Promise<void> {
    const closed = once(this.#server, 'close')
    this.#server.close()
    for (const socket of this.#sockets) socket.resetAndDestroy()
    await closed
  }

  #newServer(): Server {
    return createServer((client) => {
      const [host, port] = this.#init.to.split(':')
      const registry = connect(Number(port), host)
      for (const [from, to] of [
        [client, registry],
        [registry, client],
      ] as const) {
        this.#sockets.add(from)
        from.on('error', () => undefined)
        from.on('close', () => {
          this.#sockets.delete(from)
          to.destroy()
        })
        from.pipe(this.#slow()).pipe(to)
        if (this.#silent) from.pause()
      }
    })
  }

  #slow(): Transform {
    const { speed } = this.#init
    return new Transform({
      transform(chunk: Buffer, _, done) {
        const ms = speed === undefined ? 0 : (chunk.length / speed) * 1000
        if (ms === 0) done(null, chunk)
        else setTimeout(done, ms, null, chunk)
      },
    })
  }
}
