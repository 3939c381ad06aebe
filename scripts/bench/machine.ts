import { readFileSync } from 'node:fs'
import { availableParallelism, cpus, release, totalmem, type } from 'node:os'

/** On what was measured; nothing that identifies the machine. */
export interface MachineFacts {
  processors: number
  processor: string
  /** Bytes. */
  memory: number
  system: string
  node: string
  /** Processes that ran or wanted to, on average over the last minute, when the benchmark began. */
  load?: number
}

/** The facts of this machine. */
export function machineFacts(): MachineFacts {
  const load = loadAverage()
  return {
    processors: availableParallelism(),
    processor: cpus()[0]?.model.trim() ?? 'unknown',
    memory: totalmem(),
    system: `${type()} ${release().split('-')[0]}`,
    node: process.version,
    ...(load === undefined ? {} : { load }),
  }
}

function loadAverage(): number | undefined {
  try {
    return Number.parseFloat(readFileSync('/proc/loadavg', 'utf8'))
  } catch {
    return undefined
  }
}
