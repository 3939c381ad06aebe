import type { WireEvents } from '../../api/contract.ts'
import { decodeEvents } from '../../api/sse.ts'
import { ServiceError, type Service } from './service.ts'

/** How the connection stands. */
export type ConnectionState =
  | { state: 'connecting' }
  | { state: 'live' }
  /** It broke; it is made again at `again`, milliseconds since 1970. */
  | { state: 'lost'; problem: string; again: number }
  /** The service wants to know who asks. `code`: see docs/errors.md. */
  | { state: 'refused'; problem: string; code: string }

export interface LiveEventsInit {
  service: Pick<Service, 'events'>
  signal: AbortSignal
  onState(state: ConnectionState): void
  /** The stream begins, and nothing is known of what was before: list the tasks. */
  onGap(): void
  onTask(task: WireEvents['task']): void
  onProgress(progress: WireEvents['progress']): void
  /** Resolves after a time in milliseconds, or when `signal` fires. @default by a timer */
  pause?(ms: number, signal: AbortSignal): Promise<void>
}

const FIRST_PAUSE_MS = 1_000
const MAX_PAUSE_MS = 15_000
/** The service gives a sign of life every 15 s; a connection that is silent for longer is dead. */
const MAX_SILENCE_MS = 40_000

/**
 * Follows all tasks until `signal` fires or the service refuses. A connection that breaks is made again, and goes on
 * behind the last event that was seen.
 */
export async function followAllTasks(init: LiveEventsInit): Promise<void> {
  const { signal, onState, pause = pauseByTimer } = init
  const seen = { id: '', known: false }
  for (let failures = 0; !signal.aborted; failures += 1) {
    onState({ state: 'connecting' })
    const broken = await readUntilItBreaks(init, seen, () => (failures = 0))
    if (signal.aborted) return
    if (broken instanceof ServiceError && broken.unauthorized) {
      const { message: problem, code } = broken
      onState({ state: 'refused', problem, code })
      return
    }
    const problem = broken instanceof Error ? broken.message : String(broken)
    const ms = Math.min(FIRST_PAUSE_MS * 2 ** failures, MAX_PAUSE_MS)
    onState({ state: 'lost', problem, again: Date.now() + ms })
    await pause(ms, signal)
  }
}

/** Reads one connection to its end; what ended it. */
async function readUntilItBreaks(
  init: LiveEventsInit,
  seen: { id: string; known: boolean },
  onLive: () => void,
): Promise<unknown> {
  const { service, signal, onState } = init
  const silence = new AbortController()
  const watched = AbortSignal.any([signal, silence.signal])
  let timer = setTimeout(() => silence.abort(new Error('silent for too long')), MAX_SILENCE_MS)
  const alive = (): void => {
    clearTimeout(timer)
    timer = setTimeout(() => silence.abort(new Error('silent for too long')), MAX_SILENCE_MS)
  }
  try {
    const body = await service.events(seen.id, watched)
    onLive()
    onState({ state: 'live' })
    if (!seen.known || seen.id === '') init.onGap()
    seen.known = true
    for await (const { name, data, id } of decodeEvents(textOf(body, alive))) {
      deliver(init, name as keyof WireEvents, data)
      if (id !== undefined) seen.id = id
    }
    return 'acceld ended the connection'
  } catch (error) {
    return error
  } finally {
    clearTimeout(timer)
  }
}

function deliver(init: LiveEventsInit, name: keyof WireEvents, data: string): void {
  switch (name) {
    case 'task':
      init.onTask(JSON.parse(data) as WireEvents['task'])
      break
    case 'progress':
      init.onProgress(JSON.parse(data) as WireEvents['progress'])
      break
    case 'reset':
      init.onGap()
      break
    case 'record':
      break
  }
}

async function* textOf(
  body: ReadableStream<Uint8Array>,
  alive: () => void,
): AsyncGenerator<string> {
  const decoder = new TextDecoder()
  const reader = body.getReader()
  try {
    for (;;) {
      const { done, value } = await reader.read()
      if (done) return
      alive()
      yield decoder.decode(value, { stream: true })
    }
  } finally {
    await reader.cancel().catch(() => undefined)
  }
}

function pauseByTimer(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms)
    signal.addEventListener(
      'abort',
      () => {
        clearTimeout(timer)
        resolve()
      },
      { once: true },
    )
  })
}
