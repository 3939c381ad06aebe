import { availableParallelism, totalmem } from 'node:os'
import type { Config } from '../config/schema.ts'
import { formatSize } from '../quantity/quantity.ts'
import { countOf } from '../story/sentence.ts'
import { ok, warning, failure, type Finding } from './check.ts'

/** What the process may use of its machine. Sizes are bytes. */
export interface Machine {
  /** `24.11.1` */
  node: string
  processors: number
  memory: number
  /** A control group allows less memory than the machine has. */
  limited: boolean
}

/** The oldest Node.js that the program runs on; package.json has it for npm. */
export const OLDEST_NODE = 24

/** The least memory for conversions: at rest 150 MiB, buffers of at most 256 MiB, and the heaps of the threads. */
const LEAST_MEMORY = 512 * 1024 * 1024

/** Images under way beyond this number for each processor only wait for each other, and each needs disk and memory. */
const WORKERS_PER_PROCESSOR = 8

/** This machine, or the container that it is seen from. */
export function thisMachine(): Machine {
  const all = totalmem()
  // 0, or more than there is, without a limit
  const limit = process.constrainedMemory()
  const limited = limit > 0 && limit < all
  return {
    node: process.versions.node,
    processors: availableParallelism(),
    memory: limited ? limit : all,
    limited,
  }
}

/** Whether the machine is one that conversions can run on, as `config` asks for them. */
export function machineChecks(machine: Machine, config: Config | undefined): Finding[] {
  const { node, processors, memory, limited } = machine
  const major = Number.parseInt(node, 10)
  const room = `${formatSize(memory)} of memory${limited ? ', as its control group allows' : ''}`
  const findings = [
    major >= OLDEST_NODE
      ? ok(`Node.js ${node}`)
      : failure(`Node.js ${node}, expected ${OLDEST_NODE} or newer`, 'install a newer Node.js'),
    memory >= LEAST_MEMORY
      ? ok(`${processors} processors and ${room}`)
      : warning(
          `${processors} processors and ${room}, expected ${formatSize(LEAST_MEMORY)} or more`,
          'raise the memory limit of the container, or of the service',
        ),
  ]
  if (config === undefined) return findings
  const { worker, threads } = config.converter
  if (threads > processors) {
    findings.push(
      warning(
        `converter.threads is ${threads}, there are ${processors} processors: the threads take each other's time`,
        'leave converter.threads out, or raise the CPU limit',
      ),
    )
  }
  if (worker > processors * WORKERS_PER_PROCESSOR) {
    findings.push(
      warning(
        `converter.worker is ${worker} with ${processors} processors: so many images need disk and memory at once and end no sooner`,
        'set converter.worker to 2 to 5; it is how many images are under way, not how many processors are used',
      ),
    )
  }
  if (findings.length === 2) {
    const used = threads === 0 ? processors : threads
    findings.push(ok(`${countOf(worker, 'conversion')} at once, on ${countOf(used, 'thread')}`))
  }
  return findings
}
