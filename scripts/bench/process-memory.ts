import { readdirSync, readFileSync } from 'node:fs'

/**
 * The peak of the resident memory of the processes below `pid` (not of `pid` itself), in bytes: the sum of what each had
 * at most, of the processes that are there now. The kernel keeps each process's own peak (VmHWM), so that whoever asks
 * now and then misses nothing but what happens just before a process ends. 0 where there is no /proc.
 */
export function peakMemoryBelow(pid: number): number {
  let total = 0
  for (const child of childrenOf(pid)) total += peakOf(child) + peakMemoryBelow(child)
  return total
}

/** A process is the child of one of its parent's threads. */
function childrenOf(pid: number): number[] {
  try {
    return readdirSync(`/proc/${pid}/task`).flatMap((thread) =>
      text(`/proc/${pid}/task/${thread}/children`).split(' ').filter(Boolean).map(Number),
    )
  } catch {
    return []
  }
}

/** The peak of the resident memory of one process, in bytes. */
export function peakOf(pid: number): number {
  const kibibytes = /^VmHWM:\s+(\d+) kB$/m.exec(text(`/proc/${pid}/status`))?.[1]
  return Number(kibibytes ?? 0) * 1024
}

/** The file, or nothing: processes and threads end while they are looked at. */
function text(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}
