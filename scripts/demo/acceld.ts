import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as pause } from 'node:timers/promises'
import { CONVERSIONS_PATH, type WireTask } from '../../src/api/contract.ts'
import { root } from '../source-tree.ts'

/** A daemon that runs. */
export interface Acceld extends AsyncDisposable {
  /** `http://127.0.0.1:port`. */
  url: string
  /** What a webhook posts to. */
  webhookUrl: string
  /** Waits until the conversion of `source` has ended. Rejects when it failed, and when the daemon ends. */
  converted(source: string, init: { signal: AbortSignal }): Promise<WireTask>
}

export interface AcceldInit {
  /** Folder for its configuration and its work. */
  directory: string
  /** The registry it serves, and its account there. */
  registry: { host: string; username: string; password: string }
  /** What requests must have as `Authorization`. */
  authHeader: string
  tagSuffix: string
  /** Receives each line of its log. */
  onLine(line: string): void
  signal: AbortSignal
}

const STARTED = /HTTP server started on (127\.0\.0\.1:\d+)/
/** How long it may take to start, and to stop, in milliseconds. */
const PATIENCE = 20_000

/** Starts `bin/acceld.js` as anybody would, with a configuration file. Rejects, with its log, when it does not start. */
export async function startAcceld(init: AcceldInit): Promise<Acceld> {
  const file = join(init.directory, 'config.yaml')
  await writeFile(file, configuration(init))
  const child = spawn(process.execPath, [join(root, 'bin/acceld.js'), '--config', file], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const lines: string[] = []
  const started = Promise.withResolvers<string>()
  for (const stream of [child.stdout, child.stderr]) {
    createInterface({ input: stream }).on('line', (line) => {
      lines.push(line)
      init.onLine(line)
      const address = STARTED.exec(line)?.[1]
      if (address !== undefined) started.resolve(address)
    })
  }
  const ended = endOf(child, lines)
  const acceld = { [Symbol.asyncDispose]: () => stop(child) }
  try {
    const signal = AbortSignal.any([init.signal, AbortSignal.timeout(PATIENCE)])
    const address = await Promise.race([started.promise, ended, aborted(signal)])
    const url = `http://${address}`
    return {
      ...acceld,
      url,
      webhookUrl: `${url}${CONVERSIONS_PATH}`,
      converted: (source, { signal }) =>
        Promise.race([conversionOf(url, source, { ...init, signal }), ended]),
    }
  } catch (error) {
    await stop(child)
    throw error
  }
}

/** The least that a configuration file has, in upstream's keys. */
function configuration({ directory, registry, authHeader, tagSuffix }: AcceldInit): string {
  const auth = Buffer.from(`${registry.username}:${registry.password}`).toString('base64')
  return `server:
  host: 127.0.0.1
  port: 0
provider:
  source:
    "${registry.host}":
      auth: ${auth}
      webhook:
        auth_header: ${authHeader}
  work_dir: ${JSON.stringify(join(directory, 'work'))}
converter:
  worker: 2
  driver:
    type: estargz
    config:
      docker2oci: true
  rules:
    - tag_suffix: ${tagSuffix}
`
}

/** Asks for the list of conversions until this one has ended. */
async function conversionOf(
  url: string,
  source: string,
  { authHeader, signal }: { authHeader: string; signal: AbortSignal },
): Promise<WireTask> {
  for (;;) {
    const answer = await fetch(`${url}${CONVERSIONS_PATH}`, {
      headers: { Authorization: authHeader },
      signal,
    })
    if (!answer.ok) throw new Error(`acceld answers ${answer.status}: ${await answer.text()}`)
    const tasks = (await answer.json()) as WireTask[]
    const task = tasks.find((one) => one.source === source)
    if (task?.status === 'COMPLETED') return task
    if (task?.status === 'FAILED') throw new Error(`the conversion failed: ${task.reason}`)
    await pause(250, undefined, { signal })
  }
}

/** Rejects when the process ends; who ends it on purpose no longer listens. */
async function endOf(child: ChildProcess, lines: readonly string[]): Promise<never> {
  const [code, signal] = (await Promise.race([
    once(child, 'close'),
    once(child, 'error').then(([error]) => Promise.reject(error as Error)),
  ])) as [number | null, string | null]
  throw new Error(`acceld ended with ${code ?? signal}:\n${lines.slice(-20).join('\n')}`)
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const fail = (): void => reject(signal.reason)
    if (signal.aborted) fail()
    else signal.addEventListener('abort', fail, { once: true })
  })
}

/** Asks it to end, and after a while does not ask. */
async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const closed = once(child, 'close')
  child.kill('SIGTERM')
  const timer = setTimeout(() => child.kill('SIGKILL'), PATIENCE)
  await closed
  clearTimeout(timer)
}
