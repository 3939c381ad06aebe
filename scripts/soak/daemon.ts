import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as pause } from 'node:timers/promises'
import { CONVERSIONS_PATH, type WireTask } from '../../src/api/contract.ts'
import { root } from '../source-tree.ts'
import { ACCOUNTS, AUTH_HEADER, ROBOT } from './registry.ts'

export const TAG_SUFFIX = '-esgz'

const STARTED = /HTTP server started on/

export interface SoakDaemonInit {
  directory: string
  port: number
  registry: string
  onLine(line: string): void
}

/** acceld under test: it is started, killed and started again, always with the same configuration and work directory. */
export class SoakDaemon {
  readonly workDir: string
  readonly #init: SoakDaemonInit
  readonly #config: string
  #child: ChildProcess | undefined
  #lines: ((line: string) => void)[] = []
  #lastLine = 0

  private constructor(init: SoakDaemonInit, config: string) {
    this.#init = init
    this.#config = config
    this.workDir = workDirOf(init)
  }

  static async create(init: SoakDaemonInit): Promise<SoakDaemon> {
    const config = join(init.directory, 'acceld.yaml')
    await writeFile(config, configuration(init))
    return new SoakDaemon(init, config)
  }

  /** Starts it and waits until it serves. Rejects when it ends instead. */
  async start(): Promise<void> {
    const child = spawn(process.execPath, [join(root, 'bin/acceld.js'), '--config', this.#config], {
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    this.#child = child
    const last: string[] = []
    createInterface({ input: child.stderr }).on('line', (line) => {
      last.push(line)
      // what this program asks for itself is nothing to do
      if (!line.includes('GET /api/')) this.#lastLine = performance.now()
      this.#init.onLine(line)
      for (const listener of this.#lines) listener(line)
    })
    await Promise.race([
      this.line(STARTED),
      once(child, 'exit').then(([code, signal]) => {
        const text = last.slice(-10).join('\n')
        throw new Error(`acceld ended with ${String(code ?? signal)} at its start:\n${text}`)
      }),
    ])
  }

  /** The process that runs. */
  get pid(): number | undefined {
    return this.#child?.pid
  }

  /** Waits for a line of its log. */
  line(pattern: RegExp): Promise<string> {
    const found = Promise.withResolvers<string>()
    const listener = (line: string): void => {
      if (!pattern.test(line)) return
      this.#lines = this.#lines.filter((one) => one !== listener)
      found.resolve(line)
    }
    this.#lines.push(listener)
    return found.promise
  }

  /** Resolves when it has had nothing to do for `ms`, or, whatever it has to do, has said nothing for twenty times as long. */
  async idle(ms: number): Promise<void> {
    for (;;) {
      const silent = performance.now() - this.#lastLine
      if (silent > 20 * ms) return
      if (silent > ms && (await this.#isIdle())) return
      await pause(ms / 4)
    }
  }

  async #isIdle(): Promise<boolean> {
    const tasks = await this.tasks().catch(() => [])
    return tasks.every(({ status }) => status !== 'PROCESSING')
  }

  /** Ends it as a power cut does. */
  kill(): Promise<void> {
    return this.#end('SIGKILL')
  }

  /** Asks it to end. */
  stop(): Promise<void> {
    return this.#end('SIGTERM')
  }

  /** Its tasks, the newest first. */
  async tasks(): Promise<WireTask[]> {
    const answer = await fetch(urlOf(this.#init.port), {
      headers: { Authorization: AUTH_HEADER },
    })
    if (!answer.ok) throw new Error(`acceld answers ${answer.status}: ${await answer.text()}`)
    return (await answer.json()) as WireTask[]
  }

  async #end(signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    const child = this.#child
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    const exited = once(child, 'exit')
    child.kill(signal)
    await exited
  }
}

/** Where webhooks and clients send to. */
export function urlOf(port: number): string {
  return `http://127.0.0.1:${port}${CONVERSIONS_PATH}`
}

/** A port that is free now; acceld has to be at the same one after each start. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

function workDirOf({ directory }: SoakDaemonInit): string {
  return join(directory, 'work')
}

function configuration(init: SoakDaemonInit): string {
  const auth = Buffer.from(`${ROBOT}:${ACCOUNTS[ROBOT]}`).toString('base64')
  return `server: { host: 127.0.0.1, port: ${init.port} }
provider:
  source: { "${init.registry}": { auth: ${auth}, webhook: { auth_header: ${AUTH_HEADER} } } }
  work_dir: ${JSON.stringify(workDirOf(init))}
converter:
  worker: 3
  threads: 2
  layers: 2
  driver: { type: estargz, config: { docker2oci: true } }
  rules: [{ tag_suffix: ${TAG_SUFFIX} }]
`
}
