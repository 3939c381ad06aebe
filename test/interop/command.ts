/** Programs of others: found, run to their end, or kept running beside a test. */
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { accessSync, constants, openSync, readFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'

/** Where programs are looked for: an ordinary user's PATH has no `sbin`, where Debian keeps runc. */
const searchPath = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/sbin']

/** The path of a program, or undefined. */
export function findProgram(name: string): string | undefined {
  return searchPath
    .map((folder) => join(folder, name))
    .find((path) => {
      try {
        accessSync(path, constants.X_OK)
        return true
      } catch {
        return false
      }
    })
}

/** A program that ended with something else than 0. */
export class CommandError extends Error {
  override readonly name = 'CommandError'
  readonly exitCode: number | undefined
  readonly stdout: string
  readonly stderr: string

  constructor(line: string, exitCode: number | undefined, stdout: string, stderr: string) {
    super(`${line}\nended with ${exitCode ?? 'a signal'}\n${stderr}${stdout}`)
    this.exitCode = exitCode
    this.stdout = stdout
    this.stderr = stderr
  }
}

/** Of a run: variables added to the environment, the folder it runs in, and what it reads on standard input. */
export interface CommandInit {
  env?: Record<string, string>
  cwd?: string
  /** @default nothing */
  input?: string
}

/** Runs a program and returns what it wrote on standard output. Throws CommandError. */
export async function output(
  program: string,
  args: string[],
  init: CommandInit = {},
): Promise<string> {
  const env = { ...process.env, PATH: searchPath.join(delimiter), ...init.env }
  const options = { env, maxBuffer: 256 * 1024 * 1024, ...(init.cwd && { cwd: init.cwd }) }
  return new Promise((resolve, reject) => {
    const child = execFile(program, args, options, (error, stdout, stderr) => {
      if (error === null) return resolve(stdout)
      const exitCode = typeof error.code === 'number' ? error.code : undefined
      reject(
        new CommandError([program, ...args].join(' '), exitCode, stdout, stderr || error.message),
      )
    })
    // A program that does not read its input may be gone before it is written.
    child.stdin?.on('error', () => undefined).end(init.input ?? '')
  })
}

/** A program that runs until it is disposed of. */
export interface Daemon extends AsyncDisposable {
  readonly log: string
}

/**
 * Starts a program, its output going to the file `log`, and waits, 30 s at most, until `ready` holds. `stop` is the
 * signal it ends cleanly on.
 */
export async function startDaemon(
  program: string,
  args: string[],
  init: {
    log: string
    ready: () => Promise<boolean>
    stop?: NodeJS.Signals
    env?: Record<string, string>
  },
): Promise<Daemon> {
  const file = openSync(init.log, 'a')
  const child = spawn(program, args, {
    env: { ...process.env, PATH: searchPath.join(delimiter), ...init.env },
    stdio: ['ignore', file, file],
  })
  const exit = once(child, 'exit')
  const ended = (): boolean => child.exitCode !== null || child.signalCode !== null
  const daemon: Daemon = {
    log: init.log,
    async [Symbol.asyncDispose]() {
      if (ended()) return
      child.kill(init.stop ?? 'SIGTERM')
      const force = setTimeout(() => child.kill('SIGKILL'), 10_000)
      await exit
      clearTimeout(force)
    },
  }
  for (const deadline = Date.now() + 30_000; !(await init.ready()); await pause(50)) {
    if (!ended() && Date.now() < deadline) continue
    await daemon[Symbol.asyncDispose]()
    throw new Error(`${program} did not come up:\n${readFileSync(init.log, 'utf8').slice(-2000)}`)
  }
  return daemon
}
