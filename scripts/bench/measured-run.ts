import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { peakMemoryBelow } from './process-memory.ts'

/** What one run of a program took; all its processes together. */
export interface Measurement {
  wallSeconds: number
  userSeconds: number
  systemSeconds: number
  /** Peak of resident memory in bytes; 0 where the system does not tell. */
  peakBytes: number
}

export interface MeasuredRun extends Measurement {
  stdout: string
}

export interface MeasuredRunInit {
  signal: AbortSignal
  environment?: Record<string, string>
}

/** How often memory is looked at, in milliseconds. */
const SAMPLE_EVERY = 20

/**
 * The shell's own `time` says what the command and all processes that it waited for have used. Its line goes to
 * descriptor 3, so that the program's messages stay apart.
 */
const timed = `TIMEFORMAT='%3R %3U %3S'; exec 4>&2; { time "$@" 2>&4 3>&- 4>&-; } 2>&3`

/**
 * Runs a program, without input, and measures it. Rejects when it cannot be started or fails, with what it said. When
 * `signal` is aborted, its process group is ended.
 */
export async function measuredRun(
  argv: readonly string[],
  init: MeasuredRunInit,
): Promise<MeasuredRun> {
  init.signal.throwIfAborted()
  const child = spawn('bash', ['-c', timed, 'bash', ...argv], {
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
    env: { ...process.env, ...init.environment },
    detached: true,
  })
  const pid = child.pid
  if (pid === undefined) throw await once(child, 'error').then(([error]) => error as Error)
  let peakBytes = 0
  const sampler = setInterval(() => {
    peakBytes = Math.max(peakBytes, peakMemoryBelow(pid))
  }, SAMPLE_EVERY)
  const end = (): boolean => process.kill(-pid, 'SIGTERM')
  init.signal.addEventListener('abort', end)
  try {
    const times = child.stdio[3] as NodeJS.ReadableStream
    const [stdout, stderr, line, [code]] = await Promise.all([
      text(child.stdout!),
      text(child.stderr!),
      text(times),
      once(child, 'close') as Promise<[number | null]>,
    ])
    init.signal.throwIfAborted()
    if (code !== 0) throw new Error(`${argv.join(' ')} ended with ${code}:\n${stderr || stdout}`)
    const [wallSeconds = NaN, userSeconds = NaN, systemSeconds = NaN] = line
      .trim()
      .split(' ')
      .map(Number)
    return { wallSeconds, userSeconds, systemSeconds, peakBytes, stdout }
  } finally {
    clearInterval(sampler)
    init.signal.removeEventListener('abort', end)
  }
}

/** Seconds of processor time. */
export function cpuSeconds(measurement: Measurement): number {
  return measurement.userSeconds + measurement.systemSeconds
}
