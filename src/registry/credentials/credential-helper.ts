import { spawn } from 'node:child_process'
import { AccelError } from '../../errors/accel-error.ts'
import type { Credentials } from './credentials.ts'

/** One question to a credential helper. */
export interface HelperCall {
  /** For messages. */
  host: string
  /** The part after `docker-credential-`. */
  helper: string
  /** The key that is asked for. */
  serverUrl: string
  timeoutMs: number
}

/** A helper's name is part of a program's name, so it must not lead elsewhere. */
const helperName = /^[A-Za-z0-9][A-Za-z0-9._-]*$/

/** A helper prints a few hundred bytes. */
const MAX_OUTPUT = 256 * 1024

/** What helpers print, with a failing exit code, when they have no such entry; it is part of their protocol. */
const NOT_FOUND = 'credentials not found in native keychain'

/** The user name under which helpers hand out identity tokens. */
const TOKEN_USER = '<token>'

/**
 * Runs `docker-credential-<helper> get` with the server's URL on its input. Undefined when it has no entry. What it prints
 * is never quoted. Throws REGISTRY_CREDENTIALS. Source: docker/docker-credential-helpers, README and `client`.
 */
export async function runCredentialHelper(call: HelperCall): Promise<Credentials | undefined> {
  const program = `docker-credential-${call.helper}`
  const fail = (problem: string, cause?: unknown) =>
    new AccelError(
      'REGISTRY_CREDENTIALS',
      { host: call.host, source: program, problem },
      cause === undefined ? {} : { cause },
    )
  if (!helperName.test(call.helper)) throw fail('that is not the name of a helper')
  const { output, status } = await run(program, call, fail)
  if (status !== 0) {
    if (output.trim() === NOT_FOUND) return undefined
    throw fail(status === null ? 'it was ended by a signal' : `it ended with status ${status}`)
  }
  return credentialsIn(output, fail)
}

function run(
  program: string,
  call: HelperCall,
  fail: (problem: string, cause?: unknown) => AccelError,
): Promise<{ output: string; status: number | null }> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, ['get'], { stdio: ['pipe', 'pipe', 'ignore'] })
    const pieces: Buffer[] = []
    let size = 0
    const end = (error: AccelError) => {
      child.kill('SIGKILL')
      // A program that it started may still hold the pipe.
      child.stdout.destroy()
      reject(error)
    }
    const timer = setTimeout(
      () => end(fail(`it gave no answer within ${call.timeoutMs} ms`)),
      call.timeoutMs,
    )
    child.stdout.on('data', (piece: Buffer) => {
      size += piece.length
      if (size > MAX_OUTPUT) end(fail('it printed too much'))
      else pieces.push(piece)
    })
    child.on('error', (error: NodeJS.ErrnoException) => {
      clearTimeout(timer)
      const problem =
        error.code === 'ENOENT' ? 'there is no such program' : `it cannot be run (${error.code})`
      reject(fail(problem, error))
    })
    child.on('close', (status) => {
      clearTimeout(timer)
      resolve({ output: Buffer.concat(pieces).toString('utf8'), status })
    })
    // A helper that ends without reading is judged by its status.
    child.stdin.on('error', () => {})
    child.stdin.end(call.serverUrl)
  })
}

function credentialsIn(
  output: string,
  fail: (problem: string) => AccelError,
): Credentials | undefined {
  let answer: { Username?: unknown; Secret?: unknown } | null
  try {
    answer = JSON.parse(output) as typeof answer
  } catch {
    // The parser's message quotes the output, a secret.
    throw fail('what it printed is not JSON')
  }
  const { Username: username, Secret: secret } = answer ?? {}
  if (typeof username !== 'string' || typeof secret !== 'string')
    throw fail('it named no user and secret')
  if (secret === '') return undefined
  return username === TOKEN_USER ? { identityToken: secret } : { username, password: secret }
}
