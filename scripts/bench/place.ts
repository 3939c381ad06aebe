import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startBenchRegistry, type BenchRegistry } from './registry.ts'

/** Where measuring is done. */
export interface BenchPlace {
  registry: BenchRegistry
  signal: AbortSignal
  /** Says what is being done. */
  say(text: string): void
  /** A new folder, which is gone in the end. */
  folder(): Promise<string>
}

/** A place with a registry of its own, which speaks on standard error. What it consists of is gone with `stack`. */
export async function openPlace(
  stack: AsyncDisposableStack,
  signal: AbortSignal,
): Promise<BenchPlace> {
  const directory = await mkdtemp(join(tmpdir(), 'bench-'))
  stack.defer(() => rm(directory, { recursive: true, force: true }))
  const registry = stack.use(await startBenchRegistry())
  let folders = 0
  return {
    registry,
    signal,
    say: (text) => void process.stderr.write(`${text}\n`),
    async folder() {
      const path = join(directory, String(++folders))
      await mkdir(path)
      return path
    },
  }
}
